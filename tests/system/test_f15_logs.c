/*
 * F15: logs that cannot be written: a full disk, a limit of file size, a FIFO that
 * nobody reads, a folder that is gone, a symlink in place of the file; and logs opened
 * anew a thousand times. The service does not notice, and never waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/run.h"

enum { FIFO_LINES = 3000 };

#define SAID_MUCH "access_log=on", "log_level=debug"

/* With the log elsewhere than in the test's pipe; `path` is in the daemon's folder. */
static void start(struct daemon *d, const char *target)
{
	char option[128];

	d->files_expected = true;
	snprintf(option, sizeof(option), "log=%s", target);
	daemon_launch(d, AFTERMATH_DAEMON, SAID_MUCH, option, NULL);
}

static bool is_ready(void *arg)
{
	struct daemon *d = arg;
	struct client client;
	struct response r = {0};
	bool ready;

	if (client_try(&client, &d->local) != 0)
		return false;
	client_get(&client, &r, "/readyz");
	ready = r.status == 200;
	response_free(&r);
	client_close(&client);
	return ready;
}

static void wait_ready(struct daemon *d)
{
	wait_until(is_ready, d, "readiness");
}

/* Everybody is served, by the Unix socket: the port is told in the log only. */
static void expect_service(struct daemon *d, unsigned requests)
{
	struct load load = {
	    .to = &d->local, .connections = 36, .fresh = 4, .requests = requests};

	load_run(&load);
	load_print(&load, "F15");
	load_expect_ok(&load, false);
}

static void signal_master(const struct daemon *d, int signo)
{
	assert_return_code(kill(d->pid, signo), errno);
}

/* A reload goes well, too: it opens the log of the new config. */
static void expect_reload(struct daemon *d)
{
	char said[1024];

	if (masters_send(d, "reload", said, sizeof(said)) != 0)
		fail_msg("reload: %s", said);
}

static void test_full(void **state)
{
	struct daemon *d = *state;

	start(d, "/dev/full");
	wait_ready(d);
	expect_service(d, 400);
	expect_reload(d);
	for (int i = 0; i < 10; i++)
		signal_master(d, SIGUSR1);
	expect_service(d, 400);
	daemon_stop(d);
}

/* A log that reaches the limit of file size (ulimit -f) is full, not deadly. */
static void test_file_size(void **state)
{
	const struct rlimit small = {.rlim_cur = 4096, .rlim_max = 4096};
	struct daemon *d = *state;
	pid_t pids[PROCESS_MAX];
	struct stat st;
	char path[96];
	size_t n;

	harness_path(path, d->dir, "argond.log");
	start(d, path);
	wait_ready(d);
	pids[0] = d->pid;
	n = 1 + process_children(d->pid, pids + 1, PROCESS_MAX - 1);
	while (n > 0)
		if (prlimit(pids[--n], RLIMIT_FSIZE, &small, NULL) != 0 &&
		    errno != EPERM)
			fail_msg("prlimit: %s", strerror(errno));
	expect_service(d, 400);
	assert_return_code(stat(path, &st), errno);
	assert_in_range(st.st_size, 4096 - LOG_LINE_MAX, 4096);
	if (process_titles_visible(d)) {
		pids[0] = process_find(d, "hasher elastic/0");
		process_kill(pids[0]);
		process_wait_new(d, "hasher elastic/0", pids[0]);
	}
	expect_service(d, 200);
	daemon_stop(d);
}

/* ---- a FIFO */

static void test_fifo(void **state)
{
	struct daemon *d = *state;
	struct run *run = malloc(sizeof(*run));
	char path[96], option[128], bytes[4096];
	int reader;

	assert_non_null(run);
	harness_path(path, d->dir, "argond.fifo");
	assert_return_code(mkfifo(path, 0600), errno);
	snprintf(option, sizeof(option), "log=%s", path);
	run_argond(run, "-c", d->conf, "-o", option, NULL); /* nobody reads */
	assert_int_equal(run->status, 1);
	assert_non_null(strstr(run->err, path));
	free(run);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_return_code(reader, errno);
	start(d, path);
	wait_ready(d);
	expect_service(d, FIFO_LINES); /* more than fits: nobody reads it */
	assert_true(read(reader, bytes, sizeof(bytes)) > 0);
	expect_service(d, 200);
	close(reader); /* now nobody can */
	expect_service(d, 200);
	signal_master(d, SIGUSR1);
	expect_service(d, 200);
	daemon_stop(d);
}

