/*
 * Pools resized: by hand (TTIN, TTOU, WINCH), by max_jobs, by idleness. Nothing is
 * lost.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/client.h"
#include "tests/system/house.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

#define CHEAP                                                                          \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1"

static void signal_master(const struct daemon *d, int signo)
{
	assert_return_code(kill(d->pid, signo), errno);
}

static bool titles(struct daemon *d)
{
	if (process_titles_visible(d))
		return true;
	daemon_stop(d);
	skip();
	return false;
}

/* ---- TTIN and TTOU under load */

struct resizes {
	struct daemon *d;
	unsigned done, rounds;
};

/* One more, and when it is there one less, and so on. */
static bool resize_again(struct load *load, void *arg)
{
	struct resizes *resizes = arg;
	bool grown = resizes->done % 2 == 1;

	(void)load;
	if (process_count(resizes->d, "hasher elastic/") != (grown ? 3 : 2))
		return true;
	if (resizes->done == resizes->rounds)
		return false;
	signal_master(resizes->d, grown ? SIGTTOU : SIGTTIN);
	resizes->done++;
	return true;
}

static void test_under_load(void **state)
{
	struct daemon *d = *state;
	struct resizes resizes = {.d = d, .rounds = harness_rounds(10, 40)};
	struct load load = {.to = &d->tcp,
	    .connections = 36,
	    .fresh = 4,
	    .hello = true,
	    .requests = 1000000,
	    .tick = resize_again,
	    .arg = &resizes,
	    .tick_ms = 10};
	char before[HOUSE_TEXT];

	daemon_start(d, CHEAP, "pool.elastic.min_processes=2",
	    "pool.elastic.max_processes=2", "hello_delay=10ms", NULL);
	if (!titles(d))
		return;
	house_settle(d, before);
	load_run(&load);
	load_print(&load, "resize");
	load_expect_ok(&load, false);
	house_expect(d, before);
	daemon_stop(d);
}

/* One hasher at least; at most what there is memory for. */
static void test_ends(void **state)
{
	struct daemon *d = *state;
	char text[16];

	daemon_start(d, "profile.default.memory=8M", "pool.elastic.min_processes=2",
	    "pool.elastic.max_processes=2", "pool.elastic.batch=1",
	    "pool.fixed.max_processes=1", "pool.fixed.batch=1", "verify_max_memory=8M",
	    "memory_budget=88M", NULL);
	if (!titles(d))
		return;
	signal_master(d, SIGTTOU);
	process_wait_count(d, "hasher elastic/", 1);
	signal_master(d, SIGTTOU);
	daemon_wait_log(d, "pool elastic: 1 processes and no fewer");
	for (int i = 0; i < 8; i++) {
		signal_master(d, SIGTTIN);
		daemon_wait_log(d, "(to [0-9]+ processes$|and no more: )");
		daemon_log_mark(d);
	}
	signal_master(d, SIGTTIN);
	daemon_wait_log(d, "pool elastic: [0-9]+ processes and no more");
	assert_true(log_tail_group(
	    d->log, 0, "pool elastic: ([0-9]+) processes and no more", text, 16));
	assert_in_range(strtoul(text, NULL, 10), 2, 5);
	process_wait_count(d, "hasher elastic/", strtoul(text, NULL, 10));
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	daemon_stop(d);
}

/* As many back as forth: the pool is as it was, and still shrinks when it is idle. */
static void test_back_and_forth(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, CHEAP, "pool.elastic.min_processes=1",
	    "pool.elastic.max_processes=2", "pool.elastic.idle_timeout=100ms", NULL);
	if (!titles(d))
		return;
	for (unsigned i = 1; i <= 3; i++) {
		char words[64];

		signal_master(d, SIGTTIN);
		snprintf(words, sizeof(words), "pool elastic: %u to %u processes",
		    1 + i, 2 + i);
		daemon_wait_log(d, words);
		process_wait_count(d, "hasher elastic/", 1 + i);
	}
	for (unsigned i = 0; i < 3; i++) {
		char words[64];

		daemon_log_mark(d);
		signal_master(d, SIGTTOU);
		snprintf(words, sizeof(words), "pool elastic: %u to %u processes",
		    3 - i, 4 - i);
		daemon_wait_log(d, words);
	}
	process_wait_count(d, "hasher elastic/", 1);
	daemon_stop(d);
}

/* ---- WINCH */

