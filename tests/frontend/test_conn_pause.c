/*
 * Connections whose jobs were refused while a pause is due. How long it is, the tests
 * say. Only lower bounds are exact.
 */
#include "tests/frontend/fixture.h"

#include <poll.h>

enum { PAUSE_MS = 50 };

#define REFUSED "GET /hash/x HTTP/1.1\r\nHost: test\r\nX-Request-Id: mine\r\n\r\n"
#define LAST "GET /hash/x HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"

void pause_refused(struct frontend *fe)
{
	(void)fe;
}

static unsigned ms_since(uint64_t begun)
{
	return (unsigned)((clock_ns() - begun) / NS_PER_MS);
}

static void refuse_all(struct fixture *f, unsigned pause_ms)
{
	f->dispatch.admission = ADMISSION_QUEUE_FULL;
	f->fe.pause.ms = pause_ms;
}

/* One that has been answered before. */
static int open_proven(struct fixture *f)
{
	struct answer answer;
	int fd = client_open(f);

	client_ask(f, fd, GET("/nowhere"), &answer);
	assert_int_equal(answer.status, 404);
	return fd;
}

static enum conn_state state_of_newest(struct fixture *f)
{
	return (enum conn_state)TAILQ_LAST(&f->fe.conns, conn_list)->state;
}

static void the_next_request_waits(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	uint64_t begun;
	int fd;

	refuse_all(f, PAUSE_MS);
	fd = open_proven(f);
	for (unsigned i = 1; i <= 2; i++) {
		begun = clock_ns();
		client_ask(f, fd, REFUSED, &answer);
		assert_int_equal(answer.status, 503);
		assert_true(answer_has(&answer, "Retry-After: 7\r\n"));
		assert_int_equal(state_of_newest(f), CONN_PAUSED);
		client_ask(f, fd, GET("/nowhere"), &answer);
		assert_int_equal(answer.status, 404);
		assert_in_range(ms_since(begun), PAUSE_MS, PATIENCE_MS);
		assert_int_equal(state_of_newest(f), CONN_IDLE);
	}
	close(fd);
}

static void pipelined_requests_wait(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	uint64_t begun;
	int fd;

	refuse_all(f, PAUSE_MS);
	fd = open_proven(f);
	begun = clock_ns();
	client_send(f, fd, REFUSED GET("/nowhere"));
	client_receive(f, fd, &answer);
	assert_int_equal(answer.status, 503);
	client_receive(f, fd, &answer);
	assert_int_equal(answer.status, 404);
	assert_in_range(ms_since(begun), PAUSE_MS, PATIENCE_MS);
	close(fd);
}

/* Its next one may come on another connection, as well as that of one that says so. */
static void the_first_and_the_last_answer_wait(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	uint64_t begun;
	int fd;

	refuse_all(f, PAUSE_MS);
	begun = clock_ns();
	fd = client_open(f);
	client_ask(f, fd, REFUSED, &answer);
	assert_int_equal(answer.status, 503);
	assert_true(answer_has(&answer, "Retry-After: 7\r\n"));
	assert_true(answer_has(&answer, "X-Request-Id: mine\r\n"));
	assert_in_range(ms_since(begun), PAUSE_MS, PATIENCE_MS);
	assert_int_equal(state_of_newest(f), CONN_IDLE); /* it has waited */
	begun = clock_ns();
	client_ask(f, fd, LAST, &answer);
	assert_int_equal(answer.status, 503);
	assert_in_range(ms_since(begun), PAUSE_MS, PATIENCE_MS);
	client_expect_end(f, fd);
	close(fd);
}

/* Something has come for it. */
static void await_bytes(struct fixture *f)
{
	struct pollfd fd = {
	    .fd = TAILQ_LAST(&f->fe.conns, conn_list)->io.fd, .events = POLLIN};

	assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
}

static void others_do_not_wait(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd, other;

	refuse_all(f, 2 * PATIENCE_MS);
	other = open_proven(f);
	fd = open_proven(f);
	client_ask(f, fd, REFUSED, &answer);
	client_ask(f, other, GET("/nowhere"), &answer);
	assert_int_equal(answer.status, 404);
	assert_int_equal(state_of_newest(f), CONN_PAUSED);
	/* the daemon is told to leave: nobody waits for an answer there */
	assert_true(conn_is_unasked(TAILQ_LAST(&f->fe.conns, conn_list)));
	client_send(f, fd, GET("/nowhere"));
	await_bytes(f);
	assert_false(conn_is_unasked(TAILQ_LAST(&f->fe.conns, conn_list)));
	close(other);
	close(fd);
}

