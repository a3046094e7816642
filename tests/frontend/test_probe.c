/*
 * Health checks as they come from proxies and supervisors, which have no token, may
 * speak HTTP/1.0, and may send no Host.
 */
#include "tests/frontend/fixture.h"

#include "common/token.h"
#include "frontend/route.h"

#define GET_ALLOW "\r\nAllow: GET, HEAD, OPTIONS\r\n"
#define POST_ALLOW "\r\nAllow: POST, OPTIONS\r\n"

static int probe_setup(void **state)
{
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	for (unsigned pool = 0; pool < 3; pool++)
		atomic_store(&board_head(&f->child.board)->alive[pool], 1);
	return 0;
}

#define PROBE_TEST(name)                                                               \
	cmocka_unit_test_setup_teardown(name, probe_setup, fixture_teardown)

/* OPTIONS as HAProxy sends it: HTTP/1.0 and nothing else. */
static void options_of(struct fixture *f, const char *path, struct answer *answer)
{
	char text[128];

	snprintf(text, sizeof(text), "OPTIONS %s HTTP/1.0\r\n\r\n", path);
	ask_once(f, text, answer);
}

static void options_is_answered_on_each_path(void **state)
{
	static const struct {
		const char *path, *allow;
		unsigned without_seed;
	} rows[] = {
	    {"/", GET_ALLOW, 200},
	    {"/hash/x", GET_ALLOW, 404},
	    {"/hash_rayon/x", GET_ALLOW, 404},
	    {"/user/1", GET_ALLOW, 404},
	    {"/livez", GET_ALLOW, 200},
	    {"/readyz", GET_ALLOW, 200},
	    {"/readyz?verbose", GET_ALLOW, 200},
	    {"/openapi.json", GET_ALLOW, 200},
	    {"/v1/hash", POST_ALLOW, 200},
	    {"/v1/verify", POST_ALLOW, 200},
	    {"/v1/inspect", POST_ALLOW, 200},
	    {"*", "\r\nAllow: GET, HEAD, POST, OPTIONS\r\n", 200},
	};
	struct fixture *f = *state;
	struct answer answer;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f->config.seed_routes = true;
		options_of(f, rows[i].path, &answer);
		assert_int_equal(answer.status, 200);
		assert_true(answer_has(&answer, rows[i].allow));
		f->config.seed_routes = false;
		options_of(f, rows[i].path, &answer);
		assert_int_equal(answer.status, rows[i].without_seed);
	}
	options_of(f, "/", &answer);
	assert_answer(&answer, 200, "ok");
	assert_true(answer_has(&answer, "\r\nAllow: OPTIONS\r\n"));
	ask_once(f, GET("/"), &answer);
	assert_int_equal(answer.status, 404);
	options_of(f, "/none", &answer);
	assert_int_equal(answer.status, 404);
	assert_int_equal(f->dispatch.submitted, 0);
}

static void options_keeps_the_connection(void **state)
{
	static const char text[] = "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n"
	                           "OPTIONS /v1/hash HTTP/1.1\r\nHost: a\r\n"
	                           "Content-Length: 5\r\n\r\nGET /"
	                           "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n";
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	client_send(f, fd, text);
	for (unsigned i = 0; i < 3; i++) {
		client_receive(f, fd, &answer);
		assert_answer(&answer, 200, "ok");
		assert_false(answer_has(&answer, "\r\nConnection: close\r\n"));
	}
	client_ask(f, fd,
	    "OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
	    "Expect: 100-continue\r\n\r\n",
	    &answer);
	assert_string_equal(answer.text, "HTTP/1.1 100 Continue\r\n\r\n");
	client_ask(f, fd, "x", &answer);
	assert_answer(&answer, 200, "ok");
	close(fd);
}

/* The token set is never looked into: any will do. */
static void options_asks_for_no_token(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	f->child.tokens = (const struct token_set *)(const void *)f;
	options_of(f, "/v1/hash", &answer);
	assert_int_equal(answer.status, 200);
	options_of(f, "/", &answer);
	assert_int_equal(answer.status, 200);
	f->child.tokens = NULL;
}

