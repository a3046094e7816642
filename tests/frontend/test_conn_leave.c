/* frontend/conn*.c: clients that leave, wholly or by halves. */
#include "tests/frontend/fixture.h"

static void reset(int fd)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void test_reset_cancels(void **state)
{
	struct fixture *f = *state;
	int fd = client_open(f);

	client_send(f, fd, GET("/hash/x"));
	await_tasks(f, 1);
	reset(fd);
	await_conns(f, 0);
	assert_int_equal(f->dispatch.cancelled, 1);
	assert_int_equal(f->fe.waiting, 0);
}

/* Also one that has stopped sending before, which is looked after by the clock. */
static void test_reset_after_half_close(void **state)
{
	struct fixture *f = *state;
	int fd = client_open(f);

	client_send(f, fd, GET("/hash/x"));
	await_tasks(f, 1);
	shutdown(fd, SHUT_WR);
	while (!TAILQ_FIRST(&f->fe.conns)->half_closed)
		ev_run(f->fe.loop, EVRUN_ONCE);
	reset(fd);
	await_conns(f, 0);
	assert_int_equal(f->dispatch.cancelled, 1);
}

static void test_half_close_is_answered(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	client_send(f, fd, GET("/hash/x") GET("/livez"));
	await_tasks(f, 1);
	shutdown(fd, SHUT_WR);
	while (!TAILQ_FIRST(&f->fe.conns)->half_closed)
		ev_run(f->fe.loop, EVRUN_ONCE);
	client_receive(f, fd, &answer);
	assert_string_equal(answer.text, "HTTP/1.1 102 Processing\r\n\r\n");
	assert_int_equal(f->dispatch.pending, 1);
	task_finish(f, TASK_OK, "h");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200, "Hashed password: h");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200, "ok");
	client_expect_end(f, fd);
	close(fd);
}

/* HTTP/1.0 has no interim answers. */
static void test_half_close_of_an_old_client_is_answered(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	client_send(f, fd, "GET /hash/x HTTP/1.0\r\n\r\n");
	await_tasks(f, 1);
	shutdown(fd, SHUT_WR);
	while (!TAILQ_FIRST(&f->fe.conns)->half_closed)
		ev_run(f->fe.loop, EVRUN_ONCE);
	task_finish(f, TASK_OK, "h");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200, "Hashed password: h");
	client_expect_end(f, fd);
	close(fd);
}

/* From afar this looks like the former, but nobody is there: the job ends at once, and
 * not when its answer finds nobody. */
static void test_a_client_that_closes_cancels_its_job(void **state)
{
	struct fixture *f = *state;
	int fd = client_open(f);

	client_send(f, fd, GET("/hash/x"));
	await_tasks(f, 1);
	close(fd);
	await_conns(f, 0);
	assert_int_equal(f->dispatch.cancelled, 1);
	assert_int_equal(f->dispatch.pending, 0);
}

/* All that came before the end is answered, however long that takes. */
static void test_half_close_after_many(void **state)
{
	static char text[200 * 64];
	struct fixture *f = *state;
	size_t len = pipeline(text, sizeof(text), "/livez?", 200);
	struct answer answer;
	int fd = client_open(f);

	client_send(f, fd, GET("/hash/x"));
	client_send_bytes(f, fd, text, len);
	shutdown(fd, SHUT_WR);
	await_tasks(f, 1);
	while (!TAILQ_FIRST(&f->fe.conns)->half_closed)
		ev_run(f->fe.loop, EVRUN_ONCE);
	client_receive(f, fd, &answer);
	assert_int_equal(answer.status, 102);
	task_finish(f, TASK_OK, "h");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200, "Hashed password: h");
	for (unsigned i = 0; i < 200; i++) {
		client_receive(f, fd, &answer);
		assert_answer(&answer, 200, "ok");
	}
	client_expect_end(f, fd);
	close(fd);
}

static void test_half_close_in_a_request(void **state)
{
	struct fixture *f = *state;
	int fd = client_open(f);

	client_send(f, fd, "GET /liv");
	shutdown(fd, SHUT_WR);
	client_expect_end(f, fd);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(test_reset_cancels),
	    FIXTURE_TEST(test_reset_after_half_close),
	    FIXTURE_TEST(test_half_close_is_answered),
	    FIXTURE_TEST(test_half_close_of_an_old_client_is_answered),
	    FIXTURE_TEST(test_a_client_that_closes_cancels_its_job),
	    FIXTURE_TEST(test_half_close_after_many),
	    FIXTURE_TEST(test_half_close_in_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
