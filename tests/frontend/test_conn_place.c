/*
 * Places: who has one, who loses it to a new client, and what those are told who have
 * none.
 */
#include "tests/frontend/place_world.h"

/* A connection of a Unix socket whose other end was made by that user. */
static int open_of_user(struct fixture *f, uid_t uid)
{
	const struct sockaddr any = {.sa_family = AF_UNIX};
	const uid_t own = geteuid();
	int fds[2];

	assert_return_code(seteuid(uid), errno);
	assert_return_code(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), errno);
	assert_return_code(seteuid(own), errno);
	assert_int_equal(conn_accept(&f->fe, fds[1], &any, sizeof(any.sa_family)), 0);
	return fds[0];
}

/* The first has asked last, so the second goes first. */
static void test_longest_idle_goes(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fds[6];

	f->config.frontend.max_connections = 3;
	for (size_t i = 0; i < 3; i++) {
		fds[i] = client_open(f);
		client_ask(f, fds[i], GET("/livez"), &answer);
	}
	client_ask(f, fds[0], GET("/livez"), &answer);
	fds[3] = client_open(f);
	client_expect_end(f, fds[1]);
	assert_true(is_open(fds[2]) && is_open(fds[0]));
	fds[4] = client_open(f);
	client_expect_end(f, fds[2]);
	assert_true(is_open(fds[0]));
	fds[5] = client_open(f);
	client_expect_end(f, fds[0]);
	assert_int_equal(f->fe.conn_count, 3);
	assert_int_equal(f->fe.reserve_count, 0);
	for (size_t i = 3; i < 6; i++) {
		client_ask(f, fds[i], GET("/livez"), &answer);
		assert_answer(&answer, 200, "ok");
		assert_false(answer_has(&answer, "\r\nConnection:"));
	}
	for (size_t i = 0; i < 6; i++)
		close(fds[i]);
}

/* One whose request is here already, though we have not looked, is not idle. */
static void test_asked_is_not_idle(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int asked, idle, extra;

	f->config.frontend.max_connections = 2;
	asked = client_open(f);
	client_ask(f, asked, GET("/livez"), &answer);
	idle = client_open(f);
	client_ask(f, idle, GET("/livez"), &answer);
	assert_int_equal(send(asked, GET("/livez"), sizeof(GET("/livez")) - 1, 0),
	    sizeof(GET("/livez")) - 1);
	extra = client_open(f);
	client_expect_end(f, idle);
	client_receive(f, asked, &answer);
	assert_answer(&answer, 200, "ok");
	assert_int_equal(f->fe.conn_count, 2);
	close(asked);
	close(idle);
	close(extra);
}

