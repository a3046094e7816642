/*
 * HTTP as it arrives: in pieces, in bunches, with bodies of all kinds.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/system/client.h"
#include "tests/system/load.h"

static void start(struct daemon *d, struct client *c)
{
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "hello_delay=5ms", NULL);
	client_open(c, &d->tcp);
}

static void stop(struct daemon *d, struct client *c, struct response *r)
{
	response_free(r);
	client_close(c);
	daemon_stop(d);
}

static void test_single_bytes(void **state)
{
	struct response r = {0};
	struct client c;

	start(*state, &c);
	client_drip(
	    &c, "GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello");
	client_read(&c, &r, false);
	assert_int_equal(r.status, 200);
	client_drip(&c,
	    "GET /hash/drip HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"
	    "\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n");
	client_read(&c, &r, false);
	assert_int_equal(r.status, 200);
	assert_true(load_verify(r.body + strlen("Hashed password: "), "drip"));
	client_get(&c, &r, "/livez");
	assert_int_equal(r.status, 200);
	stop(*state, &c, &r);
}

static void test_bodies(void **state)
{
	static const char *const requests[] = {
	    "GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n",
	    "GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc",
	    "GET /livez HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: "
	    "chunked\r\n\r\n0\r\n\r\n",
	    "GET /livez HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: Chunked\r\n\r\n"
	    "2\r\nab\r\n0\r\n\r\n",
	};
	struct response r = {0};
	struct client c;

	start(*state, &c);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		client_ask(&c, &r, requests[i]);
		assert_int_equal(r.status, 200);
		assert_string_equal(r.body, "ok");
	}
	stop(*state, &c, &r);
}

/* Answers come in the order of the questions, whatever each of them takes. */
static void test_pipelined(void **state)
{
	enum { REQUESTS = 50 };
	static const char hash[] = "Hashed password: ";
	struct response r = {0};
	char *text = malloc((size_t)REQUESTS * 128), password[16];
	size_t len = 0;
	struct client c;

	assert_non_null(text);
	start(*state, &c);
	for (int i = 0; i < REQUESTS; i++)
		len += (size_t)sprintf(text + len,
		    "GET %s HTTP/1.1\r\nHost: t\r\nX-Request-Id: n%d\r\n\r\n",
		    i % 3 == 0   ? "/hash/pw"
		    : i % 3 == 1 ? "/livez"
		                 : "/",
		    i);
	assert_true(client_send(&c, text, len));
	for (int i = 0; i < REQUESTS; i++) {
		client_read(&c, &r, false);
		assert_int_equal(r.status, 200);
		snprintf(password, sizeof(password), "n%d", i);
		assert_true(response_has(&r, "X-Request-Id", password));
		if (i % 3 == 0)
			assert_true(load_verify(r.body + sizeof(hash) - 1, "pw"));
		else
			assert_string_equal(r.body, i % 3 == 1 ? "ok" : "Hello world!");
	}
	free(text);
	stop(*state, &c, &r);
}

/* Passwords of pipelined requests do not get mixed up either. */
static void test_pipelined_passwords(void **state)
{
	struct response r = {0};
	char text[128], password[32];
	struct client c;

	start(*state, &c);
	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text),
		    "GET /hash/number-%d HTTP/1.1\r\nHost: t\r\n\r\n", i);
		assert_true(client_say(&c, text));
	}
	for (int i = 0; i < 50; i++) {
		client_read(&c, &r, false);
		assert_int_equal(r.status, 200);
		snprintf(password, sizeof(password), "number-%d", i);
		assert_true(
		    load_verify(r.body + strlen("Hashed password: "), password));
	}
	stop(*state, &c, &r);
}

