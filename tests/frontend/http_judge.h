/*
 * What becomes of the bytes of a request: fed as a whole, and byte by byte.
 */
#ifndef TESTS_FRONTEND_HTTP_JUDGE_H
#define TESTS_FRONTEND_HTTP_JUDGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/http.h"

enum { BODY_MAX = 64 };

/* What a request came to: its problem, or PROBLEM_NONE where it is complete, or -1
 * where more is awaited. */
static inline int outcome(const struct request *request)
{
	if (request->state == REQUEST_BAD)
		return (int)request->problem;
	return request->state == REQUEST_DONE ? (int)PROBLEM_NONE : -1;
}

/* Feeds as a connection would: until the request is done, bad, or all is used. */
static inline size_t feed(struct request *request, const char *text, size_t len)
{
	size_t used = 0;

	while (used < len &&
	       (request->state == REQUEST_HEAD || request->state == REQUEST_BODY))
		used += request_feed(request, text + used, len - used);
	return used;
}

static inline int judge_bytes(const char *text, size_t len)
{
	struct request request;
	int result;

	request_begin(&request, BODY_MAX);
	feed(&request, text, len);
	result = outcome(&request);
	request_free(&request);
	return result;
}

/* The same in single bytes, each from memory that is gone when the next one comes. */
static inline int judge_drop_by_drop(const char *text, size_t len)
{
	struct request request;
	int result;

	request_begin(&request, BODY_MAX);
	for (size_t i = 0; i < len && outcome(&request) == -1; i++) {
		char *drop = malloc(1);

		assert_non_null(drop);
		*drop = text[i];
		feed(&request, drop, 1);
		assert_int_equal(request_keep(&request), 0);
		*drop = '?';
		free(drop);
	}
	result = outcome(&request);
	request_free(&request);
	return result;
}

struct row {
	const char *text;
	size_t len;
	int expected;
};

#define ROW(literal, problem)                                                          \
	{                                                                              \
		literal, sizeof(literal) - 1, (int)problem                             \
	}

static inline void judge_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int whole = judge_bytes(rows[i].text, rows[i].len);
		int drops = judge_drop_by_drop(rows[i].text, rows[i].len);

		if (whole != rows[i].expected || drops != rows[i].expected)
			print_error("row %zu: whole %d, drop by drop %d\n%s\n", i,
			    whole, drops, rows[i].text);
		assert_int_equal(whole, rows[i].expected);
		assert_int_equal(drops, rows[i].expected);
	}
}

#define JUDGE(rows) judge_rows(rows, sizeof(rows) / sizeof((rows)[0]))

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

#endif
