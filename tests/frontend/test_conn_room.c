/*
 * Who makes room when all places are taken: connections that the server waits for, of
 * the client or network that has most of them.
 */
#include "tests/frontend/place_world.h"

#define HEAD_PART "GET /livez HTTP/1.1\r\nHost: a\r\n"
#define BODY_PART                                                                      \
	"POST /v1/inspect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"   \
	"Content-Length: 3\r\n\r\n{"

/* A connection in that state, or (CONN_IDLE) between two requests. */
static int open_in(struct fixture *f, const char *address, enum conn_state state)
{
	static const char *const texts[] = {
	    [CONN_HEAD] = HEAD_PART, [CONN_BODY] = BODY_PART};
	uint64_t since = clock_ns();
	int fd = open_from(f, address);
	const struct conn *conn = TAILQ_LAST(&f->fe.conns, conn_list);

	if (state != CONN_IDLE)
		client_send(f, fd, texts[state]);
	while (conn->state != state)
		turn(f, -1, since);
	return fd;
}

static void expect_served(struct fixture *f, int fd)
{
	struct answer answer;

	client_ask(f, fd, GET("/nowhere"), &answer);
	assert_int_equal(answer.status, 404);
	assert_false(answer_has(&answer, "\r\nConnection:"));
}

static void expect_told(struct fixture *f, int fd)
{
	struct answer answer;

	client_receive(f, fd, &answer);
	expect_refused(&answer, 503);
	client_expect_end(f, fd);
}

/* Idle ones first; then those that it waits for, the longest first, whatever they have
 * begun; who has begun is told. */
static void test_who_has_most_gives_way(void **state)
{
	struct fixture *f = *state;
	int slow[4], quick[3];

	f->config.frontend.max_connections = 4;
	slow[0] = open_in(f, "192.0.2.1", CONN_BODY);
	slow[1] = open_in(f, "192.0.2.1", CONN_HEAD);
	slow[2] = open_in(f, "192.0.2.1", CONN_IDLE);
	slow[3] = open_in(f, "192.0.2.1", CONN_BODY);
	quick[0] = open_from(f, "203.0.113.1");
	client_expect_end(f, slow[2]);
	expect_served(f, quick[0]);
	quick[1] = open_from(f, "203.0.113.1");
	expect_told(f, slow[0]);
	expect_served(f, quick[1]);
	/* both have two: one more of either has its own idle ones only */
	quick[2] = open_from(f, "203.0.113.1");
	client_expect_end(f, quick[0]);
	expect_served(f, quick[2]);
	assert_int_equal(f->fe.reserve_count, 0);
	assert_true(is_open(slow[1]) && is_open(slow[3]) && is_open(quick[1]));
	for (size_t i = 0; i < 4; i++)
		close(slow[i]);
	for (size_t i = 0; i < 3; i++)
		close(quick[i]);
}

/* What a client has begun does not make room for more of its own. */
static void test_own_requests_stay(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int head, extra, other;

	f->config.frontend.max_connections = 1;
	head = open_in(f, "192.0.2.1", CONN_HEAD);
	extra = open_from(f, "192.0.2.1");
	client_ask(f, extra, GET("/nowhere"), &answer);
	expect_refused(&answer, 503);
	other = open_from(f, "203.0.113.1");
	expect_told(f, head);
	expect_served(f, other);
	close(head);
	close(extra);
	close(other);
}

