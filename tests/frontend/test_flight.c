/* frontend/flight.c: which answers are believed, and what becomes of a dead hasher's
 * jobs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/frontend/dispatch_world.h"

/* --- answers that are none */

static void assert_suspected(struct world *w)
{
	turn(w);
	assert_int_equal(heard(w, CONTROL_SUSPECT), 1);
}

static void an_unknown_id_is_a_lie(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job, lie;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	lie = job;
	lie.id++;
	answer(w, &lie, JOB_OK);
	assert_suspected(w);
	lie = job;
	lie.flight++; /* the right id in the wrong place */
	answer(w, &lie, JOB_OK);
	assert_suspected(w);
	lie.id = job_id_make(INCARNATION + 1, 1); /* from the future */
	answer(w, &lie, JOB_OK);
	assert_suspected(w);
	lie.id = 1; /* of no incarnation */
	answer(w, &lie, JOB_OK);
	assert_suspected(w);
	assert_int_equal(asker.told, 0);
	answer(w, &job, JOB_OK);
	turn(w);
	assert_told(&asker, TASK_OK);
}

static void a_second_answer_is_a_lie(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	answer(w, &job, JOB_OK);
	answer(w, &job, JOB_FAILED);
	assert_suspected(w);
	assert_told(&asker, TASK_OK);
}

static void an_answer_on_another_pools_link_is_a_lie(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;
	struct control_message message;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	send_reply(w, LOOKUP,
	    &(struct job_reply){.id = job.id,
	        .flight = job.flight,
	        .status = JOB_OK,
	        .text = "x",
	        .text_len = 1});
	turn(w);
	assert_int_equal(control_recv(w->master, &message), LINK_OK);
	assert_int_equal(message.kind, CONTROL_SUSPECT);
	assert_int_equal(message.pool, LOOKUP);
	assert_int_equal(message.pid, getpid());
	assert_int_equal(asker.told, 0);
	answer(w, &job, JOB_OK);
	turn(w);
}

/* To the frontend that had this slot before: it was honest work. */
static void an_answer_to_who_was_here_before_is_ignored(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job, old;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	old = job;
	old.id = job_id_make(INCARNATION - 1, 1);
	answer(w, &old, JOB_OK);
	turn(w);
	assert_int_equal(heard(w, CONTROL_SUSPECT), 0);
	assert_int_equal(asker.told, 0);
	answer(w, &job, JOB_OK);
	turn(w);
	assert_told(&asker, TASK_OK);
}

static void what_is_no_reply_is_survived(void **state)
{
	static const uint8_t rubbish[JOB_REPLY_MAX + 1];
	static const size_t lengths[] = {0, 1, 28, JOB_REPLY_MAX, JOB_REPLY_MAX + 1};
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		assert_int_equal(
		    send(w->hashers[POOL], rubbish, lengths[i], 0), lengths[i]);
		assert_suspected(w);
	}
	answer(w, &job, JOB_OK);
	turn(w);
	assert_told(&asker, TASK_OK);
}

static void a_flood_of_rubbish_lets_the_loop_come_round(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;

	while (link_send(w->hashers[POOL], "x", 1) == LINK_OK)
		continue;
	ev_run(w->loop, EVRUN_NOWAIT); /* some of it */
	assert_in_range(heard(w, CONTROL_SUSPECT), 1, 64);
	for (int i = 0; i < 100; i++)
		turn(w);
	while (heard(w, CONTROL_SUSPECT) > 0)
		continue;
	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	answer(w, &job, JOB_OK);
	turn(w);
	assert_told(&asker, TASK_OK);
}

/* The master is gone, and with it all hashers: no end of lies, but the end. */
static void the_end_of_a_link_is_nobodys_lie(void **state)
{
	struct world *w = *state;

	close(w->hashers[POOL]);
	w->hashers[POOL] = dup(STDIN_FILENO);
	turn(w);
	assert_int_equal(heard(w, CONTROL_SUSPECT), 0);
}

/* --- deaths */

static void after_a_kill_the_job_flies_again(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job first, again;

	assert_int_equal(ask(w, &asker, "hunter2"), ADMITTED);
	turn(w);
	take_password(w, &first, "hunter2");
	gone(w, CONTROL_CAUSE_KILLED, &first, 0);
	take_password(w, &again, "hunter2");
	assert_true(again.id != first.id);
	assert_int_equal(again.deadline_ns, first.deadline_ns);
	assert_false(again.alone);
	assert_false(wanted(w, &first));
	assert_numbers(w, 0, 1);
	answer(w, &again, JOB_OK);
	turn(w);
	assert_told(&asker, TASK_OK);
}

