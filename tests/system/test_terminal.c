/*
 * A daemon in the foreground of a terminal: the terminal is resized, keys are pressed,
 * it goes away. What the kernel sends then reaches the master alone, and is not taken
 * for a command that somebody gives by kill(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/process.h"

static int keyboard; /* the end of the terminal that a person is at */

static void take_terminal(void)
{
	int fd = open(ptsname(keyboard), O_RDWR | O_NOCTTY);

	if (fd < 0 || setsid() < 0 || ioctl(fd, TIOCSCTTY, 0) != 0 || dup2(fd, 0) < 0 ||
	    dup2(fd, 1) < 0)
		_exit(125);
	close(fd);
}

static void take_terminal_under_nohup(void)
{
	take_terminal();
	(void)signal(SIGHUP, SIG_IGN);
}

/* Every word of CONFINED_SMALL but its hello_delay. */
static void start(struct daemon *d, void (*inherit)(void))
{
	keyboard = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_return_code(keyboard, errno);
	assert_return_code(grantpt(keyboard), errno);
	assert_return_code(unlockpt(keyboard), errno);
	harness_before_exec = inherit;
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "hello_delay=300ms", "pool.elastic.min_processes=1",
	    "pool.elastic.max_processes=1", NULL);
	harness_before_exec = NULL;
	if (process_titles_visible(d))
		return;
	daemon_stop(d);
	close(keyboard);
	skip();
}

static void press(char key)
{
	assert_int_equal(write(keyboard, &key, 1), 1);
}

static void resize(unsigned short rows)
{
	const struct winsize size = {.ws_row = rows, .ws_col = 80};

	assert_return_code(ioctl(keyboard, TIOCSWINSZ, &size), errno);
}

/* All that was sent before has been read: a signal of the second round is read after
 * every one that was pending in the first. */
static void all_signals_read(struct daemon *d)
{
	for (int i = 0; i < 2; i++) {
		daemon_log_mark(d);
		assert_return_code(kill(d->pid, SIGUSR1), errno);
		daemon_wait_log(d, "log opened anew");
	}
}

/* The processes are still those. */
static size_t same_processes(const struct daemon *d, const pid_t *pids, size_t n)
{
	size_t same = 0;

	for (size_t i = 0; i < n; i++)
		same += process_alive(pids[i]);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	return same;
}

static void a_resized_terminal_changes_nothing(void **state)
{
	struct daemon *d = *state;
	pid_t pids[PROCESS_MAX];
	size_t n;

	start(d, take_terminal);
	n = process_children(d->pid, pids, PROCESS_MAX);
	for (unsigned short rows = 24; rows < 50; rows++)
		resize(rows);
	all_signals_read(d);
	assert_false(daemon_log_has(d, "the workers leave"));
	assert_int_equal(same_processes(d, pids, n), n);
	/* by hand it is a command, terminal or not */
	assert_return_code(kill(d->pid, SIGWINCH), errno);
	daemon_wait_log(d, "the workers leave");
	process_wait_count(d, "", 0);
	daemon_stop(d);
	close(keyboard);
}

static void its_processes_are_in_nobodys_foreground(void **state)
{
	struct daemon *d = *state;
	pid_t pids[PROCESS_MAX];
	size_t n;

	start(d, take_terminal);
	n = process_children(d->pid, pids, PROCESS_MAX);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(getpgid(pids[i]), pids[i]);
	press(0x1a); /* ^Z */
	all_signals_read(d);
	assert_int_equal(same_processes(d, pids, n), n);
	daemon_stop(d);
	close(keyboard);
}

/* Sends `what` while a request is in flight: it is answered, then the daemon leaves. */
static void expect_graceful(struct daemon *d, void (*what)(void))
{
	struct response r = {0};
	struct client client;
	int status;

	start(d, take_terminal);
	client_open(&client, &d->tcp);
	client_say(&client, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	what();
	client_read(&client, &r, false);
	assert_int_equal(r.status, 200);
	client_close(&client);
	response_free(&r);
	status = daemon_wait_end(d);
	assert_int_equal(status, 0);
	daemon_check_log(d);
	assert_false(daemon_log_has(d, "generation 2|killed by"));
}

static void press_quit(void)
{
	press(0x1c); /* ^\ */
}

static void hang_up(void)
{
	close(keyboard);
}

static void the_quit_key_leaves_gracefully(void **state)
{
	expect_graceful(*state, press_quit);
	close(keyboard);
}

static void with_its_terminal_it_leaves_gracefully(void **state)
{
	expect_graceful(*state, hang_up);
}

static void the_interrupt_key_leaves_at_once(void **state)
{
	struct daemon *d = *state;

	start(d, take_terminal);
	press(0x03); /* ^C */
	assert_int_equal(daemon_wait_end(d), 0);
	assert_true(daemon_log_has(d, "leaving at once"));
	daemon_check_log(d);
	close(keyboard);
}

static void under_nohup_it_outlives_its_terminal(void **state)
{
	struct daemon *d = *state;
	pid_t pids[PROCESS_MAX];
	size_t n;

	start(d, take_terminal_under_nohup);
	n = process_children(d->pid, pids, PROCESS_MAX);
	hang_up();
	all_signals_read(d);
	assert_int_equal(same_processes(d, pids, n), n);
	assert_return_code(kill(d->pid, SIGHUP), errno); /* and reloads */
	daemon_wait_log(d, "ready, generation 2");
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_resized_terminal_changes_nothing),
	    daemon_test(its_processes_are_in_nobodys_foreground),
	    daemon_test(the_quit_key_leaves_gracefully),
	    daemon_test(the_interrupt_key_leaves_at_once),
	    daemon_test(with_its_terminal_it_leaves_gracefully),
	    daemon_test(under_nohup_it_outlives_its_terminal),
	};

	signal(SIGHUP, SIG_DFL); /* the tests may run under nohup */
	return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