static void without_a_pause_nobody_waits(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd;

	refuse_all(f, 0);
	fd = client_open(f);
	for (unsigned i = 0; i < 3; i++) {
		client_ask(f, fd, REFUSED, &answer);
		assert_int_equal(answer.status, 503);
		assert_int_equal(state_of_newest(f), CONN_IDLE);
	}
	close(fd);
}

/* Nor who is let in, whatever happened to his last one. */
static void what_is_admitted_does_not_wait(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd;

	refuse_all(f, PAUSE_MS);
	fd = open_proven(f);
	client_ask(f, fd, REFUSED, &answer);
	f->dispatch.admission = ADMITTED;
	f->fe.pause.ms = 2 * PATIENCE_MS;
	client_send(f, fd, GET("/hash/x"));
	await_tasks(f, 1);
	task_finish(f, TASK_OK, "h");
	client_receive(f, fd, &answer);
	assert_int_equal(answer.status, 200);
	assert_int_equal(state_of_newest(f), CONN_IDLE);
	close(fd);
}

/* Who only waits to be read from makes room for who has just come. */
static void it_makes_room(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int paused, fd;

	f->config.frontend.max_connections = 1;
	refuse_all(f, 2 * PATIENCE_MS);
	paused = open_proven(f);
	client_ask(f, paused, REFUSED, &answer);
	fd = client_open(f);
	client_ask(f, fd, GET("/nowhere"), &answer);
	assert_int_equal(answer.status, 404);
	client_expect_end(f, paused);
	close(paused);
	close(fd);
}

/* One of four may sleep: of eight connections two. Who drains wakes them. */
static void not_all_may_sleep(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int sleepers[2], fd;

	f->config.frontend.max_connections = 2 * PAUSE_SLEEPERS;
	refuse_all(f, 2 * PATIENCE_MS);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t begun = clock_ns();

		sleepers[i] = client_open(f);
		client_send(f, sleepers[i], REFUSED);
		while (f->fe.pause.sleepers != i + 1)
			turn(f, -1, begun);
	}
	fd = client_open(f);
	client_ask(f, fd, REFUSED, &answer);
	assert_int_equal(answer.status, 503);
	close(sleepers[0]);
	f->fe.draining = true;
	conn_refuse_sleepers(&f->fe);
	assert_int_equal(f->fe.pause.sleepers, 0);
	client_receive(f, sleepers[1], &answer);
	assert_int_equal(answer.status, 503);
	assert_true(answer_has(&answer, "Connection: close\r\n"));
	close(sleepers[1]);
	close(fd);
}

/* Nor while it drains. */
static void who_drains_lets_nobody_sleep(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	refuse_all(f, 2 * PATIENCE_MS);
	f->fe.draining = true;
	client_ask(f, fd, REFUSED, &answer);
	assert_int_equal(answer.status, 503);
	client_expect_end(f, fd);
	close(fd);
}

static void who_leaves_meanwhile_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	const struct linger reset = {.l_onoff = 1};
	const uint64_t begun = clock_ns();
	int first, proven;

	refuse_all(f, PAUSE_MS);
	proven = open_proven(f);
	client_ask(f, proven, REFUSED, &answer);
	close(proven);
	first = client_open(f);
	client_send(f, first,
	    "GET /hash/x HTTP/1.1\r\nHost: test\r\n"
	    "X-Request-Id: kept\r\n\r\n");
	turn(f, -1, clock_ns());
	close(first);
	await_conns(f, 0);
	f->fe.pause.ms = 2 * PATIENCE_MS;
	first = client_open(f);
	client_send(f, first, REFUSED);
	while (f->fe.pause.sleepers == 0)
		turn(f, -1, begun);
	setsockopt(first, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(first);
	await_conns(f, 0);
	assert_int_equal(f->fe.pause.sleepers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(the_next_request_waits),
	    FIXTURE_TEST(pipelined_requests_wait),
	    FIXTURE_TEST(the_first_and_the_last_answer_wait),
	    FIXTURE_TEST(others_do_not_wait),
	    FIXTURE_TEST(without_a_pause_nobody_waits),
	    FIXTURE_TEST(what_is_admitted_does_not_wait),
	    FIXTURE_TEST(it_makes_room),
	    FIXTURE_TEST(not_all_may_sleep),
	    FIXTURE_TEST(who_drains_lets_nobody_sleep),
	    FIXTURE_TEST(who_leaves_meanwhile_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
