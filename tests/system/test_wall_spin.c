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
#include <sys/mman.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/masters.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"
#include "tests/system/shim.h"
#include "tests/system/shim_short.h"

#define SMALL                                                                          \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.fixed.deadline=120s", "pool.elastic.deadline=120s",                  \
	    "pool.lookup.max_processes=1", "frontend.processes=1", "access_log=on",    \
	    "ready_timeout=120s", "header_timeout=120s", "body_timeout=120s",          \
	    "write_timeout=120s", "keepalive_timeout=120s", "shutdown_timeout=120s"

enum {
	LOOK_MS = 1000,
	TICKS_PART = 5,       /* of the time, the most that may be used */
	CALLS_A_SECOND = 500, /* the most that may fail: retries of all that waits */
};

static struct shim_short *shim_start_with(struct daemon *d, const char *option)
{
	struct shim_short *shim;
	char path[PATH_MAX];

	if (!shim_find(path, "short"))
		skip();
	shim = shim_share(d, "SHIM_SHORT", sizeof(*shim));
	assert_return_code(setenv("LD_PRELOAD", path, 1), errno);
	daemon_start(d, SMALL, option, NULL);
	unsetenv("LD_PRELOAD");
	return shim;
}

static struct shim_short *shim_start(struct daemon *d)
{
	return shim_start_with(d, NULL);
}

static void shim_stop(struct daemon *d, struct shim_short *shim)
{
	munmap(shim, sizeof(*shim));
	daemon_stop(d);
}

static void shortage_begin(
    struct shim_short *shim, pid_t pid, uint32_t calls, int error)
{
	assert_true(pid > 0 || pid == SHORT_ALL);
	atomic_store(&shim->failed, 0);
	atomic_store(&shim->error, error);
	atomic_store(&shim->calls, calls);
	atomic_store(&shim->pid, pid);
}

static void shortage_end(struct shim_short *shim)
{
	atomic_store(&shim->pid, 0);
}

static bool has_failed(void *arg)
{
	const struct shim_short *shim = arg;

	return atomic_load(&shim->failed) > 0;
}

static uint64_t ticks_of(const pid_t *pids, size_t n)
{
	uint64_t ticks = 0;

	for (size_t i = 0; i < n; i++)
		ticks += process_ticks(pids[i]);
	return ticks;
}

/* These processes have met the shortage, and wait for its end without using the CPU. */
static void expect_these_rest(
    struct shim_short *shim, const pid_t *pids, size_t n, const char *who)
{
	const uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t begun, ms, ticks, failed;

	wait_until(has_failed, shim, "a call that fails");
	ticks = ticks_of(pids, n);
	failed = atomic_load(&shim->failed);
	begun = harness_now_ms();
	while (harness_now_ms() - begun < LOOK_MS)
		usleep(20000);
	ms = harness_now_ms() - begun;
	ticks = ticks_of(pids, n) - ticks;
	failed = atomic_load(&shim->failed) - failed;
	print_message("%s, %s: %u of %u ticks, %u failed calls in %u ms\n", who,
	    strerrorname_np(atomic_load(&shim->error)), (unsigned)ticks,
	    (unsigned)(ms * hz / 1000), (unsigned)failed, (unsigned)ms);
	assert_in_range(failed, 0, ms * n * CALLS_A_SECOND / 1000);
	assert_in_range(ticks, 0, ms * hz / 1000 / TICKS_PART);
	for (size_t i = 0; i < n; i++)
		assert_true(process_alive(pids[i]));
}

static void expect_rest(struct shim_short *shim, const char *who)
{
	const pid_t pid = atomic_load(&shim->pid);

	expect_these_rest(shim, &pid, 1, who);
}

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
	struct shim_short *shim = shim_start(d);
	struct client tcp, local;

	for (unsigned i = 0; i < ERRORS; i++) {
		open_proven(&tcp, &d->tcp);
		open_proven(&local, &d->local);
		shortage_begin(
		    shim, process_find(d, "frontend 0"), SHORT_RECV, errors[i]);
		client_say(&tcp, "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n");
		client_say(&local, "GET /hash/secret HTTP/1.1\r\nHost: t\r\n\r\n");
		expect_rest(shim, "frontend, requests");
		shortage_end(shim);
		expect_ok(&tcp);
		expect_ok(&local);
		client_close(&tcp);
		client_close(&local);
	}
	shim_stop(d, shim);
}

