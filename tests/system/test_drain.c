/*
 * Draining: TERM, WINCH and reload. Which connections are closed when, and when a
 * listening socket ends.
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

#include "tests/system/client.h"
#include "tests/system/house.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

enum { STORM = 4, STORM_ANSWERS = 100, RELOADS = 5, MANY = 100, ACTIVATED_FD = 3 };

#define SMALL                                                                          \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1"
/* Whatever ends in this test does so without these limits. */
#define LONG                                                                           \
	"hello_delay=1m", "shutdown_timeout=10m", "keepalive_timeout=10m",             \
	    "header_timeout=10m", "body_timeout=10m"

static void terminate(struct daemon *d)
{
	assert_return_code(kill(d->pid, SIGTERM), errno);
	daemon_wait_log(d, "master: leaving");
}

static void expect_left(struct daemon *d)
{
	assert_int_equal(daemon_wait_end(d), 0);
	assert_false(daemon_log_has(d, "shutdown_timeout has passed"));
	daemon_check_log(d);
}

/* A connection that had an answer and is kept. Just after a reload the old generation
 * may accept one more, and does not keep it. */
static void open_idle(struct client *client, const struct address *to)
{
	struct response r = {0};
	bool last = true;

	while (last) {
		client_open(client, to);
		client_get(client, &r, "/livez");
		assert_int_equal(r.status, 200);
		last = response_has(&r, "Connection", "close");
		if (last)
			client_close(client);
	}
	response_free(&r);
}

/* A connection whose request is not answered before hello_delay. */
static void open_busy(struct client *client, struct daemon *d)
{
	open_idle(client, &d->tcp);
	client_say(client, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
	/* read by now: the answers of one frontend's connections come in order */
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
}

static void expect_last_answer(struct client *client, const char *ask, int status)
{
	struct response r = {0};

	if (ask != NULL)
		client_say(client, ask);
	client_read(client, &r, false);
	assert_int_equal(r.status, status);
	assert_true(response_has(&r, "Connection", "close"));
	response_free(&r);
	client_expect_end(client);
	assert_int_equal(client->error, 0);
	client_close(client);
}

static void expect_clean_end(struct client *client)
{
	client_expect_end(client);
	assert_true(client->ended);
	assert_int_equal(client->error, 0);
	client_close(client);
}

static bool is_refused(void *arg)
{
	struct client client;
	int err = client_try(&client, arg);

	client_close(&client);
	return err == ECONNREFUSED;
}

static void wait_refused(struct address *to)
{
	wait_until(is_refused, to, "connections are refused");
}

static void signal_frontends(const struct daemon *d, int signo)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(d, "frontend ", pids, PROCESS_MAX);

	assert_int_not_equal(n, 0);
	for (size_t i = 0; i < n; i++) {
		assert_return_code(kill(pids[i], signo), errno);
		if (signo == SIGSTOP)
			process_stop(pids[i]);
	}
}

/* ---- what is answered */

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"

static void every_answer_in_the_delay_says_close(void **state)
{
	static const struct {
		const char *ask;
		int status;
	} rows[] = {
	    {GET("/livez"), 200},
	    {GET("/readyz"), 503},
	    {GET("/hash/x"), 200},
	    {GET("/none"), 404},
	    {"POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n"
	     "Content-Type: application/json\r\n\r\n{",
	        400},
	    {"DELETE /v1/hash HTTP/1.1\r\nHost: t\r\n\r\n", 405},
	    {"nonsense\r\n\r\n", 400},
	    {"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200},
	};
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	struct daemon *d = *state;
	struct client kept[ROWS], fresh;

	daemon_start(d, SMALL, LONG, "drain_delay=10m", NULL);
	for (size_t i = 0; i < ROWS; i++)
		open_idle(&kept[i], i % 2 == 0 ? &d->tcp : &d->local);
	terminate(d);
	for (size_t i = 0; i < ROWS; i++) {
		expect_last_answer(&kept[i], rows[i].ask, rows[i].status);
		client_open(&fresh, i % 2 == 0 ? &d->local : &d->tcp);
		expect_last_answer(&fresh, rows[i].ask, rows[i].status);
	}
	assert_return_code(kill(d->pid, SIGTERM), errno); /* now */
	expect_left(d);
}

static void reload_before_the_delay_does_not_undo_close(void **state)
{
	struct daemon *d = *state;
	struct client client;

	daemon_start(d, SMALL, LONG, "drain_delay=10m", NULL);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "generation 2 is being made");
	terminate(d);
	daemon_wait_log(d, "ready, generation 2");
	client_open(&client, &d->tcp);
	expect_last_answer(&client, GET("/livez"), 200);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	expect_left(d);
}

