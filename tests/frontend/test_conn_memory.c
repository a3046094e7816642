/*
 * Every allocation of a connection's life fails once: the request it was for gets an
 * answer or an end, and the next connection is served. The sources are compiled into
 * this program with an allocator that can be told to fail.
 */
#include "tests/frontend/fixture.h"

static unsigned allocation,
    failing; /* the number of the last one; of the one to fail */

static void *test_malloc_at(size_t size)
{
	return ++allocation == failing ? NULL : malloc(size);
}

static void *test_calloc_at(size_t count, size_t size)
{
	return ++allocation == failing ? NULL : calloc(count, size);
}

#define malloc test_malloc_at
#define calloc test_calloc_at
#include "common/secret.c"
#include "frontend/client.c"
#include "frontend/conn.c"
#include "frontend/conn_answer.c"
#include "frontend/conn_read.c"
#undef malloc
#undef calloc

/* Nothing of this may hang or crash, whatever fails; what is asked for comes or the
 * end. */
static void live(struct fixture *f)
{
	static const char text[] =
	    "POST /hash/abc HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "1\r\nx\r\n0\r\n\r\n"
	    "GET /hash/secret HTTP/1.1\r\nHost: a\r\nX-Request-Id: id\r\n\r\n"
	    "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: id\r\n\r\n";
	struct sockaddr_in addr = {.sin_family = AF_INET};
	uint64_t since = clock_ns();
	unsigned answers = 0;
	int fds[2];

	tcp_pair(fds, false);
	if (conn_accept(&f->fe, fds[1], (struct sockaddr *)&addr, sizeof(addr)) == 0) {
		assert_int_equal(send(fds[0], text, 40, MSG_NOSIGNAL), 40);
		ev_run(f->fe.loop, EVRUN_NOWAIT);
		send(fds[0], text + 40, sizeof(text) - 1 - 40, MSG_NOSIGNAL);
	}
	while (f->fe.conn_count > 0 && answers < 3) {
		struct answer answer;

		turn(f, fds[0], since);
		if (f->dispatch.pending > 0)
			task_finish(f, TASK_OK, "h");
		if (recv(fds[0], &answer, 1, MSG_PEEK) < 0 && errno == EAGAIN)
			continue;
		client_receive(f, fds[0], &answer);
		if (answer.eof)
			break;
		assert_true(answer.status == 405 || answer.status == 200 ||
		            answer.status == 503);
		answers++;
	}
	close(fds[0]);
	await_conns(f, 0);
}

static void test_each_allocation_fails(void **state)
{
	struct fixture *f = *state;
	unsigned last;

	allocation = failing = 0;
	live(f);
	last = allocation;
	assert_true(last >= 6);
	for (unsigned i = 1; i <= last; i++) {
		struct answer answer;

		allocation = 0;
		failing = i;
		live(f);
		failing = 0;
		ask_once(f, GET("/livez"), &answer);
		assert_answer(&answer, 200, "ok");
		assert_int_equal(f->dispatch.pending, 0);
		assert_int_equal(f->fe.waiting, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(test_each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
