/*
 * F24: two starts at once, of which one wins; starts without standard fds, or with
 * hardly any fds at all.
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

#include <bsd/unistd.h>
#include <linux/capability.h>

#include "tests/system/client.h"
#include "tests/system/fds.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

static bool one_has_ended(void *arg)
{
	struct daemon *const *pair = arg;

	return !process_alive(pair[0]->pid) || !process_alive(pair[1]->pid);
}

/* Starts two at once; the one that wins is *d, of the other is expected what it said.
 */
static void race(struct daemon *d, const char *said)
{
	struct daemon other = *d;
	struct daemon *pair[2] = {d, &other};
	int status;

	other.log = NULL;
	daemon_launch(d, "frontend.processes=1", NULL);
	daemon_launch(&other, "frontend.processes=1", NULL);
	wait_until(one_has_ended, pair, "one of two starts to end");
	if (!process_alive(d->pid)) {
		struct daemon winner = other;

		other = *d;
		*d = winner;
	}
	status = daemon_wait_end(&other);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	if (!daemon_log_has(&other, said))
		fail_msg("the loser does not say: %s", said);
	assert_false(log_tail_has(other.log, 0, "ready, generation"));
	daemon_check_log(&other);
	log_tail_close(other.log);
	daemon_wait_ready(d);
}

static void test_two_at_once(void **state)
{
	struct daemon *d = *state;
	unsigned rounds = harness_rounds(10, 100);

	for (unsigned i = 0; i < rounds; i++) {
		race(
		    d, "error master: pidfile .*argond.pid: argond is running already");
		assert_int_equal(masters_named(d), d->pid);
		assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
		assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
		daemon_stop(d);
	}
}

/* Without a pidfile it is the address that only one can have. A dead socket file that
 * lies there is removed by one of them, and nobody removes a living one. */
static void test_two_at_one_socket(void **state)
{
	struct daemon *d = *state;
	unsigned rounds = harness_rounds(10, 100);
	char text[512];
	int fd;

	snprintf(text, sizeof(text), "listen = \"unix:%s\"\nstore = \"sqlite:%s\"\n",
	    d->socket, d->store);
	harness_write_file(d->conf, text);
	for (unsigned i = 0; i < rounds; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_return_code(bind(fd, &d->local.any, d->local.len), errno);
		close(fd);
		race(d, "error master: .*listen: cannot listen on unix:");
		assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
		daemon_stop(d);
	}
}

/* ---- few fds */

/* Starts it with its log in a file; the child does something to its fds before. */
static pid_t start_without(
    const struct daemon *d, const char *log, void (*prepare)(const char *log))
{
	const char *words[32];
	size_t n = harness_command(words);
	char option[128];
	pid_t pid;

	snprintf(option, sizeof(option), "log=%s", log);
	words[n++] = "-c";
	words[n++] = d->conf;
	words[n++] = "-o";
	words[n++] = option;
	words[n] = NULL;
	pid = fork();
	if (pid == 0) {
		prepare(log);
		execvp(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	assert_return_code(pid, errno);
	return pid;
}

static void close_standard(const char *log)
{
	(void)log;
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
}

/* Without the capability to raise the limit again; what is refused before a log is open
 * is said on stderr. */
static void allow_ten(const char *log)
{
	const struct rlimit ten = {10, 10};
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

	dup2(fd, STDERR_FILENO);
	closefrom(3); /* what the test itself was given would count */
	(void)prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE);
	setrlimit(RLIMIT_NOFILE, &ten);
}

static bool answers(void *arg)
{
	struct daemon *d = arg;
	struct client client;

	if (client_try(&client, &d->local) != 0)
		return false;
	client_close(&client);
	return client_fetch(&d->local, "/livez", NULL, 0) == 200;
}

/* What is opened first is never mistaken for standard output. */
static void test_no_standard_fds(void **state)
{
	struct daemon *d = *state;
	char log[96], path[64], target[64] = "";
	int status;
	pid_t pid;

	harness_path(log, d->dir, "argond.log");
	pid = start_without(d, log, close_standard);
	wait_until(answers, d, "an answer");
	for (int fd = 0; fd < 3 && fds_visible(pid); fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		memset(target, 0, sizeof(target));
		assert_true(readlink(path, target, sizeof(target) - 1) > 0);
		if (!harness_wrapped())
			assert_string_equal(target, "/dev/null");
	}
	assert_return_code(kill(pid, SIGTERM), errno);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_ten_fds(void **state)
{
	struct daemon *d = *state;
	char log[96], *text;
	int status, handle;
	pid_t pid;

	harness_path(log, d->dir, "argond.log");
	pid = start_without(d, log, allow_ten);
	handle = process_handle(pid);
	assert_true(process_wait_handle(handle, harness_limit_ms()));
	close(handle);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	text = harness_read_file(log);
	assert_non_null(text);
	assert_non_null(strstr(text, "RLIMIT_NOFILE"));
	free(text);
	assert_int_equal(access(d->pidfile, F_OK), -1);
	assert_int_equal(access(d->socket, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_two_at_once),
	    daemon_test(test_two_at_one_socket),
	    daemon_test(test_no_standard_fds),
	    daemon_test(test_ten_fds),
	};

	return cmocka_run_group_tests_name("start_twice", tests, NULL, NULL);
}
