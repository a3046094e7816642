/*
 * Starting and stopping: what is in the way, what a signal does, what the log file goes
 * through.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/process.h"
#include "tests/system/run.h"

/* Lines on stderr but for those at level info. */
static unsigned complaint_lines(const struct run *run)
{
	unsigned infos = 0;

	for (const char *at = run->err; (at = strstr(at, "] info ")) != NULL; at++)
		infos++;
	return run->err_lines - infos;
}

/* Runs with the daemon's config file and one option; expects, beside a start's usual
 * lines, a refusal: status 1 and one line, in which `said` occurs. */
static void expect_refusal(const struct daemon *d, const char *option, const char *said)
{
	struct run *run = malloc(sizeof(*run));

	assert_non_null(run);
	run_argond(run, "-c", d->conf, "-o", option, NULL);
	if (run->status != 1 || complaint_lines(run) != 1 ||
	    strstr(run->err, said) == NULL)
		fail_msg("status %d with: %s", run->status, run->err);
	free(run);
}

static void test_port_in_use(void **state)
{
	struct daemon *d = *state;
	struct address taken = {.len = sizeof(taken.in)};
	char option[64], port[16];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	taken.in.sin_family = AF_INET;
	taken.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_return_code(bind(fd, &taken.any, taken.len), errno);
	assert_return_code(listen(fd, 1), errno);
	assert_return_code(getsockname(fd, &taken.any, &taken.len), errno);
	snprintf(port, sizeof(port), ":%u", ntohs(taken.in.sin_port));
	snprintf(option, sizeof(option), "listen=127.0.0.1%s", port);
	expect_refusal(d, option, port);
	close(fd);
	assert_return_code(access(d->conf, F_OK), errno);
	assert_int_equal(access(d->pidfile, F_OK), -1); /* nothing is left behind */
}

/* A second start on the pidfile of a running one is refused and does no harm. */
static void test_pidfile_of_the_living(void **state)
{
	struct daemon *d = *state;
	char *text, pid[32];

	daemon_start(d, NULL);
	snprintf(pid, sizeof(pid), "%d", (int)d->pid);
	text = harness_read_file(d->pidfile);
	assert_non_null(text);
	assert_int_equal(strtol(text, NULL, 10), d->pid);
	free(text);
	expect_refusal(d, "listen=127.0.0.1:0", pid);
	text = harness_read_file(d->pidfile);
	assert_non_null(text);
	assert_int_equal(strtol(text, NULL, 10), d->pid);
	free(text);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	daemon_stop(d);
}

/* A number in an old pidfile is nobody whom we would believe or signal. */
static void test_stale_pidfile(void **state)
{
	static const char *const contents[] = {
	    "1\n", "", "garbage\n", "-1\n", "99999999999\n"};
	struct daemon *d = *state;

	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		harness_write_file(d->pidfile, contents[i]);
		daemon_start(d, NULL);
		daemon_stop(d);
	}
}

static void test_unwritable_log(void **state)
{
	struct daemon *d = *state;
	char option[128];

	snprintf(option, sizeof(option), "log=%s/nowhere/argond.log", d->dir);
	expect_refusal(d, option, "nowhere");
	snprintf(option, sizeof(option), "log=%s", d->dir); /* a folder */
	expect_refusal(d, option, d->dir);
}

static void test_unix_socket_in_the_way(void **state)
{
	struct daemon *d = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat before, after;

	assert_return_code(bind(fd, &d->local.any, d->local.len), errno);
	assert_return_code(listen(fd, 1), errno);
	assert_return_code(stat(d->socket, &before), errno);
	expect_refusal(d, "hello_delay=1ms", d->socket); /* somebody lives there */
	assert_return_code(stat(d->socket, &after), errno);
	assert_int_equal(before.st_ino, after.st_ino);
	close(fd);
	daemon_start(d, NULL); /* now he is dead */
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	daemon_stop(d);
	harness_write_file(d->socket, "precious");
	expect_refusal(d, "hello_delay=1ms", d->socket);
	assert_return_code(stat(d->socket, &after), errno);
	assert_true(S_ISREG(after.st_mode) && after.st_size == 8);
}

static void test_no_unix_folder(void **state)
{
	struct daemon *d = *state;
	char option[128];

	snprintf(option, sizeof(option), "listen=unix:%s/nowhere/s", d->dir);
	expect_refusal(d, option, "nowhere");
}

