/*
 * What a daemon inherits from the program that starts it: descriptors, signals that are
 * ignored or blocked, children, limits. None of it may break its start or its
 * supervision, and no descriptor of the caller's may stay open in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/contract.h"
#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"
#include "tests/system/run.h"

static void start(struct daemon *d, void (*inherit)(void))
{
	harness_before_exec = inherit;
	daemon_start(d, CONFINED_SMALL, "pool.elastic.max_processes=1", NULL);
	harness_before_exec = NULL;
}

/* ---- descriptors */

static int ends[2];

/* Low, in the middle and high: as a shell, a supervisor or a test runner leaves them.
 */
static void inherit_pipe(void)
{
	static const int places[] = {3, 4, 7, 63, 255};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i] != ends[1] && dup2(ends[1], places[i]) < 0)
			_exit(125);
	(void)fcntl(ends[1], F_SETFD, 0);
}

static void expect_pipe_closed(void)
{
	struct pollfd end = {.fd = ends[0], .events = POLLIN};
	char byte;

	assert_return_code(close(ends[1]), errno);
	if (poll(&end, 1, harness_limit_ms()) != 1)
		fail_msg("the daemon has the caller's pipe");
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

static void the_callers_pipe_is_closed_in_the_foreground(void **state)
{
	struct daemon *d = *state;

	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	start(d, inherit_pipe);
	expect_pipe_closed();
	confined_expect_service(d);
	daemon_stop(d);
}

/* `-d` with all that it writes to being pipes of the caller, too: run_argond() reads
 * them to their end, and so does $(argond -d). */
static void the_callers_pipe_is_closed_when_detached(void **state)
{
	struct daemon *d = *state;
	struct run *run = malloc(sizeof(*run));
	char pidfile[128], log[128];
	int handle;
	pid_t pid;

	assert_non_null(run);
	snprintf(pidfile, sizeof(pidfile), "pidfile=%s", d->pidfile);
	snprintf(log, sizeof(log), "log=%s/log", d->dir);
	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	harness_before_exec = inherit_pipe;
	run_argond(run, "-d", "-c", d->conf, "-o", pidfile, "-o", log, NULL);
	harness_before_exec = NULL;
	if (run->status != EXIT_OK)
		fail_msg("%s", run->err);
	expect_pipe_closed();
	pid = masters_named(d);
	handle = process_handle(pid);
	assert_true(handle >= 0);
	assert_return_code(kill(pid, SIGTERM), errno);
	assert_true(process_wait_handle(handle, harness_limit_ms()));
	close(handle);
	free(run);
}

static int listener;

static void inherit_listener(void)
{
	char text[16];

	listener = fcntl(listener, F_DUPFD, 300); /* out of the way */
	inherit_pipe();
	snprintf(text, sizeof(text), "%d", (int)getpid());
	if (dup2(listener, 3) < 0 || setenv("LISTEN_PID", text, 1) != 0 ||
	    setenv("LISTEN_FDS", "1", 1) != 0)
		_exit(125);
}

/* What is handed over by the service manager stays, also in an upgrade. */
static void listeners_that_were_handed_over_stay(void **state)
{
	struct daemon *d = *state;

	d->tcp.in = (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	d->tcp.len = sizeof(d->tcp.in);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(listener, &d->tcp.any, d->tcp.len), errno);
	assert_return_code(listen(listener, 64), errno);
	assert_return_code(getsockname(listener, &d->tcp.any, &d->tcp.len), errno);
	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	start(d, inherit_listener);
	close(listener);
	expect_pipe_closed();
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	masters_wait_changed(d);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	daemon_stop(d);
}

/* Nor does the file of a Unix socket go with a successor, or get another mode. */
static void a_socket_file_that_was_handed_over_stays(void **state)
{
	struct daemon *d = *state;
	struct address at = {.un = {.sun_family = AF_UNIX}, .len = sizeof(at.un)};
	struct stat before, after;

	harness_path(at.un.sun_path, d->dir, "handed");
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(listener, &at.any, at.len), errno);
	assert_return_code(chmod(at.un.sun_path, 0600), errno);
	assert_return_code(listen(listener, 64), errno);
	assert_return_code(stat(at.un.sun_path, &before), errno);
	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	d->tcp = at;
	start(d, inherit_listener);
	expect_pipe_closed();
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	masters_wait_changed(d);
	assert_int_equal(client_fetch(&at, "/livez", NULL, 0), 200);
	d->files_expected = true;
	daemon_stop(d);
	assert_return_code(stat(at.un.sun_path, &after), errno);
	assert_true(before.st_ino == after.st_ino);
	assert_int_equal(before.st_mode, after.st_mode);
	close(listener);
}

static const char *config_path;

static void inherit_config(void)
{
	int fd = open(config_path, O_RDONLY);

	if (fd < 0 || dup2(fd, 9) != 9)
		_exit(125);
}

/* argond -t -c <(...) */
static void a_config_may_be_a_descriptor(void **state)
{
	struct daemon *d = *state;
	struct run *run = malloc(sizeof(*run));

	assert_non_null(run);
	config_path = d->conf;
	harness_before_exec = inherit_config;
	run_argond(run, "-t", "-c", "/dev/fd/9", NULL);
	harness_before_exec = NULL;
	if (run->status != EXIT_OK)
		fail_msg("%s", run->err);
	free(run);
}

