/*
 * A client chooses what its jobs cost. One that asks for the smallest there are, as
 * fast as it can, has no more of the CPU than its turn: where four others wait as well,
 * a fifth.
 */
#include <stdlib.h>

#include "tests/system/lanes.h"

enum { HONEST = 4, CONNS = 4, ATTACKERS_CONNS = 32, JOBS = 120 };

/* What may be taken where a fifth is fair: what is asked for costs other jobs the
 * caches, and a tick of the clock is long. */
static const double SHARE_MAX = .3;

static char *small_job(const char *costs)
{
	char body[256];

	snprintf(body, sizeof(body),
	    "{\"password\":\"hunter2\",\"hash\":\"$argon2id$v=19$%s$c29tZXNhbHQ$"
	    "9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ\"}",
	    costs);
	return lanes_post("/v1/verify", body);
}

/* CPU time of a job in milliseconds, where nobody asks for another kind. */
static double cost_alone(const struct daemon *d, struct lanes group, unsigned jobs)
{
	const uint64_t since = lanes_cpu_ms(d);

	lanes_run(d, &group, 1, jobs);
	return (double)(lanes_cpu_ms(d) - since) / (group.good + 1);
}

static void expect_a_fair_share(struct daemon *d, const char *costs)
{
	char *small = small_job(costs);
	struct lanes groups[] = {
	    {.address = 10,
	        .clients = HONEST,
	        .conns = CONNS,
	        .request = "GET /hash/x HTTP/1.1\r\nHost: t\r\n\r\n"},
	    {.address = 9, .clients = 1, .conns = ATTACKERS_CONNS, .request = small}};
	const double honest_ms = cost_alone(d, groups[0], JOBS);
	const double small_ms = cost_alone(d, groups[1], 10 * JOBS);
	double taken, left;

	lanes_run(d, groups, 2, 2 * JOBS);
	assert_int_equal(groups[0].other + groups[1].other, 0);
	assert_true(groups[1].good > 0);
	taken = small_ms * groups[1].good;
	left = honest_ms * groups[0].good;
	print_message("%s: %.3f ms each, %u beside %u of %.1f ms: %.2f of the CPU\n",
	    costs, small_ms, groups[1].good, groups[0].good, honest_ms,
	    taken / (taken + left));
	assert_true(taken <= SHARE_MAX * (taken + left));
	free(small);
}

static void small_jobs_take_their_turn_and_no_more(void **state)
{
	static const char *const costs[] = {
	    "m=8,t=1,p=1", "m=128,t=1,p=16", "m=8,t=16,p=1"};
	struct daemon *d = *state;

	daemon_start(d, "frontend.processes=2", "pool.elastic.min_processes=2",
	    "pool.elastic.max_processes=2", "pool.elastic.deadline=60s", NULL);
	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++)
		expect_a_fair_share(d, costs[i]);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(small_jobs_take_their_turn_and_no_more),
	};

	return cmocka_run_group_tests_name("wall costs", tests, NULL, NULL);
}
