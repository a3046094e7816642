/* frontend/forecast.c and what admission.c and dispatch.c make of it: what cannot be
 * done in time is turned away, and what is learnt from what was done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/frontend/dispatch_world.h"

static void nothing_known_refuses_nobody(void **state)
{
	struct world *w = *state;
	struct asker askers[100] = {0};

	w->pools[POOL].queue_limit = 1000;
	test_chance = NEVER;
	fill(w, w->client, askers, 100);
	finish_all(w);
}

static void what_cannot_be_done_in_time_is_refused(void **state)
{
	struct world *w = *state;
	struct asker askers[16] = {0};
	unsigned n = 0;

	w->pools[POOL].queue_limit = 1000;
	set_job_ms(w, 100); /* ten fit into the deadline */
	while (n < 15 && ask(w, &askers[n], "x") == ADMITTED)
		n++;
	/* a tenth for its own work, and a reserve of a third */
	assert_in_range(n, 5, 8);
	assert_int_equal(ask(w, &askers[n], "x"), ADMISSION_DEADLINE);
	assert_int_equal(askers[n].retry_after, 1);
	finish_all(w);
	assert_int_equal(ask(w, &askers[n], "x"), ADMITTED);
	finish_all(w);
}

/* Between a third of the time and two thirds of it chance decides. */
static void refusals_begin_before_the_limit(void **state)
{
	struct world *w = *state;
	struct asker askers[16] = {0};
	unsigned n = 0;

	w->pools[POOL].queue_limit = 1000;
	set_job_ms(w, 100);
	test_chance = NEVER;
	while (n < 16 && ask(w, &askers[n], "x") == ADMITTED)
		n++;
	assert_in_range(n, 3, 5);
	finish_all(w);
}

/* An idle pool takes what nobody could promise: it may go well. */
static void an_idle_pool_takes_a_job_with_little_time(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct task_spec spec = {.kind = JOB_HASH,
	    .pool = POOL,
	    .cost = {2, 0x13, 19456, 2, 1, 16, 32},
	    .timeout_ms = 150};

	set_job_ms(w, 100);
	assert_int_equal(ask_spec(w, &asker, &spec), ADMITTED);
	finish_all(w);
	assert_told(&asker, TASK_OK);
}

static void others_jobs_count_as_much_as_ones_own(void **state)
{
	struct world *w = *state;
	struct asker askers[16] = {0};
	unsigned n = 0;

	/* the second slot is another frontend's, which has many jobs */
	w->child.frontends = 2;
	atomic_store(&board_slot(&w->child.board, 1)->frontend.backlog[POOL],
	    1000 * ask_units(w));
	w->child.pool_slot[POOL]++; /* so it is no hasher's */
	w->pools[POOL].queue_limit = 1000;
	w->dispatch->pools[POOL].forecast.ns_per_unit =
	    100. * NS_PER_MS / (double)ask_units(w);
	while (n < 16 && ask(w, &askers[n], "x") == ADMITTED)
		n++;
	assert_in_range(n, 3, 4); /* half as many as alone */
	atomic_store(&board_slot(&w->child.board, 1)->frontend.backlog[POOL], 0);
	finish_all(w);
	w->child.pool_slot[POOL]--;
}

static void more_hashers_allow_for_more(void **state)
{
	struct world *w = *state;
	struct asker askers[40] = {0};
	unsigned n = 0;

	w->pools[POOL].queue_limit = 1000;
	set_alive(w, 4);
	set_job_ms(w, 100);
	while (n < 40 && ask(w, &askers[n], "x") == ADMITTED)
		n++;
	assert_in_range(n, 22, 28);
	finish_all(w);
}

/* So many jobs done by hasher 0, each of which took so long; and time to look at it. */
static void have_done(struct world *w, unsigned jobs, uint64_t ms_each)
{
	atomic_fetch_add(&hasher(w, 0)->units, jobs * ask_units(w));
	atomic_fetch_add(&hasher(w, 0)->busy_ns, jobs * ms_each * NS_PER_MS);
	pass(100);
}