/* They are closed at the start, but for standard output and error. */
static void a_log_may_not_be_another_descriptor(void **state)
{
	static const char *const logs[] = {
	    "log=/dev/fd/0", "log=/dev/fd/7", "log=/proc/self/fd/3"};
	struct daemon *d = *state;
	struct run *run = malloc(sizeof(*run));

	assert_non_null(run);
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		run_argond(run, "-c", d->conf, "-o", logs[i], NULL);
		assert_int_equal(run->status, EXIT_FAILED);
		if (run->err_lines != 1 || strstr(run->err, logs[i] + 4) == NULL)
			fail_msg("%s: %s", logs[i], run->err);
	}
	free(run);
}

/* ---- signals */

static int one_signal; /* 0: all of them */

static void ignore_signals(void)
{
	for (int signo = 1; signo <= SIGRTMAX; signo++)
		if (one_signal == 0 || signo == one_signal)
			(void)signal(signo, SIG_IGN);
}

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (int signo = 1; signo <= SIGRTMAX; signo++)
		if (one_signal == 0 || signo == one_signal)
			(void)sigaddset(&set, signo);
	if (sigprocmask(SIG_SETMASK, &set, NULL) != 0)
		_exit(125);
}

static bool no_zombies(void *arg)
{
	return process_zombies(*(const pid_t *)arg) == 0;
}

/* It starts, replaces what dies, reloads, and ends. */
static void expect_supervision(struct daemon *d, void (*inherit)(void), int signo)
{
	pid_t pid;

	one_signal = signo;
	start(d, inherit);
	pid = process_wait_new(d, "hasher elastic/0", 0);
	process_kill(pid);
	process_wait_new(d, "hasher elastic/0", pid);
	pid = process_wait_new(d, "frontend 0", 0);
	process_kill(pid);
	process_wait_new(d, "frontend 0", pid);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "ready, generation 2");
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	wait_until(no_zombies, &d->pid, "all children reaped");
	daemon_stop(d);
}

static const int signals[] = {
    0, SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGALRM, SIGSYS, SIGSEGV, SIGXCPU};

static void ignored_signals_are_no_harm(void **state)
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		expect_supervision(*state, ignore_signals, signals[i]);
}

static void blocked_signals_are_no_harm(void **state)
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		expect_supervision(*state, block_signals, signals[i]);
}

/* ---- children, limits, umask */

/* `sh -c 'something & exec argond'`; and it adopts what they leave. */
static void inherit_children(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			if (fork() == 0)
				_exit(SIGKILL);
			_exit(CHILD_EXIT_MASTER_GONE);
		}
}

static void children_of_the_caller_are_reaped_in_silence(void **state)
{
	struct daemon *d = *state;

	start(d, inherit_children);
	wait_until(no_zombies, &d->pid, "all children reaped");
	assert_false(daemon_log_has(d, "warning|error"));
	confined_expect_service(d);
	daemon_stop(d);
}

static void lower_soft_limits(void)
{
	struct rlimit file, cpu;

	if (getrlimit(RLIMIT_FSIZE, &file) != 0 || getrlimit(RLIMIT_CPU, &cpu) != 0)
		_exit(125);
	file.rlim_cur = 0; /* not even the first line can be written */
	cpu.rlim_cur = 1;
	if (setrlimit(RLIMIT_FSIZE, &file) != 0 || setrlimit(RLIMIT_CPU, &cpu) != 0)
		_exit(125);
}

static void soft_limits_of_the_caller_are_no_harm(void **state)
{
	struct daemon *d = *state;
	char slow[48];

	harness_slow_time(slow, 3000);
	harness_before_exec = lower_soft_limits;
	daemon_start(d, "profile.default.memory=8M", slow,
	    "pool.elastic.max_processes=1", "pool.elastic.deadline=1h", NULL);
	harness_before_exec = NULL;
	/* more CPU time than the soft limit */
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	assert_false(daemon_log_has(d, "warning|error"));
	daemon_stop(d);
}

static void lower_hard_limits(void)
{
	const struct rlimit cpu = {.rlim_cur = 1000, .rlim_max = 1000};

	if (setrlimit(RLIMIT_CPU, &cpu) != 0)
		_exit(125);
}

static void hard_limits_of_the_caller_are_told(void **state)
{
	struct daemon *d = *state;

	start(d, lower_hard_limits);
	assert_true(daemon_log_has(d, "warning master: RLIMIT_CPU is 1000: "));
	daemon_stop(d);
}

static void mask_all(void)
{
	umask(0777);
}

static void a_umask_leaves_the_owners_bits(void **state)
{
	struct daemon *d = *state;
	struct stat st;

	start(d, mask_all);
	assert_return_code(stat(d->pidfile, &st), errno);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(masters_send(d, "reload", NULL, 0), 0);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(the_callers_pipe_is_closed_in_the_foreground),
	    masters_test(the_callers_pipe_is_closed_when_detached),
	    masters_test(listeners_that_were_handed_over_stay),
	    masters_test(a_socket_file_that_was_handed_over_stays),
	    daemon_test(a_config_may_be_a_descriptor),
	    daemon_test(a_log_may_not_be_another_descriptor),
	    daemon_test(ignored_signals_are_no_harm),
	    daemon_test(blocked_signals_are_no_harm),
	    daemon_test(children_of_the_caller_are_reaped_in_silence),
	    daemon_test(soft_limits_of_the_caller_are_no_harm),
	    daemon_test(hard_limits_of_the_caller_are_told),
	    daemon_test(a_umask_leaves_the_owners_bits),
	};

	return cmocka_run_group_tests_name("inherited", tests, NULL, NULL);
}
