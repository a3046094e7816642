/*
 * F12: a frontend without fds, and accept4() that fails. It goes on with what it has,
 * does not spin, says so once a second, and is back within a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/crowd.h"
#include "tests/system/log_tail.h"
#include "tests/system/process.h"

enum { CROWD = 60, FILES = 40, WHILE_MS = 2500, BURST = 16 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"

static pid_t start(struct daemon *d, const char *option)
{
	pid_t pid;

	daemon_start(d, "frontend.processes=1", "hello_delay=1m", option, NULL);
	pid = process_find(d, "frontend 0");
	if (pid == 0) {
		daemon_stop(d);
		skip();
	}
	return pid;
}

/* Sets the soft limit, and returns the one before. */
static rlim_t set_files(struct daemon *d, pid_t pid, rlim_t files)
{
	struct rlimit limit, old;

	if (prlimit(pid, RLIMIT_NOFILE, NULL, &old) != 0) {
		daemon_stop(d);
		skip(); /* a confined process is root's to change */
	}
	limit = old;
	limit.rlim_cur = files;
	assert_return_code(prlimit(pid, RLIMIT_NOFILE, &limit, NULL), errno);
	return old.rlim_cur;
}

static size_t seconds_since(uint64_t since)
{
	return (size_t)(harness_now_ms() - since) / 1000;
}

/* Once a second, and nothing is left out that was not counted. */
static void expect_few_lines(const struct daemon *d, const char *words, uint64_t since)
{
	size_t lines = log_tail_count(d->log, d->log_mark, words);

	assert_in_range(lines, 1, seconds_since(since) + 2);
}

/* All places are taken, and the limit is below them: who comes is told so. */
static void test_told_so(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct crowd crowd = {0};
	struct client c;
	uint64_t since;
	pid_t pid = start(d, NULL);
	rlim_t files;

	crowd_open(&crowd, &d->tcp, CROWD);
	crowd_say(&crowd, GET("/"), sizeof(GET("/")) - 1);
	process_wait_count(d, "frontend 0 [conns 60,", 1);
	files = set_files(d, pid, FILES);
	since = harness_now_ms();
	for (int i = 0; i < 50; i++) {
		client_open(&c, &d->tcp);
		client_get(&c, &r, "/livez");
		assert_int_equal(r.status, 503);
		assert_true(response_has(&r, "Connection", "close"));
		assert_true(response_has(&r, "Retry-After", "1"));
		client_expect_end(&c);
		client_close(&c);
	}
	expect_few_lines(d, "no place for a connection: Too many open files", since);
	assert_int_equal(crowd_alive(&crowd), CROWD);
	set_files(d, pid, files);
	since = harness_now_ms();
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	assert_true(harness_now_ms() - since < 1000 * harness_slow());
	crowd_close(&crowd);
	response_free(&r);
	daemon_stop(d);
}

/* The same with idle connections: these make room, and nobody is refused. */
static void test_idle_make_room(void **state)
{
	struct daemon *d = *state;
	struct crowd crowd = {0};
	pid_t pid = start(d, NULL);

	crowd_open(&crowd, &d->tcp, CROWD);
	crowd_say(&crowd, GET("/livez"), sizeof(GET("/livez")) - 1);
	crowd_await_answers(&crowd, "200", "ok", CROWD);
	set_files(d, pid, FILES);
	for (int i = 0; i < 50; i++)
		assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	crowd_turn(&crowd, 100);
	assert_in_range(crowd_alive(&crowd), 0, CROWD - 1);
	crowd_close(&crowd);
	daemon_stop(d);
}