/* A network is one, however many addresses it has; inside it the largest client. */
static void test_a_network_gives_way(void **state)
{
	static const struct {
		const char *slow[4], *other;
	} rows[] = {
	    {{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.2"}, "203.0.113.1"},
	    {{"2001:db8:1:1::1", "2001:db8:1:2::1", "2001:db8:1:300::1",
	         "2001:db8:1:2::2"},
	        "2001:db8:2:1::1"},
	};
	struct fixture *f = *state;

	f->config.frontend.max_connections = 6;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int slow[4], other[3];

		for (size_t j = 0; j < 4; j++)
			slow[j] = open_in(f, rows[i].slow[j], CONN_HEAD);
		other[0] = open_in(f, rows[i].other, CONN_HEAD);
		other[1] = open_in(f, rows[i].other, CONN_HEAD);
		other[2] = open_from(f, rows[i].other);
		expect_told(f, slow[1]);
		expect_served(f, other[2]);
		assert_true(is_open(slow[0]) && is_open(slow[2]) && is_open(slow[3]));
		for (size_t j = 0; j < 4; j++)
			close(slow[j]);
		for (size_t j = 0; j < 3; j++)
			close(other[j]);
		await_conns(f, 0);
	}
}

/* A client with many jobs does not count as one that keeps the server waiting. */
static void test_jobs_do_not_count(void **state)
{
	struct fixture *f = *state;
	int busy[3], slow, more;

	f->config.frontend.max_connections = 4;
	for (unsigned i = 0; i < 3; i++) {
		busy[i] = open_from(f, "192.0.2.1");
		client_send(f, busy[i], GET("/hash/x"));
		await_tasks(f, i + 1);
	}
	slow = open_in(f, "203.0.113.1", CONN_HEAD);
	more = open_from(f, "192.0.2.1");
	expect_told(f, slow);
	expect_served(f, more);
	close(slow);
	slow = open_from(f, "203.0.113.1"); /* takes the idle one's place in turn */
	client_expect_end(f, more);
	expect_served(f, slow);
	for (unsigned i = 0; i < 3; i++)
		close(busy[i]);
	close(slow);
	close(more);
}

/* One on which the next request lies already: it is answered that there is no place. */
static void test_requests_without_end_give_way(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int loud, other;

	f->config.frontend.max_connections = 1;
	loud = open_from(f, "192.0.2.1");
	client_ask(f, loud, GET("/livez"), &answer);
	assert_int_equal(send(loud, GET("/livez"), sizeof(GET("/livez")) - 1, 0),
	    sizeof(GET("/livez")) - 1);
	other = open_from(f, "203.0.113.1");
	expect_told(f, loud);
	expect_served(f, other);
	close(loud);
	close(other);
}

/* One that does not take its answer. */
static void test_non_readers_give_way(void **state)
{
	struct fixture *f = *state;
	uint64_t since = clock_ns();
	struct sockaddr_in in = {.sin_family = AF_INET};
	const struct conn *conn;
	char text[64 * 48];
	size_t len = 0;
	int fds[2], other;

	f->config.frontend.max_connections = 1;
	for (unsigned i = 0; i < 64; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s", GET("/openapi.json"));
	tcp_pair(fds, true);
	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	assert_int_equal(
	    conn_accept(&f->fe, fds[1], (struct sockaddr *)&in, sizeof(in)), 0);
	conn = TAILQ_FIRST(&f->fe.conns);
	client_send_bytes(f, fds[0], text, len);
	while (conn->state != CONN_WRITING)
		turn(f, -1, since);
	other = open_from(f, "203.0.113.1");
	assert_int_equal(f->fe.conn_count, 1);
	expect_served(f, other);
	close(fds[0]);
	close(other);
}

/* A crowd of one network cannot push another client out of the reserve. */
static void test_reserve_is_shared(void **state)
{
	enum { CROWD = 3 * LIMIT_RESERVE };
	struct fixture *f = *state;
	struct answer answer;
	int busy, health, crowd[CROWD];

	f->config.frontend.max_connections = 1;
	busy = open_busy(f);
	health = open_from(f, "203.0.113.1");
	for (unsigned i = 0; i < CROWD; i++) {
		char address[64];

		snprintf(address, sizeof(address), "2001:db8:1:%x::1", i);
		crowd[i] = open_from(f, address);
		assert_true(f->fe.reserve_count <= LIMIT_RESERVE);
	}
	client_ask(f, health, GET("/livez"), &answer);
	assert_answer(&answer, 200, "ok");
	for (unsigned i = 0; i < CROWD; i++)
		close(crowd[i]);
	close(health);
	close(busy);
}

/* Who was served last makes room last: also where each has one. */
static void test_clients_with_one_each(void **state)
{
	struct fixture *f = *state;
	int fds[4];

	f->config.frontend.max_connections = 3;
	fds[0] = open_from(f, "192.0.2.1");
	fds[1] = open_from(f, "198.51.100.1");
	fds[2] = open_from(f, "2001:db8::1");
	expect_served(f, fds[0]);
	fds[3] = open_from(f, "203.0.113.1");
	client_expect_end(f, fds[1]);
	for (unsigned i = 0; i < 4; i++) {
		if (i != 1)
			expect_served(f, fds[i]);
		close(fds[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(test_who_has_most_gives_way),
	    FIXTURE_TEST(test_own_requests_stay),
	    FIXTURE_TEST(test_a_network_gives_way),
	    FIXTURE_TEST(test_jobs_do_not_count),
	    FIXTURE_TEST(test_requests_without_end_give_way),
	    FIXTURE_TEST(test_non_readers_give_way),
	    FIXTURE_TEST(test_reserve_is_shared),
	    FIXTURE_TEST(test_clients_with_one_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
