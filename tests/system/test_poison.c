/*
 * A job whose hasher dies: of a crash it is tried once more and then answered 500; of
 * somebody's KILL it is not to blame, and is answered well.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

/* Starts with hashes that take about so many ms: long enough to be caught in hand. */
static void start(struct daemon *d, struct peek *peek, unsigned ms)
{
	char slow[48];

	/* a sanitizer that catches SIGSEGV would make an exit of it */
	setenv("ASAN_OPTIONS", "handle_segv=0", 0);
	harness_slow_time(slow, ms);
	daemon_start(d, "profile.default.memory=8M", slow,
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",
	    "pool.elastic.deadline=120s", NULL);
	if (peek_open(peek, d))
		return;
	daemon_stop(d);
	skip();
}

static void stop(struct daemon *d, struct peek *peek)
{
	peek_close(peek);
	daemon_stop(d);
}

/* Sends a signal to the only hasher while it has a job in hand; returns the job's id.
 */
static uint64_t strike(const struct daemon *d, const struct peek *peek, int signo)
{
	pid_t pid = process_wait_new(d, "hasher elastic/0", 0);
	uint64_t claim = peek_freeze(peek, peek->pool_slot[PEEK_ELASTIC], pid);
	int handle = process_handle(pid);

	assert_return_code(kill(pid, signo), errno);
	kill(pid, SIGCONT);
	assert_true(process_wait_handle(handle, harness_limit_ms()));
	close(handle);
	process_wait_new(d, "hasher elastic/0", pid);
	return claim;
}

static void ask(struct client *client, const struct daemon *d, const char *password)
{
	char text[128];

	client_open(client, &d->tcp);
	snprintf(
	    text, sizeof(text), "GET /hash/%s HTTP/1.1\r\nHost: t\r\n\r\n", password);
	client_say(client, text);
}

static void expect_hash(struct client *client, const char *password)
{
	struct response r = {0};

	client_read(client, &r, false);
	assert_int_equal(r.status, 200);
	assert_true(load_verify(r.body + strlen("Hashed password: "), password));
	response_free(&r);
	client_close(client);
}

static bool is_ready(void *arg)
{
	const struct daemon *d = arg;

	return client_fetch(&d->tcp, "/readyz", NULL, 0) == 200;
}

static void test_crash_twice(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client client;
	struct peek peek;
	uint64_t first, second;

	start(d, &peek, 4000);
	ask(&client, d, "poison");
	first = strike(d, &peek, SIGSEGV);
	second = strike(d, &peek, SIGSEGV);
	assert_true(first != 0 && second != 0);
	client_read(&client, &r, false);
	assert_int_equal(r.status, 500);
	assert_string_equal(r.body, "Failed to process password");
	response_free(&r);
	client_close(&client);
	wait_until(is_ready, d, "readiness after the crashes");
	stop(d, &peek);
}

static void test_crash_once(void **state)
{
	struct daemon *d = *state;
	struct client client;
	struct peek peek;

	start(d, &peek, 700);
	ask(&client, d, "once");
	strike(d, &peek, SIGSEGV);
	expect_hash(&client, "once");
	stop(d, &peek);
}

static void test_killed(void **state)
{
	struct daemon *d = *state;
	struct client client;
	struct peek peek;

	start(d, &peek, 700);
	ask(&client, d, "innocent");
	for (int i = 0; i < 4; i++)
		strike(d, &peek, SIGKILL);
	expect_hash(&client, "innocent");
	stop(d, &peek);
}

/* Jobs that wait behind one whose hasher crashes are all answered, and so is that one.
 */
static void test_neighbours(void **state)
{
	enum { JOBS = 4 };
	struct daemon *d = *state;
	struct client clients[JOBS];
	char name[16];
	struct peek peek;

	start(d, &peek, 300);
	for (int i = 0; i < JOBS; i++) {
		snprintf(name, sizeof(name), "neighbour%d", i);
		ask(&clients[i], d, name);
	}
	strike(d, &peek, SIGSEGV);
	for (int i = 0; i < JOBS; i++) {
		snprintf(name, sizeof(name), "neighbour%d", i);
		expect_hash(&clients[i], name);
	}
	stop(d, &peek);
}

/* A client that leaves while its job crashes hashers ends that. */
static void test_poison_without_asker(void **state)
{
	struct daemon *d = *state;
	struct client client;
	struct peek peek;

	start(d, &peek, 700);
	ask(&client, d, "gone");
	strike(d, &peek, SIGSEGV);
	client_reset(&client);
	ask(&client, d, "after");
	expect_hash(&client, "after");
	stop(d, &peek);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_crash_twice),
	    daemon_test(test_crash_once),
	    daemon_test(test_killed),
	    daemon_test(test_neighbours),
	    daemon_test(test_poison_without_asker),
	};

	return cmocka_run_group_tests_name("poison", tests, NULL, NULL);
}
