/*
 * A pidfile that is shared with another pid namespace, as two containers with one /run
 * have it: the number in it may be a stranger's here, who is not signalled.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"
#include "tests/system/run.h"

#define SMALL                                                                          \
	"pool.elastic.max_processes=1", "pool.fixed.min_processes=1",                  \
	    "pool.fixed.max_processes=1", "pool.lookup.max_processes=1",               \
	    "frontend.processes=1"

static bool namespaces_allowed(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWPID | CLONE_NEWNS) == 0 &&
		              mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
		          ? 0
		          : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Any process here, of the same user: the first signal ends it. */
static pid_t stranger_start(void)
{
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	return pid;
}

/* argond in a pid namespace of its own, where it has the number `number`. */
static void start_numbered(struct daemon *d, pid_t number)
{
	char path[96], text[256];

	harness_path(path, d->dir, "numbered");
	snprintf(text, sizeof(text),
	    "#!/bin/sh\n"
	    "echo %d >/proc/sys/kernel/ns_last_pid || exit 1\n"
	    "\"$@\" &\n"
	    "wait $!\n",
	    (int)number - 1);
	harness_write_file(path, text);
	assert_return_code(chmod(path, 0755), errno);
	snprintf(text, sizeof(text), "unshare -pf --kill-child --mount-proc %s", path);
	d->files_expected = true;
	setenv("ARGOND_WRAPPER", text, 1);
	daemon_start(d, SMALL, NULL);
	unsetenv("ARGOND_WRAPPER");
	assert_int_equal(masters_named(d), number);
}

static void expect_refused(const struct daemon *d, const char *word)
{
	char said[2048];

	assert_int_equal(masters_send(d, word, said, sizeof(said)), 1);
	assert_string_equal(strchr(said, '\n'), "\n");
	if (strstr(said, "is in another pid namespace") == NULL)
		fail_msg("another pid namespace was expected, but: %s", said);
}

/* A second one on the same pidfile is refused, and told of no number that is wrong. */
static void expect_no_second(const struct daemon *d)
{
	struct run *run = malloc(sizeof(*run));

	assert_non_null(run);
	run_argond(run, "-c", d->conf, NULL);
	assert_int_equal(run->status, 1);
	if (strstr(run->err, "argond is running already, in another pid namespace") ==
	    NULL)
		fail_msg("another pid namespace was expected, but: %s", run->err);
	free(run);
}

static void test_another_namespace(void **state)
{
	static const char *const words[] = {
	    "reload", "reopen", "upgrade", "quit", "stop"};
	struct daemon *d = *state;
	pid_t stranger, shell, master;
	int status;

	if (harness_wrapped() || !namespaces_allowed())
		skip();
	stranger = stranger_start();
	start_numbered(d, stranger);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		expect_refused(d, words[i]);
	expect_no_second(d);
	assert_int_equal(waitpid(stranger, &status, WNOHANG), 0); /* it lives */
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	assert_false(daemon_log_has(d, "reload|upgrade|leaving"));
	assert_int_equal(process_children(d->pid, &shell, 1), 1);
	assert_int_equal(process_children(shell, &master, 1), 1);
	assert_return_code(kill(master, SIGTERM), errno);
	assert_true(WIFEXITED(daemon_wait_end(d)));
	daemon_check_log(d);
	assert_return_code(kill(stranger, SIGKILL), errno);
	assert_int_equal(waitpid(stranger, &status, 0), stranger);
}

/* After an upgrade and after a failed one the lock still says who is in charge. */
static void test_after_upgrades(void **state)
{
	struct daemon *d = *state;

	masters_copy(d);
	d->files_expected = true;
	daemon_start(d, SMALL, NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(masters_send(d, "upgrade", NULL, 0), 0);
		masters_wait_changed(d);
		assert_int_equal(masters_send(d, "reload", NULL, 0), 0);
	}
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_another_namespace),
	    masters_test(test_after_upgrades),
	};

	return cmocka_run_group_tests_name("whom -s signals", tests, NULL, NULL);
}
