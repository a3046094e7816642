#include "tests/frontend/fixture.h"

static void test_keep_alive(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	for (int i = 0; i < 3; i++) {
		client_ask(f, fd, GET("/livez"), &answer);
		assert_answer(&answer, 200, "ok");
		assert_true(answer_has(&answer, "\r\nDate: "));
		assert_false(answer_has(&answer, "\r\nConnection:"));
	}
	client_ask(f, fd, "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	    &answer);
	assert_answer(&answer, 200, "ok");
	assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
	client_expect_end(f, fd);
	assert_int_equal(f->gone, 1);
	assert_int_equal(atomic_load(&f->child.slot->frontend.requests), 4);
	close(fd);
}

static void test_old_version(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	client_ask(
	    f, fd, "GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &answer);
	assert_true(answer_has(&answer, "\r\nConnection: keep-alive\r\n"));
	client_ask(f, fd, "GET /livez HTTP/1.0\r\n\r\n", &answer);
	assert_answer(&answer, 200, "ok");
	assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
	client_expect_end(f, fd);
	close(fd);
}

static void test_head(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	client_send(f, fd, "HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n");
	client_receive_as(f, fd, &answer, true);
	assert_int_equal(answer.status, 200);
	assert_true(answer_has(&answer, "\r\nContent-Length: 2\r\n"));
	client_ask(f, fd, GET("/livez"), &answer); /* no body came between */
	assert_answer(&answer, 200, "ok");
	close(fd);
}

static void test_body_in_single_bytes(void **state)
{
	static const char text[] = "GET /livez HTTP/1.1\r\nHost: a\r\n"
	                           "Transfer-Encoding: chunked\r\n\r\n"
	                           "3\r\nabc\r\n0\r\n\r\n";
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		client_send_bytes(f, fd, text + i, 1);
		ev_run(f->fe.loop, EVRUN_NOWAIT);
	}
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200, "ok");
	client_ask(f, fd, GET("/livez"), &answer);
	assert_answer(&answer, 200, "ok");
	close(fd);
}

static void test_expect(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	client_send(f, fd,
	    "GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
	    "Expect: 100-continue\r\n\r\n");
	client_receive(f, fd, &answer);
	assert_string_equal(answer.text, "HTTP/1.1 100 Continue\r\n\r\n");
	client_ask(f, fd, "abc", &answer);
	assert_answer(&answer, 200, "ok");
	/* the body came along: it needs no invitation */
	client_ask(f, fd,
	    "GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
	    "Expect: 100-continue\r\n\r\nabc",
	    &answer);
	assert_answer(&answer, 200, "ok");
	/* it is not wanted */
	client_ask(f, fd,
	    "POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
	    "Expect: 100-continue\r\n\r\n",
	    &answer);
	assert_int_equal(answer.status, 404);
	assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
	client_expect_end(f, fd);
	close(fd);
}

/* Whatever is wrong: an answer in problem+json that the client gets to read, and the
 * end. */
static void test_errors(void **state)
{
	static const struct {
		const char *text;
		unsigned status;
		const char *name;
	} rows[] = {
	    {"\x16\x03\x01\r\n\r\n", 400, "bad-request"},
	    {"GET /livez HTTP/1.1\r\n\r\n", 400, "bad-request"},
	    {"GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
	     "Transfer-Encoding: chunked\r\n\r\n",
	        400, "bad-request"},
	    {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "not-implemented"},
	    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "version-not-supported"},
	    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8193\r\n\r\n", 413,
	        "too-large"},
	    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8193\r\n"
	     "Expect: 100-continue\r\n\r\n",
	        413, "too-large"},
	    {"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417,
	        "expectation-failed"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer;
		char type[64];
		int fd = client_open(f);

		client_ask(f, fd, rows[i].text, &answer);
		assert_int_equal(answer.status, rows[i].status);
		snprintf(type, sizeof(type), "\"urn:argond:problem:%s\"", rows[i].name);
		assert_true(answer_has(&answer, type));
		assert_true(answer_has(
		    &answer, "\r\nContent-Type: application/problem+json\r\n"));
		assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
		client_expect_end(f, fd);
		client_send(f, fd, GET("/livez")); /* in vain */
		close(fd);
		await_conns(f, 0);
	}
	assert_int_equal(f->dispatch.submitted, 0);
}