static void test_leave_and_return(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client busy, waiting;
	char before[HOUSE_TEXT];

	daemon_start(
	    d, CHEAP, "pool.elastic.max_processes=1", "hello_delay=300ms", NULL);
	if (!titles(d))
		return;
	house_settle(d, before);
	client_open(&busy, &d->tcp);
	client_say(&busy, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	signal_master(d, SIGWINCH);
	client_read(&busy, &r, false);
	assert_int_equal(r.status, 200);
	client_expect_end(&busy);
	process_wait_count(d, "", 0);
	assert_true(process_alive(d->pid));
	client_open(&waiting, &d->tcp); /* nobody accepts it yet */
	client_say(&waiting, "GET /hash/x HTTP/1.1\r\nHost: t\r\n\r\n");
	signal_master(d, SIGHUP);
	client_read(&waiting, &r, false);
	assert_int_equal(r.status, 200);
	client_close(&waiting);
	client_close(&busy);
	response_free(&r);
	house_expect(d, before);
	daemon_stop(d);
}

/* Whoever has no workers can still be told anything. */
static void test_without_workers(void **state)
{
	static const int signals[] = {SIGTTIN, SIGTTOU, SIGUSR1, SIGWINCH};
	struct daemon *d = *state;

	daemon_start(d, CHEAP, NULL);
	if (!titles(d))
		return;
	signal_master(d, SIGWINCH);
	process_wait_count(d, "", 0);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal_master(d, signals[i]);
	signal_master(d, SIGUSR2);
	masters_wait_changed(d);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	signal_master(d, SIGWINCH);
	process_wait_count(d, "", 0);
	daemon_stop(d);
}

/* ---- by themselves */

static void test_max_jobs(void **state)
{
	struct daemon *d = *state;
	struct load load = {.to = &d->tcp,
	    .connections = 36,
	    .fresh = 4,
	    .requests = harness_rounds(1000, 5000)};
	char before[HOUSE_TEXT];
	struct peek peek;

	daemon_start(d, CHEAP, "pool.elastic.min_processes=2",
	    "pool.elastic.max_processes=2", "pool.elastic.max_jobs=20", NULL);
	if (!titles(d))
		return;
	house_settle(d, before);
	load_run(&load);
	load_print(&load, "max_jobs");
	load_expect_ok(&load, false);
	house_expect(d, before);
	if (peek_open(&peek, d)) { /* the log has one line a second at most */
		assert_in_range(
		    board_exits(&peek.board, BOARD_POOLS, EXIT_CAUSE_RETIRED),
		    load.requests / 20 / 3, load.requests / 20);
		peek_close(&peek);
	}
	daemon_stop(d);
}

static void test_idle(void **state)
{
	struct daemon *d = *state;
	struct load load = {.to = &d->tcp, .connections = 36, .requests = 400};

	daemon_start(d, CHEAP, "pool.elastic.min_processes=1",
	    "pool.elastic.max_processes=4", "pool.elastic.idle_timeout=60ms", NULL);
	if (!titles(d))
		return;
	for (int i = 0; i < 3; i++) {
		load.asked = load.answered = 0;
		memset(load.count, 0, sizeof(load.count));
		load_run(&load);
		load_expect_ok(&load, false);
		process_wait_count(d, "hasher elastic/", 1);
	}
	assert_true(log_tail_has(d->log, 0, "hasher elastic/[1-3] .* left in order"));
	daemon_stop(d);
}

/* ---- one that does not leave */

/* Its place is needed for others. */
static void one_that_stays_is_killed(void **state)
{
	struct daemon *d = *state;
	char line[96];
	pid_t pid;

	d->bugs_expected = true;
	daemon_start(d, CHEAP, "pool.elastic.min_processes=2",
	    "pool.elastic.max_processes=2", "shutdown_timeout=1s", NULL);
	if (!titles(d))
		return;
	pid = process_find(d, "hasher elastic/1");
	process_stop(pid);
	signal_master(d, SIGTTOU);
	snprintf(line, sizeof(line), "elastic/1 \\(%d\\) killed by SIGKILL, by us",
	    (int)pid);
	daemon_wait_log(d, line);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	signal_master(d, SIGTTIN);
	process_wait_count(d, "hasher elastic/", 2);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_under_load),
	    daemon_test(test_ends),
	    daemon_test(test_back_and_forth),
	    daemon_test(test_leave_and_return),
	    masters_test(test_without_workers),
	    daemon_test(test_max_jobs),
	    daemon_test(test_idle),
	    daemon_test(one_that_stays_is_killed),
	};

	return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