static void test_keep_alive(void **state)
{
	static const struct {
		const char *request;
		bool stays;
	} rows[] = {
	    {"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n", true},
	    {"GET /livez HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", false},
	    {"GET /livez HTTP/1.0\r\n\r\n", false},
	    {"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
	    {"GET /hash/x HTTP/1.0\r\n\r\n", false},
	};
	struct daemon *d = *state;
	struct response r = {0};
	struct client c;

	start(d, &c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		client_ask(&c, &r, rows[i].request);
		assert_int_equal(r.status, 200);
		if (rows[i].stays) {
			client_get(&c, &r, "/livez");
			assert_int_equal(r.status, 200);
			continue;
		}
		assert_true(response_has(&r, "Connection", "close"));
		client_expect_end(&c);
		client_close(&c);
		client_open(&c, &d->tcp);
	}
	stop(d, &c, &r);
}

/* On 1.0 a client learns that the connection stays only from the answer. */
static void test_keep_alive_said(void **state)
{
	struct response r = {0};
	struct client c;

	start(*state, &c);
	client_ask(&c, &r, "GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(response_has(&r, "Connection", "keep-alive"));
	stop(*state, &c, &r);
}

static void test_expect_continue(void **state)
{
	struct response r = {0};
	struct client c;

	start(*state, &c);
	client_ask(&c, &r,
	    "GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n"
	    "Expect: 100-continue\r\n\r\n");
	assert_int_equal(r.status, 100);
	client_ask(&c, &r, "body");
	assert_int_equal(r.status, 200);
	client_get(&c, &r, "/livez");
	assert_int_equal(r.status, 200);
	stop(*state, &c, &r);
}

/* A body that is too large is refused before any of it is sent. */
static void test_expect_refused(void **state)
{
	struct response r = {0};
	struct client c;

	start(*state, &c);
	client_ask(&c, &r,
	    "GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n"
	    "Expect: 100-continue\r\n\r\n");
	assert_int_equal(r.status, 413);
	stop(*state, &c, &r);
}

static void test_half_close(void **state)
{
	struct response r = {0};
	struct client c;

	start(*state, &c);
	client_say(&c, "GET /hash/half HTTP/1.1\r\nHost: t\r\n\r\n");
	client_half_close(&c);
	client_read(&c, &r, false);
	assert_int_equal(r.status, 200);
	assert_true(load_verify(r.body + strlen("Hashed password: "), "half"));
	client_expect_end(&c);
	stop(*state, &c, &r);
}

/* Clients that go in the middle of anything leave nothing behind for others. */
static void test_gone_clients(void **state)
{
	static const char *const starts[] = {"", "GET", "GET /hash/gone HTTP/1.1\r\nHo",
	    "GET /hash/gone HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n123"};
	struct daemon *d = *state;
	struct response r = {0};
	struct client c, gone;

	start(d, &c);
	for (int i = 0; i < 60; i++) {
		client_open(&gone, &d->tcp);
		client_say(&gone, starts[i % 6]);
		if (i % 2 == 0)
			client_reset(&gone);
		else
			client_close(&gone);
		client_get(&c, &r, "/hash/stays");
		assert_int_equal(r.status, 200);
		assert_true(load_verify(r.body + strlen("Hashed password: "), "stays"));
	}
	stop(d, &c, &r);
}

static void test_lenient(void **state)
{
	struct response r = {0};
	struct client c;

	start(*state, &c);
	client_ask(&c, &r, "\r\n\r\nGET /livez HTTP/1.1\r\nHost: t\r\n\r\n");
	assert_int_equal(r.status, 200);
	client_ask(&c, &r, "GET http://t/livez HTTP/1.1\r\nHost: t\r\n\r\n");
	assert_int_equal(r.status, 200);
	client_ask(
	    &c, &r, "GET /livez HTTP/1.1\r\nhOST:t\r\nCONTENT-length: 1\r\n\r\nx");
	assert_int_equal(r.status, 200);
	stop(*state, &c, &r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_single_bytes),
	    daemon_test(test_bodies),
	    daemon_test(test_pipelined),
	    daemon_test(test_pipelined_passwords),
	    daemon_test(test_keep_alive),
	    daemon_test(test_keep_alive_said),
	    daemon_test(test_expect_continue),
	    daemon_test(test_expect_refused),
	    daemon_test(test_half_close),
	    daemon_test(test_gone_clients),
	    daemon_test(test_lenient),
	};

	return cmocka_run_group_tests_name("http pieces", tests, NULL, NULL);
}
