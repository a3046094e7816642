/*
 * frontend/sweep.c: a hasher died, or an answer got lost, and nobody has written down
 * whose job it was. The sweep finds exactly that one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/frontend/dispatch_world.h"

enum { OURS = 1 }; /* `taking` from frontend 0 */

/* The sweep has a turn every 2 ms: it looks, listens, and believes in the next one. */
static void half_look(struct world *w)
{
	pass(3);
	turn(w);
}

static void look(struct world *w)
{
	half_look(w);
	half_look(w);
}

/* Three jobs taken: the first is claimed by hasher 0, the second is answered, and with
 * the third somebody has just died. */
static void lose_the_third(struct world *w, struct asker *askers, struct job *jobs)
{
	ask_many(w, askers, 3);
	for (int i = 0; i < 3; i++)
		assert_true(take(w, &jobs[i]));
	atomic_store(&hasher(w, 0)->claim[5], jobs[0].id);
	answer(w, &jobs[1], JOB_OK);
	gone(w, CONTROL_CAUSE_KILLED, NULL, OURS);
}

static void exactly_the_lost_job_flies_again(void **state)
{
	struct world *w = *state;
	struct asker askers[3] = {0};
	struct job jobs[3], again;

	lose_the_third(w, askers, jobs);
	look(w);
	take_password(w, &again, "2");
	assert_false(again.alone);
	assert_nothing_to_take(w);
	assert_told(&askers[1], TASK_OK);
	assert_int_equal(askers[0].told + askers[2].told, 0);
	answer(w, &again, JOB_OK);
	answer(w, &jobs[0], JOB_OK);
	turn(w);
	assert_told(&askers[0], TASK_OK);
	assert_told(&askers[2], TASK_OK);
	assert_numbers(w, 0, 0);
	assert_int_equal(heard(w, CONTROL_SUSPECT), 0);
}

static void the_answer_in_our_socket_is_read_first(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	gone(w, CONTROL_CAUSE_KILLED, NULL, OURS);
	pass(3);
	answer(w, &job, JOB_OK); /* another hasher's, its claim given up already */
	turn(w);
	assert_told(&asker, TASK_OK);
	assert_nothing_to_take(w);
}

/* The master wipes a dead hasher's claims off the board when he has told us of them: a
 * sweep that sees the board before it hears him waits for his word. Else a job that
 * kills hashers would be taken for one that was lost by chance, and kill one more. */
static void the_masters_word_is_waited_for(void **state)
{
	struct world *w = *state;
	struct asker askers[3] = {0};
	struct job jobs[3], again;

	lose_the_third(w, askers, jobs);
	atomic_store(&hasher(w, 0)->claim[5], 0); /* 0 has died as well, of its job */
	half_look(w);
	assert_nothing_to_take(w);
	gone(w, CONTROL_CAUSE_CRASHED, &jobs[0], 0);
	half_look(w);
	take_password(w, &again, "2");
	assert_false(again.alone);
	answer(w, &again, JOB_OK);
	take_password(w, &again, "0");
	assert_true(again.alone);
	answer(w, &again, JOB_OK);
	assert_nothing_to_take(w);
	turn(w);
	assert_told(&askers[0], TASK_OK);
	assert_told(&askers[2], TASK_OK);
}

/* Two pools have lost a job at the same time: each finds its own. */
static void pools_do_not_sweep_for_each_other(void **state)
{
	struct world *w = *state;
	struct asker askers[2] = {0};
	struct task_spec spec = {.kind = JOB_LOOKUP, .pool = LOOKUP, .user = 1};
	const struct control_message message = {.kind = CONTROL_GONE,
	    .pool = LOOKUP,
	    .cause = CONTROL_CAUSE_KILLED,
	    .taking = OURS};
	struct job job;

	assert_int_equal(ask(w, &askers[0], "0"), ADMITTED);
	assert_int_equal(ask_spec(w, &askers[1], &spec), ADMITTED);
	turn(w);
	assert_true(take(w, &job));
	assert_true(take_of(w, LOOKUP, &job));
	gone(w, CONTROL_CAUSE_KILLED, NULL, OURS);
	dispatch_hasher_gone(w->dispatch, &message);
	look(w);
	take_password(w, &job, "0");
	answer(w, &job, JOB_OK);
	assert_true(take_of(w, LOOKUP, &job));
	send_reply(w, LOOKUP,
	    &(struct job_reply){
	        .id = job.id, .flight = job.flight, .status = JOB_NOT_FOUND});
	turn(w);
	assert_told(&askers[0], TASK_OK);
	assert_told(&askers[1], TASK_NOT_FOUND);
}