/* More time than its state has, a stalled connection has not. */
static void stalled_client_keeps_its_deadline(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shim_start_with(d, "header_timeout=300ms");
	struct client client;

	client_open(&client, &d->tcp);
	shortage_begin(shim, process_find(d, "frontend 0"), SHORT_RECV, ENOBUFS);
	client_say(&client, "GET /livez HTTP/1.1\r\n");
	while (!client.ended && client.error == 0)
		assert_true(client_receive(&client, harness_limit_ms()));
	assert_true(has_failed(shim));
	assert_int_equal(client.len, 0);
	shortage_end(shim);
	client_close(&client);
	shim_stop(d, shim);
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
	struct shim_short *shim = shim_start(d);
	struct client clients[ASKS];

	for (unsigned i = 0; i < ERRORS; i++) {
		for (unsigned k = 0; k < ASKS; k++)
			open_proven(&clients[k], k % 2 == 0 ? &d->tcp : &d->local);
		shortage_begin(
		    shim, process_find(d, "frontend 0"), SHORT_SEND, errors[i]);
		for (unsigned k = 0; k < ASKS; k++)
			client_say(&clients[k], asks[k]);
		expect_rest(shim, "frontend, answers and jobs");
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
	shim_stop(d, shim);
}

/* Of a hasher and of the master, who tells of the death of another hasher. */
static void frontend_cannot_read_replies(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shim_start(d);
	struct client client;
	struct peek peek;
	pid_t pid;

	if (!peek_open(&peek, d)) {
		shim_stop(d, shim);
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
		wait_until(has_failed, shim, "a reply");
		pid = process_find(d, "hasher elastic/0");
		process_kill(pid);
		process_wait_new(d, "hasher elastic/0", pid);
		expect_rest(shim, "frontend, replies and news");
		shortage_end(shim);
		expect_ok(&client);
		client_say(&client, "GET /hash/secret HTTP/1.1\r\nHost: t\r\n\r\n");
		expect_ok(&client);
		client_close(&client);
	}
	peek_close(&peek);
	shim_stop(d, shim);
}

/* ---- a hasher */

static void hasher_cannot(void **state, uint32_t calls, const char *who)
{
	struct daemon *d = *state;
	struct shim_short *shim = shim_start(d);
	struct client client;

	for (unsigned i = 0; i < ERRORS_OF_A_LINK; i++) {
		client_open(&client, &d->tcp);
		shortage_begin(
		    shim, process_find(d, "hasher fixed/0"), calls, errors[i]);
		client_say(
		    &client, "GET /hash_rayon/secret HTTP/1.1\r\nHost: t\r\n\r\n");
		expect_rest(shim, who);
		shortage_end(shim);
		expect_ok(&client);
		client_close(&client);
	}
	shim_stop(d, shim);
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
	struct shim_short *shim = shim_start(d);

	for (unsigned i = 0; i < 2; i++) {
		const pid_t pid = process_find(d, who[i]);
		const int handle = process_handle(pid);

		shortage_begin(shim, pid, SHORT_RECV, errors[i]);
		daemon_log_mark(d);
		assert_return_code(kill(d->pid, SIGHUP), errno);
		daemon_wait_log(d, "ready, generation [0-9]+$");
		/* a hasher is told when all frontends have left */
		expect_rest(shim, who[i]);
		shortage_end(shim);
		assert_true(process_wait_handle(handle, harness_limit_ms()));
		close(handle);
		process_wait_count(d, "hasher fixed/", 1);
	}
	shim_stop(d, shim);
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
	struct shim_short *shim = shim_start(d);
	char text[64] = "";

	for (unsigned i = 0; i < ERRORS_OF_A_LINK; i++) {
		const pid_t pid = process_find(d, "hasher fixed/0");
		const int fd = command_connect(d);

		shortage_begin(shim, d->pid, SHORT_RECV, errors[i]);
		process_kill(pid);
		process_wait_new(d, "hasher fixed/0", pid);
		assert_int_equal(send(fd, "1 reopen", 8, MSG_NOSIGNAL), 8);
		expect_rest(shim, "master, children and a command");
		shortage_end(shim);
		assert_int_equal(recv(fd, text, sizeof(text), 0), 4);
		assert_string_equal(text, "1 ok");
		close(fd);
		assert_int_equal(
		    client_fetch(&d->tcp, "/hash_rayon/secret", text, sizeof(text)),
		    200);
		memset(text, 0, sizeof(text));
	}
	shim_stop(d, shim);
}

static void master_cannot_read_log_lines(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shim_start(d);
	char text[512];

	for (unsigned i = 0; i < ERRORS_OF_A_LINK; i++) {
		daemon_log_mark(d);
		shortage_begin(shim, d->pid, SHORT_PIPE, errors[i]);
		assert_int_equal(
		    client_fetch(&d->tcp, "/livez", text, sizeof(text)), 200);
		expect_rest(shim, "master, lines of the log");
		shortage_end(shim);
		daemon_wait_log(d, "frontend.*livez");
	}
	shim_stop(d, shim);
}

/* A frontend that comes meanwhile is told to serve when that can be done, and is not
 * replaced without end. */
static void master_cannot_send(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shim_start(d);
	char text[512];

	for (unsigned i = 0; i < ERRORS_OF_A_LINK; i++) {
		const pid_t pid = process_find(d, "frontend 0");
		pid_t fresh;

		shortage_begin(shim, d->pid, SHORT_SEND, errors[i]);
		process_kill(pid);
		fresh = process_wait_new(d, "frontend 0", pid);
		expect_rest(shim, "master, to a frontend");
		assert_int_equal(process_find(d, "frontend 0"), fresh);
		shortage_end(shim);
		assert_int_equal(
		    client_fetch(&d->tcp, "/hash/secret", text, sizeof(text)), 200);
	}
	shim_stop(d, shim);
}

/* ---- all of them */

static void nobody_can_send_or_read(void **state)
{
	static const char *const asks[] = {"GET /hash/a HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET /hash_rayon/a HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET /user/1 HTTP/1.1\r\nHost: t\r\n\r\n"};
	static const uint32_t calls[] = {SHORT_SEND, SHORT_RECV | SHORT_PIPE};
	struct daemon *d = *state;
	struct shim_short *shim = shim_start(d);
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
		expect_these_rest(shim, pids, n, "all together");
		shortage_end(shim);
		for (unsigned k = 0; k < 3; k++) {
			expect_ok(&clients[k]);
			client_close(&clients[k]);
		}
	}
	shim_stop(d, shim);
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
	struct shim_short *shim = shim_start(d);

	shortage_begin(shim, d->pid, SHORT_RECV, ENOBUFS);
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	expect_rest(shim, "old master, READY");
	shortage_end(shim);
	masters_wait_changed(d);
	shim_stop(d, shim);
}

