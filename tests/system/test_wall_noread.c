/*
 * Clients that make the daemon keep bytes for them, in every way there is: answers that
 * they do not take, requests sent ahead, bodies that do not end. All time limits are an
 * hour, so that nothing but the frontend's own limit ends what they hold: what it and
 * the kernel have for them is within it, and others are served meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sanitized.h"
#include "tests/system/client.h"
#include "tests/system/crowd.h"
#include "tests/system/process.h"
#include "tests/system/tcp_memory.h"

enum {
	CONNECTIONS = 256,
	/* frontend.memory_limit less 4K for each socket: what argond.conf(5) says */
	BUFFERS = CONNECTIONS * 4096 + (1 << 20) + 2 * 8192,
	CROWD = 200,
	SERVED = 64,
	/* of a process beside what it counts: what malloc keeps, answers on their way
	 */
	OWN_KIB = 1024,
};

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"
#define LAST(path) "GET " path " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
#define POST "POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"

/* ---- what they do */

static void ask_for_large_answers(struct crowd *crowd)
{
	crowd_say_all(crowd, GET("/openapi.json"), strlen(GET("/openapi.json")));
}

/* As many as fit into the socket of the other side: it waits for another request. */
static void ask_for_small_answers(struct crowd *crowd)
{
	for (int i = 0; i < 300; i++)
		crowd_say(crowd, GET("/livez"), strlen(GET("/livez")));
}

static void ask_and_end(struct crowd *crowd)
{
	static const char text[] =
	    GET("/openapi.json") GET("/openapi.json") LAST("/openapi.json");

	crowd_say(crowd, text, sizeof(text) - 1);
}

static void ask_and_half_close(struct crowd *crowd)
{
	static const char text[] = GET("/openapi.json") GET("/openapi.json");

	crowd_say(crowd, text, sizeof(text) - 1);
	for (size_t i = 0; i < crowd->count; i++)
		shutdown(crowd->members[i].fd, SHUT_WR);
}

/* GET / is answered after hello_delay. */
static void send_ahead(struct crowd *crowd)
{
	crowd_say(crowd, GET("/"), strlen(GET("/")));
	crowd_say_all(crowd, GET("/livez"), strlen(GET("/livez")));
}

static void begin_bodies(struct crowd *crowd)
{
	static char body[8000];

	memset(body, ' ', sizeof(body));
	crowd_say(crowd, POST "Content-Length: 8192\r\n\r\n",
	    strlen(POST "Content-Length: 8192\r\n\r\n"));
	crowd_say(crowd, body, sizeof(body));
}

/* One byte of data to a chunk, and a head that is as large as it may be. */
static void begin_chunks(struct crowd *crowd)
{
	static char text[8192];
	size_t len = 0;

	len += (size_t)snprintf(
	    text, sizeof(text), POST "Transfer-Encoding: chunked\r\nX: ");
	memset(text + len, 'x', 7000);
	len += 7000;
	len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n\r\n");
	crowd_say(crowd, text, len);
	for (int i = 0; i < 1000; i++)
		crowd_say(crowd, "1\r\n \r\n", 6);
}

/* ---- what it costs */

struct cost {
	const struct daemon *d;
	pid_t frontend;
	size_t before_kib;
	struct tcp_memory tcp;
	size_t kib;
};

static bool cost_is_within_the_limit(void *arg)
{
	struct cost *cost = arg;

	assert_true(tcp_memory(&cost->d->tcp, &cost->tcp));
	cost->kib = crowd_memory(cost->frontend) - cost->before_kib;
	return cost->tcp.unread + cost->tcp.unsent <= BUFFERS &&
	       (SANITIZED || cost->kib <= BUFFERS / 1024 + OWN_KIB);
}

static void expect_served(const struct daemon *d)
{
	for (int i = 0; i < SERVED; i++)
		assert_int_equal(
		    client_fetch(&d->tcp, i % 8 == 0 ? "/hash/x" : "/livez", NULL, 0),
		    200);
}

static void play(struct daemon *d, void (*deed)(struct crowd *crowd))
{
	struct crowd crowd = {.narrow = true};
	struct cost cost = {.d = d};

	daemon_start(d, "frontend.processes=1", "frontend.max_connections=256",
	    "write_timeout=1h", "body_timeout=1h", "header_timeout=1h",
	    "keepalive_timeout=1h", "hello_delay=10s", NULL);
	if (!process_titles_visible(d) || !tcp_memory(&d->tcp, &cost.tcp)) {
		print_message("the kernel does not show sockets or processes\n");
		daemon_stop(d);
		skip();
	}
	cost.frontend = process_find(d, "frontend 0");
	cost.before_kib = crowd_memory(cost.frontend);
	crowd_open(&crowd, &d->tcp, CROWD);
	deed(&crowd);
	wait_until(cost_is_within_the_limit, &cost, "what they hold is bounded");
	expect_served(d);
	assert_true(cost_is_within_the_limit(&cost));
	print_message(
	    "%d clients: %zu KiB of the frontend, %ju KiB unread and %ju KiB "
	    "unsent of the kernel in %zu sockets; of others %d of %d served\n",
	    CROWD, cost.kib, (uintmax_t)cost.tcp.unread / 1024,
	    (uintmax_t)cost.tcp.unsent / 1024, cost.tcp.sockets, SERVED, SERVED);
	crowd_close(&crowd);
	daemon_stop(d);
}

static void large_answers_that_nobody_takes(void **state)
{
	play(*state, ask_for_large_answers);
}

static void small_answers_that_nobody_takes(void **state)
{
	play(*state, ask_for_small_answers);
}

static void last_answers_that_nobody_takes(void **state)
{
	play(*state, ask_and_end);
}

static void answers_of_half_closed_connections(void **state)
{
	play(*state, ask_and_half_close);
}

static void requests_sent_ahead(void **state)
{
	play(*state, send_ahead);
}

static void bodies_that_do_not_end(void **state)
{
	play(*state, begin_bodies);
}

static void chunks_that_do_not_end(void **state)
{
	play(*state, begin_chunks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(large_answers_that_nobody_takes),
	    daemon_test(small_answers_that_nobody_takes),
	    daemon_test(last_answers_that_nobody_takes),
	    daemon_test(answers_of_half_closed_connections),
	    daemon_test(requests_sent_ahead),
	    daemon_test(bodies_that_do_not_end),
	    daemon_test(chunks_that_do_not_end),
	};

	return cmocka_run_group_tests_name("wall_noread", tests, NULL, NULL);
}