/* ---- a file whose place changes */

struct said {
	const char *path, *words;
};

static bool is_said(void *arg)
{
	const struct said *said = arg;
	char *text = harness_read_file(said->path);
	bool found = text != NULL && strstr(text, said->words) != NULL;

	free(text);
	return found;
}

static void wait_said(const char *path, const char *words)
{
	struct said said = {path, words};

	wait_until(is_said, &said, words);
}

/* What is asked for now is logged there. */
static void expect_logged_in(struct daemon *d, const char *path, const char *id)
{
	struct client client;
	struct response r = {0};
	char text[128];

	client_open(&client, &d->local);
	snprintf(text, sizeof(text),
	    "GET /livez HTTP/1.1\r\nHost: t\r\nX-Request-Id: %s\r\n\r\n", id);
	client_ask(&client, &r, text);
	assert_int_equal(r.status, 200);
	client_close(&client);
	response_free(&r);
	wait_said(path, id);
}

static void test_folder_removed(void **state)
{
	struct daemon *d = *state;
	char folder[96], path[96], moved[96], there[96];

	harness_path(folder, d->dir, "log");
	harness_path(path, d->dir, "log/a");
	harness_path(moved, d->dir, "old");
	harness_path(there, d->dir, "old/a");
	assert_return_code(mkdir(folder, 0755), errno);
	start(d, path);
	wait_ready(d);
	assert_return_code(rename(folder, moved), errno);
	signal_master(d, SIGUSR1);
	wait_said(there, "cannot open the log anew");
	expect_logged_in(d, there, "still-there"); /* the old one is better than none */
	expect_service(d, 200);
	assert_return_code(mkdir(folder, 0755), errno);
	signal_master(d, SIGUSR1);
	wait_said(path, "log opened anew");
	expect_service(d, 200);
	expect_logged_in(d, path, "anew");
	daemon_stop(d);
}

static void test_symlink(void **state)
{
	struct daemon *d = *state;
	char path[96], moved[96], precious[96], *text;

	harness_path(path, d->dir, "argond.log");
	harness_path(moved, d->dir, "argond.log.1");
	harness_path(precious, d->dir, "precious");
	harness_write_file(precious, "precious");
	start(d, path);
	wait_ready(d);
	assert_return_code(rename(path, moved), errno);
	assert_return_code(symlink(precious, path), errno);
	signal_master(d, SIGUSR1);
	wait_said(moved, "cannot open the log anew");
	expect_service(d, 200);
	expect_logged_in(d, moved, "not-followed");
	text = harness_read_file(precious);
	assert_non_null(text);
	assert_string_equal(text, "precious");
	free(text);
	daemon_stop(d);
}

/* ---- opened anew, again and again */

struct turns {
	struct daemon *d;
	unsigned left;
};

static bool turn(struct load *load, void *arg)
{
	struct turns *turns = arg;

	(void)load;
	for (unsigned i = 0; i < 10 && turns->left > 0; i++, turns->left--)
		signal_master(turns->d, SIGUSR1);
	return turns->left > 0;
}

static void test_a_thousand_times(void **state)
{
	struct daemon *d = *state;
	struct turns turns = {.d = d, .left = 1000};
	struct load load = {
	    LOAD_OF_A_ROW(d), .tick = turn, .arg = &turns, .tick_ms = 2};
	struct aftermath a;

	daemon_start(d, AFTERMATH_DAEMON, "access_log=on", NULL);
	aftermath_begin(&a, d);
	load_run(&load);
	load_print(&load, "F15, USR1");
	load_expect_ok(&load, false);
	daemon_wait_log(d, "log opened anew");
	aftermath_expect(&a);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_full),
	    daemon_test(test_file_size),
	    daemon_test(test_fifo),
	    daemon_test(test_folder_removed),
	    daemon_test(test_symlink),
	    daemon_test(test_a_thousand_times),
	};

	return cmocka_run_group_tests_name("F15 logs", tests, NULL, NULL);
}
