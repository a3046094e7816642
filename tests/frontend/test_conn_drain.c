/* frontend/conn_drain.c: connections of a frontend that drains. */
#include "tests/frontend/fixture.h"

static void ask(struct fixture *f, int fd, bool last)
{
	struct answer answer;

	client_ask(f, fd, GET("/livez"), &answer);
	assert_answer(&answer, 200, "ok");
	assert_int_equal(answer_has(&answer, "\r\nConnection: close\r\n"), last);
}

static void answers_say_close_before_the_drain_begins(void **state)
{
	struct fixture *f = *state;
	int fd = client_open(f);

	ask(f, fd, false);
	atomic_store(&board_head(&f->child.board)->leaving, BOARD_STOPS);
	ask(f, fd, true);
	client_expect_end(f, fd);
	close(fd);
}

static void only_connections_that_want_an_answer_ask(void **state)
{
	struct fixture *f = *state;
	int silent = client_open(f), idle = client_open(f), fd;

	ask(f, idle, false);
	assert_false(conn_any_asks(&f->fe));
	fd = client_open(f);
	client_send(f, fd, "GET /li");
	while (TAILQ_LAST(&f->fe.conns, conn_list)->state != CONN_HEAD)
		turn(f, fd, clock_ns());
	assert_true(conn_any_asks(&f->fe));
	close(fd);
	await_conns(f, 2);
	assert_false(conn_any_asks(&f->fe));
	fd = client_open(f);
	client_send(f, fd, GET("/hash/x"));
	await_tasks(f, 1);
	assert_true(conn_any_asks(&f->fe));
	close(fd);
	close(idle);
	close(silent);
}

/* What the client sends after the end is read, so that nothing is reset. */
static void idle_connections_end_without_a_reset(void **state)
{
	struct fixture *f = *state;
	const uint64_t since = clock_ns();
	int idle = client_open(f), silent = client_open(f);
	char byte;

	ask(f, idle, false);
	conn_end_idle(&f->fe);
	assert_int_equal(f->fe.conn_count, 2);
	assert_false(conn_any_asks(&f->fe));
	client_expect_end(f, silent);
	client_expect_end(f, idle);
	client_send(f, idle, GET("/livez"));
	close(silent);
	await_conns(f, 1);
	assert_int_equal(recv(idle, &byte, 1, 0), 0);
	await_conns(f, 0);
	assert_true(clock_ns() - since >= CONN_FAREWELL_MS * NS_PER_MS);
	close(idle);
}

static void a_request_that_has_come_is_answered(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	ask(f, fd, false);
	f->fe.draining = true;
	client_send(f, fd, GET("/hash/x"));
	conn_end_idle(&f->fe);
	await_tasks(f, 1);
	conn_end_idle(&f->fe);
	task_finish(f, TASK_OK, "h");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200, "Hashed password: h");
	assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
	client_expect_end(f, fd);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(answers_say_close_before_the_drain_begins),
	    FIXTURE_TEST(only_connections_that_want_an_answer_ask),
	    FIXTURE_TEST(idle_connections_end_without_a_reset),
	    FIXTURE_TEST(a_request_that_has_come_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