static void the_sweep_waits_for_an_empty_link(void **state)
{
	struct world *w = *state;
	struct asker askers[4] = {0};
	struct job first, job;

	ask_many(w, askers, 4);
	assert_true(
	    take(w, &first)); /* who took it dies; two lie on the link, one waits */
	gone(w, CONTROL_CAUSE_KILLED, NULL, OURS);
	for (int i = 0; i < 10; i++)
		look(w);
	for (int i = 1; i < 3; i++) {
		assert_true(take(w, &job));
		atomic_store(&hasher(w, (unsigned)i)->claim[0], job.id);
		assert_numbers(w, 1, 3); /* and nothing more is sent */
	}
	look(w);
	take_password(w, &job, "0");
	assert_nothing_to_take(w);
	pass(DEADLINE_MS);
	turn(w);
}

static void the_sweep_waits_for_who_is_just_taking(void **state)
{
	struct world *w = *state;
	struct asker askers[3] = {0};
	struct job jobs[3], again;

	atomic_store(&hasher(w, 1)->taking, OURS);
	lose_the_third(w, askers, jobs);
	for (int i = 0; i < 10; i++)
		look(w);
	assert_nothing_to_take(w);
	atomic_store(
	    &hasher(w, 1)->claim[0], jobs[2].id); /* it was alive, and had it */
	atomic_store(&hasher(w, 1)->taking, 0);
	look(w);
	assert_nothing_to_take(w);
	answer(w, &jobs[2], JOB_OK);
	answer(w, &jobs[0], JOB_OK);
	turn(w);
	assert_numbers(w, 0, 0);
	assert_int_equal(ask(w, &askers[0], "next"), ADMITTED); /* and all goes on */
	turn(w);
	take_password(w, &again, "next");
	answer(w, &again, JOB_OK);
	turn(w);
}

static void who_takes_from_another_frontend_is_not_waited_for(void **state)
{
	struct world *w = *state;
	struct asker askers[3] = {0};
	struct job jobs[3], again;

	atomic_store(&hasher(w, 1)->taking, OURS + 1);
	lose_the_third(w, askers, jobs);
	look(w);
	take_password(w, &again, "2");
	answer(w, &again, JOB_OK);
	answer(w, &jobs[0], JOB_OK);
	turn(w);
}

/* One that is stopped while it takes, or lies, holds up the others for a while only. */
static void a_taking_that_does_not_end_is_given_up(void **state)
{
	struct world *w = *state;
	struct asker askers[3] = {0};
	struct job jobs[3], again;

	w->pools[POOL].deadline_ms = 60000;
	atomic_store(&hasher(w, 1)->taking, OURS);
	lose_the_third(w, askers, jobs);
	for (int i = 0; i < 500; i++)
		look(w);
	take_password(w, &again, "2");
	answer(w, &again, JOB_OK);
	answer(w, &jobs[0], JOB_OK);
	turn(w);
	assert_told(&askers[2], TASK_OK);
}

static void a_lost_job_that_nobody_wants_just_ends(void **state)
{
	struct world *w = *state;
	struct asker askers[3] = {0};
	struct job jobs[3];

	lose_the_third(w, askers, jobs);
	dispatch_cancel(w->dispatch, askers[2].task);
	look(w);
	assert_nothing_to_take(w);
	assert_numbers(w, 0, 1);
	answer(w, &jobs[0], JOB_OK);
	turn(w);
	assert_int_equal(askers[2].told, 0);
}

