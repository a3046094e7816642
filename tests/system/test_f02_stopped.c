/*
 * F2: a hasher, a frontend, the master are stopped under load, and go on later. What
 * they had in hand is answered in time, late answers are nobody's, all others serve.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

enum { STOP_MS = 300, STOP_LONG_MS = 10000, PROBES = 10, HASHERS = 2, REST_MS = 2000 };

/* One process that is stopped for a while; then so is the next one. */
struct stops {
	struct aftermath a;
	struct peek peek;
	const char *what;
	pid_t pid;                /* stopped now, or 0 */
	uint64_t until;           /* when it goes on, or may be stopped again */
	unsigned left, ok_before; /* of the load, when it was stopped */
	bool (*meanwhile)(struct stops *stops); /* true: enough of it */
};

/* False: that was the last. */
static bool stop_next(const struct load *load, struct stops *stops)
{
	const bool master = strcmp(stops->what, "master") == 0;
	pid_t pid = master ? stops->a.d->pid : process_find(stops->a.d, stops->what);

	if (stops->left == 0)
		return false;
	/* its successor is on its way, or that of one who died meanwhile */
	if (pid == 0 || process_count(stops->a.d, "hasher elastic/") < HASHERS)
		return true;
	stops->left--;
	stops->pid = pid;
	stops->until = harness_now_ms() + harness_rounds(STOP_MS, STOP_LONG_MS);
	stops->ok_before = load->count[LOAD_OK];
	process_stop(pid);
	return true;
}

static bool stop_and_go_on(struct load *load, void *arg)
{
	struct stops *stops = arg;

	if (stops->pid == 0 && harness_now_ms() < stops->until)
		return true;
	if (stops->pid == 0)
		return stop_next(load, stops);
	if (harness_now_ms() < stops->until || !stops->meanwhile(stops))
		return true;
	kill(stops->pid, SIGCONT);
	stops->pid = 0;
	/* what has waited is not to wait for the next one, too */
	stops->until = harness_now_ms() + (uint64_t)REST_MS * harness_slow();
	return true;
}

static void run(struct daemon *d, struct stops *stops)
{
	struct load load = {
	    LOAD_OF_A_ROW(d), .tick = stop_and_go_on, .arg = stops, .tick_ms = 5};

	aftermath_begin(&stops->a, d);
	assert_true(peek_open(&stops->peek, d));
	load_run(&load);
	load_print(&load, stops->what);
	load_expect_ok(&load, false);
	peek_close(&stops->peek);
	aftermath_expect(&stops->a);
	daemon_stop(d);
}

/* ---- a hasher */

/* With a job in hand it is replaced; without one it may go on. */
static bool hasher_replaced(struct stops *stops)
{
	if (process_alive(stops->pid))
		return peek_claim(&stops->peek, stops->peek.pool_slot[PEEK_ELASTIC]) ==
		       0;
	aftermath_killed(&stops->a, stops->pid);
	return true;
}

static void test_hasher_under_load(void **state)
{
	struct daemon *d = *state;
	struct stops stops = {.what = "hasher elastic/0",
	    .left = harness_rounds(2, 6),
	    .meanwhile = hasher_replaced};
	char slow[48];

	harness_slow_time(slow, 6); /* it will have a job in hand when it is stopped */
	daemon_start(d, AFTERMATH_DAEMON, "profile.default.memory=8M", slow, NULL);
	run(d, &stops);
}

static void ask_path(struct client *client, const char *path)
{
	char text[128];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
	assert_true(client_say(client, text));
}

static void expect_hash(struct client *client, const char *password)
{
	static const char lead[] = "Hashed password: ";
	struct response r = {0};

	client_read(client, &r, false);
	assert_int_equal(r.status, 200);
	assert_memory_equal(r.body, lead, sizeof(lead) - 1);
	assert_true(load_verify(r.body + sizeof(lead) - 1, password));
	response_free(&r);
}

/* Stops the hasher while it has the client's job in hand. False: it was quicker, and
 * the answer is there. */
static bool catch_in_hand(struct client *client, const struct peek *peek, pid_t pid)
{
	const size_t slot = peek->pool_slot[PEEK_ELASTIC];

	while (client->len == 0) {
		if (peek_claim(peek, slot) != 0) {
			process_stop(pid);
			if (peek_claim(peek, slot) != 0)
				return true;
			kill(pid, SIGCONT);
		}
		client_receive(client, 0);
	}
	return false;
}

/* Asks until a job has expired in the hand of a stopped hasher, which then goes on. */
static void ask_too_late(
    const struct daemon *d, const struct peek *peek, struct client *client)
{
	struct response r = {0};
	bool caught = false;

	while (!caught || r.status != 504) {
		pid_t pid = process_wait_new(d, "hasher elastic/0", 0);

		ask_path(client, "/hash/late");
		caught = catch_in_hand(client, peek, pid);
		client_read(client, &r, false);
		kill(pid, SIGCONT);
	}
	response_free(&r);
}