/* Nor is one that has requests left and only lets others have their turn. */
static void test_turn_is_not_idle(void **state)
{
	static char text[4 * CONN_BURST * 48];
	struct fixture *f = *state;
	struct answer answer;
	uint64_t since = clock_ns();
	size_t len = 0;
	struct conn *conn;
	int fd;

	f->config.frontend.max_connections = 1;
	for (int i = 0; i < 4 * CONN_BURST; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s", GET("/livez"));
	fd = client_open(f);
	conn = TAILQ_FIRST(&f->fe.conns);
	assert_int_equal(send(fd, text, len, 0), len);
	while (conn->rest.len == 0)
		turn(f, -1, since);
	assert_int_equal(conn->state, CONN_IDLE);
	assert_false(conn_is_unasked(conn));
	assert_false(conn_make_room(conn->client));
	for (int i = 0; i < 4 * CONN_BURST; i++) {
		client_receive(f, fd, &answer);
		assert_answer(&answer, 200, "ok");
	}
	assert_true(conn_is_unasked(conn));
	assert_true(conn_make_room(conn->client));
	client_expect_end(f, fd);
	close(fd);
}

/* A request half here, a job, an answer half written: none of these is idle. */
static void test_busy_stays(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	uint64_t since = clock_ns();
	int head, job, body, extra;

	f->config.frontend.max_connections = 3;
	head = client_open(f);
	client_send(f, head, "GET /livez HT");
	body = client_open(f);
	client_send(
	    f, body, "POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n1");
	job = open_busy(f);
	while (!TAILQ_EMPTY(&TAILQ_FIRST(&f->fe.conns)->client->idle))
		turn(f, -1, since);
	extra = client_open(f);
	assert_int_equal(f->fe.reserve_count, 1);
	client_ask(f, extra, GET("/nowhere"), &answer);
	expect_refused(&answer, 503);
	client_expect_end(f, extra);
	assert_int_equal(f->fe.clients.count, 1);
	client_ask(f, head, "TP/1.1\r\nHost: a\r\n\r\n", &answer);
	assert_answer(&answer, 200, "ok");
	client_ask(f, body, "23", &answer);
	assert_int_equal(answer.status, 405);
	task_finish(f, TASK_OK, "h");
	client_receive(f, job, &answer);
	assert_int_equal(answer.status, 200);
	close(head);
	close(body);
	close(job);
	close(extra);
}

/* In the reserve only health is told, and the answer is the last. */
static void test_reserve(void **state)
{
	static const struct {
		const char *request;
		unsigned status;
	} rows[] = {
	    {GET("/livez"), 200},
	    {GET("/livez?verbose"), 200},
	    {"HEAD /readyz HTTP/1.1\r\nHost: a\r\n\r\n", 503}, /* no hasher here */
	    {"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405},
	    {GET("/nowhere"), 503},
	    {GET("/livez/"), 503},
	    {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 503},
	    {"POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	     "Content-Length: 9\r\n\r\n",
	        503},
	    {"\t", 400},
	};
	struct fixture *f = *state;
	int busy;

	f->config.frontend.max_connections = 1;
	busy = open_busy(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool head = rows[i].request[0] == 'H';
		struct answer answer;
		int fd = client_open(f);

		client_send(f, fd, rows[i].request);
		if (strstr(rows[i].request, "Content-Length: 9") != NULL &&
		    strstr(rows[i].request, "Expect") == NULL)
			client_send(f, fd, "123456789");
		client_receive_as(f, fd, &answer, head);
		if (answer.status != rows[i].status)
			fail_msg("%u for: %s", answer.status, rows[i].request);
		if (answer.status == 503 && !head)
			expect_refused(&answer, 503);
		assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
		client_expect_end(f, fd);
		close(fd);
	}
	task_finish(f, TASK_OK, "h");
	close(busy);
}

/* As ever, seed routes speak plain text. */
static void test_reserve_in_text(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int busy, fd;

	f->config.frontend.max_connections = 1;
	busy = open_busy(f);
	fd = client_open(f);
	client_ask(f, fd, GET("/hash/x"), &answer);
	assert_answer(&answer, 503, "Too many connections are open");
	assert_true(answer_has(&answer, "\r\nRetry-After: 1\r\n"));
	close(fd);
	fd = client_open(f); /* nor is it asked for its body */
	client_ask(f, fd,
	    "GET /hash/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"
	    "Expect: 100-continue\r\n\r\n",
	    &answer);
	assert_answer(&answer, 503, "Too many connections are open");
	assert_int_equal(f->dispatch.submitted, 1);
	close(fd);
	close(busy);
}

/* Who waits in the reserve has a place once there is one. */
static void test_place_by_then(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int busy, fd;

	f->config.frontend.max_connections = 1;
	busy = open_busy(f);
	fd = client_open(f);
	assert_int_equal(f->fe.reserve_count, 1);
	task_finish(f, TASK_OK, "h"); /* busy is idle now, and makes room */
	client_receive(f, busy, &answer);
	client_ask(f, fd, GET("/nowhere"), &answer);
	assert_int_equal(answer.status, 404);
	assert_false(answer_has(&answer, "\r\nConnection:"));
	assert_int_equal(f->fe.reserve_count, 0);
	client_expect_end(f, busy);
	client_ask(f, fd, GET("/livez"), &answer);
	assert_answer(&answer, 200, "ok");
	close(fd);
	close(busy);
}

/* The reserve is small; who sits there longest makes room, and the last to come are
 * answered. */
static void test_reserve_is_bounded(void **state)
{
	enum { CAME = LIMIT_RESERVE + 5 };
	struct fixture *f = *state;
	struct answer answer;
	int busy, fds[CAME];

	f->config.frontend.max_connections = 1;
	busy = open_busy(f);
	for (size_t i = 0; i < CAME; i++) {
		fds[i] = client_open(f);
		assert_true(f->fe.conn_count <= 1 + LIMIT_RESERVE);
	}
	assert_int_equal(f->fe.reserve_count, LIMIT_RESERVE);
	for (size_t i = 0; i < CAME; i++) {
		if (i < CAME - LIMIT_RESERVE) {
			client_expect_end(f, fds[i]);
		} else {
			client_ask(f, fds[i], GET("/livez"), &answer);
			assert_answer(&answer, 200, "ok");
		}
		close(fds[i]);
	}
	task_finish(f, TASK_OK, "h");
	client_receive(f, busy, &answer);
	assert_int_equal(answer.status, 200);
	close(busy);
}

static void test_share_of_a_client(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fds[7];

	f->config.frontend.max_connections_per_client = 2;
	fds[0] = open_from(f, "192.0.2.1");
	fds[1] = open_from(f, "192.0.2.1");
	fds[2] = open_from(f, "192.0.2.1");
	fds[3] = open_from(f, "192.0.2.2");
	for (size_t i = 4; i < 7; i++)
		fds[i] = open_from(f, "unix");
	client_ask(f, fds[2], GET("/nowhere"), &answer);
	expect_refused(&answer, 429);
	client_expect_end(f, fds[2]);
	for (size_t i = 0; i < 7; i++) {
		if (i == 2)
			continue;
		client_ask(f, fds[i], GET("/nowhere"), &answer);
		assert_int_equal(answer.status, 404);
	}
	close(fds[2]);
	await_conns(f, 6);
	close(fds[0]);
	await_conns(f, 5);
	fds[0] = open_from(f, "192.0.2.1");
	client_ask(f, fds[0], GET("/nowhere"), &answer);
	assert_int_equal(answer.status, 404);
	for (size_t i = 0; i < 7; i++)
		if (i != 2)
			close(fds[i]);
}

/* When all is lost but the fd: an answer all the same. */
static void test_turned_away(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fds[2];

	tcp_pair(fds, false);
	send(fds[0], GET("/hash/secret"), sizeof(GET("/hash/secret")) - 1, 0);
	conn_turn_away(&f->fe, fds[1]);
	client_receive(f, fds[0], &answer);
	expect_refused(&answer, 503);
	client_expect_end(f, fds[0]);
	assert_null(memmem(&f->fe.scratch, sizeof(f->fe.scratch), "secret", 6));
	close(fds[0]);
}

/* Each user of a Unix socket is a client; whoever is not root can only be himself. */
static void test_users(void **state)
{
	enum { OTHER = 65534 };
	struct fixture *f = *state;
	const uid_t own = geteuid(), other = own == 0 ? OTHER : own;
	const uid_t users[] = {own, other, own};
	const struct conn *conn;
	int fds[3];

	for (unsigned i = 0; i < 3; i++) {
		fds[i] = open_of_user(f, users[i]);
		conn = TAILQ_LAST(&f->fe.conns, conn_list);
		assert_int_equal(conn->peer.kind, CONN_PEER_UNIX);
		assert_memory_equal(conn->peer.address, &users[i], sizeof(users[i]));
	}
	assert_int_equal(f->fe.clients.count, own == 0 ? 2 : 1);
	assert_int_equal(
	    TAILQ_FIRST(&f->fe.conns)->client->connections, own == 0 ? 2 : 3);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(test_longest_idle_goes),
	    FIXTURE_TEST(test_asked_is_not_idle),
	    FIXTURE_TEST(test_turn_is_not_idle),
	    FIXTURE_TEST(test_users),
	    FIXTURE_TEST(test_busy_stays),
	    FIXTURE_TEST(test_reserve),
	    FIXTURE_TEST(test_reserve_in_text),
	    FIXTURE_TEST(test_place_by_then),
	    FIXTURE_TEST(test_reserve_is_bounded),
	    FIXTURE_TEST(test_share_of_a_client),
	    FIXTURE_TEST(test_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
