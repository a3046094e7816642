/* master/supervise.c: when a process that died is replaced, and what its death means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/master/supervise_world.h"

enum { SETUP_FAILED = CHILD_EXIT_SETUP << 8 };

static void once_healthy_a_crash_is_replaced_at_once(void **state)
{
	struct world *w = *state;

	grow_to(w, 2);
	die(w, 0, SIGSEGV);
	assert_int_equal(spawned, 3);
	assert_int_equal(hasher(w, 0)->state, PROCESS_STARTING);
	assert_int_equal(w->hashers->backoff_ms, 0);
	die(w, 1, SIGKILL);
	assert_int_equal(spawned, 4);
}

static void a_death_before_ready_is_not_replaced_at_once(void **state)
{
	struct world *w = *state;

	supervise_role(w->hashers);
	die(w, 0, SETUP_FAILED);
	assert_int_equal(spawned, 1);
	assert_waits(w, 2000);
	supervise_role(w->hashers); /* whoever asks */
	sizing_want(w->hashers);
	assert_int_equal(spawned, 1);
}

static void the_wait_doubles_to_a_minute(void **state)
{
	static const unsigned waits[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct world *w = *state;

	supervise_role(w->hashers);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		die(w, 0, SETUP_FAILED);
		assert_waits(w, waits[i]);
		retry(w);
		assert_int_equal(spawned, i + 2);
	}
}

/* Many that were started together die together: that is one failure. */
static void deaths_before_ready_count_once_a_try(void **state)
{
	struct world *w = *state;

	w->hashers->target = 4;
	supervise_role(w->hashers);
	for (unsigned i = 0; i < 4; i++)
		die(w, i, SETUP_FAILED);
	assert_waits(w, 2000);
	retry(w);
	assert_int_equal(spawned, 5); /* one only, to see whether it lives */
}

static void the_first_to_be_ready_ends_the_waiting(void **state)
{
	struct world *w = *state;

	w->hashers->target = 3;
	supervise_role(w->hashers);
	for (unsigned i = 0; i < 3; i++)
		die(w, i, SETUP_FAILED);
	retry(w);
	get_ready(w, 0);
	assert_int_equal(w->hashers->backoff_ms, 0);
	assert_int_equal(atomic_load(&board_head(&w->g.board)->throttled[0]), 0);
	assert_int_equal(hashers(w, PROCESS_STARTING), 2);
	assert_false(ev_is_active(&w->hashers->retry));
}

/* One lives and the other cannot: the first try is soon, for what else may die, and
 * still it is one at a time, further and further apart. */
static void a_role_of_which_one_lives_is_throttled_too(void **state)
{
	struct world *w = *state;

	w->hashers->min = w->hashers->target = 2;
	supervise_role(w->hashers);
	die(w, 1, SETUP_FAILED);
	get_ready(w, 0);
	assert_int_equal(spawned, 3);
	for (unsigned i = 0; i < 3; i++) {
		die(w, 1, SETUP_FAILED);
		assert_waits(w, 100u << i);
		assert_int_equal(spawned, 3 + i);
		retry(w);
	}
	for (unsigned i = 0; i < 12; i++) {
		die(w, 1, SETUP_FAILED);
		retry(w);
	}
	die(w, 1, SETUP_FAILED);
	assert_waits(w, 60000);
}

/* The last one that lived has died: from then on it is as where nobody ever did. */
static void where_nobody_lives_any_more_the_wait_is_long(void **state)
{
	struct world *w = *state;

	w->hashers->min = w->hashers->target = 2;
	supervise_role(w->hashers);
	die(w, 1, SETUP_FAILED);
	get_ready(w, 0);
	die(w, 1, SETUP_FAILED);
	assert_waits(w, 100);
	die(w, 0, SIGKILL);
	retry(w);
	die(w, 0, SETUP_FAILED);
	assert_waits(w, 2000);
	retry(w);
	die(w, 0, SETUP_FAILED);
	assert_waits(w, 4000);
}

