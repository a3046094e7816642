/*
 * F9: ten thousand idle connections, then one request on each; more connections than
 * there may be; idle ones that close in time.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/contract.h"
#include "tests/system/client.h"
#include "tests/system/crowd.h"
#include "tests/system/process.h"

enum { CROWD = 10000, IDLE_BYTES = 1024 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"

static const char livez[] = GET("/livez");

static void ask_all(struct crowd *crowd)
{
	crowd_forget(crowd);
	crowd_say(crowd, livez, sizeof(livez) - 1);
	crowd_await_answers(crowd, "200", "ok", crowd->count);
}

static size_t frontends_memory(const struct daemon *d)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(d, "frontend ", pids, PROCESS_MAX), kib = 0;

	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++)
		kib += crowd_memory(pids[i]);
	return kib;
}

/* Each has been served before, so that it is as a connection is that was used. */
static void test_ten_thousand(void **state)
{
	struct daemon *d = *state;
	struct crowd crowd = {0};
	size_t before, with;

	if (!crowd_permitted(CROWD))
		skip();
	daemon_start(d, "keepalive_timeout=10m", "header_timeout=10m", NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		skip();
	}
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	before = frontends_memory(d);
	crowd_open(&crowd, &d->tcp, CROWD);
	ask_all(&crowd);
	with = frontends_memory(d);
	print_message(
	    "%zu bytes for each idle connection\n", (with - before) * 1024 / CROWD);
#ifndef __SANITIZE_ADDRESS__
	assert_true((with - before) * 1024 <= (size_t)CROWD * IDLE_BYTES);
#endif
	ask_all(&crowd);
	assert_int_equal(crowd_alive(&crowd), CROWD);
	crowd_close(&crowd);
	daemon_stop(d);
}

/* Who has not asked for so long is gone, no sooner and not much later. */
static void test_close_in_time(void **state)
{
	const unsigned timeout = 2000 * harness_slow();
	struct daemon *d = *state;
	struct crowd crowd = {0};
	uint64_t shortest, longest;
	char option[48];

	harness_ms(option, "keepalive_timeout", 2000);
	daemon_start(d, option, NULL);
	crowd_open(&crowd, &d->tcp, 500);
	ask_all(&crowd);
	crowd_await_ends(&crowd, 0);
	crowd_spans(&crowd, &shortest, &longest);
	print_message("idle for %u..%u ms\n", (unsigned)shortest, (unsigned)longest);
	assert_true(shortest >= timeout - 1);
	assert_true(longest <= timeout + 1000 * harness_slow());
	crowd_close(&crowd);
	daemon_stop(d);
}

/* Idle connections make room, the longest idle first; everybody is served. */
static void test_idle_make_room(void **state)
{
	enum { PLACES = 40, MORE = 100 };
	struct daemon *d = *state;
	struct crowd crowd = {0};

	daemon_start(d, "frontend.processes=1", "frontend.max_connections=40",
	    "keepalive_timeout=10m", NULL);
	for (size_t i = 1; i <= MORE; i++) {
		crowd_open(&crowd, &d->tcp, 1);
		(void)!send(crowd.members[i - 1].fd, livez, sizeof(livez) - 1, 0);
		crowd_await_answers(&crowd, "200", "ok", i);
	}
	crowd_await_ends(&crowd, PLACES);
	for (size_t i = 0; i < MORE; i++)
		assert_int_equal(crowd.members[i].ended_ms == 0, i >= MORE - PLACES);
	crowd_close(&crowd);
	daemon_stop(d);
}

/* Clients that wait for an answer which takes as long as it likes. */
static void open_busy(struct crowd *crowd, const struct daemon *d, size_t count)
{
	static const char hello[] = GET("/");
	size_t from = crowd->count;

	crowd_open(crowd, &d->tcp, count);
	for (size_t i = from; i < crowd->count; i++)
		assert_int_equal(
		    send(crowd->members[i].fd, hello, sizeof(hello) - 1, 0),
		    sizeof(hello) - 1);
}

static void await_title(const struct daemon *d, const char *title)
{
	process_wait_count(d, title, 1);
}