/* The answer to a job that has expired comes when the hasher goes on: the next one on
 * the same connection gets its own. */
static void test_late_answer(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	char path[64], slow[48];
	struct client client;
	struct peek peek;

	/* a deadline that passes before the stopped hasher is found and replaced,
	 * however slow the machine is; and jobs that are short beside it */
	_Static_assert(LADDER_STOPPED_MS > 400, "see the deadline");
	harness_slow_time(slow, 10);
	daemon_start(d, AFTERMATH_DAEMON, "profile.default.memory=8M", slow,
	    "pool.elastic.deadline=400ms", "pool.elastic.min_processes=1",
	    "pool.elastic.max_processes=1", NULL);
	if (!peek_open(&peek, d)) {
		daemon_stop(d);
		skip();
	}
	client_open(&client, &d->tcp);
	for (unsigned i = 0; i < harness_rounds(3, 100); i++) {
		ask_too_late(d, &peek, &client);
		do { /* may be too late again, or be foreseen to be after such a pause
		      */
			snprintf(path, sizeof(path), "/hash/next%u", i);
			client_get(&client, &r, path);
		} while (r.status == 504 || r.status == 503);
		assert_int_equal(r.status, 200);
		assert_true(load_verify(
		    r.body + strlen("Hashed password: "), path + strlen("/hash/")));
	}
	response_free(&r);
	client_close(&client);
	peek_close(&peek);
	daemon_stop(d);
}

/* A hasher that is stopped before a job comes: the job waits for another one, and not
 * until its deadline. */
static void test_idle_hasher(void **state)
{
	struct daemon *d = *state;
	static const char *const pools[][2] = {{"hasher elastic/0", "/hash/x"},
	    {"hasher fixed/0", "/hash_rayon/x"}, {"hasher lookup/0", "/user/1"}};

	daemon_start(d, AFTERMATH_DAEMON, "profile.default.memory=8M",
	    "pool.elastic.min_processes=1", "pool.elastic.deadline=1h",
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",
	    "pool.fixed.deadline=1h", "pool.lookup.deadline=1h", NULL);
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		pid_t pid = process_wait_new(d, pools[i][0], 0);

		process_stop(pid);
		assert_int_equal(client_fetch(&d->tcp, pools[i][1], NULL, 0), 200);
		process_wait_new(d, pools[i][0], pid);
	}
	assert_true(daemon_log_has(d, "stopped"));
	daemon_stop(d);
}

/* ---- a frontend */

/* The other one takes all that is new. */
static bool others_serve(struct stops *stops)
{
	for (unsigned i = 0; i < PROBES; i++) {
		assert_int_equal(
		    client_fetch(&stops->a.d->tcp, "/livez", NULL, 0), 200);
		assert_int_equal(
		    client_fetch(&stops->a.d->local, "/hash/probe", NULL, 0), 200);
	}
	return true;
}

static void test_frontend(void **state)
{
	struct daemon *d = *state;
	struct stops stops = {.what = "frontend 0",
	    .left = harness_rounds(1, 6),
	    .meanwhile = others_serve};

	daemon_start(d, AFTERMATH_DAEMON, NULL);
	run(d, &stops);
}

/* ---- the master */

/* A hasher that dies meanwhile is replaced when the master goes on, and its jobs are
 * done then. */
static bool kill_meanwhile(struct stops *stops)
{
	pid_t pid = process_find(stops->a.d, "hasher elastic/1");

	assert_int_equal(
	    client_fetch(&stops->a.d->tcp, "/hash_rayon/probe", NULL, 0), 200);
	assert_int_not_equal(pid, 0);
	process_kill(pid);
	aftermath_killed(&stops->a, pid);
	return others_serve(stops);
}

static void test_master(void **state)
{
	struct daemon *d = *state;
	struct stops stops = {.what = "master",
	    .left = harness_rounds(1, 6),
	    .meanwhile = kill_meanwhile};

	daemon_start(d, AFTERMATH_DAEMON, NULL);
	run(d, &stops);
}

/* A reload and its end, both asked for while it was stopped: it does what it was told.
 */
static void test_master_told_meanwhile(void **state)
{
	struct daemon *d = *state;
	struct client client;

	daemon_start(d, AFTERMATH_DAEMON, NULL);
	process_stop(d->pid);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	client_open(&client, &d->tcp);
	ask_path(&client, "/hash/patience");
	expect_hash(&client, "patience");
	client_close(&client);
	assert_return_code(kill(d->pid, SIGCONT), errno);
	daemon_wait_log(d, "ready, generation 2$");
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	process_stop(d->pid);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	kill(d->pid, SIGCONT);
	daemon_stop(d); /* a second TERM: now, or it had gone already */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_hasher_under_load),
	    daemon_test(test_late_answer),
	    daemon_test(test_idle_hasher),
	    daemon_test(test_frontend),
	    daemon_test(test_master),
	    daemon_test(test_master_told_meanwhile),
	};

	return cmocka_run_group_tests_name("F2 stopped", tests, NULL, NULL);
}
