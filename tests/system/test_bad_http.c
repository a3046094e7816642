/*
 * Bad input and limits: each is answered with its own status, the connection ends where
 * its framing can no longer be trusted, and the next client is served as if nothing
 * had happened.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/system/client.h"

/* The statuses that will do, 0 for none. Where `ends`, the connection is closed after.
 */
struct row {
	const char *request;
	int status, or_status;
	bool ends;
};

static void expect_rows(struct daemon *d, const struct row *rows, size_t count)
{
	struct response r = {0};
	struct client c;

	for (size_t i = 0; i < count; i++) {
		client_open(&c, &d->tcp);
		client_ask(&c, &r, rows[i].request);
		if (r.status != rows[i].status && r.status != rows[i].or_status)
			fail_msg("status %d instead of %d for: %s", r.status,
			    rows[i].status, rows[i].request);
		if (rows[i].ends) {
			assert_true(response_has(&r, "Connection", "close"));
			client_expect_end(&c);
		}
		client_close(&c);
		assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	}
	response_free(&r);
}

#define EXPECT_ROWS(d, rows) expect_rows(d, rows, sizeof(rows) / sizeof((rows)[0]))
#define GET "GET /livez HTTP/1.1\r\nHost: t\r\n"

static void test_request_lines(void **state)
{
	static const struct row rows[] = {
	    {"nonsense\r\n\r\n", 400, 0, true}, {"GET\r\n\r\n", 400, 0, true},
	    {"GET /livez\r\n\r\n", 400, 0, true},
	    {"GET  HTTP/1.1\r\nHost: t\r\n\r\n", 400, 0, true},
	    {"GET /livez HTTP/0.9\r\nHost: t\r\n\r\n", 400, 505, true},
	    {"GET /livez HTTP/2.0\r\nHost: t\r\n\r\n", 400, 505, true},
	    {"GET /livez HTTP/1.2\r\nHost: t\r\n\r\n", 400, 505, true},
	    {"GET /livez HTTX/1.1\r\nHost: t\r\n\r\n", 400, 0, true},
	    {"BREW /livez HTTP/1.1\r\nHost: t\r\n\r\n", 400, 501, true},
	    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505, true},
	    {"GET /liv\001ez HTTP/1.1\r\nHost: t\r\n\r\n", 400, 0, true},
	    {"\026\003\001\002", 400, 0, true}, /* somebody speaks TLS */
	};

	daemon_start(*state, NULL);
	EXPECT_ROWS(*state, rows);
	daemon_stop(*state);
}

