/*
 * Which program an upgrade starts: the one that lies at the path by which the daemon
 * was executed, however that path is made (a symbolic link that was swung to another
 * release, a relative path, PATH, a wrapper, a file descriptor).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/contract.h"
#include "tests/system/client.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

#define SMALL                                                                          \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1", "frontend.processes=1"

/* This program executes the file that the variable names, by fexecve(3) or through
 * /proc. */
#define BY_DESCRIPTOR "ARGOND_TEST_BY_DESCRIPTOR"
#define BY_PROC "ARGOND_TEST_BY_PROC"

static char given[PATH_MAX], here[PATH_MAX];

/* ---- releases: DIR/N/argond of version 0.N.0, and DIR/current, a link to one ---- */

static void file_write(const char *path, const char *bytes, size_t len)
{
	char fresh[128];
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.fresh", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	assert_return_code(fd, errno);
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, bytes + done, len - done);

		assert_return_code(n, errno);
		done += (size_t)n;
	}
	assert_return_code(close(fd), errno);
	assert_return_code(rename(fresh, path), errno);
}

/* A copy of the binary in which each ARGOND_VERSION is another text of its length. */
static void binary_install(const char *path, const char *version)
{
	const size_t len = strlen(ARGOND_VERSION);
	struct stat st;
	char *bytes, *at;
	int fd = open(given, O_RDONLY | O_CLOEXEC);

	assert_return_code(fd, errno);
	assert_return_code(fstat(fd, &st), errno);
	bytes = malloc((size_t)st.st_size);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	assert_int_equal(strlen(version), len);
	for (at = bytes; (at = memmem(at, (size_t)(bytes + st.st_size - at),
	                      ARGOND_VERSION, len)) != NULL;
	     at += len)
		memcpy(at, version, len);
	file_write(path, bytes, (size_t)st.st_size);
	free(bytes);
}

static void release_path(const struct daemon *d, unsigned n, char path[96])
{
	char name[32];

	snprintf(name, sizeof(name), "%u/argond", n);
	harness_path(path, d->dir, name);
}

static void release_make(const struct daemon *d, unsigned n)
{
	char path[96], version[32];

	release_path(d, n, path);
	*strrchr(path, '/') = '\0';
	assert_return_code(mkdir(path, 0755), errno);
	release_path(d, n, path);
	snprintf(version, sizeof(version), "0.%u.0", n);
	binary_install(path, version);
}

static void release_remove(const struct daemon *d, unsigned n)
{
	char path[96];

	release_path(d, n, path);
	*strrchr(path, '/') = '\0';
	harness_remove(path);
}

/* DIR/name becomes a symbolic link, by rename. */
static void swing(const struct daemon *d, const char *name, const char *to)
{
	char path[96], fresh[96];

	harness_path(path, d->dir, name);
	harness_path(fresh, d->dir, "link.fresh");
	assert_return_code(symlink(to, fresh), errno);
	assert_return_code(rename(fresh, path), errno);
}

/* ---- the daemon ---- */

/* `words`: how it is called. Its releases 1 to 3 are made, and it runs 1. */
static void start(struct daemon *d, const char *program)
{
	assert_return_code(setenv("ARGOND", program, 1), errno);
	d->files_expected = true;
	daemon_start(d, SMALL, NULL);
	assert_return_code(setenv("ARGOND", given, 1), errno);
}

static void prepare(struct daemon *d)
{
	if (harness_wrapped())
		skip();
	for (unsigned n = 1; n <= 3; n++)
		release_make(d, n);
	swing(d, "current", "1");
}

static void start_current(struct daemon *d, const char *name)
{
	char path[96];

	harness_path(path, d->dir, name);
	start(d, path);
}

/* The file that the master runs. */
static void expect_runs(const struct daemon *d, unsigned n)
{
	char path[64], file[PATH_MAX] = "", release[96];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)d->pid);
	release_path(d, n, release);
	if (readlink(path, file, sizeof(file) - 1) > 0)
		assert_string_equal(file, release);
	else
		assert_int_not_equal(geteuid(), 0); /* only root may look */
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
}

