/*
 * `-s` always ends: with the outcome, or with a line that says why there is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/* With a small limit of its own: 2 * (1 ms + 2 s) + 1 ms + 500 ms. */
static void expect_unseen(const struct daemon *d, const char *why)
{
	struct run *run = malloc(sizeof(*run));
	char pidfile[128];

	assert_non_null(run);
	snprintf(pidfile, sizeof(pidfile), "pidfile=%s", d->pidfile);
	run_argond(run, "-c", d->conf, "-o", pidfile, "-o", "ready_timeout=1ms", "-o",
	    "shutdown_timeout=1ms", "-s", "reload", NULL);
	assert_int_equal(run->status, 1);
	assert_int_equal(run->err_lines, 1);
	if (strncmp(run->err, "argond: reload: no outcome within ", 34) != 0 ||
	    strstr(run->err, why) == NULL)
		fail_msg("%s was expected, but: %s", why, run->err);
	free(run);
}

static void start(struct daemon *d, const char *pidfile)
{
	char option[128];

	harness_path(d->pidfile, d->dir, pidfile);
	snprintf(option, sizeof(option), "pidfile=%s", d->pidfile);
	d->files_expected = true;
	daemon_start(d, SMALL, option, NULL);
}

/* The reload was done; one whose outcome can be seen is seen. */
static void expect_done(struct daemon *d, unsigned generation)
{
	char line[64];

	snprintf(line, sizeof(line), "ready, generation %u$", generation);
	daemon_wait_log(d, line);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
}

/* Without the socket there is nobody to be asked; the master is there all the same, and
 * a signal reaches it. */
static void test_socket_removed(void **state)
{
	struct daemon *d = *state;
	char path[128], said[1024];

	start(d, "argond.pid");
	snprintf(path, sizeof(path), "%s.command", d->pidfile);
	assert_return_code(unlink(path), errno);
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 1);
	assert_non_null(strstr(said, "argond is running, but cannot be asked: "));
	assert_return_code(kill(d->pid, SIGHUP), errno);
	expect_done(d, 2);
	daemon_stop(d);
}

/* What lies in the place of the socket and cannot be replaced. */
static void test_in_the_way(void **state)
{
	struct daemon *d = *state;
	char path[128];

	d->files_expected = true;
	snprintf(path, sizeof(path), "%s.command", d->pidfile);
	assert_return_code(mkdir(path, 0755), errno);
	daemon_launch(d, SMALL, NULL);
	assert_int_equal(daemon_wait_end(d), 1 << 8);
	assert_true(
	    daemon_log_has(d, "error master: command socket .*: Is a directory"));
	daemon_check_log(d);
	assert_return_code(rmdir(path), errno);
}

static void test_stopped(void **state)
{
	struct daemon *d = *state;

	start(d, "argond.pid");
	assert_return_code(kill(d->pid, SIGSTOP), errno);
	expect_unseen(d, "is stopped");
	assert_return_code(kill(d->pid, SIGCONT), errno);
	expect_done(d, 2);
	daemon_stop(d);
}

/* ---- the folder */

static bool mounts_allowed(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void fill(const char *dir)
{
	static const char bytes[4096];
	char path[96];
	int fd;

	harness_path(path, dir, "fill");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_return_code(fd, errno);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		continue;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

/* A file system of its own for the pidfile, full, then read-only: the outcome is not
 * written anywhere, and is heard all the same. */
static void test_folder(void **state)
{
	struct daemon *d = *state;
	char dir[96], said[1024];

	if (harness_wrapped() || !mounts_allowed())
		skip();
	harness_path(dir, d->dir, "run");
	assert_return_code(mkdir(dir, 0755), errno);
	assert_int_equal(mount("none", dir, "tmpfs", 0, "size=64k"), 0);
	start(d, "run/argond.pid");
	fill(dir);
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
	assert_int_equal(mount(dir, dir, NULL, MS_BIND, NULL), 0);
	assert_int_equal(
	    mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
	expect_done(d, 3);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
	daemon_stop(d);
	umount2(dir, MNT_DETACH);
}

static void test_folder_removed(void **state)
{
	struct daemon *d = *state;
	char dir[96], said[1024];

	harness_path(dir, d->dir, "run");
	assert_return_code(mkdir(dir, 0755), errno);
	start(d, "run/argond.pid");
	harness_remove(dir);
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 1);
	assert_non_null(strstr(said, "argond is not running"));
	daemon_stop(d);
}

/* Is the process blocked in poll()? */
static bool process_polls(pid_t pid)
{
	char path[48], *text;
	long number;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	text = harness_read_file(path);
	number = text != NULL ? strtol(text, NULL, 10) : -1;
	free(text);
#ifdef SYS_poll
	if (number == SYS_poll)
		return true;
#endif
	return number == SYS_ppoll;
}

/* A master that is killed while its outcome is waited for: known at once. */
static void test_killed(void **state)
{
	struct daemon *d = *state;
	const pid_t test = getpid();
	char said[1024];
	pid_t master, killer;

	if (harness_wrapped())
		skip();
	start(d, "argond.pid");
	master = d->pid;
	process_stop(master);
	killer = fork();
	if (killer == 0) { /* when -s has asked it, and waits */
		pid_t pids[PROCESS_MAX];
		bool waits = false;

		while (!waits) {
			const size_t n = process_children(test, pids, PROCESS_MAX);

			for (size_t i = 0; i < n; i++)
				waits |= pids[i] != master && pids[i] != getpid() &&
				         process_polls(pids[i]);
		}
		kill(master, SIGKILL);
		_exit(0);
	}
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 1);
	assert_string_equal(said, "argond: reload failed: the master is gone\n");
	assert_true(WIFSIGNALED(daemon_wait_end(d)));
	assert_int_equal(waitpid(killer, NULL, 0), killer);
	daemon_check_log(d);
}

/* What is left of it: its number is nobody's. */
static void test_dead(void **state)
{
	static const char *const words[] = {
	    "reload", "reopen", "upgrade", "quit", "stop"};
	struct daemon *d = *state;
	char said[1024], gone[64];

	start(d, "argond.pid");
	snprintf(gone, sizeof(gone), "names process %d, which is gone\n", (int)d->pid);
	assert_return_code(kill(d->pid, SIGKILL), errno);
	assert_true(WIFSIGNALED(daemon_wait_end(d)));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_int_equal(masters_send(d, words[i], said, sizeof(said)), 1);
		assert_non_null(strstr(said, "argond is not running: pidfile "));
		assert_non_null(strstr(said, gone));
	}
	daemon_check_log(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_socket_removed),
	    daemon_test(test_in_the_way),
	    daemon_test(test_stopped),
	    daemon_test(test_folder),
	    daemon_test(test_folder_removed),
	    daemon_test(test_killed),
	    daemon_test(test_dead),
	};

	return cmocka_run_group_tests_name("-s has a limit", tests, NULL, NULL);
}
