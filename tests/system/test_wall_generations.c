/*
 * Reloads and upgrades in every order, each begun while the generation before still has
 * a request in hand: memory is planned for two generations, so no third one's processes
 * are there at any time, in whichever master. All that was asked for is done in the
 * end.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "tests/system/client.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

enum { ORDER_MAX = 2 };

static const int orders[][ORDER_MAX] = {
    {SIGHUP, SIGUSR2},
    {SIGUSR2, SIGHUP},
    {SIGHUP, SIGHUP},
    {SIGUSR2, SIGUSR2},
};

/* There is one for each generation. */
static size_t frontends(void)
{
	pid_t pids[PROCESS_MAX];
	size_t n = masters_all(pids, PROCESS_MAX), count = 0;

	for (size_t i = 0; i < n; i++) {
		char title[PROCESS_TITLE];

		process_title(pids[i], title);
		count += strstr(title, "frontend 0") != NULL;
	}
	return count;
}

/* Looks on until `done`, and counts. */
static void watch(struct daemon *d, bool (*done)(struct daemon *d), size_t *most)
{
	static const struct timespec nap = {.tv_nsec = 2000000};
	const uint64_t limit = harness_now_ms() + 3 * (uint64_t)harness_limit_ms();

	while (!done(d)) {
		const size_t n = frontends();

		(void)masters_changed(d);
		*most = n > *most ? n : *most;
		if (harness_now_ms() > limit)
			fail_msg("it does not end; %zu frontends", n);
		nanosleep(&nap, NULL);
	}
}

static size_t readies; /* times that a generation is to become ready */

static bool all_done(struct daemon *d)
{
	char pattern[256] = "ready";

	for (size_t i = 1; i < readies; i++)
		strcat(pattern, "(.|\n)*ready, gen");
	return daemon_log_has(d, pattern) && masters_count() == 1 && frontends() == 1 &&
	       (masters_changed(d) || masters_named(d) == d->pid);
}

/* The first has taken over, the one before has a request in hand. */
static bool second_serves(struct daemon *d)
{
	return daemon_log_has(d, "ready, generation");
}

static void play(struct daemon *d, const int *order)
{
	struct client held = {.fd = -1};
	struct response response = {0};
	size_t most = 0;

	daemon_start(d, "frontend.processes=1", "hello_delay=1500ms",
	    "pool.elastic.max_processes=1", "pool.fixed.max_processes=1",
	    "pool.fixed.min_processes=1", "pool.lookup.max_processes=1", NULL);
	client_open(&held, &d->tcp);
	assert_true(client_say(&held, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"));
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	daemon_log_mark(d);
	readies = 0;
	for (int i = 0; i < ORDER_MAX && order[i] != 0; i++) {
		assert_return_code(kill(masters_named(d), order[i]), errno);
		if (readies++ == 0)
			watch(d, second_serves, &most);
	}
	watch(d, all_done, &most);
	client_read(&held, &response, false);
	assert_int_equal(response.status, 200);
	response_free(&response);
	client_close(&held);
	assert_int_equal(most, 2);
	masters_bury(d);
	daemon_stop(d);
}

#define ORDER(name, number)                                                            \
	static void name(void **state)                                                 \
	{                                                                              \
		play(*state, orders[number]);                                          \
	}
ORDER(an_upgrade_while_a_reload_drains, 0)
ORDER(a_reload_while_the_predecessor_drains, 1)
ORDER(a_reload_while_a_reload_drains, 2)
ORDER(an_upgrade_while_the_predecessor_drains, 3)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    masters_test(an_upgrade_while_a_reload_drains),
	    masters_test(a_reload_while_the_predecessor_drains),
	    masters_test(a_reload_while_a_reload_drains),
	    masters_test(an_upgrade_while_the_predecessor_drains),
	};

	return cmocka_run_group_tests_name("wall_generations", tests, NULL, NULL);
}
