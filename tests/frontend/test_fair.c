/* frontend/fair.c: who is next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/flight.h"

enum { QUANTUM = 100, MANY = 512, OLD_PERCENT = 20 };

struct queue {
	struct fair fair;
	struct task tasks[MANY];
	unsigned used;
};

static int open_queue(void **state)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (q == NULL || fair_open(&q->fair, QUANTUM, OLD_PERCENT) != 0)
		return -1;
	*state = q;
	return 0;
}

static int close_queue(void **state)
{
	struct queue *q = *state;

	fair_close(&q->fair);
	free(q);
	return 0;
}

/* A task of client n, whose hash is n. */
static struct task task_of(unsigned client, uint64_t units)
{
	return (struct task){.origin = {.hash = {client}, .depth = 1}, .units = units};
}

static struct task *add_task(struct queue *q, struct task what)
{
	struct task *task = &q->tasks[q->used++];

	assert_true(q->used <= MANY);
	*task = what;
	fair_add(&q->fair, task);
	return task;
}

static struct task *add(struct queue *q, unsigned client, uint64_t units)
{
	return add_task(q, task_of(client, units));
}

static struct task *add_old(struct queue *q, unsigned client, uint64_t units)
{
	struct task task = task_of(client, units);

	task.class = FAIR_OLD;
	return add_task(q, task);
}

static struct task *take(struct queue *q, bool newest)
{
	return fair_take(&q->fair, newest, 0, FAIR_ALL);
}

/* Whose turn it is; MANY: nobody's. */
static unsigned turn_of(struct queue *q)
{
	struct task *task = take(q, false);

	return task != NULL ? (unsigned)task->origin.hash[0] : MANY;
}

/* What is known of one more task of a client. */
static uint64_t ahead_of(struct queue *q, unsigned client)
{
	const struct task task = task_of(client, QUANTUM);

	return fair_ahead(&q->fair, &task);
}

static uint64_t wait_ns_of(struct queue *q, unsigned client)
{
	const struct task task = task_of(client, QUANTUM);

	return fair_wait_ns(&q->fair, &task);
}

static struct task *victim_of(struct queue *q, unsigned client)
{
	const struct task task = task_of(client, QUANTUM);

	return fair_victim(&q->fair, &task);
}

static unsigned active(const struct queue *q)
{
	return q->fair.classes[FAIR_USUAL].active + q->fair.classes[FAIR_OLD].active;
}

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

/* Of n tasks that may be taken, how many are of the class? */
static unsigned taken_of(struct queue *q, enum fair_class class, unsigned n)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct task *task = take(q, false);

		assert_non_null(task);
		taken += task->class == class;
	}
	return taken;
}

/* By work, and not by the number of tasks. */
static void old_formats_have_their_part_of_the_work(void **state)
{
	struct queue *q = *state;
	uint64_t units[FAIR_CLASSES] = {0};

	for (unsigned i = 0; i < 200; i++) {
		add(q, i % 5, QUANTUM);
		add_old(q, 7, 4 * QUANTUM);
	}
	for (unsigned i = 0; i < 170; i++) {
		const struct task *task = take(q, false);

		units[task->class] += task->units;
	}
	assert_in_range(units[FAIR_OLD], 38 * QUANTUM, 42 * QUANTUM);
	assert_in_range(units[FAIR_USUAL], 158 * QUANTUM, 162 * QUANTUM);
}

static void a_class_alone_has_all(void **state)
{
	struct queue *q = *state;

	for (unsigned i = 0; i < 10; i++)
		add_old(q, 1, QUANTUM);
	assert_int_equal(taken_of(q, FAIR_OLD, 10), 10);
	assert_null(take(q, false));
	for (unsigned i = 0; i < 10; i++)
		add(q, 1, QUANTUM);
	assert_int_equal(taken_of(q, FAIR_USUAL, 10), 10);
}

/* While a class may not be taken its tasks stay, and it saves up nothing. */
static void a_class_that_may_not_be_taken_waits(void **state)
{
	struct queue *q = *state;
	struct task *again;

	for (unsigned i = 0; i < 100; i++) {
		add(q, 1, QUANTUM);
		add_old(q, 2, QUANTUM);
	}
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(
		    fair_take(&q->fair, false, 0, FAIR_NOT_OLD)->class, FAIR_USUAL);
	assert_in_range(taken_of(q, FAIR_OLD, 10), 2, 3);
	again = fair_take(&q->fair, false, 0, 1 << FAIR_OLD);
	fair_add_again(&q->fair, again);
	assert_int_equal(
	    fair_take(&q->fair, false, 0, FAIR_NOT_OLD)->class, FAIR_USUAL);
	assert_ptr_equal(take(q, false), again);
	while (fair_take(&q->fair, false, 0, FAIR_NOT_OLD) != NULL)
		continue;
	assert_true(q->fair.count > 0);
	assert_null(fair_take(&q->fair, false, 0, 0));
	assert_int_equal(taken_of(q, FAIR_OLD, q->fair.count), 97);
}

#define WITH_QUEUE(test) cmocka_unit_test_setup_teardown(test, open_queue, close_queue)

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
	    WITH_QUEUE(old_formats_have_their_part_of_the_work),
	    WITH_QUEUE(a_class_alone_has_all),
	    WITH_QUEUE(a_class_that_may_not_be_taken_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
