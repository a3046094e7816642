/*
 * frontend/conn_memory.c: what connections hold in buffers, here and in the kernel,
 * stays within the frontend's limit; whoever reads and asks for little is served
 * meanwhile.
 */
#include <linux/sock_diag.h>

#include "tests/frontend/fixture.h"

enum { CROWD = 48, BUFFERS = 1 << 20, PIECE = 4096 };

/* The kernel rounds what it holds in its own way: so much more than was foreseen. */
enum { ROUNDED = 8 };

#define OPENAPI GET("/openapi.json")

static void limit_is(struct fixture *f, uint64_t buffers)
{
	f->config.frontend.max_connections = 64;
	f->config.frontend.memory_limit = 0;
	f->config.frontend.memory_limit =
	    config_frontend_bytes(&f->config) - config_frontend_buffers(&f->config);
	f->config.frontend.memory_limit += buffers;
	assert_int_equal(config_frontend_buffers(&f->config), buffers);
}

/* A client that takes few bytes at a time, before a socket as the master makes them. */
static int open_slow(struct fixture *f)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	const int few = 16384, send = LIMIT_SEND_BUFFER,
	          receive = (int)config_receive_buffer(&f->config);
	int fds[2];

	tcp_pair(fds, true);
	setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &few, sizeof(few));
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
	setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
	assert_int_equal(
	    conn_accept(&f->fe, fds[1], (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fds[0];
}

/* What the kernel has for all connections. */
static uint64_t kernel_bytes(const struct fixture *f)
{
	const struct conn *conn;
	uint64_t sum = 0;

	TAILQ_FOREACH(conn, &f->fe.conns, entry)
	{
		uint32_t info[SK_MEMINFO_VARS] = {0};
		socklen_t len = sizeof(info);

		assert_int_equal(
		    getsockopt(conn->io.fd, SOL_SOCKET, SO_MEMINFO, info, &len), 0);
		sum += info[SK_MEMINFO_WMEM_QUEUED];
		if ((conn->io.events & EV_READ) == 0) /* else it is read at once */
			sum += info[SK_MEMINFO_RMEM_ALLOC];
	}
	return sum;
}

/* Turns until nothing moves any more: what came is read, what is too much is gone. */
static void settle(struct fixture *f)
{
	uint64_t was[4], is[4] = {0};

	do {
		memcpy(was, is, sizeof(was));
		ev_run(f->fe.loop, EVRUN_NOWAIT);
		is[0] = f->fe.request_counter;
		is[1] = f->fe.memory.ours;
		is[2] = f->fe.memory.kernel;
		is[3] = f->fe.conn_count;
	} while (memcmp(was, is, sizeof(was)) != 0);
}

static void expect_within_limit(const struct fixture *f)
{
	const uint64_t limit = config_frontend_buffers(&f->config);

	if (f->fe.memory.ours + f->fe.memory.kernel > limit ||
	    f->fe.memory.ours + kernel_bytes(f) > limit + limit / ROUNDED)
		fail_msg("%ju of ours, %ju of the kernel's, which are %ju",
		    (uintmax_t)f->fe.memory.ours, (uintmax_t)f->fe.memory.kernel,
		    (uintmax_t)kernel_bytes(f));
}

/* One that was there before, and asks for little. */
static void expect_served(struct fixture *f, int fd)
{
	struct answer answer;

	client_ask(f, fd, GET("/livez"), &answer);
	assert_answer(&answer, 200, "ok");
}

static void those_who_read_nothing_have_no_more_than_the_limit(void **state)
{
	struct fixture *f = *state;
	const int honest = client_open(f);
	int fds[CROWD];

	limit_is(f, BUFFERS);
	for (int i = 0; i < CROWD; i++)
		fds[i] = open_slow(f);
	for (int round = 0; round < 64; round++) {
		for (int i = 0; i < CROWD; i++)
			(void)send(fds[i], OPENAPI, sizeof(OPENAPI) - 1, MSG_NOSIGNAL);
		settle(f);
		expect_within_limit(f);
		expect_served(f, honest);
	}
	assert_in_range(f->fe.conn_count, 2, CROWD);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	close(honest);
	await_conns(f, 0);
	assert_int_equal(f->fe.memory.ours, 0);
	assert_int_equal(f->fe.memory.kernel, 0);
}

/* Small answers that nobody takes fit into the socket: the connection is idle. */
static void unread_answers_of_idle_connections_count(void **state)
{
	struct fixture *f = *state;
	char text[64 * sizeof(GET("/livez"))] = "";
	const int honest = client_open(f);
	int fds[CROWD];

	limit_is(f, BUFFERS);
	for (int i = 0; i < 64; i++)
		strcat(text, GET("/livez"));
	for (int i = 0; i < CROWD; i++)
		fds[i] = open_slow(f);
	for (int round = 0; round < 64; round++)
		for (int i = 0; i < CROWD; i++) {
			(void)send(fds[i], text, strlen(text), MSG_NOSIGNAL);
			settle(f);
			expect_within_limit(f);
		}
	expect_served(f, honest);
	assert_in_range(f->fe.conn_count, 2, CROWD);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	close(honest);
	await_conns(f, 0);
}

/* Asks for a large answer and takes it as it comes. */
static void expect_read(struct fixture *f, int fd)
{
	static char text[1 << 16];
	const uint64_t since = clock_ns();
	const char *body = NULL;
	size_t len = 0, whole = SIZE_MAX;

	client_send(f, fd, OPENAPI);
	while (len < whole) {
		const ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);

		if (n < 0)
			assert_int_equal(errno, EAGAIN);
		else
			assert_int_not_equal(n, 0);
		len += n > 0 ? (size_t)n : 0;
		text[len] = '\0';
		body = strstr(text, "\r\n\r\n");
		if (body != NULL)
			whole =
			    (size_t)(body + 4 - text) +
			    strtoul(strstr(text, "Content-Length: ") + 16, NULL, 10);
		if (n < 0)
			turn(f, fd, since);
	}
	assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\n"));
}

/* Who takes the answers is not among those who have to go: what it has not taken yet is
 * younger than what the others do not take. */
static void a_reader_of_large_answers_is_served_meanwhile(void **state)
{
	struct fixture *f = *state;
	const int reader = client_open(f);
	const uint64_t began = clock_ns();
	int fds[CROWD];

	limit_is(f, BUFFERS);
	for (int i = 0; i < CROWD; i++) {
		fds[i] = open_slow(f);
		client_send(f, fds[i], OPENAPI OPENAPI);
	}
	while (clock_ns() - began < 500 * NS_PER_MS)
		turn(f, -1, began);
	for (int round = 0; round < 32; round++) {
		for (int i = 0; i < CROWD; i++)
			(void)send(fds[i], OPENAPI, sizeof(OPENAPI) - 1, MSG_NOSIGNAL);
		expect_read(f, reader);
	}
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	close(reader);
	await_conns(f, 0);
}

#define POST                                                                           \
	"POST /v1/inspect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"

/* Of a body only what its members may hold is kept, however long it is: nobody has to
 * go for it. */
static void long_bodies_cost_no_memory(void **state)
{
	static const char half[] = POST "Content-Length: 12\r\n\r\n{\"hash\"";
	struct fixture *f = *state;
	char piece[PIECE];
	struct answer answer;
	int fds[CROWD], honest = client_open(f);

	memset(piece, ' ', sizeof(piece));
	f->config.max_body = 1 << 20;
	limit_is(f, BUFFERS);
	client_send(f, honest, half);
	for (int i = 0; i < CROWD; i++) {
		fds[i] = open_slow(f);
		client_send(f, fds[i], POST "Content-Length: 1000000\r\n\r\n");
	}
	for (int round = 0; round < 32; round++)
		for (int i = 0; i < CROWD; i++) {
			(void)send(fds[i], piece, sizeof(piece), MSG_NOSIGNAL);
			settle(f);
			expect_within_limit(f);
		}
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(recv(fds[i], piece, 1, MSG_PEEK | MSG_DONTWAIT), -1);
	client_send(f, honest, ":\"\"}  ");
	client_receive(f, honest, &answer);
	assert_int_equal(answer.status, 422);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	close(honest);
	await_conns(f, 0);
}

/* Requests sent ahead while a job runs. */
static void requests_sent_ahead_count(void **state)
{
	struct fixture *f = *state;
	static char ahead[3 * CONN_READ_SIZE];
	const int honest = client_open(f);
	int fds[CROWD];

	f->config.hello_delay_ms = PATIENCE_MS;
	memset(ahead, 'x', sizeof(ahead));
	limit_is(f, BUFFERS / 2);
	for (int i = 0; i < CROWD; i++) {
		fds[i] = open_slow(f);
		client_send(f, fds[i], GET("/"));
		settle(f);
		(void)send(fds[i], ahead, sizeof(ahead), MSG_NOSIGNAL);
		settle(f);
		expect_within_limit(f);
	}
	assert_in_range(f->fe.conn_count, 2, CROWD);
	expect_served(f, honest);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	close(honest);
	conn_close_all(&f->fe); /* nobody looks after a client that waits for a delay */
}

/* ---- what is left in the kernel when the connection ends */

/* Reads all there is; returns how much that was, with errno of the end (0: in order).
 */
static size_t read_to_the_end(struct fixture *f, int fd)
{
	static char text[1 << 16];
	const uint64_t since = clock_ns();
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, text, sizeof(text), 0)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else if (errno != EAGAIN)
			return len;
		turn(f, n < 0 ? fd : -1, since);
	}
	errno = 0;
	return len;
}

