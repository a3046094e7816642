/*
 * A process that was broken into, and the log: it can add lines in its own name, and
 * nothing else. Whatever of its fds it truncates, overwrites or reads from, what others
 * have written stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/fds.h"
#include "tests/system/intruder.h"
#include "tests/system/process.h"

/* MORE_LINES of an access log are more than a pipe has room for. */
enum { LINE = 100, MORE_LINES = 15000, FLOOD = 10000 };

static const char *const roles[] = {
    "frontend 0", "hasher elastic/0", "hasher lookup/0"};

static void give_up(struct daemon *d)
{
	daemon_stop(d);
	print_message("ptrace is not permitted\n");
	skip();
}

/* ---- the fds that it has ---- */

static bool is_answered(void *arg)
{
	const struct daemon *d = arg;
	struct client client;

	if (client_try(&client, &d->local) != 0)
		return false;
	client_close(&client);
	return client_fetch(&d->local, "/readyz", NULL, 0) == 200;
}

static void start_with_file(struct daemon *d, char path[96], const char *more)
{
	char option[128];

	d->files_expected = true;
	harness_path(path, d->dir, "argond.log");
	snprintf(option, sizeof(option), "log=%s", path);
	daemon_launch(d, CONFINED_SMALL, option, more, NULL);
	wait_until(is_answered, d, "readiness");
}

static void no_child_has_the_log(void **state)
{
	struct daemon *d = *state;
	static struct fd_list list;
	pid_t pids[PROCESS_MAX];
	char path[96];
	size_t n;

	start_with_file(d, path, NULL);
	n = process_children(d->pid, pids, PROCESS_MAX);
	assert_true(n > 2);
	for (size_t i = 0; i < n; i++) {
		if (!fds_list(pids[i], &list))
			give_up(d);
		for (size_t f = 0; f < list.count; f++)
			if (list.entries[f].target[0] == '/' &&
			    strncmp(list.entries[f].target, "/memfd:", 7) != 0)
				fail_msg("process %d has %s", (int)pids[i],
				    list.entries[f].target);
	}
	daemon_stop(d);
}

/* A look-up process has the calls that change files. */
static const struct deed {
	const char *name;
	struct intruder_call call; /* argument 0 is the fd */
} deeds[] = {
    {"ftruncate", {.number = SYS_ftruncate, .args = {0, 0}}},
    {"fallocate",
        {.number = SYS_fallocate,
            .args = {0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096}}},
    {"pwrite64", {.number = SYS_pwrite64,
                     .args = {0, INTRUDER_BYTES, LINE, 0},
                     .bytes = (const char[LINE]){""},
                     .len = LINE}},
    {"fchmod", {.number = SYS_fchmod, .args = {0, 0}}},
};

static void expect_log_kept(const char *path, const char *before)
{
	char *now = harness_read_file(path);
	struct stat st;

	assert_non_null(now);
	if (strncmp(now, before, strlen(before)) != 0)
		fail_msg("the log is not what it was");
	assert_return_code(stat(path, &st), errno);
	assert_int_not_equal(st.st_mode & 0777, 0);
	free(now);
}

static void a_lookup_cannot_change_the_log(void **state)
{
	struct daemon *d = *state;
	static struct fd_list list;
	char path[96], *before;
	long result;
	pid_t pid;

	start_with_file(d, path, NULL);
	assert_int_equal(client_fetch(&d->local, "/user/1", NULL, 0), 200);
	before = harness_read_file(path);
	assert_non_null(before);
	pid = process_find(d, "hasher lookup/0");
	if (!fds_list(pid, &list))
		give_up(d);
	for (size_t f = 0; f < list.count; f++)
		for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
			struct intruder_call call = deeds[i].call;

			/* sockets are no log, and a device is this machine's */
			if (list.entries[f].inode != 0 ||
			    strncmp(list.entries[f].target, "/dev/", 5) == 0)
				continue;
			call.args[0] = (uint64_t)list.entries[f].fd;
			if (intruder_do(pid, &call, &result) == INTRUDER_UNABLE)
				give_up(d);
			expect_log_kept(path, before);
		}
	free(before);
	daemon_stop(d);
}

/* ---- the words that it has ---- */

static bool say(pid_t pid, const void *bytes, size_t len)
{
	const struct intruder_call call = {.number = SYS_write,
	    .args = {STDERR_FILENO, INTRUDER_BYTES, len},
	    .bytes = bytes,
	    .len = len};
	long result;

	return intruder_do(pid, &call, &result) == INTRUDER_DONE;
}

