/*
 * What fuzz_http.c compares a frontend with: llhttp alone, over all that a client sends
 * in one connection, and over each answer that it gets.
 */
#ifndef TESTS_FUZZ_HTTP_ORACLE_H
#define TESTS_FUZZ_HTTP_ORACLE_H

#include <llhttp.h>

#include "tests/fuzz/fuzz.h"

enum { ORACLE_MESSAGES = 512 }; /* no request of 4 KiB has more in it */

struct oracle_request {
	uint8_t method;
	const char *url; /* in the stream: it was there in one piece */
	size_t url_len;
};

struct oracle {
	struct oracle_request requests[ORACLE_MESSAGES];
	unsigned count; /* that are complete */
	bool ended;     /* no further one can be: an error, an upgrade */
};

static inline int oracle_url(llhttp_t *parser, const char *at, size_t len)
{
	struct oracle *oracle = parser->data;
	struct oracle_request *request = &oracle->requests[oracle->count];

	if (request->url == NULL)
		request->url = at;
	request->url_len += len;
	return HPE_OK;
}

static inline int oracle_complete(llhttp_t *parser)
{
	struct oracle *oracle = parser->data;

	oracle->requests[oracle->count].method = parser->method;
	if (++oracle->count == ORACLE_MESSAGES)
		abort();
	return HPE_OK;
}

/* Finds the requests in a stream. */
static inline void oracle_read(struct oracle *oracle, const char *data, size_t len)
{
	static llhttp_settings_t settings;
	llhttp_t parser;

	*oracle = (struct oracle){.count = 0};
	llhttp_settings_init(&settings);
	settings.on_url = oracle_url;
	settings.on_message_complete = oracle_complete;
	llhttp_init(&parser, HTTP_REQUEST, &settings);
	parser.data = oracle;
	oracle->ended = len > 0 && llhttp_execute(&parser, data, len) != HPE_OK;
}

/* --- answers */

struct answer {
	unsigned status;
	bool close; /* Connection: close */
	const char *body;
	size_t len; /* of the body that was sent */
};

static inline int answer_no_body(llhttp_t *parser)
{
	(void)parser;
	return 1;
}

static inline int answer_complete(llhttp_t *parser)
{
	*(bool *)parser->data = true;
	return HPE_PAUSED;
}

/* Bytes of one answer, all of it and nothing more, are so for llhttp, too. */
static inline void answer_check(const char *data, size_t len, bool no_body)
{
	static llhttp_settings_t settings;
	llhttp_t parser;
	bool complete = false;

	llhttp_settings_init(&settings);
	settings.on_headers_complete = no_body ? answer_no_body : NULL;
	settings.on_message_complete = answer_complete;
	llhttp_init(&parser, HTTP_RESPONSE, &settings);
	parser.data = &complete;
	CHECK(llhttp_execute(&parser, data, len) == HPE_PAUSED);
	CHECK(complete && llhttp_get_error_pos(&parser) == data + len);
}

/* The value of a header line that stands there once, or NULL where there is none. */
static inline const char *answer_field(const char *head, size_t len, const char *name)
{
	const char *at = memmem(head, len, name, strlen(name));

	if (at == NULL)
		return NULL;
	at += strlen(name);
	CHECK(memmem(at, (size_t)(head + len - at), name, strlen(name)) == NULL);
	return at;
}

static inline bool is_refusal(unsigned status)
{
	return status == 400 || status == 413 || status == 414 || status == 431 ||
	       status == 501 || status == 505;
}

/* To what an answer is one: a HEAD gets no body, but where it is refused nobody may
 * know that it is one. */
enum asked { ASKED_HEAD, ASKED_OTHER, ASKED_UNKNOWN };

static inline bool answer_lacks_body(
    const struct answer *answer, enum asked asked, const char *body, size_t left)
{
	if (asked == ASKED_OTHER)
		return false;
	if (asked == ASKED_HEAD && !is_refusal(answer->status))
		return true;
	return left == 0 || memcmp(body, "HTTP/1.1", left < 8 ? left : 8) == 0;
}

/* Takes an answer from the front of data[len]; returns its length, 0 where it is not
 * complete. */
static inline size_t answer_read(
    struct answer *answer, const char *data, size_t len, enum asked asked)
{
	const char *end = memmem(data, len, "\r\n\r\n", 4), *length;
	size_t head, body;

	if (end == NULL)
		return 0;
	head = (size_t)(end + 4 - data);
	*answer = (struct answer){.body = data + head};
	CHECK(sscanf(data, "HTTP/1.1 %3u ", &answer->status) == 1);
	CHECK(answer->status >= 100 && answer->status <= 599);
	answer->close = answer_field(data, head, "\r\nConnection: close\r\n") != NULL;
	length = answer_field(data, head, "\r\nContent-Length: ");
	CHECK((length == NULL) == (answer->status < 200));
	if (length != NULL) {
		CHECK(answer_field(data, head, "\r\nX-Request-Id: ") != NULL);
		CHECK(answer_field(data, head, "\r\nDate: ") != NULL);
		CHECK(answer_field(data, head, "\r\nContent-Type: ") != NULL);
	}
	body = length != NULL ? strtoul(length, NULL, 10) : 0;
	if (answer_lacks_body(answer, asked, data + head, len - head)) {
		answer_check(data, head, true);
		return head;
	}
	if (len - head < body)
		return 0;
	answer->len = body;
	answer_check(data, head + body, false);
	return head + body;
}

#endif
