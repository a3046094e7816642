/* Requests that are sent before those before them are answered. */
#include "tests/frontend/fixture.h"

static void test_pipeline_in_order(void **state)
{
	static char text[1000 * 64];
	struct fixture *f = *state;
	size_t len = pipeline(text, sizeof(text), "/livez?", 1000);
	int fd = client_open(f);

	client_send_bytes(f, fd, text, len);
	for (unsigned i = 0; i < 1000; i++) {
		struct answer answer;
		char id[32];

		client_receive(f, fd, &answer);
		snprintf(id, sizeof(id), "\r\nX-Request-Id: r%u\r\n", i);
		assert_answer(&answer, 200, "ok");
		assert_true(answer_has(&answer, id));
	}
	close(fd);
	await_conns(f, 0);
}

/* Others have their turn while one connection's requests are answered. */
static void test_pipeline_is_fair(void **state)
{
	static char text[300 * 64];
	struct fixture *f = *state;
	size_t len = pipeline(text, sizeof(text), "/livez?", 300);
	int greedy = client_open(f), modest = client_open(f);
	uint64_t *requests = &f->fe.request_counter, before;

	assert_int_equal(send(greedy, text, len, 0), len);
	assert_int_equal(send(modest, GET("/livez"), strlen(GET("/livez")), 0),
	    strlen(GET("/livez")));
	ev_run(f->fe.loop, EVRUN_NOWAIT);
	before = *requests;
	assert_true(before <= 2 * CONN_BURST + 1);
	ev_run(f->fe.loop, EVRUN_NOWAIT);
	assert_true(*requests - before <= 2 * CONN_BURST);
	assert_true(*requests > before);
	close(greedy);
	close(modest);
}

static void test_pipelined_jobs(void **state)
{
	static char text[8 * 64];
	struct fixture *f = *state;
	size_t len = pipeline(text, sizeof(text), "/hash/secret", 8);
	int fd = client_open(f);

	client_send_bytes(f, fd, text, len);
	for (unsigned i = 0; i < 8; i++) {
		struct answer answer;
		char expected[64];

		await_tasks(f, 1);
		assert_int_equal(f->dispatch.submitted, i + 1);
		assert_int_equal(f->fe.waiting, 1);
		snprintf(expected, sizeof(expected), "secret%u", i);
		assert_memory_equal(f->dispatch.tasks[0]->password.data, expected, 7);
		snprintf(expected, sizeof(expected), "hash%u", i);
		task_finish(f, TASK_OK, expected);
		client_receive(f, fd, &answer);
		snprintf(expected, sizeof(expected), "Hashed password: hash%u", i);
		assert_answer(&answer, 200, expected);
		snprintf(expected, sizeof(expected), "\r\nX-Request-Id: r%u\r\n", i);
		assert_true(answer_has(&answer, expected));
	}
	close(fd);
}

/* A client may send as it likes while its job runs: what is kept has a bound. */
static void test_kept_bytes_bounded(void **state)
{
	static char text[1 << 20];
	struct fixture *f = *state;
	int fd = client_open(f);
	struct conn *conn;
	ssize_t n;

	client_send(f, fd, GET("/hash/x"));
	await_tasks(f, 1);
	conn = TAILQ_FIRST(&f->fe.conns);
	memset(text, 'x', sizeof(text));
	client_send_bytes(f, fd, text, 1000);
	while (conn->rest.len == 0)
		ev_run(f->fe.loop, EVRUN_ONCE);
	for (int i = 0; i < 100; i++) {
		n = send(fd, text, sizeof(text), MSG_NOSIGNAL);
		assert_true(n > 0 || errno == EAGAIN);
		ev_run(f->fe.loop, EVRUN_NOWAIT);
	}
	assert_int_equal(conn->rest.len, CONN_READ_SIZE);
	assert_false(ev_is_active(&conn->io));
	assert_false(conn->half_closed);
	close(fd);
}

/* An answer that the client takes bit by bit. */
static void test_slow_reader(void **state)
{
	static char text[2000 * 64];
	struct fixture *f = *state;
	size_t len = pipeline(text, sizeof(text), "/livez?", 2000), sent = 0;
	uint64_t since = clock_ns();
	int fd = client_open_as(f, true);

	do {
		ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		ev_run(f->fe.loop, EVRUN_NOWAIT);
		assert_true(clock_ns() - since < PATIENCE_MS * NS_PER_MS);
	} while (TAILQ_EMPTY(&f->fe.conns) ||
	         TAILQ_FIRST(&f->fe.conns)->state != CONN_WRITING);
	for (unsigned i = 0; i < 2000; i++) {
		struct answer answer;
		char id[32];

		if (sent < len) {
			ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);

			sent += n > 0 ? (size_t)n : 0;
		}
		client_receive(f, fd, &answer);
		snprintf(id, sizeof(id), "\r\nX-Request-Id: r%u\r\n", i);
		assert_answer(&answer, 200, "ok");
		assert_true(answer_has(&answer, id));
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(test_pipeline_in_order),
	    FIXTURE_TEST(test_pipeline_is_fair),
	    FIXTURE_TEST(test_pipelined_jobs),
	    FIXTURE_TEST(test_kept_bytes_bounded),
	    FIXTURE_TEST(test_slow_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