static void test_headers(void **state)
{
	static const struct row rows[] = {
	    {"GET /livez HTTP/1.1\r\n\r\n", 400, 0, true},
	    {"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, 0, true},
	    {"GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 0, true},
	    {GET "No colon here\r\n\r\n", 400, 0, true},
	    {GET "Space : x\r\n\r\n", 400, 0, true},
	    {GET ": no name\r\n\r\n", 400, 0, true},
	    {GET "Folded: a\r\n b\r\n\r\n", 400, 0, true},
	    {GET "Bare: a\rb\r\n\r\n", 400, 0, true},
	    {GET "Control: \001\r\n\r\n", 400, 0, true},
	    {"GET /livez HTTP/1.1\nHost: t\n\n", 400, 0, true},
	};

	daemon_start(*state, NULL);
	EXPECT_ROWS(*state, rows);
	daemon_stop(*state);
}

static void test_framing(void **state)
{
	static const struct row rows[] = {
	    {GET "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	        400, 0, true},
	    {GET "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
	        400, 0, true},
	    {GET "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, 0, true},
	    {GET "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, 0, true},
	    {GET "Content-Length: 3, 3\r\n\r\nabc", 400, 0, true},
	    {GET "Content-Length: -1\r\n\r\n", 400, 0, true},
	    {GET "Content-Length: +3\r\n\r\nabc", 400, 0, true},
	    {GET "Content-Length: 0x3\r\n\r\nabc", 400, 0, true},
	    {GET "Content-Length:\r\n\r\n", 400, 0, true},
	    {GET "Content-Length: 99999999999999999999999\r\n\r\n", 400, 413, true},
	    {GET "Transfer-Encoding: gzip\r\n\r\n", 400, 501, true},
	    {GET "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, 501, true},
	    {GET "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400, 501,
	        true},
	    {GET "Transfer-Encoding: identity\r\n\r\n", 400, 501, true},
	    {"GET /livez HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
	        0, true},
	    {GET "Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n", 400, 0, true},
	    {GET "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 400, 0, true},
	    {GET "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", 400, 413,
	        true},
	};

	daemon_start(*state, NULL);
	EXPECT_ROWS(*state, rows);
	daemon_stop(*state);
}

static void test_other_protocols(void **state)
{
	static const struct row rows[] = {
	    {"CONNECT t:443 HTTP/1.1\r\nHost: t:443\r\n\r\n", 400, 501, true},
	    {GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200, 0, false},
	};

	daemon_start(*state, NULL);
	EXPECT_ROWS(*state, rows);
	daemon_stop(*state);
}

/* The request's bytes: `lead`, then n times `piece`, then `tail`. */
static char *repeated(const char *lead, const char *piece, size_t n, const char *tail)
{
	const size_t size = strlen(piece);
	char *text = malloc(strlen(lead) + n * size + strlen(tail) + 1), *at;

	assert_non_null(text);
	at = stpcpy(text, lead);
	for (size_t i = 0; i < n; i++, at += size)
		memcpy(at, piece, size);
	memcpy(at, tail, strlen(tail) + 1);
	return text;
}

static void expect_repeated(struct daemon *d, const char *lead, const char *piece,
    size_t n, const char *tail, int status, int or_status)
{
	char *text = repeated(lead, piece, n, tail);
	struct response r = {0};
	struct client c;

	client_open(&c, &d->tcp);
	client_ask(
	    &c, &r, text); /* the answer must be readable though bytes are left over */
	if (r.status != status && r.status != or_status)
		fail_msg("status %d instead of %d for: %s", r.status, status, lead);
	client_close(&c);
	response_free(&r);
	free(text);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
}

static void test_too_much(void **state)
{
	static const char ten[] = "0123456789";
	struct daemon *d = *state;

	daemon_start(d, NULL);
	expect_repeated(d, "GET /livez HTTP/1.1\r\nHost: t\r\nBig: ", ten, 2000,
	    "\r\n\r\n", 431, 0);
	expect_repeated(d, GET "Big: ", ten, 100000, "\r\n\r\n", 431, 0);
	expect_repeated(d, GET, "A: b\r\n", 10000, "\r\n", 431, 0);
	expect_repeated(
	    d, "GET /", ten, 10000, " HTTP/1.1\r\nHost: t\r\n\r\n", 414, 431);
	expect_repeated(
	    d, GET "Content-Length: 10485760\r\n\r\n", ten, 1048576, "", 413, 0);
	expect_repeated(d, GET "Transfer-Encoding: chunked\r\n\r\nA00000\r\n", ten,
	    1048576, "\r\n0\r\n\r\n", 413, 0);
	expect_repeated(d, GET "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n",
	    200000, "0\r\n\r\n", 413, 400);
	expect_repeated(d, GET "Transfer-Encoding: chunked\r\n\r\n1;", ten, 200000,
	    "\r\nx\r\n0\r\n\r\n", 400, 413);
	expect_repeated(d, GET "Transfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n",
	    20000, "\r\n", 431, 400);
	expect_repeated(d, "", "\r\n", 500000, GET "\r\n", 400, 0);
	daemon_stop(d);
}

/* A body of exactly max_body is taken, one byte more is not. */
static void test_body_limit(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, "max_body=1K", "max_password=64", NULL);
	expect_repeated(d, GET "Content-Length: 1024\r\n\r\n", "x", 1024, "", 200, 0);
	expect_repeated(d, GET "Content-Length: 1025\r\n\r\n", "x", 1025, "", 413, 0);
	expect_repeated(d, GET "Transfer-Encoding: chunked\r\n\r\n400\r\n", "x", 1024,
	    "\r\n0\r\n\r\n", 200, 0);
	expect_repeated(d, GET "Transfer-Encoding: chunked\r\n\r\n401\r\n", "x", 1025,
	    "\r\n0\r\n\r\n", 413, 0);
	daemon_stop(d);
}

static void expect_timeout(struct daemon *d, const char *text, int status)
{
	struct response r = {0};
	struct client c;

	client_open(&c, &d->tcp);
	client_ask(&c, &r, text);
	assert_int_equal(r.status, status);
	if (status != 0)
		assert_true(response_has(&r, "Connection", "close"));
	client_expect_end(&c);
	client_close(&c);
	response_free(&r);
}

static void test_timeouts(void **state)
{
	struct daemon *d = *state;
	char header[48], body[48], idle[48];
	struct response r = {0};
	struct client c;

	harness_ms(header, "header_timeout", 700);
	harness_ms(body, "body_timeout", 700);
	harness_ms(idle, "keepalive_timeout", 700);
	daemon_start(d, header, body, idle, NULL);
	expect_timeout(d, "GET /livez HT", 408);
	expect_timeout(d, GET, 408);
	expect_timeout(d, GET "Content-Length: 10\r\n\r\n123", 408);
	expect_timeout(d, GET "Transfer-Encoding: chunked\r\n\r\n5\r\n1", 408);
	client_open(&c, &d->tcp);
	client_get(&c, &r, "/livez");
	client_expect_end(&c); /* idle: closed without a word */
	client_close(&c);
	response_free(&r);
	daemon_stop(d);
}

/* A drip of one byte every few ms does not stretch the header's timeout. */
static void test_drip(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client c;
	bool open = true;

	daemon_start(d, "header_timeout=500ms", NULL);
	client_open(&c, &d->tcp);
	client_say(&c, "GET /livez HTTP/1.1\r\nHost: t\r\nDrip: ");
	while (open && c.len == 0 && !c.ended) { /* a byte, then 20 ms for an answer */
		open = client_say(&c, "x");
		client_receive(&c, 20);
	}
	client_read(&c, &r, false);
	assert_int_equal(r.status, 408);
	client_close(&c);
	response_free(&r);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_request_lines),
	    daemon_test(test_headers),
	    daemon_test(test_framing),
	    daemon_test(test_other_protocols),
	    daemon_test(test_too_much),
	    daemon_test(test_body_limit),
	    daemon_test(test_timeouts),
	    daemon_test(test_drip),
	};

	return cmocka_run_group_tests_name("bad http", tests, NULL, NULL);
}
