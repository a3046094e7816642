/*
 * Draining: when a listening socket ends, and when it does not.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/drain.h"
#include "tests/system/house.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

enum { STORM = 4, STORM_ANSWERS = 100, ACTIVATED_FD = 3 };

/* ---- the listeners */

static void new_connections_are_refused_while_it_drains(void **state)
{
	struct daemon *d = *state;
	struct client busy;

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, NULL);
	drain_open_busy(&busy, d);
	drain_begin(d);
	drain_wait_refused(&d->tcp);
	drain_wait_refused(&d->local);
	assert_int_equal(access(d->socket, F_OK), 0); /* removed at the end */
	assert_false(client_receive(&busy, 0));
	client_reset(&busy);
	drain_expect_left(d);
}

static void they_are_refused_though_frontends_are_stopped(void **state)
{
	struct daemon *d = *state;
	struct client busy;

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		return;
	}
	drain_open_busy(&busy, d);
	drain_signal_frontends(d, SIGSTOP);
	drain_begin(d);
	drain_wait_refused(&d->tcp);
	drain_wait_refused(&d->local);
	drain_signal_frontends(d, SIGCONT);
	client_reset(&busy);
	drain_expect_left(d);
}

static void killed_frontends_do_not_hold_up_the_drain(void **state)
{
	struct daemon *d = *state;
	struct client busy, idle;

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		return;
	}
	drain_open_busy(&busy, d);
	drain_open_idle(&idle, &d->tcp);
	drain_begin(d);
	drain_wait_refused(&d->tcp);
	drain_signal_frontends(d, SIGKILL);
	drain_expect_left(d);
	client_close(&busy);
	client_close(&idle);
}

static void listeners_stay_open_after_winch(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client idle, queued;

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, NULL);
	drain_open_idle(&idle, &d->tcp);
	assert_return_code(kill(d->pid, SIGWINCH), errno);
	drain_expect_clean_end(&idle);
	process_wait_count(d, "frontend ", 0);
	client_open(&queued, &d->tcp);
	client_say(&queued, GET("/hash/x"));
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "ready, generation 2");
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	client_read(&queued, &r, false);
	assert_int_equal(r.status, 200);
	response_free(&r);
	client_close(&queued);
	assert_return_code(kill(d->pid, SIGWINCH), errno);
	daemon_stop(d);
}

/* One request on a connection of its own: its status, or 0, or -1: refused. */
static int storm_ask(const struct address *to)
{
	static const char ask[] = GET("/livez");
	char answer[512];
	ssize_t n = -1;
	int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	if (connect(fd, &to->any, to->len) != 0) {
		n = errno == ECONNREFUSED || errno == ENOENT ? -1 : 0;
		close(fd);
		return (int)n;
	}
	if (send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(ask) - 1)
		n = recv(fd, answer, sizeof(answer) - 1, 0);
	close(fd);
	return n > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0 ? 200 : 0;
}

static void storm_run(const struct address *to, int tell)
{
	int status = 200;

	while (status == 200) {
		status = storm_ask(to);
		if (status == 200 && write(tell, "", 1) != 1)
			status = 0;
	}
	_exit(status == -1 ? 0 : 1);
}

/* Clients that connect for each request: every one that gets a connection gets its
 * answer, until they are refused. */
static void last_accepted_connection_is_answered(void **state)
{
	struct daemon *d = *state;
	int answers[2], status;
	char byte;

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, NULL);
	assert_return_code(pipe(answers), errno);
	for (int i = 0; i < STORM; i++)
		if (fork() == 0)
			storm_run(i % 2 == 0 ? &d->tcp : &d->local, answers[1]);
	for (int i = 0; i < STORM_ANSWERS; i++)
		assert_int_equal(read(answers[0], &byte, 1), 1);
	drain_begin(d);
	for (int ended = 0; ended < STORM;) {
		pid_t pid = waitpid(0, &status, 0);

		assert_true(pid > 0);
		if (pid == d->pid) { /* all have had their answers */
			assert_int_equal(status, 0);
			d->pid = 0;
			continue;
		}
		assert_int_equal(status, 0);
		ended++;
	}
	close(answers[0]);
	close(answers[1]);
	if (d->pid != 0)
		drain_expect_left(d);
	daemon_check_log(d);
}

/* ---- sockets of systemd */

