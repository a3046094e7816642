/* frontend/fair.c: classes of jobs, and networks in networks. */
#include "tests/frontend/fair_world.h"

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

/* --- networks */

/* A task of the client z in its network y in the network x. */
static struct task task_in(unsigned x, unsigned y, unsigned z)
{
	return (struct task){.origin = {.hash = {1000 + x, 2000 + 100 * x + y,
	                                    30000 + 1000 * x + 100 * y + z},
	                         .depth = 3},
	    .units = QUANTUM};
}

static struct task *add_in(struct queue *q, unsigned x, unsigned y, unsigned z)
{
	return add_task(q, task_in(x, y, z));
}

/* Of n tasks, how many are of that network? */
static unsigned taken_of_network(
    struct queue *q, unsigned level, uint64_t hash, unsigned n)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct task *task = take(q, false);

		assert_non_null(task);
		taken += task->origin.depth > level && task->origin.hash[level] == hash;
	}
	return taken;
}

/* Four clients, and a network of which a hundred clients ask. */
static void a_network_has_one_turn(void **state)
{
	struct queue *q = *state;
	const struct task newcomer = task_in(0, 1, 99);

	for (unsigned i = 0; i < 100; i++)
		add_in(q, 0, i / 50, i % 50);
	for (unsigned i = 0; i < 100; i++)
		add(q, 1 + i % 4, QUANTUM);
	assert_int_equal(active(q), 5);
	assert_int_equal(ahead_of(q, 5), 5 * QUANTUM);
	/* one of each network; two rounds of two in its own, each beside four others */
	assert_in_range(fair_ahead(&q->fair, &newcomer), 100 * QUANTUM, 200 * QUANTUM);
	assert_in_range(taken_of_network(q, 0, 1000, 100), 19, 21);
}

/* Of many clients only some are looked at: the forecast is about right. */
static void what_is_ahead_of_many_is_an_estimate(void **state)
{
	struct queue *q = *state;

	for (unsigned i = 0; i < MANY / 2; i++) {
		add(q, i, QUANTUM);
		add(q, i, QUANTUM);
	}
	assert_int_equal(ahead_of(q, MANY), MANY / 2 * QUANTUM);
	assert_in_range(ahead_of(q, 0), (MANY - 4) * QUANTUM, MANY * QUANTUM);
	for (unsigned i = 0; i < MANY / 4; i++)
		assert_non_null(take(q, false));
	assert_in_range(ahead_of(q, MANY), MANY / 4 * QUANTUM, MANY / 2 * QUANTUM);
}

/* In a network its networks have their turns, and in these the clients. */
static void each_level_is_fair(void **state)
{
	struct queue *q = *state;

	for (unsigned i = 0; i < 60; i++) {
		add_in(q, 0, 0, 0);
		add_in(q, 0, 0, 1);
		add_in(q, 0, 1 + i % 3, i);
		add_in(q, 1, 0, 0);
	}
	/* by halves; then by quarters, of which the first one is two clients' */
	assert_int_equal(taken_of_network(q, 2, 30000, 16), 1);
	assert_int_equal(taken_of_network(q, 2, 30001, 16), 1);
	assert_int_equal(taken_of_network(q, 1, 2001, 16), 2);
	assert_int_equal(taken_of_network(q, 0, 1001, 16), 8);
}

/* Whoever was just served and asks again does not go before those of its network who
 * wait: for all their clients are new. */
static void a_new_client_of_a_network_has_not_saved_turns(void **state)
{
	struct queue *q = *state;
	unsigned served = 0;

	add(q, 1, QUANTUM);
	for (unsigned i = 0; i < 100; i++) {
		const struct task *task;

		add_in(q, 0, 0, i); /* each a client that never asked */
		task = take(q, false);
		if (task->origin.depth == 1) {
			served++;
			add(q, 1, QUANTUM);
		}
	}
	assert_in_range(served, 49, 51);
}

static void the_largest_network_makes_room(void **state)
{
	struct queue *q = *state;
	const struct task inside = task_in(0, 0, 9);
	struct task *victim;

	add(q, 1, QUANTUM);
	add(q, 1, QUANTUM);
	add_in(q, 0, 0, 1);
	victim = add_in(q, 0, 0, 0);
	add_in(q, 0, 0, 0);
	assert_ptr_equal(victim_of(q, 2), victim);
	assert_null(victim_of(q, 1)); /* it would only change places */
	add_in(q, 0, 1, 2);
	assert_ptr_equal(victim_of(q, 1), victim);
	/* within the network */
	assert_ptr_equal(fair_victim(&q->fair, &inside), victim);
	fair_remove(&q->fair, victim);
	assert_null(fair_victim(&q->fair, &inside));
}

/* By the network: its newest client does not count as one that has little. */
static void a_network_with_much_has_not_less(void **state)
{
	struct queue *q = *state;
	const struct task inside = task_in(0, 0, 9), other = task_of(2, QUANTUM);

	for (unsigned i = 0; i < 9; i++)
		add_in(q, 0, 0, i);
	add(q, 1, QUANTUM);
	assert_false(fair_has_less(&q->fair, &inside));
	assert_true(fair_has_less(&q->fair, &other));
}

/* What is kept of those who have nothing in the queue is bounded, and goes when it says
 * no more than a new one would. */
static void little_is_kept(void **state)
{
	struct queue *q = *state;

	for (unsigned i = 0; i < 4 * FAIR_MEMORY; i++) {
		q->used = 0;
		add_in(q, 1000 + i, 0, 0);
		assert_non_null(take(q, false));
		assert_in_range(q->fair.nodes.kept_count, 1, FAIR_MEMORY);
	}
	for (unsigned i = 0; i < 2 * FAIR_MEMORY; i++) {
		q->used = 0;
		add(q, 1, QUANTUM);
		assert_non_null(take(q, false));
	}
	assert_in_range(q->fair.nodes.kept_count, 1, 3);
}

/* A turn that was not used is not paid for, by the network either. */
static void what_is_given_back_is_given_back_at_each_level(void **state)
{
	struct queue *q = *state;
	struct task *task;

	add_in(q, 0, 0, 0);
	add_in(q, 0, 0, 0);
	add(q, 1, QUANTUM);
	task = fair_take(&q->fair, false, 0, FAIR_ALL);
	assert_int_equal(task->origin.depth, 3);
	fair_give_back(&q->fair, task);
	assert_int_equal(turn_of(q), 1); /* equal, and it came before */
	assert_int_equal(turn_of(q), 1000);
	fair_give_back(&q->fair, task); /* of whom nothing is queued */
	assert_null(take(q, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_QUEUE(old_formats_have_their_part_of_the_work),
	    WITH_QUEUE(a_class_alone_has_all),
	    WITH_QUEUE(a_class_that_may_not_be_taken_waits),
	    WITH_QUEUE(a_network_has_one_turn),
	    WITH_QUEUE(what_is_ahead_of_many_is_an_estimate),
	    WITH_QUEUE(each_level_is_fair),
	    WITH_QUEUE(a_new_client_of_a_network_has_not_saved_turns),
	    WITH_QUEUE(the_largest_network_makes_room),
	    WITH_QUEUE(a_network_with_much_has_not_less),
	    WITH_QUEUE(little_is_kept),
	    WITH_QUEUE(what_is_given_back_is_given_back_at_each_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