/* An upgrade from release `from` to release `to`; the log names both. */
static void upgrade(struct daemon *d, unsigned from, unsigned to)
{
	char said[2048], line[512];

	daemon_log_mark(d);
	if (masters_send(d, "upgrade", said, sizeof(said)) != 0)
		fail_msg("upgrade: %s", said);
	masters_wait_changed(d);
	expect_runs(d, to);
	snprintf(line, sizeof(line),
	    "upgrade: 0\\.%u\\.0 \\(%s/%u/argond\\) -> 0\\.%u\\.0 "
	    "\\(%s/%u/argond\\)%s$",
	    from, d->dir, from, to, d->dir, to, from == to ? ", the same version" : "");
	daemon_wait_log(d, line);
}

static void expect_failure(struct daemon *d, const char *why)
{
	char said[2048];

	daemon_log_mark(d);
	assert_int_equal(masters_send(d, "upgrade", said, sizeof(said)), 1);
	if (strstr(said, why) == NULL)
		fail_msg("%s was expected, but: %s", why, said);
	daemon_wait_log(d, "error master: upgrade failed, this one stays: ");
	assert_true(process_alive(d->pid));
	assert_int_equal(masters_named(d), d->pid);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
}

static void test_swung(void **state)
{
	struct daemon *d = *state;

	prepare(d);
	start_current(d, "current/argond");
	expect_runs(d, 1);
	swing(d, "current", "2");
	upgrade(d, 1, 2);
	upgrade(d, 2, 2);
	swing(d, "current", "3");
	release_remove(d, 1);
	release_remove(d, 2);
	upgrade(d, 2, 3);
	release_make(d, 1);
	swing(d, "current", "1");
	upgrade(d, 3, 1);
	daemon_stop(d);
}

/* A link to the file itself, over other links. */
static void test_chain(void **state)
{
	struct daemon *d = *state;

	prepare(d);
	swing(d, "sbin", "opt");
	swing(d, "opt", d->dir);
	swing(d, "argond", "current/argond");
	start_current(d, "sbin/argond");
	swing(d, "current", "2");
	upgrade(d, 1, 2);
	swing(d, "argond", "3/argond");
	upgrade(d, 2, 3);
	daemon_stop(d);
}

static void test_dangling(void **state)
{
	struct daemon *d = *state;
	char link[160];

	prepare(d);
	start_current(d, "current/argond");
	swing(d, "current", "none");
	snprintf(link, sizeof(link),
	    "No such file or directory; a symbolic link that leads nowhere: %s/current",
	    d->dir);
	expect_failure(d, link);
	swing(d, "current", "2");
	upgrade(d, 1, 2);
	daemon_stop(d);
}

/* A folder of the path is removed and made again. */
static void test_made_again(void **state)
{
	struct daemon *d = *state;
	char path[96], said[128];

	prepare(d);
	release_path(d, 2, path);
	start(d, path);
	release_remove(d, 2);
	snprintf(said, sizeof(said), "%s: No such file", path);
	expect_failure(d, said);
	release_make(d, 2);
	upgrade(d, 2, 2);
	daemon_stop(d);
}

/* As a package manager does it: the file is replaced by rename. */
static void test_replaced(void **state)
{
	struct daemon *d = *state;
	char path[96], line[512];

	prepare(d);
	release_path(d, 1, path);
	start(d, path);
	binary_install(path, "0.9.0");
	assert_int_equal(masters_send(d, "upgrade", NULL, 0), 0);
	masters_wait_changed(d);
	snprintf(line, sizeof(line),
	    "upgrade: 0\\.1\\.0 \\(%s\\) -> 0\\.9\\.0 \\(%s\\)$", path, path);
	daemon_wait_log(d, line);
	daemon_stop(d);
}

/* ---- how it is called ---- */

/* By a relative path, from a folder that goes then. */
static void test_relative(void **state)
{
	static const char *const names[] = {
	    "../current/argond", "./../current/argond", ".././current/argond"};
	struct daemon *d = *state;
	char folder[96];

	prepare(d);
	harness_path(folder, d->dir, "here");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		swing(d, "current", "1");
		assert_return_code(mkdir(folder, 0755), errno);
		assert_return_code(chdir(folder), errno);
		start(d, names[i]);
		assert_return_code(chdir(here), errno);
		assert_return_code(rmdir(folder), errno);
		swing(d, "current", "2");
		upgrade(d, 1, 2);
		swing(d, "current", "3");
		upgrade(d, 2, 3);
		daemon_stop(d);
	}
}