static void a_fork_that_fails_is_tried_again_later(void **state)
{
	struct world *w = *state;

	spawn_fails = 2;
	supervise_role(w->hashers);
	assert_waits(w, 2000);
	retry(w);
	assert_waits(w, 4000);
	retry(w);
	assert_int_equal(spawned, 1);
	get_ready(w, 0);
	assert_int_equal(w->hashers->backoff_ms, 0);
}

/* What was missing is no longer wanted when the time has come: the throttle must not
 * stay. */
static void a_throttle_ends_when_nothing_is_missing(void **state)
{
	struct world *w = *state;

	grow_to(w, 2);
	has_jobs(w, 0, 4, 0);
	spawn_fails = 1;
	sizing_want(w->hashers);
	assert_waits(w, 2000);
	w->hashers->target = 2; /* shrunk again */
	retry(w);
	assert_int_equal(atomic_load(&board_head(&w->g.board)->throttled[0]), 0);
	die(w, 0, SIGKILL);
	assert_int_equal(spawned, 3); /* replaced at once */
}

/* All places are taken by processes that leave: the next try comes all the same. */
static void a_role_without_a_free_place_tries_again(void **state)
{
	struct world *w = *state;

	supervise_role(w->hashers);
	die(w, 0, SETUP_FAILED);
	for (unsigned i = 0; i < PLACES; i++)
		hasher(w, i)->state = PROCESS_LEAVING;
	retry(w);
	assert_true(ev_is_active(&w->hashers->retry));
	die(w, 3, W_EXITCODE(CHILD_EXIT_DONE, 0));
	assert_int_equal(spawned, 1);
	retry(w);
	assert_int_equal(spawned, 2);
}

/* Told to leave before it was READY: nothing else would wake the throttled role. */
static void a_throttled_role_goes_on_when_its_try_leaves(void **state)
{
	struct world *w = *state;

	supervise_role(w->hashers);
	die(w, 0, SETUP_FAILED);
	retry(w);
	supervise_retire(hasher(w, 0));
	die(w, 0, W_EXITCODE(CHILD_EXIT_DONE, 0));
	assert_true(ev_is_active(&w->hashers->retry));
	retry(w);
	assert_int_equal(hashers(w, PROCESS_STARTING), 1);
}

/* A role that gets READY and dies all the time: forks run out, and come back with time.
 */
static void endless_crashes_run_out_of_tokens(void **state)
{
	struct world *w = *state;
	unsigned burst;

	supervise_role(w->hashers);
	for (burst = 1; w->hashers->backoff_ms == 0 && burst < 100000; burst++) {
		get_ready(w, 0);
		die(w, 0, SIGSEGV);
	}
	assert_in_range(burst, 50, 1000);
	assert_waits(w, 2000);
	pass(2000);
	retry(w);
	get_ready(w, 0);
	die(w, 0, SIGSEGV);
	assert_int_equal(w->hashers->backoff_ms, 0); /* replaced at once again */
	assert_int_equal(hashers(w, PROCESS_STARTING), 1);
}

static void slow_crashes_never_run_out_of_tokens(void **state)
{
	struct world *w = *state;

	supervise_role(w->hashers);
	for (unsigned i = 0; i < 3000; i++) {
		get_ready(w, 0);
		pass(100);
		die(w, 0, SIGKILL);
		assert_int_equal(w->hashers->backoff_ms, 0);
	}
}

static void read_gone(struct world *w, struct control_message *message)
{
	int log;

	assert_int_equal(control_recv_fd(w->control[1], message, &log), LINK_OK);
	assert_int_equal(message->kind, CONTROL_GONE);
}

