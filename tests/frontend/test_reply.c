#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "frontend/problem.h"
#include "frontend/reply.h"

static struct reply_date date;
static const struct text some_id = {"id-1", 4};

static const char *head_of(const struct reply *reply, struct reply_frame frame)
{
	static char text[REPLY_HEAD_MAX + 1];
	size_t len;

	reply_date_set(&date, 784111777);
	frame.date = &date;
	frame.request_id = some_id;
	len = reply_head(text, reply, &frame);
	assert_true(len <= REPLY_HEAD_MAX);
	text[len] = '\0';
	return text;
}

static void test_plain(void **state)
{
	struct reply reply = {
	    .status = 200, .type = "text/plain", .body = "ok", .len = 2};

	(void)state;
	assert_string_equal(head_of(&reply, (struct reply_frame){0}),
	    "HTTP/1.1 200 OK\r\n"
	    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "Content-Type: text/plain\r\n"
	    "Content-Length: 2\r\n"
	    "X-Request-Id: id-1\r\n"
	    "\r\n");
}

static void test_connection(void **state)
{
	struct reply reply = {.status = 200, .type = "text/plain"};

	(void)state;
	assert_non_null(strstr(head_of(&reply, (struct reply_frame){.close = true}),
	    "\r\nConnection: close\r\n"));
	assert_non_null(
	    strstr(head_of(&reply, (struct reply_frame){.keep_alive = true}),
	        "\r\nConnection: keep-alive\r\n"));
	assert_null(strstr(head_of(&reply, (struct reply_frame){0}), "Connection"));
}

static void test_rare_fields(void **state)
{
	struct reply allow = {.status = 405, .type = "t", .allow = "GET, HEAD"};
	struct reply retry = {.status = 503, .type = "t", .retry_after = 17};
	struct reply store = {.status = 200, .type = "t", .no_store = true};

	(void)state;
	assert_non_null(strstr(
	    head_of(&allow, (struct reply_frame){0}), "\r\nAllow: GET, HEAD\r\n"));
	assert_non_null(strstr(
	    head_of(&retry, (struct reply_frame){0}), "\r\nRetry-After: 17\r\n"));
	assert_non_null(strstr(head_of(&store, (struct reply_frame){0}),
	    "\r\nCache-Control: no-store\r\n"));
	assert_null(strstr(head_of(&store, (struct reply_frame){0}), "Server-Timing"));
}

static void test_job_fields(void **state)
{
	struct task_result job = {.queue_ns = 1234567, .work_ns = 20000000999};
	struct reply reply = {.status = 200, .type = "t", .job = &job};
	const char *head = head_of(&reply, (struct reply_frame){0});

	(void)state;
	assert_non_null(
	    strstr(head, "\r\nServer-Timing: queue;dur=1.234, work;dur=20000.000\r\n"));
	assert_non_null(strstr(head, "\r\nCache-Control: no-store\r\n"));
}

/* The longest head that can be written fits into what callers provide. */
static void test_longest_head(void **state)
{
	static char id[REPLY_ID_MAX], text[REPLY_HEAD_MAX];
	struct task_result job = {.queue_ns = UINT64_MAX, .work_ns = UINT64_MAX};
	struct reply reply = {.status = 431,
	    .type = "text/plain; version=0.0.4; charset=utf-8",
	    .len = SIZE_MAX,
	    .allow = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS",
	    .retry_after = UINT32_MAX,
	    .no_store = true,
	    .job = &job};
	struct reply_frame frame = {
	    .date = &date, .request_id = {id, sizeof(id)}, .close = true};

	(void)state;
	memset(id, 'x', sizeof(id));
	assert_true(reply_head(text, &reply, &frame) <= REPLY_HEAD_MAX * 3 / 4);
}

static void test_date(void **state)
{
	struct reply_date own = {0};

	(void)state;
	reply_date_set(&own, 0);
	assert_string_equal(own.text, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
	assert_int_equal(own.len, strlen(own.text));
	reply_date_set(&own, 2147483648);
	assert_string_equal(own.text, "Date: Tue, 19 Jan 2038 03:14:08 GMT\r\n");
	reply_date_set(&own, 951782400); /* a clock that jumps back */
	assert_string_equal(own.text, "Date: Tue, 29 Feb 2000 00:00:00 GMT\r\n");
}

static void test_every_problem(void **state)
{
	(void)state;
	for (enum problem i = PROBLEM_NONE + 1; i < PROBLEM_END; i++) {
		const struct problem_row *row = problem_row(i);
		char text[PROBLEM_TEXT_MAX], type[128];
		size_t len = problem_write(text, i, i % 2 != 0 ? "a detail" : NULL);
		json_t *json = json_loadb(text, len, 0, NULL);

		assert_non_null(row->name);
		assert_string_not_equal(reply_reason(row->status), "Unknown");
		assert_non_null(json);
		snprintf(type, sizeof(type), "urn:argond:problem:%s", row->name);
		assert_string_equal(
		    json_string_value(json_object_get(json, "type")), type);
		assert_string_equal(
		    json_string_value(json_object_get(json, "title")), row->title);
		assert_int_equal(
		    json_integer_value(json_object_get(json, "status")), row->status);
		assert_string_equal(json_string_value(json_object_get(json, "detail")),
		    i % 2 != 0 ? "a detail" : row->title);
		json_decref(json);
	}
	assert_ptr_equal(problem_row(PROBLEM_END), problem_row(PROBLEM_INTERNAL));
}

static void test_request_id(void **state)
{
	static char longest[REPLY_ID_MAX + 1];
	char made[REPLY_ID_MAX];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_true(reply_id_valid((struct text){"aZ09._-", 7}));
	assert_true(reply_id_valid((struct text){longest, REPLY_ID_MAX}));
	assert_false(reply_id_valid((struct text){longest, REPLY_ID_MAX + 1}));
	assert_false(reply_id_valid((struct text){"", 0}));
	for (unsigned byte = 0; byte < 256; byte++) {
		char c = (char)byte;
		bool good =
		    byte != 0 && strchr("abcdefghijklmnopqrstuvwxyz"
		                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
		                     c) != NULL;

		assert_int_equal(reply_id_valid((struct text){&c, 1}), good);
	}
	assert_int_equal(reply_id_make(made, UINT64_C(0xfedcba9876543210), 255), 32);
	assert_memory_equal(made, "fedcba987654321000000000000000ff", 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_connection),
	    cmocka_unit_test(test_rare_fields),
	    cmocka_unit_test(test_job_fields),
	    cmocka_unit_test(test_longest_head),
	    cmocka_unit_test(test_date),
	    cmocka_unit_test(test_every_problem),
	    cmocka_unit_test(test_request_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