/* That it is its turn, and that the old one has left. */
static void new_master_cannot_read_the_old_one(void **state)
{
	struct daemon *d = *state;
	struct shim_short *shim = shim_start(d);
	struct client client;
	pid_t heir;

	open_proven(&client, &d->tcp);
	client_say(&client, "GET /livez HTTP/1.1\r\nHost: t\r\n"); /* it drains long */
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	wait_until(has_heir, d, "a new master");
	heir = masters_heir(d->pid);
	process_stop(d->pid);
	wait_until(heir_is_ready, d, "its processes");
	shortage_begin(shim, heir, SHORT_RECV, ENOMEM);
	assert_return_code(kill(d->pid, SIGCONT), errno);
	expect_rest(shim, "new master, GO");
	daemon_log_mark(d);
	shortage_end(shim);
	daemon_wait_log(d, "is in charge now");
	shortage_begin(shim, heir, SHORT_RECV, ENOBUFS);
	client_say(&client, "\r\n");
	expect_ok(&client);
	client_close(&client);
	expect_rest(shim, "new master, the end");
	shortage_end(shim);
	masters_wait_changed(d);
	assert_int_equal(d->pid, heir);
	daemon_log_mark(d);
	assert_return_code(kill(d->pid, SIGHUP), errno); /* nothing is under way */
	daemon_wait_log(d, "ready, generation 2$");
	shim_stop(d, shim);
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