/* A client that sends 10 MiB before it looks at anything still gets to read its 413. */
static void test_lingering(void **state)
{
	static char body[10 << 20];
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	client_send(
	    f, fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\n");
	client_send_bytes(f, fd, body, sizeof(body));
	client_receive(f, fd, &answer);
	assert_int_equal(answer.status, 413);
	client_expect_end(f, fd);
	close(fd);
	await_conns(f, 0);
}

/* But it cannot send for ever. */
static void test_lingering_bounded(void **state)
{
	static const char junk[65536];
	struct fixture *f = *state;
	int fd = client_open(f);
	size_t sent = 0;
	uint64_t since = clock_ns();

	client_send(f, fd, "\r\r");
	while (f->fe.conn_count > 0) {
		ssize_t n = send(fd, junk, sizeof(junk), MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		turn(f, -1, since);
	}
	assert_true(sent < (64 << 20));
	close(fd);
}

static void test_request_ids(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	client_ask(f, fd, GET("/livez"), &answer);
	assert_true(answer_has(
	    &answer, "\r\nX-Request-Id: 0000000000abcdef0000000000000001\r\n"));
	client_ask(f, fd, GET("/livez"), &answer);
	assert_true(answer_has(
	    &answer, "\r\nX-Request-Id: 0000000000abcdef0000000000000002\r\n"));
	client_ask(f, fd,
	    "GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: a.B_9-\r\n\r\n", &answer);
	assert_true(answer_has(&answer, "\r\nX-Request-Id: a.B_9-\r\n"));
	client_ask(f, fd, "GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\r\n\r\n",
	    &answer);
	assert_false(answer_has(&answer, "a b"));
	assert_true(answer_has(&answer, "\r\nX-Request-Id: 0000000000abcdef"));
	close(fd);
}

static void test_draining(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int busy = client_open(f), idle = client_open(f);

	client_ask(f, idle, GET("/livez"), &answer);
	client_send(f, busy, GET("/hash/x"));
	await_tasks(f, 1);
	f->fe.draining = true;
	task_finish(f, TASK_OK, "h");
	client_receive(f, busy, &answer);
	assert_answer(&answer, 200, "Hashed password: h");
	assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
	client_expect_end(f, busy);
	close(busy);
	await_conns(f, 1);
	client_ask(f, idle, GET("/livez"), &answer);
	assert_answer(&answer, 200, "ok");
	assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
	client_expect_end(f, idle);
	close(idle);
	await_conns(f, 0);
}

enum { LONG_BODY = 300000 };

static void reply_long(
    struct conn *conn, const struct task_result *result, void *context)
{
	char *body = malloc(LONG_BODY);

	(void)result;
	(void)context;
	assert_non_null(body);
	for (size_t i = 0; i < LONG_BODY; i++)
		body[i] = (char)('a' + i % 23);
	conn_reply(conn,
	    &(struct reply){
	        .status = 200, .type = REPLY_TEXT, .body = body, .len = LONG_BODY});
	free(body);
}

/* An answer that goes out in many pieces is still the same answer. */
static void test_long_answer(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	uint64_t since = clock_ns();
	int fd = client_open_as(f, true);
	char c;

	client_send(f, fd, GET("/hash/x") GET("/livez"));
	await_tasks(f, 1);
	TAILQ_FIRST(&f->fe.conns)->work.done = reply_long;
	task_finish(f, TASK_OK, "");
	client_receive_as(f, fd, &answer, true);
	assert_true(answer_has(&answer, "\r\nContent-Length: 300000\r\n"));
	for (size_t i = 0; i < LONG_BODY; i++) {
		while (recv(fd, &c, 1, 0) != 1)
			turn(f, fd, since);
		assert_int_equal(c, 'a' + i % 23);
	}
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200, "ok");
	close(fd);
}

/* What an idle connection costs, and what is left of a secret. */
static void test_idle_holds_nothing(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	struct conn *conn;
	int fd = client_open(f);

	client_send(f, fd, "GET /hash/mark");
	turn(f, -1, clock_ns());
	client_send(f, fd, "er HTTP/1.1\r\nHost: a\r\n\r\n" GET("/hash/marker"));
	await_tasks(f, 1);
	task_finish(f, TASK_OK, "tag-marker");
	client_receive(f, fd, &answer);
	task_finish(f, TASK_OK, "tag-marker");
	client_receive(f, fd, &answer);
	conn = TAILQ_FIRST(&f->fe.conns);
	assert_true(sizeof(*conn) <= 512);
	assert_int_equal(conn->state, CONN_IDLE);
	assert_null(conn->request);
	assert_null(conn->rest.data);
	assert_null(conn->out);
	assert_null(conn->id_kept);
	assert_null(memmem(&f->fe.scratch, sizeof(f->fe.scratch), "marker", 6));
	assert_null(memmem(&f->fe.scratch, sizeof(f->fe.scratch), "/hash/", 6));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(test_keep_alive),
	    FIXTURE_TEST(test_old_version),
	    FIXTURE_TEST(test_head),
	    FIXTURE_TEST(test_body_in_single_bytes),
	    FIXTURE_TEST(test_expect),
	    FIXTURE_TEST(test_errors),
	    FIXTURE_TEST(test_lingering),
	    FIXTURE_TEST(test_lingering_bounded),
	    FIXTURE_TEST(test_long_answer),
	    FIXTURE_TEST(test_request_ids),
	    FIXTURE_TEST(test_draining),
	    FIXTURE_TEST(test_idle_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
