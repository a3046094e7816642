/*
 * Draining: TERM and reload. What connections get, and when they are closed.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "tests/system/drain.h"
#include "tests/system/house.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

enum { RELOADS = 5, MANY = 100 };

/* ---- what is answered */

static void every_answer_in_the_delay_says_close(void **state)
{
	static const struct {
		const char *ask;
		int status;
	} rows[] = {
	    {GET("/livez"), 200},
	    {GET("/readyz"), 503},
	    {GET("/hash/x"), 200},
	    {GET("/none"), 404},
	    {"POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n"
	     "Content-Type: application/json\r\n\r\n{",
	        400},
	    {"DELETE /v1/hash HTTP/1.1\r\nHost: t\r\n\r\n", 405},
	    {"nonsense\r\n\r\n", 400},
	    {"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200},
	};
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	struct daemon *d = *state;
	struct client kept[ROWS], fresh;

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, "drain_delay=10m", NULL);
	for (size_t i = 0; i < ROWS; i++)
		drain_open_idle(&kept[i], i % 2 == 0 ? &d->tcp : &d->local);
	drain_begin(d);
	for (size_t i = 0; i < ROWS; i++) {
		drain_expect_last_answer(&kept[i], rows[i].ask, rows[i].status);
		client_open(&fresh, i % 2 == 0 ? &d->local : &d->tcp);
		drain_expect_last_answer(&fresh, rows[i].ask, rows[i].status);
	}
	assert_return_code(kill(d->pid, SIGTERM), errno); /* now */
	drain_expect_left(d);
}

static void reload_before_the_delay_does_not_undo_close(void **state)
{
	struct daemon *d = *state;
	struct client client;

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, "drain_delay=10m", NULL);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "generation 2 is being made");
	drain_begin(d);
	daemon_wait_log(d, "ready, generation 2");
	client_open(&client, &d->tcp);
	drain_expect_last_answer(&client, GET("/livez"), 200);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	drain_expect_left(d);
}

/* A check on a connection to a process that is replaced while the daemon stops. */
static void reload_before_the_delay_does_not_undo_readyz(void **state)
{
	struct daemon *d = *state;
	struct client busy, kept;

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, "frontend.processes=1",
	    "drain_delay=10m", NULL);
	drain_open_idle(&kept, &d->tcp);
	drain_open_busy(&busy, d);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "generation 2 is being made");
	drain_begin(d);
	daemon_wait_log(d, "ready, generation 2");
	drain_expect_last_answer(&kept, GET("/readyz"), 503);
	client_close(&busy);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	drain_expect_left(d);
}

/* Idle connections stay as long as another one is busy, and answer. */
static void idle_connections_leave_last(void **state)
{
	struct daemon *d = *state;
	struct client busy, used, idle[2], silent;

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, "frontend.processes=1", NULL);
	client_open(&silent, &d->tcp);
	drain_open_busy(&busy, d);
	drain_open_idle(&used, &d->local);
	for (int i = 0; i < 2; i++)
		drain_open_idle(&idle[i], i == 0 ? &d->tcp : &d->local);
	drain_begin(d);
	drain_wait_refused(&d->tcp);
	drain_expect_last_answer(&used, GET("/hash/x"), 200);
	assert_false(client_receive(&idle[0], 3000)); /* longer than the grace */
	drain_expect_last_answer(&idle[0], GET("/hash/x"), 200);
	client_reset(&busy);
	drain_expect_clean_end(&idle[1]);
	drain_expect_clean_end(&silent);
	drain_expect_left(d);
}

static void idle_connections_alone_are_closed_soon(void **state)
{
	struct daemon *d = *state;
	struct client idle[MANY];

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, NULL);
	for (int i = 0; i < MANY; i++)
		drain_open_idle(&idle[i], i % 2 == 0 ? &d->tcp : &d->local);
	drain_begin(d);
	for (int i = 0; i < MANY; i++)
		drain_expect_clean_end(&idle[i]);
	drain_expect_left(d);
}

/* Requests that are in the sockets' buffers, and connections that are in the listeners'
 * queues, when the drain begins. */
static void what_has_come_before_the_drain_is_answered(void **state)
{
	struct daemon *d = *state;
	struct client kept[2], queued[2];

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		return;
	}
	for (int i = 0; i < 2; i++)
		drain_open_idle(&kept[i], i == 0 ? &d->tcp : &d->local);
	drain_signal_frontends(d, SIGSTOP);
	for (int i = 0; i < 2; i++) {
		client_say(&kept[i], GET("/hash/kept"));
		client_open(&queued[i], i == 0 ? &d->tcp : &d->local);
		client_say(&queued[i], GET("/hash/queued"));
	}
	drain_begin(d);
	drain_signal_frontends(d, SIGCONT);
	for (int i = 0; i < 2; i++) {
		drain_expect_last_answer(&kept[i], NULL, 200);
		drain_expect_last_answer(&queued[i], NULL, 200);
	}
	drain_expect_left(d);
}

/* ---- reload */

static void second_reload_does_not_wait_for_idle_connections(void **state)
{
	struct daemon *d = *state;
	struct client idle[RELOADS][4];

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, NULL);
	for (int i = 0; i < RELOADS; i++) {
		for (int j = 0; j < 3; j++)
			drain_open_idle(&idle[i][j], j == 0 ? &d->local : &d->tcp);
		client_open(&idle[i][3], &d->tcp); /* nothing is ever sent on it */
		drain_reload(d);
		drain_expect_last_answer(&idle[i][2], GET("/hash/x"), 200);
	}
	for (int i = 0; i < RELOADS; i++) {
		if (i == RELOADS - 1)
			drain_reload(d);
		drain_expect_clean_end(&idle[i][0]);
		drain_expect_clean_end(&idle[i][1]);
		drain_expect_clean_end(&idle[i][3]);
	}
	daemon_stop(d);
}

static void old_generation_with_idle_connections_leaves(void **state)
{
	struct daemon *d = *state;
	struct client idle;
	char before[HOUSE_TEXT];

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, NULL);
	house_settle(d, before);
	drain_open_idle(&idle, &d->tcp);
	drain_reload(d);
	drain_expect_clean_end(&idle);
	house_expect(d, before);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(every_answer_in_the_delay_says_close),
	    daemon_test(reload_before_the_delay_does_not_undo_close),
	    daemon_test(reload_before_the_delay_does_not_undo_readyz),
	    daemon_test(idle_connections_leave_last),
	    daemon_test(idle_connections_alone_are_closed_soon),
	    daemon_test(what_has_come_before_the_drain_is_answered),
	    daemon_test(second_reload_does_not_wait_for_idle_connections),
	    daemon_test(old_generation_with_idle_connections_leaves),
	};

	return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