static void a_crash_is_tried_again_alone_and_a_second_is_poison(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	gone(w, CONTROL_CAUSE_CRASHED, &job, 0);
	assert_int_equal(asker.told, 0);
	assert_true(take(w, &job));
	assert_true(job.alone);
	gone(w, CONTROL_CAUSE_CRASHED, &job, 0);
	assert_told(&asker, TASK_CRASHED);
	assert_nothing_to_take(w);
	assert_numbers(w, 0, 0);
}

static void as_many_retries_as_the_pool_allows(void **state)
{
	struct world *w = *state;

	for (unsigned retries = 0; retries < 4; retries++) {
		struct asker asker = {0};
		struct job job;
		unsigned tries = 0;

		w->pools[POOL].retries = retries;
		ask_many(w, &asker, 1);
		for (; take(w, &job); tries++)
			gone(w, CONTROL_CAUSE_CRASHED, &job, 0);
		assert_int_equal(tries, retries + 1);
		assert_told(&asker, TASK_CRASHED);
	}
}

/* Somebody's SIGKILL is not the job's fault; but it may be, and there is an end to it.
 */
static void kills_do_not_count_as_crashes_but_end(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;
	unsigned tries = 0;

	ask_many(w, &asker, 1);
	for (; take(w, &job); tries++) {
		assert_false(job.alone);
		gone(w, CONTROL_CAUSE_KILLED, &job, 0);
	}
	assert_in_range(tries, 5, 50);
	assert_told(&asker, TASK_CRASHED);
}

static void what_was_answered_before_the_death_is_answered(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	answer(w, &job, JOB_OK); /* and dies before it has given up its claim */
	gone(w, CONTROL_CAUSE_CRASHED, &job, 0);
	assert_told(&asker, TASK_OK);
	assert_nothing_to_take(w);
	assert_int_equal(heard(w, CONTROL_SUSPECT), 0);
}

static void a_retried_job_goes_first(void **state)
{
	struct world *w = *state;
	struct asker askers[4] = {0};
	struct job jobs[3], job;

	ask_many(w, askers, 4);
	for (int i = 0; i < 3; i++)
		assert_true(take(w, &jobs[i]));
	gone(w, CONTROL_CAUSE_KILLED, &jobs[1], 0);
	take_password(w, &job, "1");
	answer(w, &job, JOB_OK);
	answer(w, &jobs[0], JOB_OK);
	answer(w, &jobs[2], JOB_OK);
	finish_all(w);
}

static void nobody_hears_of_a_cancelled_jobs_death(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	dispatch_cancel(w->dispatch, asker.task);
	gone(w, CONTROL_CAUSE_CRASHED, &job, 0);
	assert_int_equal(asker.told, 0);
	assert_numbers(w, 0, 0);
	assert_nothing_to_take(w);
}

static void another_frontends_claims_are_not_ours(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job, other;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	other = job;
	other.id = job_id_make(INCARNATION - 1, job.id);
	gone(w, CONTROL_CAUSE_CRASHED, &other, 2);
	gone(w, CONTROL_CAUSE_CRASHED, NULL, 0);
	assert_nothing_to_take(w);
	assert_numbers(w, 0, 1);
	answer(w, &job, JOB_OK);
	turn(w);
	assert_told(&asker, TASK_OK);
}

static void a_death_in_a_pool_that_is_none_is_ignored(void **state)
{
	struct world *w = *state;
	const struct control_message message = {
	    .kind = CONTROL_GONE, .pool = POOLS, .claims = LIMIT_STREAMS, .taking = 1};

	dispatch_hasher_gone(w->dispatch, &message);
	turn(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(an_unknown_id_is_a_lie),
	    WITH_WORLD(a_second_answer_is_a_lie),
	    WITH_WORLD(an_answer_on_another_pools_link_is_a_lie),
	    WITH_WORLD(an_answer_to_who_was_here_before_is_ignored),
	    WITH_WORLD(what_is_no_reply_is_survived),
	    WITH_WORLD(a_flood_of_rubbish_lets_the_loop_come_round),
	    WITH_WORLD(the_end_of_a_link_is_nobodys_lie),
	    WITH_WORLD(after_a_kill_the_job_flies_again),
	    WITH_WORLD(a_crash_is_tried_again_alone_and_a_second_is_poison),
	    WITH_WORLD(as_many_retries_as_the_pool_allows),
	    WITH_WORLD(kills_do_not_count_as_crashes_but_end),
	    WITH_WORLD(what_was_answered_before_the_death_is_answered),
	    WITH_WORLD(a_retried_job_goes_first),
	    WITH_WORLD(nobody_hears_of_a_cancelled_jobs_death),
	    WITH_WORLD(another_frontends_claims_are_not_ours),
	    WITH_WORLD(a_death_in_a_pool_that_is_none_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
