/*
 * The outcome of a reload or an upgrade, as it gets from the master to `argond -s`.
 */
#include "master/status.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/master.h"

enum { LONG_MS = 100000, SHORT_MS = 300 };

struct place {
	char dir[64], pidfile[96], status[128], fresh[160], victim[96];
	struct master master;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	snprintf(p->dir, sizeof(p->dir), "/tmp/argond-status-XXXXXX");
	if (mkdtemp(p->dir) == NULL) {
		free(p);
		return -1;
	}
	snprintf(p->pidfile, sizeof(p->pidfile), "%s/pid", p->dir);
	snprintf(p->status, sizeof(p->status), "%s.status", p->pidfile);
	snprintf(p->fresh, sizeof(p->fresh), "%s.new", p->status);
	snprintf(p->victim, sizeof(p->victim), "%s/victim", p->dir);
	*state = p;
	return lockfile_open(&p->master.lockfile, p->pidfile);
}

static int teardown(void **state)
{
	struct place *p = *state;
	int rc;

	status_remove(&p->master);
	lockfile_close(&p->master.lockfile, true);
	unlink(p->status);
	unlink(p->fresh);
	unlink(p->victim);
	rc = rmdir(p->dir); /* nothing else is left behind */
	free(p);
	return rc;
}

static void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A process that waits for the outcome, as `-s` does; its exit status is what it was
 * told. */
struct waiter {
	pid_t pid;
	int said; /* why */
};

static void waiter_start_limited(struct waiter *w, const char *pidfile, pid_t master,
    unsigned last, unsigned limit_ms)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	w->pid = fork();
	assert_true(w->pid >= 0);
	if (w->pid == 0) {
		char why[2048];
		enum status_outcome outcome =
		    status_wait(pidfile, master, last, limit_ms, why, sizeof(why));

		(void)!write(fds[1], why, strlen(why));
		_exit((int)outcome);
	}
	close(fds[1]);
	w->said = fds[0];
}

static void waiter_start(
    struct waiter *w, const char *pidfile, pid_t master, unsigned last)
{
	waiter_start_limited(w, pidfile, master, last, LONG_MS);
}

