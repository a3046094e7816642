/*
 * More clients than are let in, who ask again as soon as they are refused. They would
 * have all the CPU time for their refusals: hashing goes on all the same.
 */
#include "tests/system/load.h"
#include "tests/system/process.h"

enum { SETTLE_MS = 1000, RUN_MS = 3000, PROCESSES = 2 };

struct hammer {
	struct daemon *d;
	uint64_t begun;
	bool measures;
	uint64_t frontends, hashers; /* CPU time, in ticks */
};

static uint64_t ticks_of(const struct daemon *d, const char *what)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(d, what, pids, PROCESS_MAX);
	uint64_t sum = 0;

	assert_int_equal(n, PROCESSES);
	for (size_t i = 0; i < n; i++)
		sum += process_ticks(pids[i]);
	return sum;
}

static void note(struct hammer *hammer, bool end)
{
	const uint64_t frontends = ticks_of(hammer->d, "frontend "),
	               hashers = ticks_of(hammer->d, "hasher elastic/");

	hammer->frontends = end ? frontends - hammer->frontends : frontends;
	hammer->hashers = end ? hashers - hammer->hashers : hashers;
}

/* Pauses have to be found first. */
static bool goes_on(struct load *load, void *arg)
{
	struct hammer *hammer = arg;
	const uint64_t ms = harness_now_ms() - hammer->begun;

	(void)load;
	if (!hammer->measures && ms >= SETTLE_MS) {
		note(hammer, false);
		hammer->measures = true;
	}
	if (ms < RUN_MS)
		return true;
	note(hammer, true);
	return false;
}

static void test_hammer(void **state)
{
	struct daemon *d = *state;
	struct hammer hammer = {.d = d};
	struct load load = {.to = &d->tcp,
	    .connections = LOAD_CONNECTIONS,
	    .requests = 1U << 30,
	    .trusting = true,
	    .tick = goes_on,
	    .arg = &hammer,
	    .tick_ms = 10};

	daemon_start(d, "pool.elastic.min_processes=2", "pool.elastic.max_processes=2",
	    "pool.elastic.queue_limit=8", "frontend.processes=2", NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		skip();
	}
	hammer.begun = harness_now_ms();
	load_run(&load);
	load_print(&load, "hammer");
	print_message("hammer: frontends %llu, hashers %llu ticks\n",
	    (unsigned long long)hammer.frontends, (unsigned long long)hammer.hashers);
	load_expect_ok(&load, true);
	assert_true(load.count[LOAD_SHED] > load.count[LOAD_OK]);
	assert_true(hammer.hashers > hammer.frontends);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_hammer),
	};

	return cmocka_run_group_tests_name("hammer", tests, NULL, NULL);
}
