/*
 * The built-in defaults where few open files or processes are allowed: automatic
 * numbers are lowered to what fits and that is said; what -t refuses a start refuses as
 * well.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "tests/system/api.h"
#include "tests/system/control_group.h"
#include "tests/system/process.h"
#include "tests/system/run.h"

enum { FILES = 1024, CONNECTIONS = FILES - 96 };

#define CONNECTIONS_LOWERED                                                            \
	"frontend.max_connections is 928, not 10240: so many fit RLIMIT_NOFILE "       \
	"(ulimit -n), 1024 open files of a frontend; raise that, or set "              \
	"frontend.max_connections"

/* Nothing but places: all numbers are as built in. */
static void configure(const struct daemon *d)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:0\", \"unix:%s\"}\npidfile = \"%s\"\n"
	    "store = \"sqlite:%s\"\n",
	    d->socket, d->pidfile, d->store);
	harness_write_file(d->conf, text);
}

static void reload(struct daemon *d)
{
	daemon_log_mark(d);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "ready, generation [0-9]+$|reload failed");
	assert_false(daemon_log_has(d, "reload failed"));
	assert_int_equal(client_fetch(&d->tcp, "/hash_rayon/x", NULL, 0), 200);
}

/* ---- open files */

static void expect_files(const struct daemon *d)
{
	struct rlimit limit;
	pid_t pid = process_find(d, "frontend 0");

	if (pid == 0 || prlimit(pid, RLIMIT_NOFILE, NULL, &limit) != 0)
		return; /* a confined process is root's to look at */
	assert_int_equal(limit.rlim_max, FILES);
}

static void few_files_serve(void **state)
{
	struct daemon *d = *state;

	configure(d);
	daemon_start(d, NULL);
	assert_true(daemon_log_has(d,
	    "frontend.max_connections is 928, not 10240: so many fit RLIMIT_NOFILE "));
	assert_false(daemon_log_has(d, "RLIMIT_NOFILE stays"));
	expect_files(d);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	reload(d);
	assert_true(daemon_log_has(d, "frontend.max_connections is 928, not 10240"));
	daemon_stop(d);
}

static void few_files_are_told_by_the_test(void **state)
{
	struct daemon *d = *state;
	struct run run;

	configure(d);
	run_argond(&run, "-t", "-c", d->conf, NULL);
	assert_int_equal(run.status, 0);
	assert_non_null(strstr(run.out, "\n" CONNECTIONS_LOWERED "\n"));
	assert_non_null(strstr(run.out, "\nfiles of a frontend: 1024 needed, 1024 "));
	run_argond(&run, "-T", "-c", d->conf, NULL);
	assert_int_equal(run.status, 0);
	assert_non_null(strstr(run.out, "# " CONNECTIONS_LOWERED "\n"));
	assert_non_null(strstr(run.out, "max_connections = 928\n"));
	run_argond(
	    &run, "-t", "-c", d->conf, "-o", "frontend.rlimit_nofile=1000", NULL);
	assert_int_equal(run.status, 0);
	assert_non_null(
	    strstr(run.out, "frontend.max_connections is 904, not 10240: so "
	                    "many fit frontend.rlimit_nofile, 1000 (-o "));
}

/* -t, -T and a start refuse the same, with the same words. */
static void expect_refusal(const struct daemon *d, const char *option, const char *why)
{
	static const char *const modes[] = {"-t", "-T", "-o"};
	struct run runs[3];

	for (size_t i = 0; i < 3; i++) {
		run_argond(&runs[i], "-c", d->conf, "-o", option, modes[i],
		    modes[i][1] == 'o' ? option : NULL, NULL);
		assert_int_equal(runs[i].status, 1);
		assert_int_equal(runs[i].err_lines, 1);
		assert_string_equal(runs[i].err, runs[0].err);
	}
	if (strstr(runs[0].err, why) == NULL)
		fail_msg("%s: %s", option, runs[0].err);
	assert_int_equal(access(d->pidfile, F_OK), -1);
	assert_int_equal(access(d->socket, F_OK), -1);
}