/* A check on a connection to a process that is replaced while the daemon stops. */
static void reload_before_the_delay_does_not_undo_readyz(void **state)
{
	struct daemon *d = *state;
	struct client busy, kept;

	daemon_start(d, SMALL, LONG, "frontend.processes=1", "drain_delay=10m", NULL);
	open_idle(&kept, &d->tcp);
	open_busy(&busy, d);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "generation 2 is being made");
	terminate(d);
	daemon_wait_log(d, "ready, generation 2");
	expect_last_answer(&kept, GET("/readyz"), 503);
	client_close(&busy);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	expect_left(d);
}

/* Idle connections stay as long as another one is busy, and answer. */
static void idle_connections_leave_last(void **state)
{
	struct daemon *d = *state;
	struct client busy, used, idle[2], silent;

	daemon_start(d, SMALL, LONG, "frontend.processes=1", NULL);
	client_open(&silent, &d->tcp);
	open_busy(&busy, d);
	open_idle(&used, &d->local);
	for (int i = 0; i < 2; i++)
		open_idle(&idle[i], i == 0 ? &d->tcp : &d->local);
	terminate(d);
	wait_refused(&d->tcp);
	expect_last_answer(&used, GET("/hash/x"), 200);
	assert_false(client_receive(&idle[0], 3000)); /* longer than the grace */
	expect_last_answer(&idle[0], GET("/hash/x"), 200);
	client_reset(&busy);
	expect_clean_end(&idle[1]);
	expect_clean_end(&silent);
	expect_left(d);
}

static void idle_connections_alone_are_closed_soon(void **state)
{
	struct daemon *d = *state;
	struct client idle[MANY];

	daemon_start(d, SMALL, LONG, NULL);
	for (int i = 0; i < MANY; i++)
		open_idle(&idle[i], i % 2 == 0 ? &d->tcp : &d->local);
	terminate(d);
	for (int i = 0; i < MANY; i++)
		expect_clean_end(&idle[i]);
	expect_left(d);
}

/* Requests that are in the sockets' buffers, and connections that are in the listeners'
 * queues, when the drain begins. */
static void what_has_come_before_the_drain_is_answered(void **state)
{
	struct daemon *d = *state;
	struct client kept[2], queued[2];

	daemon_start(d, SMALL, LONG, NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		return;
	}
	for (int i = 0; i < 2; i++)
		open_idle(&kept[i], i == 0 ? &d->tcp : &d->local);
	signal_frontends(d, SIGSTOP);
	for (int i = 0; i < 2; i++) {
		client_say(&kept[i], GET("/hash/kept"));
		client_open(&queued[i], i == 0 ? &d->tcp : &d->local);
		client_say(&queued[i], GET("/hash/queued"));
	}
	terminate(d);
	signal_frontends(d, SIGCONT);
	for (int i = 0; i < 2; i++) {
		expect_last_answer(&kept[i], NULL, 200);
		expect_last_answer(&queued[i], NULL, 200);
	}
	expect_left(d);
}

/* ---- the listeners */

static void new_connections_are_refused_while_it_drains(void **state)
{
	struct daemon *d = *state;
	struct client busy;

	daemon_start(d, SMALL, LONG, NULL);
	open_busy(&busy, d);
	terminate(d);
	wait_refused(&d->tcp);
	wait_refused(&d->local);
	assert_int_equal(access(d->socket, F_OK), 0); /* removed at the end */
	assert_false(client_receive(&busy, 0));
	client_reset(&busy);
	expect_left(d);
}

static void they_are_refused_though_frontends_are_stopped(void **state)
{
	struct daemon *d = *state;
	struct client busy;

	daemon_start(d, SMALL, LONG, NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		return;
	}
	open_busy(&busy, d);
	signal_frontends(d, SIGSTOP);
	terminate(d);
	wait_refused(&d->tcp);
	wait_refused(&d->local);
	signal_frontends(d, SIGCONT);
	client_reset(&busy);
	expect_left(d);
}

static void killed_frontends_do_not_hold_up_the_drain(void **state)
{
	struct daemon *d = *state;
	struct client busy, idle;

	daemon_start(d, SMALL, LONG, NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		return;
	}
	open_busy(&busy, d);
	open_idle(&idle, &d->tcp);
	terminate(d);
	wait_refused(&d->tcp);
	signal_frontends(d, SIGKILL);
	expect_left(d);
	client_close(&busy);
	client_close(&idle);
}

