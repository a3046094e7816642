/*
 * Pools at work: at the same time, growing and shrinking, full, stopped; and HTTP
 * beside them.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

static const char ask_fixed[] = "GET /hash_rayon/x HTTP/1.1\r\nHost: t\r\n\r\n";
static const char ask_elastic[] = "GET /hash/x HTTP/1.1\r\nHost: t\r\n\r\n";

/* Where titles or the board cannot be seen the test has nothing to stand on. */
static void look_inside(struct daemon *d, struct peek *peek)
{
	if (peek_open(peek, d))
		return;
	daemon_stop(d);
	skip();
}

/* Expects the answer of a client that waits. */
static void expect_status(struct client *client, int status)
{
	struct response r = {0};

	client_read(client, &r, false);
	assert_int_equal(r.status, status);
	response_free(&r);
	client_close(client);
}

/* Two hashers, by slot and pid, and what their CPU clocks said when both had begun. */
struct pair {
	const struct peek *peek;
	size_t slot[2];
	pid_t pid[2];
	uint64_t ticks[2];
	bool begun;
};

/* Both have used CPU time since both had a job in hand, and both still have it. */
static bool both_work(void *arg)
{
	struct pair *pair = arg;
	uint64_t ticks[2];

	for (int i = 0; i < 2; i++) {
		if (peek_claim(pair->peek, pair->slot[i]) == 0)
			return false;
		ticks[i] = process_ticks(pair->pid[i]);
	}
	if (!pair->begun)
		memcpy(pair->ticks, ticks, sizeof(ticks));
	pair->begun = true;
	return ticks[0] > pair->ticks[0] && ticks[1] > pair->ticks[1];
}

/* One job a process: on a busy machine a hasher at work may be quicker to take a second
 * one than an idle one is to wake. */
static void test_fixed_work_together(void **state)
{
	struct daemon *d = *state;
	struct client clients[2];
	struct peek peek;
	struct pair pair;
	char slow[48];

	harness_slow_time(slow, 3000); /* they are not waited for */
	daemon_start(d, "profile.default.memory=8M", slow,
	    "pool.elastic.max_processes=1", "pool.fixed.batch=1",
	    "pool.fixed.min_processes=2", "pool.fixed.max_processes=2",
	    "pool.fixed.deadline=120s", NULL);
	look_inside(d, &peek);
	pair = (struct pair){.peek = &peek,
	    .slot = {peek.pool_slot[PEEK_FIXED], peek.pool_slot[PEEK_FIXED] + 1},
	    .pid = {
	        process_find(d, "hasher fixed/0"), process_find(d, "hasher fixed/1")}};
	for (int i = 0; i < 2; i++) {
		client_open(&clients[i], &d->tcp);
		client_say(&clients[i], ask_fixed);
	}
	wait_until(both_work, &pair, "two fixed hashers that work at the same time");
	for (int i = 0; i < 2; i++)
		client_reset(&clients[i]);
	peek_close(&peek);
	daemon_stop(d);
}

static void test_elastic_grows_and_shrinks(void **state)
{
	enum { JOBS = 9 };
	struct daemon *d = *state;
	struct client clients[JOBS];
	struct peek peek;
	char slow[48];

	harness_slow_time(slow, 3000); /* they are not waited for */
	daemon_start(d, "profile.default.memory=8M", slow,
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=3",
	    "pool.elastic.idle_timeout=200ms", "pool.elastic.deadline=120s", NULL);
	look_inside(d, &peek);
	assert_int_equal(process_count(d, "hasher elastic/"), 1);
	for (int i = 0; i < JOBS; i++) {
		client_open(&clients[i], &d->tcp);
		client_say(&clients[i], ask_elastic);
	}
	process_wait_count(d, "hasher elastic/", 3);
	for (size_t i = 0; i < 3; i++)
		peek_wait_claim(&peek, peek.pool_slot[PEEK_ELASTIC] + i);
	for (int i = 0; i < JOBS; i++)
		client_reset(&clients[i]);
	process_wait_count(d, "hasher elastic/", 1);
	peek_close(&peek);
	daemon_stop(d);
}

