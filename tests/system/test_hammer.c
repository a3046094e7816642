/*
 * More clients than are let in, who ask again as soon as they are refused. They would
 * have all the CPU time that there is for their refusals, but get no more of it than a
 * quarter of each frontend's, or a bit.
 */
#include <unistd.h>

#include "tests/system/load.h"
#include "tests/system/process.h"

enum { SETTLE_MS = 1000, RUN_MS = 3000, PROCESSES = 2, HUNDREDTHS = 35 };

struct hammer {
	struct daemon *d;
	uint64_t begun;          /* ms */
	uint64_t since, took_ms; /* of the measurement; since 0: not begun */
	uint64_t ticks;          /* CPU time of the frontends */
};

static uint64_t ticks_of_frontends(const struct daemon *d)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(d, "frontend ", pids, PROCESS_MAX);
	uint64_t sum = 0;

	assert_int_equal(n, PROCESSES);
	for (size_t i = 0; i < n; i++)
		sum += process_ticks(pids[i]);
	return sum;
}

/* Pauses have to be found first. */
static bool goes_on(struct load *load, void *arg)
{
	struct hammer *hammer = arg;
	const uint64_t now = harness_now_ms();

	(void)load;
	if (hammer->since == 0 && now - hammer->begun >= SETTLE_MS) {
		hammer->ticks = ticks_of_frontends(hammer->d);
		hammer->since = now;
	}
	if (hammer->since == 0 || now - hammer->since < RUN_MS - SETTLE_MS)
		return true;
	hammer->ticks = ticks_of_frontends(hammer->d) - hammer->ticks;
	hammer->took_ms = now - hammer->since;
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
	uint64_t cpu_ms;

	daemon_start(d, "pool.elastic.min_processes=2", "pool.elastic.max_processes=2",
	    "pool.elastic.queue_limit=8", "frontend.processes=2", NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		skip();
	}
	hammer.begun = harness_now_ms();
	load_run(&load);
	load_print(&load, "hammer");
	cpu_ms = hammer.ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	print_message("hammer: %llu ms of CPU time in %llu ms\n",
	    (unsigned long long)cpu_ms, (unsigned long long)hammer.took_ms);
	load_expect_ok(&load, true);
	assert_true(load.count[LOAD_SHED] > load.count[LOAD_OK]);
	assert_in_range(cpu_ms, 0, hammer.took_ms * PROCESSES * HUNDREDTHS / 100);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_hammer),
	};

	return cmocka_run_group_tests_name("hammer", tests, NULL, NULL);
}
