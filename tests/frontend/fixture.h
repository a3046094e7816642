/*
 * A frontend with a real loop, real connections over loopback TCP, and a dispatch that
 * does nothing until a test says how a job ends.
 */
#ifndef TESTS_FRONTEND_FIXTURE_H
#define TESTS_FRONTEND_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "frontend/frontend.h"

enum { PATIENCE_MS = 20000, RETRY_AFTER = 7 };

struct task {
	struct task_spec spec;
	struct secret password;
};

struct dispatch {
	enum admission admission; /* what the next job is told */
	struct task *tasks[8];
	unsigned pending, submitted, cancelled;
};

struct fixture {
	struct frontend fe;
	struct child child;
	struct config config;
	struct config_pool pools[3];
	struct config_profile profile;
	struct dispatch dispatch;
	unsigned gone; /* connections that have ended */
};

/* --- what conn.c calls --- */

enum admission dispatch_submit(struct dispatch *d, const struct task_spec *spec,
    struct task **task, unsigned *retry_after)
{
	struct task *new;

	assert_non_null(spec->client);
	*retry_after = RETRY_AFTER;
	if (d->admission != ADMITTED)
		return d->admission;
	new = calloc(1, sizeof(*new));
	assert_non_null(new);
	assert_true(d->pending < sizeof(d->tasks) / sizeof(d->tasks[0]));
	new->spec = *spec;
	client_hold(spec->client);
	if (spec->password != NULL)
		secret_move(&new->password, spec->password);
	d->tasks[d->pending++] = *task = new;
	d->submitted++;
	return ADMITTED;
}

static void task_remove(struct dispatch *d, struct task *task)
{
	unsigned i = 0;

	while (i < d->pending && d->tasks[i] != task)
		i++;
	assert_true(i < d->pending);
	for (d->pending--; i < d->pending; i++)
		d->tasks[i] = d->tasks[i + 1];
	secret_free(&task->password);
	client_put(task->spec.client);
	free(task);
}

void dispatch_cancel(struct dispatch *d, struct task *task)
{
	d->cancelled++;
	task_remove(d, task);
}

size_t dispatch_task_bytes(const struct task *task)
{
	return sizeof(*task) + task->password.cap;
}

unsigned dispatch_retry_after(struct dispatch *d, unsigned pool)
{
	(void)d;
	(void)pool;
	return RETRY_AFTER;
}

void frontend_conn_gone(struct frontend *fe)
{
	((struct fixture *)(void *)fe)->gone++;
}

/* Ends the oldest job. */
static inline void task_finish(
    struct fixture *f, enum task_outcome outcome, const char *text)
{
	struct task *task = f->dispatch.tasks[0];
	struct task_spec spec = task->spec; /* NOLINT(clang-analyzer-unix.Malloc) */
	struct task_result result = {.outcome = outcome,
	    .text = text,
	    .text_len = strlen(text),
	    .queue_ns = 1500000,
	    .work_ns = 20000000};

	assert_true(f->dispatch.pending > 0);
	task_remove(&f->dispatch, task);
	spec.done(spec.owner, &result);
}

/* --- a frontend --- */

static inline int fixture_setup(void **state)
{
	static const char *const names[] = {"elastic", "fixed", "lookup"};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	for (size_t i = 0; i < 3; i++) {
		snprintf(f->pools[i].name, sizeof(f->pools[i].name), "%s", names[i]);
		f->pools[i].min_processes = 1;
		f->pools[i].jobs =
		    i < 2 ? CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY : CONFIG_JOBS_LOOKUP;
	}
	f->profile = (struct config_profile){.name = "default",
	    .memory_kib = 19456,
	    .time = 2,
	    .lanes = 1,
	    .salt = 16,
	    .tag = 32};
	f->config = (struct config){.seed_routes = true,
	    .frontend.max_connections = 1000,
	    .hello_delay_ms = 20,
	    .max_body = 8192,
	    .max_password = 32,
	    .header_timeout_ms = PATIENCE_MS * 2,
	    .body_timeout_ms = PATIENCE_MS * 2,
	    .keepalive_timeout_ms = PATIENCE_MS * 2,
	    .write_timeout_ms = PATIENCE_MS * 2,
	    .pools = f->pools,
	    .pool_count = 3,
	    .profiles = &f->profile,
	    .profile_count = 1};
	assert_int_equal(board_open(&f->child.board, 1), 0);
	f->child.slot = board_slot(&f->child.board, 0);
	f->child.config = &f->config;
	f->fe.child = &f->child;
	f->fe.config = &f->config;
	f->fe.dispatch = &f->dispatch;
	f->fe.request_prefix = 0xabcdef;
	f->fe.loop = ev_loop_new(EVBACKEND_EPOLL);
	assert_non_null(f->fe.loop);
	conn_init(&f->fe);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	conn_close_all(&f->fe);
	assert_int_equal(f->fe.conn_count, 0);
	assert_int_equal(f->fe.waiting, 0);
	assert_int_equal(f->dispatch.pending, 0);
	assert_int_equal(f->fe.clients.count, 0);
	clients_free(&f->fe.clients);
	ev_loop_destroy(f->fe.loop);
	board_close(&f->child.board);
	free(f);
	return 0;
}

/* --- a client --- */

