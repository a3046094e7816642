/*
 * Masters that are late: an old one that is stopped while the new one gets ready, until
 * the time for that is over; and a new one that hands on before it was ever ready.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "tests/system/client.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

/* What the new one has before it is taken for late: ready_timeout and
 * LADDER_TAKE_OVER_MS. */
enum { READY_MS = 2000, LIMIT_MS = READY_MS + 2000 };

static bool has_heir(void *arg)
{
	const struct daemon *d = arg;

	return masters_heir(d->pid) != 0;
}

/* All that the new one has started say what they do, in their titles. */
static bool heir_is_ready(void *arg)
{
	const struct daemon *d = arg;
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(masters_heir(d->pid), pids, PROCESS_MAX);
	char title[PROCESS_TITLE];

	for (size_t i = 0; i < n; i++) {
		process_title(pids[i], title);
		if (strchr(title, '[') == NULL)
			return false;
	}
	return n >= 4; /* a frontend, and a hasher of each pool */
}

static void test_late(void **state)
{
	static const struct timespec nap = {.tv_nsec = 20000000};
	struct daemon *d = *state;
	uint64_t begun;

	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "pool.elastic.max_processes=1", "pool.fixed.min_processes=1",
	    "pool.fixed.max_processes=1", "pool.lookup.max_processes=1",
	    "frontend.processes=1", "ready_timeout=2s", NULL);
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	wait_until(has_heir, d, "a new master");
	begun = harness_now_ms();
	process_stop(d->pid);
	wait_until(heir_is_ready, d, "its processes");
	/* nothing tells that a time is over but the clock */
	while (harness_now_ms() - begun <= LIMIT_MS)
		nanosleep(&nap, NULL);
	assert_return_code(kill(d->pid, SIGCONT), errno);
	masters_wait_changed(d);
	if (daemon_log_has(d, "upgrade failed"))
		fail_msg("the new one was taken for late");
	daemon_stop(d);
}

/* A master that is not ready yet is upgraded as well: it holds what its dead
 * predecessor has handed to it, and must not remove the files of these sockets when it
 * leaves. */
static void test_never_ready(void **state)
{
	struct daemon *d = *state;
	pid_t first, second, children[PROCESS_MAX];
	size_t n;

	masters_copy(d);
	d->files_expected = true; /* the binary */
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "pool.elastic.min_processes=16", "pool.elastic.max_processes=16",
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",
	    "pool.lookup.max_processes=1", "frontend.processes=1", NULL);
	first = d->pid;
	daemon_log_mark(d);
	assert_return_code(kill(first, SIGUSR2), errno);
	wait_until(has_heir, d, "a new master");
	second = masters_heir(first);
	assert_return_code(kill(first, SIGKILL), errno);
	daemon_wait_log(d, "this one is in charge");
	n = process_children(second, children, PROCESS_MAX);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) /* so that they do not get READY */
		process_stop(children[i]);
	assert_return_code(kill(second, SIGUSR2), errno);
	daemon_wait_log(d, "draining for the successor");
	for (size_t i = 0; i < n; i++)
		kill(children[i], SIGCONT);
	daemon_wait_log(d, "info master: gone");
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	d->pid = masters_named(d);
	assert_int_not_equal(d->pid, second);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    masters_test(test_never_ready),
	    masters_test(test_late),
	};

	return cmocka_run_group_tests_name("upgrade late", tests, NULL, NULL);
}
