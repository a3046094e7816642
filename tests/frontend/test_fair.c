/* frontend/fair.c: who is next. */
#include "tests/frontend/fair_world.h"

static void an_empty_queue_has_nobody(void **state)
{
	struct queue *q = *state;

	assert_null(take(q, false));
	assert_null(take(q, true));
	add(q, 1, QUANTUM);
	assert_int_equal(turn_of(q), 1);
	assert_null(take(q, false));
	assert_int_equal(q->fair.count, 0);
	assert_int_equal(q->fair.units, 0);
	assert_int_equal(active(q), 0);
}

static void one_client_goes_in_order(void **state)
{
	struct queue *q = *state;
	struct task *tasks[5];

	for (int i = 0; i < 5; i++)
		tasks[i] = add(q, 7, QUANTUM);
	for (int i = 0; i < 5; i++)
		assert_ptr_equal(take(q, false), tasks[i]);
}

static void or_newest_first(void **state)
{
	struct queue *q = *state;
	struct task *tasks[5];

	for (int i = 0; i < 5; i++)
		tasks[i] = add(q, 7, QUANTUM);
	for (int i = 5; i-- > 1;)
		assert_ptr_equal(take(q, true), tasks[i]);
	assert_ptr_equal(take(q, false), tasks[0]);
}

/* A loud client with a hundred, and three with one each that come later. */
static void a_loud_client_does_not_keep_others_waiting(void **state)
{
	struct queue *q = *state;
	bool seen[4] = {false};

	for (int i = 0; i < 100; i++)
		add(q, 0, QUANTUM);
	assert_int_equal(turn_of(q), 0);
	for (unsigned client = 1; client <= 3; client++)
		add(q, client, QUANTUM);
	for (int i = 0; i < 4; i++) {
		unsigned client = turn_of(q);

		assert_true(client < 4);
		assert_false(seen[client]);
		seen[client] = true;
	}
	for (int i = 0; i < 98; i++)
		assert_int_equal(turn_of(q), 0);
	assert_int_equal(turn_of(q), MANY);
}

/* Work is shared, not the number of jobs: one asks for ten times as much with each. */
static void large_jobs_have_fewer_turns(void **state)
{
	struct queue *q = *state;
	uint64_t units[2] = {0, 0};

	for (int i = 0; i < 20; i++)
		add(q, 0, 10 * QUANTUM);
	for (int i = 0; i < 200; i++)
		add(q, 1, QUANTUM);
	for (int i = 0; i < 110; i++) {
		struct task *task = take(q, false);

		units[task->origin.hash[0]] += task->units;
	}
	assert_in_range(units[0], 90 * QUANTUM, 110 * QUANTUM);
	assert_in_range(units[1], 90 * QUANTUM, 110 * QUANTUM);
}

static void who_is_tried_again_goes_first(void **state)
{
	struct queue *q = *state;
	struct task *first = add(q, 1, QUANTUM), *again;

	add(q, 2, QUANTUM);
	again = take(q, false);
	assert_ptr_equal(again, first);
	fair_add_again(&q->fair, again);
	assert_int_equal(q->fair.count, 2);
	assert_ptr_equal(take(q, true), again);
	assert_int_equal(turn_of(q), 2);
	fair_add_again(&q->fair, again);
	fair_remove(&q->fair, again);
	assert_int_equal(turn_of(q), MANY);
}

static void whoever_leaves_takes_his_turn_along(void **state)
{
	struct queue *q = *state;
	struct task *tasks[3];

	for (unsigned i = 0; i < 3; i++)
		tasks[i] = add(q, i, QUANTUM);
	fair_remove(&q->fair, tasks[1]);
	assert_int_equal(active(q), 2);
	assert_int_equal(q->fair.units, 2 * QUANTUM);
	assert_int_equal(turn_of(q), 0);
	assert_int_equal(turn_of(q), 2);
	assert_int_equal(turn_of(q), MANY);
}

/* What is ahead of a newcomer: of each client as much as the newcomer will have. */
static void what_is_ahead_depends_on_who_asks(void **state)
{
	struct queue *q = *state;

	for (int i = 0; i < 10; i++)
		add(q, 0, QUANTUM);
	add(q, 1, QUANTUM);
	assert_int_equal(ahead_of(q, 0), 11 * QUANTUM);
	assert_int_equal(ahead_of(q, 1), 3 * QUANTUM);
	assert_int_equal(ahead_of(q, 2), 2 * QUANTUM);
}