static void expect_exit(struct daemon *d, int signo, int status)
{
	int wait_status;

	assert_return_code(kill(d->pid, signo), errno);
	wait_status = daemon_wait_end(d);
	assert_true(WIFEXITED(wait_status));
	assert_int_equal(WEXITSTATUS(wait_status), status);
	assert_int_equal(access(d->pidfile, F_OK), -1);
	assert_int_equal(access(d->socket, F_OK), -1);
	daemon_check_log(d);
}

static void test_signals(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, NULL);
	expect_exit(d, SIGTERM, 0);
	daemon_start(d, NULL);
	expect_exit(d, SIGQUIT, 0);
	daemon_start(d, NULL);
	expect_exit(d, SIGINT, 0);
}

/* A request under way is answered though the daemon was told to leave; new ones find
 * nobody; the idle connection ends. */
static void test_graceful(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client busy, idle, later;

	daemon_start(d, "hello_delay=700ms", NULL);
	client_open(&idle, &d->tcp);
	client_get(&idle, &r, "/livez");
	assert_int_equal(r.status, 200);
	client_open(&busy, &d->tcp);
	client_say(&busy, "GET / HTTP/1.1\r\nHost: t\r\n\r\nGET /livez HT");
	client_open(&later, &d->tcp);
	client_get(&later, &r, "/livez"); /* by now the first has been read as well */
	assert_int_equal(r.status, 200);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	client_read(&busy, &r, false);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "Hello world!");
	assert_true(response_has(&r, "Connection", "close"));
	assert_int_equal(daemon_wait_end(d), 0);
	client_close(&busy);
	client_close(&idle);
	client_close(&later);
	response_free(&r);
	daemon_check_log(d);
}

/* What does not end by itself is ended at shutdown_timeout. */
static void test_shutdown_timeout(void **state)
{
	struct daemon *d = *state;
	struct client client;

	daemon_start(d, "hello_delay=60s", "shutdown_timeout=300ms", NULL);
	client_open(&client, &d->tcp);
	client_say(&client, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);

	expect_exit(d, SIGTERM, 0); /* as it was told to; the log says what was cut */
	client_close(&client);
}

struct text_goal {
	const char *path, *text;
};

static bool file_has(void *arg)
{
	const struct text_goal *goal = arg;
	char *text = harness_read_file(goal->path);
	bool has = text != NULL && strstr(text, goal->text) != NULL;

	free(text);
	return has;
}

static void wait_file(const char *path, const char *text)
{
	struct text_goal goal = {.path = path, .text = text};

	wait_until(file_has, &goal, text);
}

/* After USR1 everybody writes to the new file: master and children. */
static void test_log_reopened(void **state)
{
	struct daemon *d = *state;
	char path[96], moved[96], option[128], words[64];
	pid_t pid;

	harness_path(path, d->dir, "argond.log");
	harness_path(moved, d->dir, "argond.log.1");
	snprintf(option, sizeof(option), "log=%s", path);
	d->files_expected = true;
	daemon_launch(d, option, NULL);
	wait_file(path, "master: ready");
	assert_return_code(rename(path, moved), errno);
	assert_return_code(kill(d->pid, SIGUSR1), errno);
	wait_file(path, "\n"); /* made anew, and something said in it */
	pid = process_find(d, "hasher fixed/0");
	if (pid != 0) {
		process_kill(pid);
		snprintf(words, sizeof(words), "(%d)", (int)pid);
		wait_file(path, words);
	}
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	daemon_stop(d);
	wait_file(path, "gone");
}

/* Its processes are told before the master has read a word of theirs. */
static void test_told_to_leave_while_it_starts(void **state)
{
	struct daemon *d = *state;

	for (unsigned i = 0; i < harness_rounds(20, 500); i++) {
		daemon_launch(
		    d, "profile.default.memory=64K", "profile.default.time=1", NULL);
		daemon_wait_log(d, "listening on unix");
		assert_return_code(kill(d->pid, SIGTERM), errno);
		assert_int_equal(daemon_wait_end(d), 0);
		daemon_check_log(d);
		assert_false(daemon_log_has(d, "killed by"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_port_in_use),
	    daemon_test(test_pidfile_of_the_living),
	    daemon_test(test_stale_pidfile),
	    daemon_test(test_unwritable_log),
	    daemon_test(test_unix_socket_in_the_way),
	    daemon_test(test_no_unix_folder),
	    daemon_test(test_signals),
	    daemon_test(test_graceful),
	    daemon_test(test_shutdown_timeout),
	    daemon_test(test_log_reopened),
	    daemon_test(test_told_to_leave_while_it_starts),
	};

	return cmocka_run_group_tests_name("start", tests, NULL, NULL);
}
