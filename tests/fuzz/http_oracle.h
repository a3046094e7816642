/*
 * What fuzz_http.c compares a frontend with: where requests begin and end, by a reader
 * that sees all that a client sends at once and is as simple as can be; and what llhttp
 * makes of each answer.
 *
 * The reader may take what a frontend refuses, but must find the same boundaries.
 */
#ifndef TESTS_FUZZ_HTTP_ORACLE_H
#define TESTS_FUZZ_HTTP_ORACLE_H

#include <ctype.h>
#include <strings.h>

#include <llhttp.h>

#include "tests/fuzz/fuzz.h"

enum { ORACLE_MESSAGES = 512 }; /* no request of 4 KiB has more in it */

struct oracle_request {
	bool is_get, is_head;
	const char *url; /* in the stream */
	size_t url_len;
};

struct oracle {
	struct oracle_request requests[ORACLE_MESSAGES];
	unsigned count; /* that are complete */
	bool ended;     /* no further one can be: an error */
	const char *at, *end;
};

/* Takes a line without its CR LF; false where it is not complete. */
static inline bool oracle_line(struct oracle *oracle, const char **line, size_t *len)
{
	const char *end =
	    memmem(oracle->at, (size_t)(oracle->end - oracle->at), "\r\n", 2);

	*line = oracle->at;
	if (end == NULL)
		return false;
	*len = (size_t)(end - oracle->at);
	oracle->at = end + 2;
	return true;
}

static inline bool oracle_skip(struct oracle *oracle, uint64_t len)
{
	if (len > (uint64_t)(oracle->end - oracle->at))
		return false;
	oracle->at += len;
	return true;
}

/* Is it a header line of that name? *value is where its value begins then. */
static inline bool oracle_field(
    const char *line, size_t len, const char *name, const char **value)
{
	size_t n = strlen(name);

	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return false;
	*value = line + n + 1 + strspn(line + n + 1, " \t");
	return true;
}

static inline bool oracle_chunks(struct oracle *oracle)
{
	const char *line;
	size_t len;
	uint64_t size;

	do {
		if (!oracle_line(oracle, &line, &len))
			return false;
		if (!isxdigit((unsigned char)*line)) {
			oracle->ended = true;
			return false;
		}
		size = strtoull(line, NULL, 16);
		if (size > 0 && (!oracle_skip(oracle, size) || !oracle_skip(oracle, 2)))
			return false;
		if (size > 0 && memcmp(oracle->at - 2, "\r\n", 2) != 0) {
			oracle->ended = true;
			return false;
		}
	} while (size > 0);
	do {
		if (!oracle_line(oracle, &line, &len))
			return false;
	} while (len > 0);
	return true;
}

/* Takes the request line, and empty ones before it. */
static inline bool oracle_head(struct oracle *oracle, struct oracle_request *request)
{
	const char *line, *space;
	size_t len;

	do {
		if (!oracle_line(oracle, &line, &len))
			return false;
	} while (len == 0);
	space = memchr(line, ' ', len);
	request->url = space != NULL ? space + 1 : line;
	request->is_get = request->url - line == 4 && memcmp(line, "GET ", 4) == 0;
	request->is_head = request->url - line == 5 && memcmp(line, "HEAD ", 5) == 0;
	space = memchr(request->url, ' ', (size_t)(line + len - request->url));
	oracle->ended = space == NULL;
	if (space != NULL)
		request->url_len = (size_t)(space - request->url);
	return space != NULL;
}

/* Takes one request; false where there is none, or no whole one. */
static inline bool oracle_request(struct oracle *oracle, struct oracle_request *request)
{
	const char *line, *value;
	size_t len;
	uint64_t length = 0;
	bool chunked = false;

	if (!oracle_head(oracle, request))
		return false;
	do {
		if (!oracle_line(oracle, &line, &len))
			return false;
		if (oracle_field(line, len, "Content-Length", &value))
			length = strtoull(value, NULL, 10);
		if (oracle_field(line, len, "Transfer-Encoding", &value))
			chunked = true;
	} while (len > 0);
	return chunked ? oracle_chunks(oracle) : oracle_skip(oracle, length);
}

/* Finds the requests in a stream, which has a NUL behind its end. */
static inline void oracle_read(struct oracle *oracle, const char *data, size_t len)
{
	*oracle = (struct oracle){.at = data, .end = data + len};
	while (oracle_request(oracle, &oracle->requests[oracle->count]))
		if (++oracle->count == ORACLE_MESSAGES)
			abort();
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
