/*
 * A kernel without memory for sockets (ENOBUFS, ENOMEM; shim_short.c plays it): what is
 * watched is ready all the while, and cannot be read or written. A process waits for
 * that to end without using the CPU, and loses nothing: each request that came
 * meanwhile is answered, and the daemon goes on.
 *
 * Time that passes is what this is about, so each test looks for a second.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/masters.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"
#include "tests/system/shortage.h"

static void expect_ok(struct client *client)
{
	struct response r = {0};

	client_read(client, &r, false);
	assert_int_equal(r.status, 200);
	response_free(&r);
}

/* A connection that has brought an answer. */
static void open_proven(struct client *client, const struct address *to)
{
	client_open(client, to);
	client_say(client, "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n");
	expect_ok(client);
}

static const int errors[] = {ENOBUFS, ENOMEM, EAGAIN};
enum { ERRORS = 3, ERRORS_OF_A_LINK = 2 }; /* a Unix socket does not say EAGAIN so */

/* ---- a frontend */

static void frontend_cannot_read_requests(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, NULL);
	struct client tcp, local;

	for (unsigned i = 0; i < ERRORS; i++) {
		open_proven(&tcp, &d->tcp);
		open_proven(&local, &d->local);
		shortage_begin(
		    shim, process_find(d, "frontend 0"), SHORT_RECV, errors[i]);
		client_say(&tcp, "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n");
		client_say(&local, "GET /hash/secret HTTP/1.1\r\nHost: t\r\n\r\n");
		shortage_expect_rest(shim, "frontend, requests");
		shortage_end(shim);
		expect_ok(&tcp);
		expect_ok(&local);
		client_close(&tcp);
		client_close(&local);
	}
	shortage_stop(d, shim);
}

/* More time than its state has, a stalled connection has not. */
static void stalled_client_keeps_its_deadline(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, "header_timeout=300ms");
	struct client client;

	client_open(&client, &d->tcp);
	shortage_begin(shim, process_find(d, "frontend 0"), SHORT_RECV, ENOBUFS);
	client_say(&client, "GET /livez HTTP/1.1\r\n");
	while (!client.ended && client.error == 0)
		assert_true(client_receive(&client, harness_limit_ms()));
	assert_true(shortage_is_met(shim));
	assert_int_equal(client.len, 0);
	shortage_end(shim);
	client_close(&client);
	shortage_stop(d, shim);
}

/* Answers to clients, a request for a body, and jobs for two pools. */
static void frontend_cannot_send(void **state)
{
	static const char *const asks[] = {
	    "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET /hash/secret HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET /hash_rayon/secret HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET /livez HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n"
	    "Content-Length: 4\r\n\r\n",
	};
	enum { ASKS = sizeof(asks) / sizeof(asks[0]) };
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, NULL);
	struct client clients[ASKS];

	for (unsigned i = 0; i < ERRORS; i++) {
		for (unsigned k = 0; k < ASKS; k++)
			open_proven(&clients[k], k % 2 == 0 ? &d->tcp : &d->local);
		shortage_begin(
		    shim, process_find(d, "frontend 0"), SHORT_SEND, errors[i]);
		for (unsigned k = 0; k < ASKS; k++)
			client_say(&clients[k], asks[k]);
		shortage_expect_rest(shim, "frontend, answers and jobs");
		shortage_end(shim);
		for (unsigned k = 0; k < ASKS - 1; k++)
			expect_ok(&clients[k]);
		while (clients[ASKS - 1].len == 0)
			assert_true(
			    client_receive(&clients[ASKS - 1], harness_limit_ms()));
		assert_memory_equal(
		    clients[ASKS - 1].bytes, "HTTP/1.1 100 Continue\r\n\r\n", 25);
		for (unsigned k = 0; k < ASKS; k++)
			client_close(&clients[k]);
	}
	shortage_stop(d, shim);
}

/* Of a hasher and of the master, who tells of the death of another hasher. */
static void frontend_cannot_read_replies(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, NULL);
	struct client client;
	struct peek peek;
	pid_t pid;

	if (!peek_open(&peek, d)) {
		shortage_stop(d, shim);
		skip();
	}
	for (unsigned i = 0; i < ERRORS_OF_A_LINK; i++) {
		client_open(&client, &d->tcp);
		pid = process_find(d, "hasher fixed/0");
		process_hold(d, pid);
		client_say(
		    &client, "GET /hash_rayon/secret HTTP/1.1\r\nHost: t\r\n\r\n");
		peek_wait_jobs(&peek, 1, PEEK_FIXED, 1);
		shortage_begin(
		    shim, process_find(d, "frontend 0"), SHORT_RECV, errors[i]);
		process_release(d, pid);
		wait_until(shortage_is_met, shim, "a reply");
		pid = process_find(d, "hasher elastic/0");
		process_kill(pid);
		process_wait_new(d, "hasher elastic/0", pid);
		shortage_expect_rest(shim, "frontend, replies and news");
		shortage_end(shim);
		expect_ok(&client);
		client_say(&client, "GET /hash/secret HTTP/1.1\r\nHost: t\r\n\r\n");
		expect_ok(&client);
		client_close(&client);
	}
	peek_close(&peek);
	shortage_stop(d, shim);
}