static int listen_somewhere(struct address *at)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0); /* inherited */

	at->in.sin_family = AF_INET;
	at->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	at->len = sizeof(at->in);
	assert_return_code(bind(fd, &at->any, at->len), errno);
	assert_return_code(listen(fd, 16), errno);
	assert_return_code(getsockname(fd, &at->any, &at->len), errno);
	assert_return_code(dup2(fd, ACTIVATED_FD), errno);
	if (fd != ACTIVATED_FD)
		close(fd);
	return ACTIVATED_FD;
}

static const char *given; /* ARGOND as the test was started with */

static int activated_teardown(void **state)
{
	if (given != NULL)
		setenv("ARGOND", given, 1);
	else
		unsetenv("ARGOND");
	return daemon_teardown(state);
}

/* The binary, started as systemd starts it with one socket. */
static void activate(struct daemon *d, char script[96])
{
	char text[PATH_MAX + 96], binary[PATH_MAX];

	given = getenv("ARGOND");
	given = given != NULL ? strdup(given) : NULL;
	assert_non_null(realpath(given != NULL ? given : "build/argond", binary));
	snprintf(text, sizeof(text),
	    "#!/bin/sh\nLISTEN_PID=$$ LISTEN_FDS=1 exec %s \"$@\"\n", binary);
	harness_path(script, d->dir, "activate");
	harness_write_file(script, text);
	assert_return_code(chmod(script, 0755), errno);
	assert_return_code(setenv("ARGOND", script, 1), errno);
	d->files_expected = true;
}

/* Does a new connection wait for whoever else has the socket? */
static bool is_left_to_others(void *at)
{
	struct pollfd queue = {.fd = ACTIVATED_FD, .events = POLLIN};
	struct client client;
	int conn = -1;

	client_open(&client, at);
	if (poll(&queue, 1, 100) > 0)
		conn = accept(ACTIVATED_FD, NULL, NULL);
	if (conn >= 0)
		close(conn);
	client_close(&client);
	return conn >= 0;
}

static void handed_over_socket_is_left_open(void **state)
{
	struct daemon *d = *state;
	char script[96];
	struct address at = {0};
	struct client busy, idle;
	int fd;

	fd = listen_somewhere(&at);
	activate(d, script);
	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, "frontend.processes=1", NULL);
	drain_open_busy(&busy, d);
	drain_open_idle(&idle, &d->tcp);
	drain_begin(d);
	drain_expect_last_answer(&idle, GET("/livez"), 200);
	wait_until(is_left_to_others, &at, "a connection that is not accepted");
	assert_false(client_receive(&busy, 0));
	client_reset(&busy);
	drain_expect_left(d);
	assert_true(is_left_to_others(&at));
	assert_return_code(close(fd), errno);
}

/* ---- reload */

/* An address that the new config does not have: what waits there is answered by the old
 * generation, then it refuses, though the old generation stays. */
static void dropped_address_is_refused_after_a_reload(void **state)
{
	struct daemon *d = *state;
	struct client busy, queued;
	char text[512];

	daemon_start(d, DRAIN_SMALL, DRAIN_LONG, NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		return;
	}
	drain_open_busy(&busy, d);
	drain_signal_frontends(d, SIGSTOP);
	client_open(&queued, &d->local);
	client_say(&queued, GET("/hash/x"));
	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:0\"}\npidfile = \"%s\"\nstore = \"sqlite:%s\"\n",
	    d->pidfile, d->store);
	harness_write_file(d->conf, text);
	drain_reload(d);
	drain_signal_frontends(d, SIGCONT);
	drain_expect_last_answer(&queued, NULL, 200);
	drain_wait_refused(&d->local);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	assert_false(client_receive(&busy, 0));
	client_reset(&busy);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(new_connections_are_refused_while_it_drains),
	    daemon_test(they_are_refused_though_frontends_are_stopped),
	    daemon_test(killed_frontends_do_not_hold_up_the_drain),
	    daemon_test(listeners_stay_open_after_winch),
	    daemon_test(last_accepted_connection_is_answered),
	    cmocka_unit_test_setup_teardown(
	        handed_over_socket_is_left_open, daemon_setup, activated_teardown),
	    daemon_test(dropped_address_is_refused_after_a_reload),
	};

	return cmocka_run_group_tests_name("drain_listen", tests, NULL, NULL);
}