static void test_found_by_path(void **state)
{
	struct daemon *d = *state;
	const char *search = getenv("PATH");
	char path[256], *old;

	prepare(d);
	old = strdup(search != NULL ? search : "/usr/bin:/bin");
	assert_non_null(old);
	snprintf(path, sizeof(path), "/nowhere:%s/current:/usr/bin:/bin", d->dir);
	assert_return_code(setenv("PATH", path, 1), errno);
	start(d, "argond");
	swing(d, "current", "2");
	upgrade(d, 1, 2);
	assert_return_code(setenv("PATH", old, 1), errno);
	free(old);
	daemon_stop(d);
}

/* A script that executes it, with an argv[0] that leads elsewhere. */
static void test_argv0_lies(void **state)
{
	struct daemon *d = *state;
	char path[96], text[256];

	prepare(d);
	harness_path(path, d->dir, "wrapper");
	snprintf(text, sizeof(text),
	    "#!/bin/bash\nexec -a /bin/false %s/current/argond \"$@\"\n", d->dir);
	harness_write_file(path, text);
	assert_return_code(chmod(path, 0755), errno);
	start(d, path);
	swing(d, "current", "2");
	upgrade(d, 1, 2);
	daemon_stop(d);
}

/* It is the interpreter of an executable config file, which is what the kernel was told
 * to execute. The wrapper leaves out "-c CONF", which the kernel adds. */
static void test_interpreter(void **state)
{
	struct daemon *d = *state;
	char path[96], text[1024], *conf;

	prepare(d);
	conf = harness_read_file(d->conf);
	assert_non_null(conf);
	snprintf(text, sizeof(text), "#!%s/current/argond -c\n%s", d->dir, conf);
	free(conf);
	harness_write_file(d->conf, text);
	assert_return_code(chmod(d->conf, 0755), errno);
	harness_path(path, d->dir, "wrapper");
	snprintf(text, sizeof(text), "#!/bin/sh\nshift 2\nexec %s \"$@\"\n", d->conf);
	harness_write_file(path, text);
	assert_return_code(chmod(path, 0755), errno);
	start(d, path);
	swing(d, "current", "2");
	upgrade(d, 1, 2);
	daemon_stop(d);
}

/* Through a descriptor or /proc there is no path that lasts but the file's own. */
static void test_by_descriptor(void **state)
{
	static const char *const ways[] = {BY_DESCRIPTOR, BY_PROC};
	struct daemon *d = *state;
	char path[96], self[PATH_MAX] = "";

	prepare(d);
	release_path(d, 2, path);
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_return_code(setenv(ways[i], path, 1), errno);
		start(d, self);
		assert_return_code(unsetenv(ways[i]), errno);
		expect_runs(d, 2);
		binary_install(path, "0.2.0");
		upgrade(d, 2, 2);
		daemon_stop(d);
	}
}

static int execute_by(char **argv, bool proc, const char *program)
{
	char path[64];
	int fd = open(program, O_RDONLY | (proc ? 0 : O_CLOEXEC));

	unsetenv(BY_DESCRIPTOR);
	unsetenv(BY_PROC);
	if (!proc) {
		fexecve(fd, argv, environ);
		return 126;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	execv(path, argv);
	return 126;
}

static int group_setup(void **state)
{
	const char *binary = getenv("ARGOND");

	(void)state;
	if (realpath(binary != NULL ? binary : "build/argond", given) == NULL ||
	    getcwd(here, sizeof(here)) == NULL)
		return -1;
	return setenv("ARGOND", given, 1);
}

int main(int argc, char **argv)
{
	const char *by_descriptor = getenv(BY_DESCRIPTOR), *by_proc = getenv(BY_PROC);
	const struct CMUnitTest tests[] = {
	    masters_test(test_swung),
	    masters_test(test_chain),
	    masters_test(test_dangling),
	    masters_test(test_made_again),
	    masters_test(test_replaced),
	    masters_test(test_relative),
	    masters_test(test_found_by_path),
	    masters_test(test_argv0_lies),
	    masters_test(test_interpreter),
	    masters_test(test_by_descriptor),
	};

	(void)argc;
	if (by_descriptor != NULL)
		return execute_by(argv, false, by_descriptor);
	if (by_proc != NULL)
		return execute_by(argv, true, by_proc);
	return cmocka_run_group_tests_name("upgrade path", tests, group_setup, NULL);
}