/* ---- a hasher */

static void hasher_cannot(void **state, uint32_t calls, const char *who)
{
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, NULL);
	struct client client;

	for (unsigned i = 0; i < ERRORS_OF_A_LINK; i++) {
		client_open(&client, &d->tcp);
		shortage_begin(
		    shim, process_find(d, "hasher fixed/0"), calls, errors[i]);
		client_say(
		    &client, "GET /hash_rayon/secret HTTP/1.1\r\nHost: t\r\n\r\n");
		shortage_expect_rest(shim, who);
		shortage_end(shim);
		expect_ok(&client);
		client_close(&client);
	}
	shortage_stop(d, shim);
}

static void hasher_cannot_read_jobs(void **state)
{
	hasher_cannot(state, SHORT_RECV, "hasher, jobs");
}

static void hasher_cannot_send_answers(void **state)
{
	hasher_cannot(state, SHORT_SEND, "hasher, answers");
}

/* ---- what the master says to both */

static void child_cannot_read_control(void **state)
{
	static const char *const who[] = {"frontend 0", "hasher fixed/0"};
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, NULL);

	for (unsigned i = 0; i < 2; i++) {
		const pid_t pid = process_find(d, who[i]);
		const int handle = process_handle(pid);

		shortage_begin(shim, pid, SHORT_RECV, errors[i]);
		daemon_log_mark(d);
		assert_return_code(kill(d->pid, SIGHUP), errno);
		daemon_wait_log(d, "ready, generation [0-9]+$");
		/* a hasher is told when all frontends have left */
		shortage_expect_rest(shim, who[i]);
		shortage_end(shim);
		assert_true(process_wait_handle(handle, harness_limit_ms()));
		close(handle);
		process_wait_count(d, "hasher fixed/", 1);
	}
	shortage_stop(d, shim);
}

/* ---- the master */

static int command_connect(const struct daemon *d)
{
	struct address to = {.un.sun_family = AF_UNIX, .len = sizeof(to.un)};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(to.un.sun_path, sizeof(to.un.sun_path), "%s.command", d->pidfile);
	assert_return_code(fd, errno);
	assert_return_code(connect(fd, &to.any, to.len), errno);
	return fd;
}

static void master_cannot_read_children_and_commands(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, NULL);
	char text[64] = "";

	for (unsigned i = 0; i < ERRORS_OF_A_LINK; i++) {
		const pid_t pid = process_find(d, "hasher fixed/0");
		const int fd = command_connect(d);

		shortage_begin(shim, d->pid, SHORT_RECV, errors[i]);
		process_kill(pid);
		process_wait_new(d, "hasher fixed/0", pid);
		assert_int_equal(send(fd, "1 reopen", 8, MSG_NOSIGNAL), 8);
		shortage_expect_rest(shim, "master, children and a command");
		shortage_end(shim);
		assert_int_equal(recv(fd, text, sizeof(text), 0), 4);
		assert_string_equal(text, "1 ok");
		close(fd);
		assert_int_equal(
		    client_fetch(&d->tcp, "/hash_rayon/secret", text, sizeof(text)),
		    200);
		memset(text, 0, sizeof(text));
	}
	shortage_stop(d, shim);
}

static void master_cannot_read_log_lines(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, NULL);
	char text[512];

	for (unsigned i = 0; i < ERRORS_OF_A_LINK; i++) {
		daemon_log_mark(d);
		shortage_begin(shim, d->pid, SHORT_PIPE, errors[i]);
		assert_int_equal(
		    client_fetch(&d->tcp, "/livez", text, sizeof(text)), 200);
		shortage_expect_rest(shim, "master, lines of the log");
		shortage_end(shim);
		daemon_wait_log(d, "frontend.*livez");
	}
	shortage_stop(d, shim);
}

/* A frontend that comes meanwhile is told to serve when that can be done, and is not
 * replaced without end. */
static void master_cannot_send(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, NULL);
	char text[512];

	for (unsigned i = 0; i < ERRORS_OF_A_LINK; i++) {
		const pid_t pid = process_find(d, "frontend 0");
		pid_t fresh;

		shortage_begin(shim, d->pid, SHORT_SEND, errors[i]);
		process_kill(pid);
		fresh = process_wait_new(d, "frontend 0", pid);
		shortage_expect_rest(shim, "master, to a frontend");
		assert_int_equal(process_find(d, "frontend 0"), fresh);
		shortage_end(shim);
		assert_int_equal(
		    client_fetch(&d->tcp, "/hash/secret", text, sizeof(text)), 200);
	}
	shortage_stop(d, shim);
}