static void what_was_set_and_has_no_files_is_refused(void **state)
{
	struct daemon *d = *state;

	configure(d);
	expect_refusal(d, "frontend.max_connections=929",
	    "a frontend needs 1025 open files; allowed: 1024, RLIMIT_NOFILE");
	expect_refusal(d, "frontend.rlimit_nofile=1025",
	    "a frontend needs 1025 open files; allowed: 1024, RLIMIT_NOFILE");
	expect_refusal(d, "frontend.processes=64",
	    "open files of the master (for two generations");
}

/* Of this process, for those that it starts from now on. */
static void allow_files(rlim_t files)
{
	struct rlimit limit;

	assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), errno);
	limit.rlim_max = files;
	if (limit.rlim_cur > files)
		limit.rlim_cur = files;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), errno);
}

/* The last of those about files: this process cannot raise its limit again. */
static void hardly_any_files_are_refused(void **state)
{
	struct daemon *d = *state;
	static const rlim_t few[] = {64, 40};

	configure(d);
	for (size_t i = 0; i < 2; i++) {
		allow_files(few[i]);
		expect_refusal(d, "access_log=off", "RLIMIT_NOFILE (ulimit -n)");
	}
}

/* ---- processes */

static char folder[CONTROL_GROUP_PATH]; /* of the running test; "" for none */

static bool group_enter(const char *path)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	return control_group_put(path, "cgroup.procs", pid);
}

static int group_teardown(void **state)
{
	int rc = daemon_teardown(state);
	char *slash = strrchr(folder, '/');

	if (slash == NULL)
		return rc;
	*slash = '\0';
	(void)group_enter(folder);
	*slash = '/';
	rmdir(folder);
	folder[0] = '\0';
	return rc;
}

/* Skips the test where this machine lets nobody make such a group. */
static void group_make(const char *pids)
{
	if (!control_group_open("pids", folder)) {
		folder[0] = '\0';
		skip();
	}
	if (!control_group_put(folder, "pids.max", pids) || !group_enter(folder))
		skip();
}

#define PIDS "so many fit pids.max of /sys/fs/cgroup"

static void few_processes_serve(void **state)
{
	struct daemon *d = *state;

	group_make("14"); /* 2 generations of 5, 2 masters, and this test */
	configure(d);
	daemon_start(d, NULL);
	assert_true(
	    daemon_log_has(d, "pool.lookup.max_processes is [12], not 8: " PIDS));
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	reload(d);
	assert_true(
	    daemon_log_has(d, "pool.lookup.max_processes is [12], not 8: " PIDS));
	assert_true(control_group_put(folder, "pids.max", "4096"));
	reload(d);
	assert_false(daemon_log_has(d, PIDS));
	daemon_stop(d);
}

static void what_was_set_and_has_no_processes_is_refused(void **state)
{
	struct daemon *d = *state;

	group_make("40");
	configure(d);
	expect_refusal(d, "pool.elastic.max_processes=30",
	    "pool.elastic.max_processes: the plan needs 68 processes (for two "
	    "generations, as at a reload); allowed: 40, pids.max of /sys/fs/cgroup");
}

static void hardly_any_processes_are_refused(void **state)
{
	struct daemon *d = *state;

	group_make("9");
	configure(d);
	expect_refusal(d, "access_log=off",
	    "the plan needs 10 processes (for two generations, as at a reload); "
	    "allowed: 9, pids.max of ");
}

#define group_test(name)                                                               \
	cmocka_unit_test_setup_teardown(name, daemon_setup, group_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    group_test(few_processes_serve),
	    group_test(what_was_set_and_has_no_processes_is_refused),
	    group_test(hardly_any_processes_are_refused),
	    daemon_test(few_files_serve),
	    daemon_test(few_files_are_told_by_the_test),
	    daemon_test(what_was_set_and_has_no_files_is_refused),
	    daemon_test(hardly_any_files_are_refused),
	};
	struct rlimit limit;

	/* what is started from here on may not raise a limit, as in a container */
	(void)prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < FILES)
		return 77;
	limit.rlim_cur = limit.rlim_max = FILES;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	return cmocka_run_group_tests_name("small_counts", tests, NULL, NULL);
}