static void frontends_hear_what_a_dead_hasher_had_in_hand(void **state)
{
	struct world *w = *state;
	struct control_message message;
	pid_t pid;

	grow_to(w, 2);
	pid = hasher(w, 1)->pid;
	atomic_store(&board_of(w, 1)->claim[0], 11);
	atomic_store(&board_of(w, 1)->claim[LIMIT_STREAMS - 1], 12);
	atomic_store(&board_of(w, 1)->taking, 3);
	die(w, 1, SIGKILL);
	read_gone(w, &message);
	assert_int_equal(message.pid, pid);
	assert_int_equal(message.pool, 0);
	assert_int_equal(message.cause, CONTROL_CAUSE_KILLED);
	assert_int_equal(message.taking, 3);
	assert_int_equal(message.claims, 2);
	assert_int_equal(message.claim[0], 11);
	assert_int_equal(message.claim[1], 12);
}

static void the_cause_is_told_apart(void **state)
{
	static const struct {
		int status;
		enum control_cause cause;
	} deaths[] = {{SIGKILL, CONTROL_CAUSE_KILLED}, {SIGSEGV, CONTROL_CAUSE_CRASHED},
	    {SIGABRT, CONTROL_CAUSE_CRASHED}, {SIGSYS, CONTROL_CAUSE_CRASHED},
	    {W_EXITCODE(CHILD_EXIT_FATAL, 0), CONTROL_CAUSE_CRASHED},
	    {W_EXITCODE(CHILD_EXIT_DONE, 0), CONTROL_CAUSE_LEFT},
	    {W_EXITCODE(CHILD_EXIT_RETIRED, 0), CONTROL_CAUSE_LEFT}};
	struct world *w = *state;
	struct control_message message;

	grow_to(w, 1);
	for (size_t i = 0; i < sizeof(deaths) / sizeof(*deaths); i++) {
		atomic_store(&board_of(w, 0)->claim[0], 5);
		die(w, 0, deaths[i].status);
		read_gone(w, &message);
		assert_int_equal(message.cause, deaths[i].cause);
		get_ready(w, 0);
	}
}

static void who_leaves_with_empty_hands_is_no_news(void **state)
{
	struct world *w = *state;
	struct control_message message;
	int log;

	grow_to(w, 1);
	die(w, 0, W_EXITCODE(CHILD_EXIT_DONE, 0));
	assert_int_equal(control_recv_fd(w->control[1], &message, &log), LINK_AGAIN);
}

static void a_frontend_that_does_not_read_is_survived(void **state)
{
	struct world *w = *state;

	grow_to(w, 1);
	for (unsigned i = 0; i < 1000; i++) {
		pass(100);
		atomic_store(&board_of(w, 0)->claim[0], 5);
		die(w, 0, SIGKILL);
		get_ready(w, 0);
	}
	assert_int_equal(hashers(w, PROCESS_READY), 1);
}

static void the_slot_of_the_dead_is_free(void **state)
{
	struct world *w = *state;
	const struct board_slot *slot = board_slot(&w->g.board, FRONTENDS + 1);

	grow_to(w, 2);
	w->hashers->target = 1;
	atomic_store(&board_of(w, 1)->claim[0], 5);
	assert_int_not_equal(atomic_load(&slot->incarnation), 0);
	die(w, 1, SIGKILL);
	assert_int_equal(atomic_load(&slot->incarnation), 0);
	assert_false(board_claimed(slot, 5));
	assert_int_equal(hasher(w, 1)->state, PROCESS_NONE);
	assert_int_equal(hasher(w, 1)->pid, 0);
	assert_int_equal(atomic_load(&board_head(&w->g.board)->alive[0]), 1);
}

/* A dead frontend's wishes end with it: hashers drop what it had asked for. */
static void a_dead_frontend_wants_nothing_any_more(void **state)
{
	struct world *w = *state;
	const struct board_slot *slot = board_slot(&w->g.board, 0);
	struct control_message message;
	int log;

	board_slot_reset(board_slot(&w->g.board, 0), 99);
	atomic_store(&board_slot(&w->g.board, 0)->frontend.wanted[7], 5);
	supervise_exit(&w->processes[0], SIGKILL);
	assert_false(board_wanted(slot, 7, 5));
	assert_int_equal(w->processes[0].state, PROCESS_STARTING);
	assert_int_equal(control_recv_fd(w->control[1], &message, &log), LINK_AGAIN);
}

