/*
 * Deadlines: none is missed, none is moved by a client that drips. Only lower bounds
 * are exact; how late a machine may be is not ours to say.
 */
#include "tests/frontend/fixture.h"

#include <poll.h>

enum { SHORT_MS = 120, DRIP_MS = 10 };

static uint64_t elapsed_ms(uint64_t since)
{
	return (clock_ns() - since) / NS_PER_MS;
}

/* Sends a byte of the text now and then, over and over, until the server has enough. */
static void drip(struct fixture *f, int fd, const char *text, struct answer *answer)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	uint64_t since = clock_ns(), last = 0;
	size_t i = 0;

	while (poll(&pollfd, 1, 0) == 0) {
		if (elapsed_ms(last) >= DRIP_MS) {
			send(fd, text + i++ % strlen(text), 1, MSG_NOSIGNAL);
			last = clock_ns();
		}
		turn(f, fd, since);
	}
	client_receive(f, fd, answer);
}

static void test_silence(void **state)
{
	struct fixture *f = *state;
	uint64_t since = clock_ns();
	int fd;

	f->config.header_timeout_ms = SHORT_MS;
	fd = client_open(f);
	client_expect_end(f, fd); /* nothing was asked: nothing is said */
	assert_true(elapsed_ms(since) >= SHORT_MS);
	assert_true(elapsed_ms(since) < PATIENCE_MS);
	close(fd);
}

static void test_empty_lines_only(void **state)
{
	struct fixture *f = *state;
	int fd;

	f->config.header_timeout_ms = SHORT_MS;
	fd = client_open(f);
	client_send(f, fd, "\r\n\r\n");
	client_expect_end(f, fd);
	close(fd);
}

static void test_header(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	uint64_t since = clock_ns();
	int fd;

	f->config.header_timeout_ms = SHORT_MS;
	fd = client_open(f);
	client_send(f, fd, "GET / HTTP/1.1\r\nX: ");
	drip(f, fd, "y", &answer);
	assert_int_equal(answer.status, 408);
	assert_true(answer_has(&answer, "\"urn:argond:problem:request-timeout\""));
	assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
	assert_true(elapsed_ms(since) >= SHORT_MS);
	close(fd);
}

/* The timer stands at a late keep-alive deadline when the earlier one is set. */
static void test_header_of_a_later_request(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	uint64_t since;
	int fd;

	f->config.header_timeout_ms = SHORT_MS;
	fd = client_open(f);
	client_ask(f, fd, GET("/livez"), &answer);
	since = clock_ns();
	while (TAILQ_FIRST(&f->fe.conns)->rings < since + 2 * SHORT_MS * NS_PER_MS)
		turn(f, fd, since); /* until it has rung for the first request */
	since = clock_ns();
	client_ask(f, fd, GET("/livez") "G", &answer);
	assert_answer(&answer, 200, "ok");
	client_receive(f, fd, &answer);
	assert_int_equal(answer.status, 408);
	assert_true(elapsed_ms(since) >= SHORT_MS);
	assert_true(elapsed_ms(since) < PATIENCE_MS);
	close(fd);
}

static void test_body(void **state)
{
	static const char *const heads[] = {
	    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"};
	struct fixture *f = *state;

	f->config.body_timeout_ms = SHORT_MS;
	for (size_t i = 0; i < 2; i++) {
		struct answer answer;
		uint64_t since = clock_ns();
		int fd = client_open(f);

		client_send(f, fd, heads[i]);
		drip(f, fd, "1\r\nx\r\n", &answer);
		assert_int_equal(answer.status, 408);
		assert_true(elapsed_ms(since) >= SHORT_MS);
		client_expect_end(f, fd);
		close(fd);
	}
}

static void test_keep_alive(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	uint64_t since;
	int fd;

	f->config.keepalive_timeout_ms = SHORT_MS;
	fd = client_open(f);
	since = clock_ns();
	client_ask(f, fd, GET("/livez"), &answer);
	client_expect_end(f, fd);
	assert_true(elapsed_ms(since) >= SHORT_MS);
	assert_true(elapsed_ms(since) < PATIENCE_MS);
	close(fd);
}

/* Requests move the deadline on, without touching the timer. */
static void test_timer_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);
	uint64_t rings = TAILQ_FIRST(&f->fe.conns)->rings, deadline = 0;

	f->config.keepalive_timeout_ms = PATIENCE_MS * 4;
	for (int i = 0; i < 3; i++) {
		client_ask(f, fd, GET("/livez"), &answer);
		assert_int_equal(TAILQ_FIRST(&f->fe.conns)->rings, rings);
		assert_true(TAILQ_FIRST(&f->fe.conns)->deadline > deadline);
		deadline = TAILQ_FIRST(&f->fe.conns)->deadline;
	}
	close(fd);
}