/* One who always has tasks waiting, and ten who ask again when they have been answered,
 * six at a time being served: all get the same. */
static void nobody_takes_the_places_of_who_is_being_served(void **state)
{
	enum { CLIENTS = 10, SERVED = 6, LOUD = 100, ROUNDS = 220 };
	struct queue *q = *state;
	unsigned being_served[SERVED], loud = 0, least = ROUNDS, taken[CLIENTS] = {0};

	for (unsigned i = 0; i < 60; i++)
		add(q, LOUD, QUANTUM);
	for (unsigned i = 0; i < CLIENTS; i++)
		add(q, i, QUANTUM);
	for (unsigned i = 0; i < SERVED; i++)
		being_served[i] = turn_of(q);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned *place = &being_served[i % SERVED], before = *place;

		*place =
		    turn_of(q); /* before the answer can lead to another question */
		if (before == LOUD)
			loud++;
		else
			taken[before]++;
		if (before != LOUD)
			add(q, before, QUANTUM);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		least = taken[i] < least ? taken[i] : least;
	assert_in_range(loud, ROUNDS / (CLIENTS + 1) - 2, ROUNDS / (CLIENTS + 1) + 2);
	assert_true(least >= ROUNDS / (CLIENTS + 1) - 2);
}

/* What the last ones have waited for each place before them, the next ones will. */
static void a_buckets_wait_is_learnt(void **state)
{
	struct queue *q = *state;
	struct task *task;

	assert_int_equal(wait_ns_of(q, 0), 0);
	for (unsigned i = 0; i < 9; i++)
		add(q, 0, QUANTUM);
	for (unsigned i = 1; i <= 5; i++) {
		task = fair_take(&q->fair, false, UINT64_C(1000) * i, FAIR_ALL);
		assert_non_null(task);
	}
	assert_int_equal(wait_ns_of(q, 0), 5 * 1000);
	assert_int_equal(wait_ns_of(q, 1), 0);
	while (take(q, true) != NULL)
		continue;
	add(q, 0, QUANTUM); /* other times */
	assert_int_equal(wait_ns_of(q, 0), 0);
}

static void who_has_most_makes_room(void **state)
{
	struct queue *q = *state;
	struct task *oldest = add(q, 0, QUANTUM);

	add(q, 0, QUANTUM);
	add(q, 1, QUANTUM);
	assert_ptr_equal(victim_of(q, 2), oldest);
	assert_null(victim_of(q, 1)); /* it would only change places */
	assert_null(victim_of(q, 0));
	add(q, 0, QUANTUM);
	assert_ptr_equal(victim_of(q, 1), oldest);
}

/* Everybody comes and goes at random: all are served once, the counts stay right. */
static void nothing_is_lost_in_the_crowd(void **state)
{
	struct queue *q = *state;
	unsigned seed = 1, served = 0;

	while (q->used < MANY || q->fair.count > 0) {
		unsigned what = (unsigned)rand_r(&seed) % 3;

		if (what < 2 && q->used < MANY)
			add(q, (unsigned)rand_r(&seed) % 9,
			    1 + (uint64_t)rand_r(&seed) % (5 * QUANTUM));
		else if (what == 2)
			served += take(q, (rand_r(&seed) & 1) != 0) != NULL;
		else
			served += take(q, false) != NULL;
	}
	assert_int_equal(served, MANY);
	assert_int_equal(q->fair.units, 0);
	assert_int_equal(active(q), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_QUEUE(an_empty_queue_has_nobody),
	    WITH_QUEUE(one_client_goes_in_order),
	    WITH_QUEUE(or_newest_first),
	    WITH_QUEUE(a_loud_client_does_not_keep_others_waiting),
	    WITH_QUEUE(large_jobs_have_fewer_turns),
	    WITH_QUEUE(who_is_tried_again_goes_first),
	    WITH_QUEUE(whoever_leaves_takes_his_turn_along),
	    WITH_QUEUE(what_is_ahead_depends_on_who_asks),
	    WITH_QUEUE(nobody_takes_the_places_of_who_is_being_served),
	    WITH_QUEUE(a_buckets_wait_is_learnt),
	    WITH_QUEUE(who_has_most_makes_room),
	    WITH_QUEUE(nothing_is_lost_in_the_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