static int waiter_end(struct waiter *w, char *why, size_t cap)
{
	size_t len = 0;
	ssize_t n;
	int status;

	while ((n = read(w->said, why + len, cap - 1 - len)) > 0)
		len += (size_t)n;
	why[len] = '\0';
	close(w->said);
	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_death(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void attempts_are_numbered(void **state)
{
	struct place *p = *state;

	assert_int_equal(status_last(p->pidfile), 0);
	for (unsigned i = 1; i <= 3; i++) {
		status_begun(&p->master);
		assert_int_equal(status_last(p->pidfile), i);
		status_finished(&p->master, i != 2, "because");
		assert_int_equal(status_last(p->pidfile), i);
	}
	status_remove(&p->master);
	assert_int_equal(status_last(p->pidfile), 0);
}

static void what_has_finished_is_known_at_once(void **state)
{
	struct place *p = *state;
	char why[64];

	status_begun(&p->master);
	status_finished(&p->master, true, "");
	assert_int_equal(
	    status_wait(p->pidfile, getpid(), 0, LONG_MS, why, sizeof(why)), STATUS_OK);
	assert_string_equal(why, "");
	status_begun(&p->master);
	status_finished(&p->master, false, "argond.conf:3: no such thing");
	assert_int_equal(
	    status_wait(p->pidfile, getpid(), 1, LONG_MS, why, sizeof(why)),
	    STATUS_FAILED);
	assert_string_equal(why, "argond.conf:3: no such thing");
}

/* An attempt that was under way before the signal is not the one that is waited for. */
static void only_a_later_attempt_counts(void **state)
{
	struct place *p = *state;
	struct waiter w;
	char why[2048];

	status_begun(&p->master);
	waiter_start(&w, p->pidfile, getpid(), status_last(p->pidfile));
	status_finished(&p->master, false, "the earlier one");
	status_begun(&p->master);
	status_finished(&p->master, true, "");
	assert_int_equal(waiter_end(&w, why, sizeof(why)), 0);
}

static void a_failure_has_its_reason(void **state)
{
	struct place *p = *state;
	struct waiter w;
	char why[2048];

	waiter_start(&w, p->pidfile, getpid(), 0);
	status_begun(&p->master);
	status_finished(&p->master, false, "two words");
	assert_int_equal(waiter_end(&w, why, sizeof(why)), 1);
	assert_string_equal(why, "two words");
}

static pid_t a_process(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

/* The pidfile names another one by then: us. */
static void a_successor_goes_on_with_it(void **state)
{
	struct place *p = *state;
	struct waiter w;
	char why[2048];
	pid_t master = a_process();

	status_begun(&p->master);
	waiter_start(&w, p->pidfile, master, 1);
	a_death(master);
	status_begun(&p->master);
	status_finished(&p->master, true, "");
	assert_int_equal(waiter_end(&w, why, sizeof(why)), 0);
}

/* The master that was to be waited for had left before anybody looked. */
static void a_successor_is_found_by_who_comes_late(void **state)
{
	struct place *p = *state;
	struct waiter w;
	char why[2048];
	pid_t master = a_process();

	status_begun(&p->master);
	a_death(master);
	waiter_start(&w, p->pidfile, master, 1);
	status_begun(&p->master);
	status_finished(&p->master, true, "");
	assert_int_equal(waiter_end(&w, why, sizeof(why)), 0);
}

/* He has the place, but there is no word of the attempt: his disk is full. */
static void a_silent_successor_is_not_waited_for_for_ever(void **state)
{
	struct place *p = *state;
	struct waiter w;
	char why[2048];
	pid_t master = a_process();

	status_begun(&p->master);
	waiter_start(&w, p->pidfile, master, 1);
	a_death(master);
	assert_int_equal(waiter_end(&w, why, sizeof(why)), STATUS_UNKNOWN);
	assert_non_null(strstr(why, "no outcome within"));
}

static void a_master_that_dies_ends_the_waiting(void **state)
{
	struct place *p = *state;
	struct waiter w;
	char why[2048];
	pid_t master = a_process();

	status_begun(&p->master);
	lockfile_close(&p->master.lockfile, true);
	waiter_start(&w, p->pidfile, master, 1);
	assert_int_equal(kill(master, SIGKILL), 0);
	assert_int_equal(waiter_end(&w, why, sizeof(why)), 1);
	assert_string_equal(why, "the master is gone");
	assert_int_equal(waitpid(master, NULL, 0), master);
}

/* The master is there and has done what was asked, but its words do not come. */
static void a_master_that_cannot_write_is_not_waited_for_for_ever(void **state)
{
	struct place *p = *state;
	struct waiter w;
	char why[2048];
	pid_t master = a_process();

	waiter_start_limited(&w, p->pidfile, master, 0, SHORT_MS);
	assert_int_equal(waiter_end(&w, why, sizeof(why)), STATUS_UNKNOWN);
	assert_non_null(strstr(why, "cannot write it, or is busy"));
	assert_non_null(strstr(why, p->status));
	a_death(master);
}

static void a_stopped_master_is_told_from_a_busy_one(void **state)
{
	struct place *p = *state;
	struct waiter w;
	char why[2048];
	pid_t master = a_process();

	assert_int_equal(kill(master, SIGSTOP), 0);
	assert_int_equal(waitpid(master, NULL, WUNTRACED), master);
	waiter_start_limited(&w, p->pidfile, master, 0, SHORT_MS);
	assert_int_equal(waiter_end(&w, why, sizeof(why)), STATUS_UNKNOWN);
	assert_non_null(strstr(why, "is stopped"));
	a_death(master);
}

/* Each part of the limit is longer than what it is for. */
static void the_limit_follows_from_the_config(void **state)
{
	const struct config config = {
	    .ready_timeout_ms = 1000, .shutdown_timeout_ms = 70000};

	(void)state;
	assert_in_range(status_limit_ms(&config), 2 * 1000 + 70000 + 1, 80000);
	assert_in_range(status_limit_ms(NULL), 90001, 100000);
}

static void what_is_no_status_is_none(void **state)
{
	static const char *const texts[] = {
	    "", "\n", "x", "1", "1 2", "one two ok\n", "1 x ok", "ok 1 1\n"};
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file_write(p->status, texts[i]);
		assert_int_equal(status_last(p->pidfile), 0);
	}
	assert_int_equal(unlink(p->status), 0);
	assert_int_equal(mkfifo(p->status, 0600), 0); /* nobody waits for a writer */
	assert_int_equal(status_last(p->pidfile), 0);
	assert_int_equal(unlink(p->status), 0);
	file_write(p->victim, "7 7 ok\n");
	assert_int_equal(symlink(p->victim, p->status), 0);
	assert_int_equal(status_last(p->pidfile), 0);
}

/* Names that lead elsewhere are replaced, not followed. */
static void links_are_not_followed(void **state)
{
	struct place *p = *state;
	char text[64] = "";
	struct stat st;
	int fd;

	file_write(p->victim, "precious\n");
	assert_int_equal(symlink(p->victim, p->status), 0);
	assert_int_equal(symlink(p->victim, p->fresh), 0);
	status_begun(&p->master);
	fd = open(p->victim, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_string_equal(text, "precious\n");
	assert_int_equal(lstat(p->status, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(access(p->fresh, F_OK), -1);
	assert_int_equal(status_last(p->pidfile), 1);
}

/* Something in the way: it is logged, and nothing half is left. */
static void what_cannot_be_written_is_survived(void **state)
{
	struct place *p = *state;

	assert_int_equal(mkdir(p->status, 0700), 0);
	status_begun(&p->master);
	assert_int_equal(status_last(p->pidfile), 0);
	assert_int_equal(access(p->fresh, F_OK), -1);
	assert_int_equal(rmdir(p->status), 0);
	status_finished(&p->master, true, "");
	assert_int_equal(status_last(p->pidfile), 1);
}

static void a_long_reason_is_cut(void **state)
{
	struct place *p = *state;
	char reason[1001], why[2048];

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	status_begun(&p->master);
	status_finished(&p->master, false, reason);
	assert_int_equal(
	    status_wait(p->pidfile, getpid(), 0, LONG_MS, why, 17), STATUS_FAILED);
	assert_string_equal(why, "xxxxxxxxxxxxxxxx");
	assert_int_equal(
	    status_wait(p->pidfile, getpid(), 0, LONG_MS, why, sizeof(why)),
	    STATUS_FAILED);
	assert_string_equal(why, reason);
}

/* Without a pidfile there is none; and a master who was refused the lock leaves the
 * file of the one who has it alone. */
static void without_the_lock_nothing_is_touched(void **state)
{
	struct place *p = *state;
	struct master other = {.lockfile = {.fd = -1}};

	status_begun(&p->master);
	status_begun(&other);
	status_finished(&other, true, "");
	status_remove(&other);
	assert_int_equal(lockfile_open(&other.lockfile, p->pidfile), -1);
	status_begun(&other);
	status_remove(&other);
	lockfile_close(&other.lockfile, true);
	assert_int_equal(status_last(p->pidfile), 1);
}

#define status_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    status_test(attempts_are_numbered),
	    status_test(what_has_finished_is_known_at_once),
	    status_test(only_a_later_attempt_counts),
	    status_test(a_failure_has_its_reason),
	    status_test(a_successor_goes_on_with_it),
	    status_test(a_successor_is_found_by_who_comes_late),
	    status_test(a_silent_successor_is_not_waited_for_for_ever),
	    status_test(a_master_that_dies_ends_the_waiting),
	    status_test(a_master_that_cannot_write_is_not_waited_for_for_ever),
	    status_test(a_stopped_master_is_told_from_a_busy_one),
	    cmocka_unit_test(the_limit_follows_from_the_config),
	    status_test(what_is_no_status_is_none),
	    status_test(links_are_not_followed),
	    status_test(what_cannot_be_written_is_survived),
	    status_test(a_long_reason_is_cut),
	    status_test(without_the_lock_nothing_is_touched),
	};

	alarm(120); /* a waiter that is told nothing waits for ever */
	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