/* What a replaced hasher no longer says, and what a lying one says. */
static void the_board_is_hearsay(void **state)
{
	static const struct {
		uint64_t units, busy_ns;
	} lies[] = {{0, 0}, {UINT64_MAX, UINT64_MAX}, {1, UINT64_MAX}, {UINT64_MAX, 1},
	    {5, 0}, {0, 5}, {UINT64_MAX / 2, UINT64_MAX}};
	struct world *w = *state;
	struct asker asker = {0};

	for (size_t i = 0; i < 4 * sizeof(lies) / sizeof(lies[0]); i++) {
		const size_t lie = i % (sizeof(lies) / sizeof(lies[0]));

		atomic_store(&hasher(w, 1)->units, lies[lie].units);
		atomic_store(&hasher(w, 1)->busy_ns, lies[lie].busy_ns);
		pass(100);
		(void)dispatch_retry_after(w->dispatch, POOL);
		/* a hasher that says it is slow has a job refused at most */
		if (ask(w, &asker, "x") == ADMITTED)
			finish_all(w);
		asker = (struct asker){0};
	}
	/* and it is forgotten when it is honest again */
	atomic_store(&hasher(w, 1)->units, 0);
	atomic_store(&hasher(w, 1)->busy_ns, 0);
	for (int i = 0; i < 40; i++) {
		have_done(w, 4, 10);
		(void)dispatch_retry_after(w->dispatch, POOL);
	}
	assert_in_range((uint64_t)(w->dispatch->pools[POOL].forecast.ns_per_unit *
	                           (double)ask_units(w)),
	    9 * NS_PER_MS, 11 * NS_PER_MS);
}

/* Things have become slower than the forecast was: it is too late for the oldest. */
static void who_is_too_late_is_told_so_and_not_sent(void **state)
{
	struct world *w = *state;
	struct asker askers[6] = {0};
	struct job jobs[3];

	w->pools[POOL].queue_limit = 100;
	fill(w, w->client, askers, 6);
	set_job_ms(w, 300);
	pass(650);
	for (int i = 0; i < 3; i++)
		assert_true(take(w, &jobs[i]));
	answer(w, &jobs[0], JOB_OK);
	turn(w);
	assert_told(&askers[0], TASK_OK);
	for (int i = 3; i < 6; i++)
		assert_told(&askers[i], TASK_LATE);
	assert_nothing_to_take(w);
	answer(w, &jobs[1], JOB_OK);
	answer(w, &jobs[2], JOB_OK);
	turn(w);
}

/* A hasher was stopped, and the forecast with it became longer than any deadline: jobs
 * are done all the same, and the forecast learns from them. */
static void bad_times_are_forgotten(void **state)
{
	struct world *w = *state;
	struct asker asker;
	struct job job;

	set_job_ms(w, UINT64_C(20) * DEADLINE_MS);
	for (int i = 0; i < 30; i++) {
		asker = (struct asker){0};
		assert_int_equal(ask(w, &asker, "x"), ADMITTED);
		turn(w);
		assert_true(take(w, &job));
		pass(30);
		atomic_fetch_add(&hasher(w, 0)->units, ask_units(w));
		atomic_fetch_add(&hasher(w, 0)->busy_ns, 30 * NS_PER_MS);
		answer(w, &job, JOB_OK);
		turn(w);
		assert_told(&asker, TASK_OK);
	}
	assert_in_range(dispatch_retry_after(w->dispatch, POOL), 1, 1);
	assert_true(
	    w->dispatch->pools[POOL].forecast.ns_per_unit * (double)ask_units(w) <
	    .1 * (double)NS_PER_SEC);
}

/* How many of the next jobs are taken, at most `most`. */
static unsigned taken(struct world *w, struct asker *askers, unsigned most)
{
	unsigned n = 0;

	while (n < most && ask(w, &askers[n], "x") == ADMITTED)
		n++;
	finish_all(w);
	return n;
}

static void one_slow_job_is_no_reason(void **state)
{
	struct world *w = *state;
	struct asker askers[50] = {0}, after[50] = {0}, many[50] = {0};

	w->pools[POOL].queue_limit = 1000;
	test_chance = NEVER;
	have_done(w, 1, DEADLINE_MS / 50); /* the very first one */
	assert_int_equal(taken(w, askers, 50), 50);
	have_done(w, 100, 1);
	have_done(w, 1, DEADLINE_MS / 20); /* one among many quick ones */
	assert_int_equal(taken(w, after, 50), 50);
	for (int i = 0; i < 10; i++)
		have_done(w, 4, DEADLINE_MS / 5); /* but these are */
	assert_in_range(taken(w, many, 50), 1, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(nothing_known_refuses_nobody),
	    WITH_WORLD(what_cannot_be_done_in_time_is_refused),
	    WITH_WORLD(refusals_begin_before_the_limit),
	    WITH_WORLD(an_idle_pool_takes_a_job_with_little_time),
	    WITH_WORLD(others_jobs_count_as_much_as_ones_own),
	    WITH_WORLD(more_hashers_allow_for_more),
	    WITH_WORLD(the_board_is_hearsay),
	    WITH_WORLD(who_is_too_late_is_told_so_and_not_sent),
	    WITH_WORLD(bad_times_are_forgotten),
	    WITH_WORLD(one_slow_job_is_no_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
