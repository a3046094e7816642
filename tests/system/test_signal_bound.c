/*
 * `-s reload` ends although its outcome cannot be seen: it says so and fails, and the
 * reload has been done all the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
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

/* What lies in the place of the status file. */
static void test_in_the_way(void **state)
{
	struct daemon *d = *state;
	char path[128], said[1024];

	start(d, "argond.pid");
	snprintf(path, sizeof(path), "%s.status", d->pidfile);
	assert_return_code(mkdir(path, 0755), errno);
	expect_unseen(d, "cannot write it");
	expect_done(d, 2);
	assert_return_code(rmdir(path), errno);
	assert_return_code(mkfifo(path, 0600), errno);
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
	assert_return_code(unlink(path), errno);
	assert_return_code(symlink("/nowhere/at/all", path), errno);
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
	daemon_stop(d);
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

/* A file system of its own for the pidfile: full, then read-only, then right. */
static void test_folder(void **state)
{
	struct daemon *d = *state;
	char dir[96], path[96], said[1024];

	if (harness_wrapped() || !mounts_allowed())
		skip();
	harness_path(dir, d->dir, "run");
	assert_return_code(mkdir(dir, 0755), errno);
	assert_int_equal(mount("none", dir, "tmpfs", 0, "size=64k"), 0);
	start(d, "run/argond.pid");
	fill(dir);
	expect_unseen(d, "cannot write it");
	expect_done(d, 2);
	harness_path(path, dir, "fill");
	assert_return_code(unlink(path), errno);
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
	assert_int_equal(mount(dir, dir, NULL, MS_BIND, NULL), 0);
	assert_int_equal(
	    mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	daemon_log_mark(d);
	expect_unseen(d, "cannot write it");
	expect_done(d, 4);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
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

/* A master that is killed while its outcome is waited for: known at once. */
static void test_killed(void **state)
{
	struct daemon *d = *state;
	char said[1024];
	pid_t master, killer;

	start(d, "argond.pid");
	master = d->pid;
	process_stop(master);
	killer = fork();
	if (killer == 0) { /* when -s has signalled it: HUP is pending then */
		char path[48], *text, *at;

		snprintf(path, sizeof(path), "/proc/%d/status", (int)master);
		for (;;) {
			text = harness_read_file(path);
			at = text != NULL ? strstr(text, "\nShdPnd:") : NULL;
			if (at != NULL && (strtoull(at + 8, NULL, 16) & 1) != 0)
				break;
			free(text);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_in_the_way),
	    daemon_test(test_stopped),
	    daemon_test(test_folder),
	    daemon_test(test_folder_removed),
	    daemon_test(test_killed),
	};

	return cmocka_run_group_tests_name("-s has a limit", tests, NULL, NULL);
}