/* Has strace make every accept4() of the process fail; what it does is in the file. */
static pid_t inject(pid_t pid, const char *error, const char *file)
{
	char what[64], number[16];
	pid_t child, test = getpid();
	int null;

	snprintf(what, sizeof(what), "inject=accept4:error=%s", error);
	snprintf(number, sizeof(number), "%d", (int)pid);
	child = fork();
	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (getppid() != test || null < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(126);
	execlp("strace", "strace", "-p", number, "-o", file, "-e", "trace=accept4",
	    "-e", what, (char *)NULL);
	_exit(127);
}

/* Who traces the process? */
static pid_t tracer(pid_t pid)
{
	char path[64], *text, *line;
	long found = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	text = harness_read_file(path);
	line = text != NULL ? strstr(text, "TracerPid:") : NULL;
	if (line != NULL)
		found = strtol(line + 10, NULL, 10);
	free(text);
	return (pid_t)found;
}

struct attached {
	pid_t pid, tracer;
	bool failed;
};

static bool is_attached(void *arg)
{
	struct attached *a = arg;

	a->failed = waitpid(a->tracer, NULL, WNOHANG) != 0;
	return a->failed || tracer(a->pid) == a->tracer;
}

static size_t count_lines(const char *file)
{
	char *text = harness_read_file(file);
	size_t lines = 0;

	for (const char *at = text; at != NULL && *at != '\0'; at++)
		lines += *at == '\n';
	free(text);
	return lines;
}

/* While it fails, those who are connected are served, and the one who waits is when it
 * has passed. */
static void expect_patience(
    struct daemon *d, const struct attached *a, struct client *held, const char *file)
{
	struct response r = {0};
	struct client waiting;
	uint64_t since = harness_now_ms();

	client_open(&waiting, &d->tcp);
	client_say(&waiting, GET("/livez"));
	daemon_wait_log(d, "cannot accept a connection: ");
	assert_false(client_receive(&waiting, WHILE_MS));
	client_get(held, &r, "/livez");
	assert_int_equal(r.status, 200);
	expect_few_lines(d, "cannot accept a connection: ", since);
	/* each wait of 100 ms ends with a few calls; a spin makes thousands */
	assert_in_range(
	    count_lines(file), 2, BURST * ((harness_now_ms() - since) / 100 + 2));
	assert_return_code(kill(a->tracer, SIGINT), errno);
	assert_int_equal(waitpid(a->tracer, NULL, 0), a->tracer);
	since = harness_now_ms();
	client_read(&waiting, &r, false);
	assert_int_equal(r.status, 200);
	assert_true(harness_now_ms() - since < 1000 * harness_slow());
	client_close(&waiting);
	response_free(&r);
}

static void expect_failing(struct daemon *d, const char *error)
{
	/* strace makes a call that is in no table of the one that is to fail */
	struct attached a = {.pid = start(d, "seccomp=off")};
	struct response r = {0};
	struct client held;
	char file[96];

	client_open(&held, &d->tcp);
	client_get(&held, &r, "/livez");
	harness_path(file, d->dir, "trace");
	a.tracer = inject(a.pid, error, file);
	assert_true(a.tracer > 0);
	wait_until(is_attached, &a, "strace");
	if (a.failed) {
		client_close(&held);
		unlink(file);
		daemon_stop(d);
		skip(); /* there is none, or it may not */
	}
	expect_patience(d, &a, &held, file);
	client_close(&held);
	response_free(&r);
	unlink(file);
	daemon_stop(d);
}

static void test_emfile(void **state)
{
	expect_failing(*state, "EMFILE");
}

static void test_enfile(void **state)
{
	expect_failing(*state, "ENFILE");
}

static void test_enobufs(void **state)
{
	expect_failing(*state, "ENOBUFS");
}

static void test_econnaborted(void **state)
{
	expect_failing(*state, "ECONNABORTED");
}

static void test_einval(void **state)
{
	expect_failing(*state, "EINVAL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_told_so),
	    daemon_test(test_idle_make_room),
	    daemon_test(test_emfile),
	    daemon_test(test_enfile),
	    daemon_test(test_enobufs),
	    daemon_test(test_econnaborted),
	    daemon_test(test_einval),
	};

	return cmocka_run_group_tests_name("f12 fds", tests, NULL, NULL);
}