/* ---- all of them */

static void nobody_can_send_or_read(void **state)
{
	static const char *const asks[] = {"GET /hash/a HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET /hash_rayon/a HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET /user/1 HTTP/1.1\r\nHost: t\r\n\r\n"};
	static const uint32_t calls[] = {SHORT_SEND, SHORT_RECV | SHORT_PIPE};
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, NULL);
	pid_t pids[PROCESS_MAX];
	struct client clients[3];
	size_t n;

	for (unsigned i = 0; i < 2; i++) {
		for (unsigned k = 0; k < 3; k++)
			open_proven(&clients[k], k % 2 == 0 ? &d->tcp : &d->local);
		shortage_begin(shim, SHORT_ALL, calls[i], errors[i]);
		for (unsigned k = 0; k < 3; k++)
			client_say(&clients[k], asks[k]);
		n = process_children(d->pid, pids, PROCESS_MAX - 1);
		pids[n++] = d->pid;
		shortage_expect_rest_of(shim, pids, n, "all together");
		shortage_end(shim);
		for (unsigned k = 0; k < 3; k++) {
			expect_ok(&clients[k]);
			client_close(&clients[k]);
		}
	}
	shortage_stop(d, shim);
}

/* ---- an upgrade */

static bool has_heir(void *arg)
{
	const struct daemon *d = arg;

	return masters_heir(d->pid) != 0;
}

/* All that the new one has started say what they do, in their titles. */
static bool heir_is_ready(void *arg)
{
	const struct daemon *d = arg;
	pid_t pids[PROCESS_MAX];
	const size_t n = process_children(masters_heir(d->pid), pids, PROCESS_MAX);
	char title[PROCESS_TITLE];

	for (size_t i = 0; i < n; i++) {
		process_title(pids[i], title);
		if (strchr(title, '[') == NULL)
			return false;
	}
	return n >= 4; /* a frontend, and a hasher of each pool */
}

static void old_master_cannot_read_the_new_one(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, NULL);

	shortage_begin(shim, d->pid, SHORT_RECV, ENOBUFS);
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	shortage_expect_rest(shim, "old master, READY");
	shortage_end(shim);
	masters_wait_changed(d);
	shortage_stop(d, shim);
}

/* That it is its turn, and that the old one has left. */
static void new_master_cannot_read_the_old_one(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shortage_start(d, NULL);
	struct client client;
	pid_t heir;

	open_proven(&client, &d->tcp);
	client_say(&client, "GET /livez HTTP/1.1\r\nHost: t\r\n"); /* it drains long */
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	wait_until(has_heir, d, "a new master");
	process_stop(d->pid);
	wait_until(heir_is_ready, d, "its processes");
	heir = masters_heir(d->pid); /* not before: it changes its title */
	shortage_begin(shim, heir, SHORT_RECV, ENOMEM);
	assert_return_code(kill(d->pid, SIGCONT), errno);
	shortage_expect_rest(shim, "new master, GO");
	daemon_log_mark(d);
	shortage_end(shim);
	daemon_wait_log(d, "is in charge now");
	shortage_begin(shim, heir, SHORT_RECV, ENOBUFS);
	client_say(&client, "\r\n");
	expect_ok(&client);
	client_close(&client);
	shortage_expect_rest(shim, "new master, the end");
	shortage_end(shim);
	masters_wait_changed(d);
	assert_int_equal(d->pid, heir);
	daemon_log_mark(d);
	assert_return_code(kill(d->pid, SIGHUP), errno); /* nothing is under way */
	daemon_wait_log(d, "ready, generation 2$");
	shortage_stop(d, shim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(frontend_cannot_read_requests),
	    daemon_test(stalled_client_keeps_its_deadline),
	    daemon_test(frontend_cannot_send),
	    daemon_test(frontend_cannot_read_replies),
	    daemon_test(hasher_cannot_read_jobs),
	    daemon_test(hasher_cannot_send_answers),
	    daemon_test(child_cannot_read_control),
	    daemon_test(master_cannot_read_children_and_commands),
	    daemon_test(master_cannot_read_log_lines),
	    daemon_test(master_cannot_send),
	    daemon_test(nobody_can_send_or_read),
	    masters_test(old_master_cannot_read_the_new_one),
	    masters_test(new_master_cannot_read_the_old_one),
	};

	return cmocka_run_group_tests_name("no spinning", tests, NULL, NULL);
}
