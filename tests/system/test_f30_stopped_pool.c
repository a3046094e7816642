/*
 * F30: all hashers of a pool are stopped while jobs come by the thousand. The queue is
 * bounded, what does not fit is shed at once, what was admitted expires in time; when
 * the hashers go on, they skip what has expired.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

enum { FRONTENDS = 2, HASHERS = 2, QUEUE = 16, DEADLINE_MS = 600 };

/* What the hashers of the pool say that they have done, and not worked at. */
struct tally {
	uint64_t done, dropped;
};

static struct tally take_tally(const struct peek *peek)
{
	struct tally tally = {0};

	for (size_t i = 0; i < HASHERS; i++) {
		const struct board_hasher *h =
		    &board_slot(&peek->board, peek->pool_slot[PEEK_ELASTIC] + i)
		         ->hasher;

		tally.done += atomic_load(&h->done);
		tally.dropped += atomic_load(&h->dropped);
	}
	return tally;
}

struct siege {
	struct daemon *d;
	const struct peek *peek;
	unsigned jobs_max, asks;
};

/* Other routes and pools are served meanwhile. */
static bool watch_queue(struct load *load, void *arg)
{
	struct siege *siege = arg;
	unsigned jobs = peek_jobs(siege->peek, FRONTENDS, PEEK_ELASTIC);

	if (jobs > siege->jobs_max)
		siege->jobs_max = jobs;
	assert_int_equal(client_fetch(&siege->d->tcp, "/livez", NULL, 0), 200);
	assert_int_equal(client_fetch(&siege->d->tcp, "/hash_rayon/x", NULL, 0), 200);
	return load->asked < siege->asks;
}

static void signal_hashers(const struct daemon *d, bool stop)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(d, "hasher elastic/", pids, PROCESS_MAX);

	assert_int_equal(n, HASHERS);
	for (size_t i = 0; i < n; i++)
		if (stop)
			process_stop(pids[i]);
		else
			kill(pids[i], SIGCONT);
}

static bool all_skipped(void *arg)
{
	const struct peek *peek = arg;

	return take_tally(peek).dropped > 0 &&
	       peek_jobs(peek, FRONTENDS, PEEK_ELASTIC) == 0;
}

/* No job has been taken when they are stopped: all that comes lies on the links or in
 * the queues. The master is stopped as well, for it would replace them. */
static void besiege(struct daemon *d, struct peek *peek)
{
	struct siege siege = {.d = d, .peek = peek, .asks = harness_rounds(1000, 5000)};
	struct load load = {
	    LOAD_OF_A_ROW(d), .tick = watch_queue, .arg = &siege, .tick_ms = 10};
	struct tally before = take_tally(peek), after;
	unsigned window;

	load.connections = LOAD_CONNECTIONS;
	process_stop(d->pid);
	signal_hashers(d, true);
	load_run(&load);
	load_print(&load, "F30");
	/* 504 for what was admitted: they expire one and all, and within the deadline
	 */
	assert_int_equal(
	    load.count[LOAD_SHED] + load.count[LOAD_FAILED], load.answered);
	assert_in_range(load.count[LOAD_SHED], load.asked / 2, load.asked);
	assert_in_range(load.slowest_ms, 0,
	    (uint64_t)DEADLINE_MS * harness_slow() + (uint64_t)harness_limit_ms() / 10);
	assert_int_equal(load.failed_status, 504);
	/* beyond the queues, what the links hold: a window for each frontend */
	window = HASHERS * LIMIT_STREAMS + 2;
	assert_in_range(siege.jobs_max, QUEUE, FRONTENDS * (QUEUE + window));
	signal_hashers(d, false);
	wait_until(all_skipped, peek, "hashers that skip what has expired");
	after = take_tally(peek);
	assert_int_equal(after.done, before.done);
	assert_return_code(kill(d->pid, SIGCONT), errno);
}

static void test_stopped(void **state)
{
	struct daemon *d = *state;
	struct load load = {LOAD_OF_A_ROW(d)};
	char deadline[48], queue[48];
	struct aftermath a;
	struct peek peek;

	harness_ms(deadline, "pool.elastic.deadline", DEADLINE_MS);
	snprintf(queue, sizeof(queue), "pool.elastic.queue_limit=%d", QUEUE);
	daemon_start(d, AFTERMATH_DAEMON, deadline, queue, NULL);
	aftermath_begin(&a, d);
	assert_true(peek_open(&peek, d));
	besiege(d, &peek);
	load.connections = 8;
	load.requests = 200;
	load_run(&load); /* and all is well again */
	load_expect_ok(&load, false);
	peek_wait_idle(&peek, FRONTENDS);
	peek_close(&peek);
	aftermath_expect(&a);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_stopped),
	};

	return cmocka_run_group_tests_name("F30 stopped pool", tests, NULL, NULL);
}