#define LAST "GET /openapi.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

/* The connection is not given up while the kernel has its answers; who does not take
 * them in time is cut off, and nothing is left. */
static void an_ended_connection_leaves_nothing_behind(void **state)
{
	static const char *const texts[] = {
	    OPENAPI OPENAPI OPENAPI LAST, OPENAPI OPENAPI OPENAPI};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct fixture *f = *state;
		int fd;

		f->config.write_timeout_ms = 100;
		fd = open_slow(f);
		client_send(f, fd, texts[i]);
		settle(f);
		assert_null(TAILQ_FIRST(&f->fe.conns)->out);
		if (i == 1)
			shutdown(fd, SHUT_WR);
		settle(f);
		assert_int_equal(f->fe.conn_count, 1);
		await_conns(f, 0);
		(void)read_to_the_end(f, fd);
		assert_int_equal(errno, ECONNRESET);
		close(fd);
	}
}

static void who_takes_the_last_answer_late_has_all_of_it(void **state)
{
	static const char *const texts[] = {
	    OPENAPI OPENAPI OPENAPI LAST, OPENAPI OPENAPI OPENAPI};
	size_t whole;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct fixture *f = *state;
		int fd = client_open(f);

		client_send(f, fd, LAST);
		whole = read_to_the_end(f, fd);
		assert_int_equal(errno, 0);
		close(fd);
		fd = open_slow(f);
		client_send(f, fd, texts[i]);
		if (i == 1)
			shutdown(fd, SHUT_WR);
		settle(f);
		assert_in_range(read_to_the_end(f, fd), (4 - i) * (whole - 64),
		    (4 - i) * (whole + 64));
		assert_int_equal(errno, 0);
		await_conns(f, 0);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(those_who_read_nothing_have_no_more_than_the_limit),
	    FIXTURE_TEST(unread_answers_of_idle_connections_count),
	    FIXTURE_TEST(a_reader_of_large_answers_is_served_meanwhile),
	    FIXTURE_TEST(long_bodies_cost_no_memory),
	    FIXTURE_TEST(requests_sent_ahead_count),
	    FIXTURE_TEST(an_ended_connection_leaves_nothing_behind),
	    FIXTURE_TEST(who_takes_the_last_answer_late_has_all_of_it),
	};

	return cmocka_run_group_tests_name("conn_budget", tests, NULL, NULL);
}