static void listeners_stay_open_after_winch(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client idle, queued;

	daemon_start(d, SMALL, LONG, NULL);
	open_idle(&idle, &d->tcp);
	assert_return_code(kill(d->pid, SIGWINCH), errno);
	expect_clean_end(&idle);
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

	daemon_start(d, SMALL, LONG, NULL);
	assert_return_code(pipe(answers), errno);
	for (int i = 0; i < STORM; i++)
		if (fork() == 0)
			storm_run(i % 2 == 0 ? &d->tcp : &d->local, answers[1]);
	for (int i = 0; i < STORM_ANSWERS; i++)
		assert_int_equal(read(answers[0], &byte, 1), 1);
	terminate(d);
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
		expect_left(d);
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
	daemon_start(d, SMALL, LONG, "frontend.processes=1", NULL);
	open_busy(&busy, d);
	open_idle(&idle, &d->tcp);
	terminate(d);
	expect_last_answer(&idle, GET("/livez"), 200);
	wait_until(is_left_to_others, &at, "a connection that is not accepted");
	assert_false(client_receive(&busy, 0));
	client_reset(&busy);
	expect_left(d);
	assert_true(is_left_to_others(&at));
	assert_return_code(close(fd), errno);
}

/* ---- reload */

static void reload(struct daemon *d)
{
	char said[1024];

	if (masters_send(d, "reload", said, sizeof(said)) != 0)
		fail_msg("reload: %s", said);
}

static void second_reload_does_not_wait_for_idle_connections(void **state)
{
	struct daemon *d = *state;
	struct client idle[RELOADS][4];

	daemon_start(d, SMALL, LONG, NULL);
	for (int i = 0; i < RELOADS; i++) {
		for (int j = 0; j < 3; j++)
			open_idle(&idle[i][j], j == 0 ? &d->local : &d->tcp);
		client_open(&idle[i][3], &d->tcp); /* nothing is ever sent on it */
		reload(d);
		expect_last_answer(&idle[i][2], GET("/hash/x"), 200);
	}
	for (int i = 0; i < RELOADS; i++) {
		if (i == RELOADS - 1)
			reload(d);
		expect_clean_end(&idle[i][0]);
		expect_clean_end(&idle[i][1]);
		expect_clean_end(&idle[i][3]);
	}
	daemon_stop(d);
}

static void old_generation_with_idle_connections_leaves(void **state)
{
	struct daemon *d = *state;
	struct client idle;
	char before[HOUSE_TEXT];

	daemon_start(d, SMALL, LONG, NULL);
	house_settle(d, before);
	open_idle(&idle, &d->tcp);
	reload(d);
	expect_clean_end(&idle);
	house_expect(d, before);
	daemon_stop(d);
}

/* An address that the new config does not have: what waits there is answered by the old
 * generation, then it refuses, though the old generation stays. */
static void dropped_address_is_refused_after_a_reload(void **state)
{
	struct daemon *d = *state;
	struct client busy, queued;
	char text[512];

	daemon_start(d, SMALL, LONG, NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		return;
	}
	open_busy(&busy, d);
	signal_frontends(d, SIGSTOP);
	client_open(&queued, &d->local);
	client_say(&queued, GET("/hash/x"));
	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:0\"}\npidfile = \"%s\"\nstore = \"sqlite:%s\"\n",
	    d->pidfile, d->store);
	harness_write_file(d->conf, text);
	reload(d);
	signal_frontends(d, SIGCONT);
	expect_last_answer(&queued, NULL, 200);
	wait_refused(&d->local);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	assert_false(client_receive(&busy, 0));
	client_reset(&busy);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(every_answer_in_the_delay_says_close),
	    daemon_test(reload_before_the_delay_does_not_undo_close),
	    daemon_test(reload_before_the_delay_does_not_undo_readyz),
	    daemon_test(idle_connections_leave_last),
	    daemon_test(idle_connections_alone_are_closed_soon),
	    daemon_test(what_has_come_before_the_drain_is_answered),
	    daemon_test(new_connections_are_refused_while_it_drains),
	    daemon_test(they_are_refused_though_frontends_are_stopped),
	    daemon_test(killed_frontends_do_not_hold_up_the_drain),
	    daemon_test(listeners_stay_open_after_winch),
	    daemon_test(last_accepted_connection_is_answered),
	    cmocka_unit_test_setup_teardown(
	        handed_over_socket_is_left_open, daemon_setup, activated_teardown),
	    daemon_test(second_reload_does_not_wait_for_idle_connections),
	    daemon_test(old_generation_with_idle_connections_leaves),
	    daemon_test(dropped_address_is_refused_after_a_reload),
	};

	return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
