/*
 * Masters that are told to leave while they hand over: who is asked goes, and what it
 * has started goes with it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

#define SMALL                                                                          \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1", "frontend.processes=1"

static pid_t successor_of(const struct daemon *d)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX);
	char title[PROCESS_TITLE];

	for (size_t i = 0; i < n; i++) {
		process_title(pids[i], title);
		if (strstr(title, "argond: ") == NULL)
			return pids[i];
	}
	return 0;
}

static bool has_successor(void *arg)
{
	return successor_of(arg) != 0;
}

static void test_leave(struct daemon *d, int signo)
{
	int handle, status;

	masters_copy(d);
	d->files_expected = true; /* the binary */
	daemon_start(d, SMALL, NULL);
	masters_replace(d, "#!/bin/sh\nsleep 1000\n", 0755);
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	wait_until(has_successor, d, "a successor");
	handle = process_handle(successor_of(d));
	assert_return_code(kill(d->pid, signo), errno);
	status = daemon_wait_end(d);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(process_wait_handle(handle, harness_limit_ms()));
	close(handle);
	assert_int_equal(access(d->pidfile, F_OK), -1);
	daemon_check_log(d);
}

static void test_quit(void **state)
{
	test_leave(*state, SIGTERM);
}

static void test_interrupt(void **state)
{
	test_leave(*state, SIGINT);
}

static bool nobody_is_left(void *arg)
{
	masters_bury(arg);
	return masters_count() == 0;
}

/* The real binary as the successor: whoever is told to leave, nobody is left. One that
 * has handed on before it heard of it leaves a successor that goes when it is asked. */
static void leave_at(struct daemon *d, long ns)
{
	const struct timespec nap = {.tv_nsec = ns};
	pid_t named;
	int handle;

	daemon_start(d, SMALL, NULL);
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	nanosleep(&nap, NULL);
	named = masters_named(d);
	handle = process_handle(named);
	assert_return_code(handle, errno);
	assert_return_code(kill(named, SIGTERM), errno);
	assert_true(process_wait_handle(handle, harness_limit_ms()));
	close(handle);
	named = masters_named(d);
	if (named != 0) /* nobody, or the one in charge */
		kill(named, SIGTERM);
	wait_until(nobody_is_left, d, "the end of all");
	(void)daemon_wait_end(d);
}

static void test_quit_at_any_time(void **state)
{
	struct daemon *d = *state;
	const unsigned rounds = harness_rounds(12, 100);

	masters_copy(d);
	d->files_expected = true;
	for (unsigned i = 0; i < rounds; i++)
		leave_at(d, i % 12 * 3000000L); /* somewhere on the way */
	daemon_check_log(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    masters_test(test_quit),
	    masters_test(test_interrupt),
	    masters_test(test_quit_at_any_time),
	};

	return cmocka_run_group_tests_name("upgrade_quit", tests, NULL, NULL);
}