/* A pair of connected TCP sockets, non-blocking; a small buffer where `narrow`. */
static inline void tcp_pair(int fds[2], bool narrow)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0), small = 4096;

	assert_true(listener >= 0);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (narrow)
		setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fds[0] >= 0);
	if (narrow)
		setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(connect(fds[0], (struct sockaddr *)&addr, len), 0);
	fds[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(fds[1] >= 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	close(listener);
}

static inline int client_open_as(struct fixture *f, bool narrow)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	int fds[2];

	tcp_pair(fds, narrow);
	assert_int_equal(
	    conn_accept(&f->fe, fds[1], (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fds[0];
}

static inline int client_open(struct fixture *f)
{
	return client_open_as(f, false);
}

static inline void on_client(struct ev_loop *loop, struct ev_io *io, int revents)
{
	(void)loop;
	(void)io;
	(void)revents;
}

static inline void on_moment(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	(void)loop;
	(void)timer;
	(void)revents;
}

/* One turn of the loop: until something happens, to the frontend or to the client's fd,
 * or for a moment. Fails a test that has waited for too long. */
static inline void turn(struct fixture *f, int fd, uint64_t since)
{
	struct ev_io io;
	struct ev_timer moment;

	ev_io_init(&io, on_client, fd, EV_READ);
	ev_timer_init(&moment, on_moment, 0.01, 0.);
	if (fd >= 0)
		ev_io_start(f->fe.loop, &io);
	ev_timer_start(f->fe.loop, &moment);
	ev_run(f->fe.loop, EVRUN_ONCE);
	ev_io_stop(f->fe.loop, &io);
	ev_timer_stop(f->fe.loop, &moment);
	if (clock_ns() - since > PATIENCE_MS * NS_PER_MS)
		fail_msg("waited for too long");
}

/* Sends all, the loop turning meanwhile. */
static inline void client_send_bytes(
    struct fixture *f, int fd, const char *bytes, size_t len)
{
	uint64_t since = clock_ns();

	for (size_t at = 0; at < len;) {
		ssize_t n = send(fd, bytes + at, len - at, MSG_NOSIGNAL);

		if (n < 0)
			assert_int_equal(errno, EAGAIN);
		else
			at += (size_t)n;
		if (at < len)
			turn(f, -1, since);
	}
}

static inline void client_send(struct fixture *f, int fd, const char *text)
{
	client_send_bytes(f, fd, text, strlen(text));
}

struct answer {
	unsigned status;
	char text[16384]; /* head and body */
	char *body;
	size_t body_len;
	bool eof; /* the connection ended instead */
};

static inline bool answer_has(const struct answer *answer, const char *line)
{
	return strstr(answer->text, line) != NULL;
}

/* Is the answer in text[len] complete? HEAD has no body, whatever it says. */
static inline bool answer_complete(struct answer *answer, size_t len, bool head)
{
	const char *length;

	answer->text[len] = '\0';
	answer->body = strstr(answer->text, "\r\n\r\n");
	if (answer->body == NULL)
		return false;
	answer->body += 4;
	length = strstr(answer->text, "Content-Length: ");
	answer->body_len = length != NULL && !head ? strtoul(length + 16, NULL, 10) : 0;
	return (size_t)(answer->text + len - answer->body) >= answer->body_len;
}

/* Receives one answer, byte by byte so that none of the next is taken. */
static inline void client_receive_as(
    struct fixture *f, int fd, struct answer *answer, bool head)
{
	uint64_t since = clock_ns();
	size_t len = 0;

	*answer = (struct answer){0};
	while (!answer_complete(answer, len, head)) {
		ssize_t n = recv(fd, answer->text + len, 1, 0);

		assert_true(len < sizeof(answer->text) - 2);
		if (n == 1) {
			len++;
		} else if (n == 0 || errno != EAGAIN) {
			answer->eof = true;
			return;
		} else {
			turn(f, fd, since);
		}
	}
	sscanf(answer->text, "HTTP/1.1 %u ", &answer->status);
}

static inline void client_receive(struct fixture *f, int fd, struct answer *answer)
{
	client_receive_as(f, fd, answer, false);
}

static inline void client_ask(
    struct fixture *f, int fd, const char *text, struct answer *answer)
{
	client_send(f, fd, text);
	client_receive(f, fd, answer);
}

/* Nothing more comes but the end. */
static inline void client_expect_end(struct fixture *f, int fd)
{
	struct answer answer;

	client_receive(f, fd, &answer);
	assert_true(answer.eof);
	assert_string_equal(answer.text, "");
}

/* Turns until no connection but `left` is there. */
static inline void await_conns(struct fixture *f, unsigned left)
{
	uint64_t since = clock_ns();

	while (f->fe.conn_count != left)
		turn(f, -1, since);
}

static inline void await_tasks(struct fixture *f, unsigned pending)
{
	uint64_t since = clock_ns();

	while (f->dispatch.pending != pending)
		turn(f, -1, since);
}

/* One request on a connection of its own. */
static inline void ask_once(struct fixture *f, const char *text, struct answer *answer)
{
	int fd = client_open(f);

	client_ask(f, fd, text, answer);
	close(fd);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: test\r\n\r\n"

/* Each with an id of its own, in one write, so that a mix-up would show. */
static inline size_t pipeline(char *text, size_t cap, const char *path, unsigned count)
{
	size_t len = 0;

	for (unsigned i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, cap - len,
		    "GET %s%u HTTP/1.1\r\nHost: a\r\nX-Request-Id: r%u\r\n\r\n", path,
		    i, i);
	assert_true(len < cap);
	return len;
}

/* Those who look at these see what an answer says. */
static inline void assert_answer(
    const struct answer *answer, unsigned status, const char *body)
{
	if (answer->status != status || strcmp(answer->body, body) != 0)
		print_error("%s\n", answer->text);
	assert_int_equal(answer->status, status);
	assert_string_equal(answer->body, body);
	assert_int_equal(answer->body_len, strlen(body));
}

#define FIXTURE_TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