/* With OPTIONS a check gets the status that it would get with GET. */
static void options_tells_how_the_server_is(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	atomic_store(&board_head(&f->child.board)->alive[1], 0);
	options_of(f, "/readyz", &answer);
	assert_int_equal(answer.status, 503);
	assert_true(answer_has(&answer, GET_ALLOW));
	options_of(f, "/", &answer);
	assert_int_equal(answer.status, 200);
	atomic_store(&board_head(&f->child.board)->leaving, BOARD_STOPS);
	options_of(f, "/livez", &answer);
	assert_answer(&answer, 200, "ok");
	options_of(f, "/", &answer);
	assert_answer(&answer, 503, "shutting down\n");
	assert_true(answer_has(&answer, "\r\nRetry-After: 1\r\n"));
	f->config.seed_routes = false;
	options_of(f, "/", &answer);
	assert_answer(&answer, 503, "shutting down\n");
}

static void options_is_answered_when_all_places_are_taken(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	f->config.frontend.max_connections = 0;
	ask_once(f, GET("/openapi.json"), &answer);
	assert_int_equal(answer.status, 503);
	options_of(f, "/", &answer);
	assert_answer(&answer, 200, "ok");
	f->config.seed_routes = false;
	options_of(f, "/", &answer);
	assert_answer(&answer, 200, "ok");
}

static void checks_of_many_kinds_are_answered(void **state)
{
	static const char *const ways[] = {
	    "%s %s HTTP/1.0\r\n\r\n",
	    "%s %s HTTP/1.0\r\nConnection: close\r\nUser-Agent: a\r\n\r\n",
	    "%s %s HTTP/1.0\r\nConnection: keep-alive\r\nHost:\t10.0.0.1:80\t\r\n\r\n",
	    "%s %s HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nConnection: close\r\n"
	    "User-Agent: kube-probe/1.30\r\nAccept: */*\r\n\r\n",
	    "%s %s HTTP/1.1\r\nhost: my_cluster\r\ncontent-length: 0\r\n\r\n",
	    "%s %s HTTP/1.1\r\nHost: [fd00::1]:8080\r\nAccept-Encoding: gzip\r\n\r\n",
	};
	static const char *const methods[] = {"GET", "HEAD", "OPTIONS"};
	struct fixture *f = *state;
	char text[256];

	for (size_t i = 0; i < 2 * 3 * sizeof(ways) / sizeof(ways[0]); i++) {
		const char *method = methods[i % 3];
		struct answer answer;
		int fd = client_open(f);

		snprintf(text, sizeof(text), ways[i / 6], method,
		    i % 2 == 0 ? "/livez" : "/readyz");
		client_send(f, fd, text);
		client_receive_as(f, fd, &answer, i % 3 == 1);
		assert_int_equal(answer.status, 200);
		assert_true(answer_has(&answer, "\r\nContent-Length: 2\r\n"));
		if (answer_has(&answer, "\r\nConnection: close\r\n"))
			client_expect_end(f, fd);
		close(fd);
	}
}

static void head_is_answered_wherever_get_is(void **state)
{
	const struct route *route;

	(void)state;
	for (size_t i = 0; (route = route_at(i)) != NULL; i++) {
		assert_int_equal((route->methods & METHOD_GET) != 0,
		    (route->methods & METHOD_HEAD) != 0);
		assert_true((route->methods & METHOD_OPTIONS) != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROBE_TEST(options_is_answered_on_each_path),
	    PROBE_TEST(options_keeps_the_connection),
	    PROBE_TEST(options_asks_for_no_token),
	    PROBE_TEST(options_tells_how_the_server_is),
	    PROBE_TEST(options_is_answered_when_all_places_are_taken),
	    PROBE_TEST(checks_of_many_kinds_are_answered),
	    cmocka_unit_test(head_is_answered_wherever_get_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