static void a_line_is_logged_in_its_writers_name(void **state)
{
	static const char forged[] =
	    "2026-01-01T00:00:00.000Z [1] info master: all is well\n"
	    "\x1b[2J\r\xff and more";
	static const char record[] = "\x01"
	                             "1a warning\nof \x01two lines";
	struct daemon *d = *state;
	char pattern[192];

	d->bugs_expected = true;
	daemon_start(d, CONFINED_SMALL, NULL);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		const pid_t pid = process_find(d, roles[i]);

		if (!say(pid, forged, sizeof(forged)))
			give_up(d);
		snprintf(pattern, sizeof(pattern),
		    "\\[%d\\] error %s: standard error: 2026-01-01T.*all is well$",
		    (int)pid, roles[i]);
		daemon_wait_log(d, pattern);
		snprintf(pattern, sizeof(pattern),
		    "\\[%d\\] error %s: standard error: .x1b\\[2J.x0d.xff and more$",
		    (int)pid, roles[i]);
		daemon_wait_log(d, pattern);
		assert_true(say(pid, record, sizeof(record)));
		snprintf(pattern, sizeof(pattern),
		    "\\[%d\\] warning %s: a warning.x0aof .x01two lines$", (int)pid,
		    roles[i]);
		daemon_wait_log(d, pattern);
		/* the last word, without an end */
		assert_true(say(pid, "last", 4));
		process_kill(pid);
		snprintf(pattern, sizeof(pattern),
		    "\\[%d\\] error %s: standard error: last$", (int)pid, roles[i]);
		daemon_wait_log(d, pattern);
		process_wait_new(d, roles[i], pid);
	}
	daemon_stop(d);
}

struct told {
	const struct daemon *d;
	const char *path;
};

/* Something to say, and what was lost is said before it. */
static bool is_told(void *arg)
{
	const struct told *told = arg;
	char *text;
	bool found;

	assert_int_equal(client_fetch(&told->d->local, "/livez", NULL, 0), 200);
	text = harness_read_file(told->path);
	assert_non_null(text);
	found = strstr(text, " lines before this one could not be written") != NULL;
	free(text);
	return found;
}

/* A master that does not read keeps nobody from work. */
static void a_full_pipe_is_not_waited_for(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client client;
	char path[96];
	struct told told = {d, path};

	start_with_file(d, path, "access_log=on");
	process_stop(d->pid);
	client_open(&client, &d->local);
	for (size_t i = 0; i < MORE_LINES; i++) {
		client_get(&client, &r, "/livez");
		assert_int_equal(r.status, 200);
	}
	client_close(&client);
	response_free(&r);
	assert_return_code(kill(d->pid, SIGCONT), errno);
	wait_until(is_told, &told, "a word about the lines that were lost");
	daemon_stop(d);
}

/* ---- what fills the disk ---- */

/* More lines than any limit lets through at once, as fast as the pipe takes them; what
 * it does not take any more is lost. */
static size_t say_without_end(int fd)
{
	static const char lines[] = "a\na\na\na\na\na\na\na\na\na\n";
	size_t said = 0;

	for (size_t i = 0; i < FLOOD; i++)
		if (write(fd, lines, sizeof(lines) - 1) == (ssize_t)sizeof(lines) - 1)
			said += 10;
	return said;
}

static size_t lines_of(const char *path, const char *words)
{
	char *text = harness_read_file(path);
	size_t n = 0;

	assert_non_null(text);
	for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
		n++;
	free(text);
	return n;
}

/* One read of the master's takes what it takes; after that the rest has to wait. */
static void a_child_does_not_fill_the_disk(void **state)
{
	enum { PIPE_LINES = 65536 / 2, AT_ONCE = 1000 + 16384 / 2, LAST = 4096 / 2 };
	struct daemon *d = *state;
	char path[96];
	size_t said = 0;
	pid_t pid;
	int fd;

	d->bugs_expected = true;
	start_with_file(d, path, "pool.elastic.max_processes=1");
	pid = process_find(d, "hasher elastic/0");
	fd = intruder_take(pid, STDERR_FILENO);
	if (fd < 0)
		give_up(d);
	assert_return_code(fcntl(fd, F_SETFL, O_NONBLOCK), errno);
	while (lines_of(path, "logs more than") == 0) {
		said += say_without_end(fd);
		if (said > 20 * PIPE_LINES)
			fail_msg("%zu lines, and no limit", said);
		client_fetch(&d->local, "/livez", NULL, 0);
	}
	(void)say_without_end(fd);
	close(fd);
	assert_int_equal(client_fetch(&d->local, "/hash/x", NULL, 0), 200);
	assert_true(lines_of(path, "standard error: a") <= AT_ONCE);
	process_kill(pid);
	process_wait_new(d, "hasher elastic/0", pid);
	assert_true(lines_of(path, "standard error: a") <= AT_ONCE + LAST);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(no_child_has_the_log),
	    daemon_test(a_lookup_cannot_change_the_log),
	    daemon_test(a_line_is_logged_in_its_writers_name),
	    daemon_test(a_full_pipe_is_not_waited_for),
	    daemon_test(a_child_does_not_fill_the_disk),
	};

	return cmocka_run_group_tests_name("wall: log", tests, NULL, NULL);
}