static void a_death_while_taking_from_others_sweeps_nothing(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	gone(w, CONTROL_CAUSE_KILLED, NULL, OURS + 1);
	look(w);
	assert_nothing_to_take(w);
	answer(w, &job, JOB_OK);
	turn(w);
	assert_told(&asker, TASK_OK);
}

static void what_was_claimed_and_what_was_lost_fly_again_once(void **state)
{
	struct world *w = *state;
	struct asker askers[2] = {0};
	struct job claimed, lost, job;
	unsigned seen = 0;

	ask_many(w, askers, 2);
	assert_true(take(w, &claimed));
	assert_true(take(w, &lost));
	gone(w, CONTROL_CAUSE_KILLED, &claimed, OURS);
	look(w);
	look(w);
	for (; take(w, &job); seen++)
		answer(w, &job, JOB_OK);
	turn(w);
	assert_int_equal(seen, 2);
	assert_told(&askers[0], TASK_OK);
	assert_told(&askers[1], TASK_OK);
}

/* An answer that never came: once its deadline is long over, what it held is free
 * again. */
static void a_flight_without_an_answer_ends_some_time(void **state)
{
	struct world *w = *state;
	struct asker askers[2] = {0};
	struct job jobs[2];

	ask_many(w, askers, 2);
	assert_true(take(w, &jobs[0]));
	assert_true(take(w, &jobs[1]));
	atomic_store(
	    &hasher(w, 2)->claim[1], jobs[1].id); /* stopped, but still at it */
	pass(DEADLINE_MS + 1);
	turn(w);
	assert_told(&askers[0], TASK_EXPIRED);
	assert_numbers(w, 0, 2);
	for (int i = 0; i < 3; i++) {
		pass(LADDER_LOST_MS + 1);
		turn(w);
		look(w);
	}
	assert_numbers(w, 0, 1);
	answer(w, &jobs[1], JOB_DROPPED);
	turn(w);
	assert_numbers(w, 0, 0);
	pass(LADDER_LOST_MS + 1);
	turn(w);
	assert_int_equal(heard(w, CONTROL_SUSPECT), 0);
}

/* Nobody waits for it, but somebody works at it: nothing is held up for its sake. */
static void a_claimed_flight_is_left_alone(void **state)
{
	struct world *w = *state;
	struct asker asker = {0}, next = {0};
	struct job job, other;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	atomic_store(&hasher(w, 2)->claim[1], job.id);
	dispatch_cancel(w->dispatch, asker.task);
	for (int i = 0; i < 3; i++) {
		pass(LADDER_LOST_MS + 1);
		turn(w);
		next = (struct asker){0};
		ask_many(w, &next, 1);
		assert_true(take(w, &other));
		answer(w, &other, JOB_OK);
		turn(w);
		assert_told(&next, TASK_OK);
	}
	answer(w, &job, JOB_DROPPED);
	turn(w);
	assert_numbers(w, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(exactly_the_lost_job_flies_again),
	    WITH_WORLD(the_answer_in_our_socket_is_read_first),
	    WITH_WORLD(the_masters_word_is_waited_for),
	    WITH_WORLD(pools_do_not_sweep_for_each_other),
	    WITH_WORLD(the_sweep_waits_for_an_empty_link),
	    WITH_WORLD(the_sweep_waits_for_who_is_just_taking),
	    WITH_WORLD(who_takes_from_another_frontend_is_not_waited_for),
	    WITH_WORLD(a_taking_that_does_not_end_is_given_up),
	    WITH_WORLD(a_lost_job_that_nobody_wants_just_ends),
	    WITH_WORLD(a_death_while_taking_from_others_sweeps_nothing),
	    WITH_WORLD(what_was_claimed_and_what_was_lost_fly_again_once),
	    WITH_WORLD(a_flight_without_an_answer_ends_some_time),
	    WITH_WORLD(a_claimed_flight_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