/* Nobody is idle: all else is refused, but one can always ask how we are. */
static void test_reserve(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct crowd crowd = {0};
	struct client c;
	char text[256];

	daemon_start(d, "frontend.processes=1", "frontend.max_connections=20",
	    "hello_delay=1m", NULL);
	open_busy(&crowd, d, 20);
	await_title(d, "frontend 0 [conns 20,");
	for (int i = 0; i < 100; i++) {
		assert_int_equal(client_fetch(&d->tcp, "/livez", text, 256), 200);
		assert_int_equal(client_fetch(&d->tcp, "/readyz", text, 256), 200);
		client_open(&c, &d->tcp);
		client_get(&c, &r, i % 2 == 0 ? "/hash/x" : "/nowhere");
		assert_int_equal(r.status, 503);
		assert_true(response_has(&r, "Retry-After", "1"));
		assert_true(response_has(&r, "Connection", "close"));
		client_expect_end(&c);
		client_close(&c);
	}
	assert_non_null(strstr(r.body, "urn:argond:problem:queue-full"));
	assert_int_equal(crowd_alive(&crowd), 20);
	crowd_close(&crowd);
	await_title(d, "frontend 0 [conns 0,");
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	response_free(&r);
	daemon_stop(d);
}

/* A crowd that sits in the reserve and says nothing does not keep /livez from its
 * answer. */
static void test_reserve_is_open(void **state)
{
	struct daemon *d = *state;
	struct crowd crowd = {0};

	daemon_start(d, "frontend.processes=1", "frontend.max_connections=20",
	    "hello_delay=1m", "header_timeout=1m", NULL);
	open_busy(&crowd, d, 20);
	await_title(d, "frontend 0 [conns 20,");
	for (int i = 0; i < 10; i++) {
		crowd_open(&crowd, &d->tcp, 50);
		assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	}
	crowd_await_ends(&crowd, 20 + LIMIT_RESERVE);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(crowd.members[i].ended_ms, 0);
	crowd_close(&crowd);
	daemon_stop(d);
}

/* A frontend that is full leaves new clients to one that is not: while the second was
 * stopped the first was filled. */
static void test_left_to_others(void **state)
{
	enum { PLACES = 256, MORE = 60, ALLOWED = MORE / 8 };
	struct daemon *d = *state;
	struct crowd crowd = {0};
	size_t refused;
	pid_t other;

	daemon_start(d, "frontend.max_connections=256", "hello_delay=1m", NULL);
	other = process_find(d, "frontend 1");
	if (other == 0) {
		daemon_stop(d);
		skip();
	}
	process_stop(other);
	open_busy(&crowd, d, PLACES);
	await_title(d, "frontend 0 [conns 256,");
	/* the other one does not move: who comes is told so */
	assert_int_equal(client_fetch(&d->tcp, "/nowhere", NULL, 0), 503);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	assert_return_code(kill(other, SIGCONT), errno);
	while (process_count(d, "frontend 1 [conns 0,") > 0) {
		open_busy(&crowd, d, 1); /* until it moves again */
		crowd_turn(&crowd, 20);
	}
	crowd_forget(&crowd);
	for (size_t i = 0; i < MORE; i++) {
		open_busy(&crowd, d, 1);
		crowd_turn(&crowd, 5);
	}
	crowd_turn(&crowd, 100);
	refused = crowd_answered(&crowd, "503", "");
	print_message("%zu of %d were refused\n", refused, MORE);
	assert_true(refused <= ALLOWED);
	crowd_close(&crowd);
	daemon_stop(d);
}

/* One client cannot have all connections; another still gets one. */
static void test_share_of_a_client(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct crowd crowd = {0};
	struct client c;

	daemon_start(
	    d, "frontend.processes=1", "frontend.max_connections_per_client=10", NULL);
	crowd_open(&crowd, &d->tcp, 10);
	ask_all(&crowd);
	client_open(&c, &d->tcp);
	client_get(&c, &r, "/nowhere");
	assert_int_equal(r.status, 429);
	assert_true(response_has(&r, "Retry-After", "1"));
	assert_non_null(strstr(r.body, "urn:argond:problem:client-limit"));
	client_expect_end(&c);
	client_close(&c);
	assert_int_equal(client_fetch(&d->local, "/nowhere", NULL, 0), 404);
	ask_all(&crowd);
	crowd_close(&crowd);
	await_title(d, "frontend 0 [conns 0,");
	assert_int_equal(client_fetch(&d->tcp, "/nowhere", NULL, 0), 404);
	response_free(&r);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_ten_thousand),
	    daemon_test(test_close_in_time),
	    daemon_test(test_idle_make_room),
	    daemon_test(test_reserve),
	    daemon_test(test_reserve_is_open),
	    daemon_test(test_left_to_others),
	    daemon_test(test_share_of_a_client),
	};

	return cmocka_run_group_tests_name("f9 idle", tests, NULL, NULL);
}