static int compare_ms(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Median time of 9 hellos asked one after another while hashes wait. */
static uint64_t median_hello(const struct daemon *d)
{
	enum { HELLOS = 9 };
	uint64_t took[HELLOS], since;

	for (int i = 0; i < HELLOS; i++) {
		since = harness_now_ms();
		assert_int_equal(client_fetch(&d->tcp, "/", NULL, 0), 200);
		took[i] = harness_now_ms() - since;
	}
	qsort(took, HELLOS, sizeof(took[0]), compare_ms);
	return took[HELLOS / 2];
}

static void test_hello_beside_hashes(void **state)
{
	enum { JOBS = 64 };
	struct daemon *d = *state;
	struct client *clients = calloc(JOBS, sizeof(*clients));
	struct peek peek;
	uint64_t median;
	char slow[48];

	assert_non_null(clients);
	harness_slow_time(slow, 3000); /* they are not waited for */
	daemon_start(d, "profile.default.memory=8M", slow,
	    "pool.elastic.max_processes=2", "pool.elastic.queue_limit=256",
	    "pool.elastic.deadline=120s", NULL);
	look_inside(d, &peek);
	for (int i = 0; i < JOBS; i++) {
		client_open(&clients[i], &d->tcp);
		client_say(&clients[i], ask_elastic);
	}
	peek_wait_jobs(&peek, 2, PEEK_ELASTIC, JOBS);
	median = median_hello(d);
	assert_true(
	    peek_jobs(&peek, 2, PEEK_ELASTIC) >= JOBS / 2); /* they still wait */
	assert_in_range(median, 100, 249 * harness_slow());
	for (int i = 0; i < JOBS; i++)
		client_reset(&clients[i]);
	free(clients);
	peek_close(&peek);
	daemon_stop(d);
}

/* A full queue is answered at once, and what was admitted is served in the end. */
static void test_queue_full(void **state)
{
	enum { JOBS = 40 };
	struct daemon *d = *state;
	struct response r = {0};
	struct client clients[JOBS];
	char after[32];
	unsigned served = 0, shed = 0;
	struct peek peek;
	pid_t pid;

	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "frontend.processes=1", "pool.fixed.min_processes=1",
	    "pool.fixed.max_processes=1", "pool.fixed.queue_limit=4",
	    "pool.fixed.deadline=120s", NULL);
	look_inside(d, &peek);
	pid = process_find(d, "hasher fixed/0");
	process_hold(d, pid);
	for (int i = 0; i < JOBS; i++) {
		client_open(&clients[i], &d->tcp);
		client_say(&clients[i], ask_fixed);
	}
	while (!client_receive(&clients[JOBS - 1], harness_limit_ms()))
		fail_msg("no answer though the queue is full");
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	process_release(d, pid);
	for (int i = 0; i < JOBS; i++) {
		client_read(&clients[i], &r, false);
		served += r.status == 200;
		shed += r.status == 503;
		if (r.status == 503) {
			assert_true(
			    response_header(&r, "Retry-After", after, sizeof(after)));
			assert_true(strtol(after, NULL, 10) >= 1);
		}
		client_close(&clients[i]);
	}
	assert_int_equal(served + shed, JOBS);
	assert_true(served >= 4 && shed >= 1);
	response_free(&r);
	peek_close(&peek);
	daemon_stop(d);
}

/* A hasher that is stopped, and not replaced, costs its jobs their deadline and nothing
 * else; what it does late is no answer to the next job. */
static void test_stopped_hasher(void **state)
{
	struct daemon *d = *state;
	char deadline[48];
	struct client late;
	struct peek peek;
	pid_t pid;

	harness_ms(deadline, "pool.fixed.deadline", 1000);
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1", deadline, NULL);
	look_inside(d, &peek);
	pid = process_find(d, "hasher fixed/0");
	process_hold(d, pid);
	client_open(&late, &d->tcp);
	client_say(&late, ask_fixed);
	assert_int_equal(client_fetch(&d->tcp, "/hash/other-pool", NULL, 0), 200);
	expect_status(&late, 504);
	process_release(d, pid);
	assert_int_equal(client_fetch(&d->tcp, "/hash_rayon/x", NULL, 0), 200);
	peek_close(&peek);
	daemon_stop(d);
}

/* Clients that leave take their jobs along: the pool is free for others at once. */
static void test_cancelled(void **state)
{
	enum { JOBS = 32 };
	struct daemon *d = *state;
	struct client clients[JOBS];
	struct load load = {
	    .to = &d->tcp, .connections = 4, .requests = 40, .rayon = true};
	struct peek peek;
	pid_t pid;

	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",
	    "pool.fixed.queue_limit=64", "pool.fixed.deadline=120s", NULL);
	look_inside(d, &peek);
	pid = process_find(d, "hasher fixed/0");
	process_hold(d, pid);
	for (int i = 0; i < JOBS; i++) {
		client_open(&clients[i], &d->tcp);
		client_say(&clients[i], ask_fixed);
	}
	peek_wait_jobs(&peek, 2, PEEK_FIXED, JOBS);
	for (int i = 0; i < JOBS; i++)
		client_reset(&clients[i]);
	process_release(d, pid);
	load_run(&load);
	load_expect_ok(&load, false);
	peek_close(&peek);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_fixed_work_together),
	    daemon_test(test_elastic_grows_and_shrinks),
	    daemon_test(test_hello_beside_hashes),
	    daemon_test(test_queue_full),
	    daemon_test(test_stopped_hasher),
	    daemon_test(test_cancelled),
	};

	return cmocka_run_group_tests_name("pools", tests, NULL, NULL);
}