static void test_lingering(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	uint64_t since = clock_ns(), last = 0;
	int fd = client_open(f);

	client_ask(f, fd, "\t", &answer);
	assert_int_equal(answer.status, 400);
	client_expect_end(f, fd);
	assert_int_equal(f->fe.conn_count, 1);
	/* a drip does not keep it open either; without a pause between two bytes a fast
	 * machine sends CONN_LINGER_HEAD bytes before the time is over */
	while (f->fe.conn_count > 0) {
		if (elapsed_ms(last) >= DRIP_MS) {
			send(fd, "x", 1, MSG_NOSIGNAL);
			last = clock_ns();
		}
		turn(f, -1, since);
	}
	assert_true(elapsed_ms(since) >= CONN_LINGER_MS);
	close(fd);
}

/* A client that takes a byte now and then, but not its answers. */
static void test_write(void **state)
{
	static char text[4000 * 48];
	struct fixture *f = *state;
	uint64_t since = clock_ns(), began = 0;
	size_t len = 0, sent = 0;
	char byte;
	int fd;

	f->config.write_timeout_ms = SHORT_MS;
	for (int i = 0; i < 4000; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s", GET("/livez"));
	fd = client_open_as(f, true);
	while (f->fe.conn_count > 0) {
		ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		if (began == 0 && TAILQ_FIRST(&f->fe.conns)->state == CONN_WRITING)
			began = clock_ns();
		if (began != 0)
			(void)!recv(fd, &byte, 1, 0);
		turn(f, -1, since);
	}
	assert_true(began != 0);
	assert_true(elapsed_ms(began) >= SHORT_MS / 2);
	close(fd);
}

/* A client that takes nothing at all. Whether its answers stopped in the middle of one,
 * or between two where it only gave way to others, its time is the same. */
static void test_unread(void **state)
{
	static char text[4000 * 48];
	struct fixture *f = *state;
	uint64_t since = clock_ns();
	size_t len = 0, sent = 0;
	int fd = client_open(f);

	f->config.write_timeout_ms = SHORT_MS;
	for (int i = 0; i < 4000; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s", GET("/livez"));
	while (f->fe.conn_count > 0) {
		ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		if (sent == len)
			sent = 0;
		turn(f, -1, since);
	}
	assert_true(elapsed_ms(since) >= SHORT_MS);
	close(fd);
}

static void test_hello(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	uint64_t since = clock_ns();
	int fd = client_open(f);

	client_ask(
	    f, fd, "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n", &answer);
	assert_answer(&answer, 200, "Hello world!");
	assert_true(answer_has(&answer, "\r\nX-Request-Id: mine\r\n"));
	assert_true(elapsed_ms(since) >= f->config.hello_delay_ms);
	f->config.hello_delay_ms = 0;
	client_ask(f, fd, GET("/"), &answer);
	assert_answer(&answer, 200, "Hello world!");
	close(fd);
}

static void test_hello_of_one_who_has_left(void **state)
{
	struct fixture *f = *state;
	const struct linger now = {.l_onoff = 1};
	uint64_t since = clock_ns();
	int fd = client_open(f);

	f->config.hello_delay_ms = UINT64_C(86400000);
	client_send(f, fd, GET("/"));
	while (TAILQ_FIRST(&f->fe.conns)->state != CONN_WORKING)
		turn(f, -1, since);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	await_conns(f, 0);
}

/* A hundred wait at the same time, not one after the other. */
static void test_hello_to_many(void **state)
{
	struct fixture *f = *state;
	uint64_t since;
	int fds[100];

	f->config.hello_delay_ms = 300;
	for (size_t i = 0; i < 100; i++)
		fds[i] = client_open(f);
	since = clock_ns();
	for (size_t i = 0; i < 100; i++)
		client_send(f, fds[i], GET("/"));
	for (size_t i = 0; i < 100; i++) {
		struct answer answer;

		client_receive(f, fds[i], &answer);
		assert_answer(&answer, 200, "Hello world!");
		close(fds[i]);
	}
	assert_true(elapsed_ms(since) >= 300);
	assert_true(elapsed_ms(since) < 300 * 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(test_silence),
	    FIXTURE_TEST(test_empty_lines_only),
	    FIXTURE_TEST(test_header),
	    FIXTURE_TEST(test_header_of_a_later_request),
	    FIXTURE_TEST(test_body),
	    FIXTURE_TEST(test_keep_alive),
	    FIXTURE_TEST(test_timer_is_left_alone),
	    FIXTURE_TEST(test_lingering),
	    FIXTURE_TEST(test_write),
	    FIXTURE_TEST(test_unread),
	    FIXTURE_TEST(test_hello),
	    FIXTURE_TEST(test_hello_of_one_who_has_left),
	    FIXTURE_TEST(test_hello_to_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