/* Of a generation that is to take over, the first death before READY is the end. */
static void on_trial_a_death_before_ready_is_a_failure(void **state)
{
	struct world *w = *state;

	on_trial = true;
	w->hashers->target = 2;
	supervise_role(w->hashers);
	get_ready(w, 0);
	die(w, 0, SIGKILL); /* had been READY: replaced */
	assert_int_equal(failed, 0);
	assert_int_equal(spawned, 3);
	die(w, 1, SETUP_FAILED);
	assert_int_equal(failed, 1);
	assert_int_equal(spawned, 3);
	assert_false(ev_is_active(&w->hashers->retry));
}

static void nobody_is_replaced_while_the_generation_drains(void **state)
{
	struct world *w = *state;

	grow_to(w, 2);
	w->g.state = GENERATION_DRAINING;
	die(w, 0, W_EXITCODE(CHILD_EXIT_DONE, 0));
	die(w, 1, SIGKILL);
	assert_int_equal(spawned, 2);
	assert_int_equal(drained, 2);
	assert_int_equal(hashers(w, PROCESS_NONE), PLACES);
}

/* All that were born before, once, and not while others have the places. */
static void those_that_are_too_old_are_replaced(void **state)
{
	struct world *w = *state;
	struct process *old = &w->processes[0], *young = &w->processes[1];
	const uint64_t now = clock_ns();

	old->born_ns = now - 1;
	supervise_replace(w->frontends, now - 1);
	assert_int_equal(old->state, PROCESS_READY);
	supervise_replace(w->frontends, now);
	assert_int_equal(old->state, PROCESS_LEAVING);
	assert_int_equal(young->state, PROCESS_STARTING);
	assert_int_equal(spawned, 1);
	young->born_ns = now;
	young->state = PROCESS_READY;
	supervise_replace(w->frontends, now + 1);
	assert_int_equal(young->state, PROCESS_READY);
	old->state = PROCESS_NONE;
	supervise_replace(w->frontends, now + 1);
	assert_int_equal(young->state, PROCESS_LEAVING);
	assert_int_equal(spawned, 2);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(once_healthy_a_crash_is_replaced_at_once),
	    WITH_WORLD(a_death_before_ready_is_not_replaced_at_once),
	    WITH_WORLD(the_wait_doubles_to_a_minute),
	    WITH_WORLD(deaths_before_ready_count_once_a_try),
	    WITH_WORLD(the_first_to_be_ready_ends_the_waiting),
	    WITH_WORLD(a_role_of_which_one_lives_is_throttled_too),
	    WITH_WORLD(where_nobody_lives_any_more_the_wait_is_long),
	    WITH_WORLD(a_fork_that_fails_is_tried_again_later),
	    WITH_WORLD(a_throttle_ends_when_nothing_is_missing),
	    WITH_WORLD(a_role_without_a_free_place_tries_again),
	    WITH_WORLD(a_throttled_role_goes_on_when_its_try_leaves),
	    WITH_WORLD(endless_crashes_run_out_of_tokens),
	    WITH_WORLD(slow_crashes_never_run_out_of_tokens),
	    WITH_WORLD(frontends_hear_what_a_dead_hasher_had_in_hand),
	    WITH_WORLD(the_cause_is_told_apart),
	    WITH_WORLD(who_leaves_with_empty_hands_is_no_news),
	    WITH_WORLD(a_frontend_that_does_not_read_is_survived),
	    WITH_WORLD(the_slot_of_the_dead_is_free),
	    WITH_WORLD(a_dead_frontend_wants_nothing_any_more),
	    WITH_WORLD(on_trial_a_death_before_ready_is_a_failure),
	    WITH_WORLD(those_that_are_too_old_are_replaced),
	    WITH_WORLD(nobody_is_replaced_while_the_generation_drains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
