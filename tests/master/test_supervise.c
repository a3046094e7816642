/* master/supervise.c: how many processes a role has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/master/supervise_world.h"

static void a_role_starts_with_its_min(void **state)
{
	struct world *w = *state;

	w->hashers->min = w->hashers->target = 3;
	supervise_role(w->hashers);
	assert_int_equal(spawned, 3);
	assert_int_equal(hashers(w, PROCESS_STARTING), 3);
	supervise_role(w->hashers);
	assert_int_equal(spawned, 3);
}

static void what_is_ready_is_on_the_board(void **state)
{
	struct world *w = *state;

	supervise_role(w->hashers);
	assert_int_equal(atomic_load(&board_head(&w->g.board)->alive[0]), 0);
	get_ready(w, 0);
	assert_int_equal(hasher(w, 0)->state, PROCESS_READY);
	assert_int_equal(atomic_load(&board_head(&w->g.board)->alive[0]), 1);
	supervise_publish(w->frontends);
	assert_int_equal(atomic_load(&board_head(&w->g.board)->frontends), 1);
}

static void a_pool_grows_to_what_is_asked_for(void **state)
{
	struct world *w = *state;

	grow_to(w, 1);
	has_jobs(w, 0, 2, 1);
	sizing_want(w->hashers);
	assert_int_equal(w->hashers->target, 3);
	assert_int_equal(spawned, 3);
	sizing_want(w->hashers); /* said again: nothing more */
	assert_int_equal(spawned, 3);
}

static void a_pool_grows_to_its_max_and_no_further(void **state)
{
	struct world *w = *state;

	grow_to(w, 1);
	has_jobs(w, 0, UINT32_MAX, UINT32_MAX);
	sizing_want(w->hashers);
	assert_int_equal(w->hashers->target, MAX);
	assert_int_equal(spawned, MAX);
}

/* A slot without a process is nobody's word, whatever was written there. */
static void only_living_frontends_are_counted(void **state)
{
	struct world *w = *state;

	grow_to(w, 1);
	has_jobs(w, 0, 1, 1);
	has_jobs(w, 1, 50, 50);
	sizing_want(w->hashers);
	assert_int_equal(w->hashers->target, 2);
	w->processes[1].state = PROCESS_LEAVING; /* drains: its jobs count */
	sizing_want(w->hashers);
	assert_int_equal(w->hashers->target, MAX);
}

static void a_want_without_jobs_changes_nothing(void **state)
{
	struct world *w = *state;

	grow_to(w, 2);
	has_jobs(w, 0, 1, 1);
	sizing_want(w->hashers);
	assert_int_equal(w->hashers->target, 2);
	assert_int_equal(spawned, 2);
}

static void a_generation_that_drains_does_not_grow(void **state)
{
	struct world *w = *state;

	grow_to(w, 1);
	has_jobs(w, 0, 9, 0);
	w->g.state = GENERATION_DRAINING;
	sizing_want(w->hashers);
	supervise_role(w->hashers);
	assert_int_equal(spawned, 1);
}

static void who_is_idle_over_min_leaves_the_last_first(void **state)
{
	struct world *w = *state;

	grow_to(w, 3);
	pass(IDLE_MS - 1);
	shrink(w);
	assert_int_equal(hashers(w, PROCESS_READY), 3); /* not yet */
	pass(1);
	atomic_store(&board_of(w, 2)->busy, 1);
	shrink(w);
	assert_int_equal(hasher(w, 2)->state, PROCESS_READY); /* at work */
	assert_int_equal(hasher(w, 1)->state, PROCESS_LEAVING);
	assert_int_equal(hasher(w, 0)->state, PROCESS_LEAVING);
	assert_int_equal(w->hashers->target, MIN);
	assert_int_equal(atomic_load(&board_head(&w->g.board)->alive[0]), 1);
	assert_false(ev_is_active(&w->hashers->shrink));
}

static void a_pool_never_shrinks_below_its_min(void **state)
{
	struct world *w = *state;

	grow_to(w, 4);
	pass(10 * (uint64_t)IDLE_MS);
	shrink(w);
	assert_int_equal(hashers(w, PROCESS_READY), MIN);
	assert_int_equal(hasher(w, 0)->state, PROCESS_READY);
}

static void who_was_busy_a_moment_ago_stays(void **state)
{
	struct world *w = *state;

	grow_to(w, 2);
	pass(2 * (uint64_t)IDLE_MS);
	atomic_store(&board_of(w, 1)->idle_since, test_ns - 5 * NS_PER_MS);
	shrink(w);
	assert_int_equal(hasher(w, 1)->state, PROCESS_READY);
	assert_int_equal(hasher(w, 0)->state, PROCESS_LEAVING);
}

/* The board is hearsay: a time that cannot be is no idleness. */
static void an_idle_time_that_cannot_be_is_not_believed(void **state)
{
	struct world *w = *state;

	grow_to(w, 2);
	pass(2 * (uint64_t)IDLE_MS);
	atomic_store(&board_of(w, 0)->idle_since, 0);
	atomic_store(&board_of(w, 1)->idle_since, UINT64_MAX);
	shrink(w);
	assert_int_equal(hashers(w, PROCESS_READY), 2);
}

static void a_pool_that_has_shrunk_can_grow_again(void **state)
{
	struct world *w = *state;

	grow_to(w, 2);
	pass(IDLE_MS);
	shrink(w);
	has_jobs(w, 0, 3, 0);
	sizing_want(w->hashers); /* while the first still leaves */
	assert_int_equal(hashers(w, PROCESS_STARTING), 2);
	assert_int_equal(w->hashers->target, 3);
	assert_true(ev_is_active(&w->hashers->shrink));
}

static void a_suspect_is_replaced_if_it_is_of_that_pool(void **state)
{
	struct world *w = *state;

	grow_to(w, 2);
	supervise_suspect(w->hashers, w->processes[0].pid); /* a frontend */
	supervise_suspect(w->hashers, getpid());
	supervise_suspect(w->hashers, 1);
	supervise_suspect(w->hashers, 0);
	assert_int_equal(killed, 0);
	supervise_suspect(w->hashers, hasher(w, 1)->pid);
	assert_int_equal(killed, hasher(w, 1)->pid);
}

/* Or a frontend that was broken into could name one after another. */
static void one_suspect_a_second_is_replaced(void **state)
{
	struct world *w = *state;

	grow_to(w, 2);
	supervise_suspect(w->hashers, hasher(w, 0)->pid);
	pass(999);
	supervise_suspect(w->hashers, hasher(w, 1)->pid);
	assert_int_equal(killed, hasher(w, 0)->pid);
	pass(1);
	supervise_suspect(w->hashers, hasher(w, 1)->pid);
	assert_int_equal(killed, hasher(w, 1)->pid);
}

static void who_retires_has_its_successor_at_once(void **state)
{
	struct world *w = *state;

	grow_to(w, 1);
	supervise_retire(hasher(w, 0));
	assert_int_equal(hasher(w, 0)->state, PROCESS_LEAVING);
	assert_int_equal(hasher(w, 1)->state, PROCESS_STARTING);
	assert_int_equal(atomic_load(&board_head(&w->g.board)->alive[0]), 0);
	supervise_retire(hasher(w, 0)); /* said again: nothing more */
	assert_int_equal(spawned, 2);
	get_ready(w, 1);
	die(w, 0, W_EXITCODE(CHILD_EXIT_RETIRED, 0));
	assert_int_equal(spawned, 2);
}

static void one_more_and_one_less_by_hand(void **state)
{
	struct world *w = *state;

	w->hashers->max = 2;
	grow_to(w, 2);
	sizing_resize(w->hashers, 1);
	assert_int_equal(w->hashers->max, 3);
	assert_int_equal(w->hashers->min, 2);
	get_ready(w, 2);
	sizing_resize(w->hashers, 1); /* no place for that */
	assert_int_equal(w->hashers->max, 3);
	for (unsigned max = 3; max > 1; max--) {
		w->hashers->target = max;
		sizing_resize(w->hashers, -1);
		assert_int_equal(w->hashers->max, max - 1);
		assert_int_equal(hashers(w, PROCESS_READY), max - 1);
	}
	sizing_resize(w->hashers, -1); /* one at least */
	assert_int_equal(w->hashers->max, 1);
	assert_int_equal(w->hashers->min, 1);
	assert_int_equal(hashers(w, PROCESS_READY), 1);
}

static void a_pool_is_found_by_its_number(void **state)
{
	struct world *w = *state;

	assert_ptr_equal(role_of_pool(&w->g, 0), w->hashers);
	assert_null(role_of_pool(&w->g, 1));
	assert_null(role_of_pool(&w->g, UINT32_MAX));
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(a_role_starts_with_its_min),
	    WITH_WORLD(what_is_ready_is_on_the_board),
	    WITH_WORLD(a_pool_grows_to_what_is_asked_for),
	    WITH_WORLD(a_pool_grows_to_its_max_and_no_further),
	    WITH_WORLD(only_living_frontends_are_counted),
	    WITH_WORLD(a_want_without_jobs_changes_nothing),
	    WITH_WORLD(a_generation_that_drains_does_not_grow),
	    WITH_WORLD(who_is_idle_over_min_leaves_the_last_first),
	    WITH_WORLD(a_pool_never_shrinks_below_its_min),
	    WITH_WORLD(who_was_busy_a_moment_ago_stays),
	    WITH_WORLD(an_idle_time_that_cannot_be_is_not_believed),
	    WITH_WORLD(a_pool_that_has_shrunk_can_grow_again),
	    WITH_WORLD(a_suspect_is_replaced_if_it_is_of_that_pool),
	    WITH_WORLD(one_suspect_a_second_is_replaced),
	    WITH_WORLD(who_retires_has_its_successor_at_once),
	    WITH_WORLD(one_more_and_one_less_by_hand),
	    WITH_WORLD(a_pool_is_found_by_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
