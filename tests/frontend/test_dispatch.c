/* frontend/dispatch.c: who is let in, who goes when, who has waited long enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/frontend/dispatch_world.h"

static void a_job_travels_and_its_answer_comes_back(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;

	assert_int_equal(ask(w, &asker, "hunter2"), ADMITTED);
	assert_int_equal(dispatch_pending(w->dispatch), 1);
	assert_nothing_to_take(w); /* the loop has not come round */
	turn(w);
	take_password(w, &job, "hunter2");
	assert_int_equal(job_id_incarnation(job.id), INCARNATION);
	assert_int_equal(job.deadline_ns, test_ns + DEADLINE_MS * NS_PER_MS);
	assert_int_equal(job.profile, 3);
	assert_false(job.alone);
	assert_true(wanted(w, &job));
	assert_numbers(w, 0, 1);
	pass(10);
	answer(w, &job, JOB_OK);
	turn(w);
	assert_told(&asker, TASK_OK);
	assert_string_equal(asker.text, "a hash");
	assert_int_equal(asker.work_ns, 3 * NS_PER_MS);
	assert_int_equal(asker.queue_ns, 7 * NS_PER_MS);
	assert_false(wanted(w, &job));
	assert_numbers(w, 0, 0);
}

static void every_status_has_its_outcome(void **state)
{
	static const struct {
		enum job_status status;
		enum task_outcome outcome;
	} rows[] = {{JOB_OK, TASK_OK}, {JOB_DROPPED, TASK_EXPIRED},
	    {JOB_NOT_FOUND, TASK_NOT_FOUND}, {JOB_REFUSED, TASK_REFUSED},
	    {JOB_NO_MEMORY, TASK_NO_MEMORY}, {JOB_FAILED, TASK_FAILED},
	    {JOB_VALID, TASK_VALID}, {JOB_INVALID, TASK_INVALID}};
	struct world *w = *state;
	struct job job;

	assert_int_equal(sizeof(rows) / sizeof(*rows), JOB_STATUS_END - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct asker asker = {0};

		ask_many(w, &asker, 1);
		assert_true(take(w, &job));
		answer(w, &job, rows[i].status);
		turn(w);
		assert_told(&asker, rows[i].outcome);
	}
}

static void a_lookup_goes_to_its_own_pool(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct task_spec spec = {.kind = JOB_LOOKUP, .pool = LOOKUP, .user = 42};
	struct job job;

	assert_int_equal(ask_spec(w, &asker, &spec), ADMITTED);
	turn(w);
	assert_nothing_to_take(w);
	assert_true(take_of(w, LOOKUP, &job));
	assert_int_equal(job.user, 42);
	send_reply(w, LOOKUP,
	    &(struct job_reply){
	        .id = job.id, .flight = job.flight, .status = JOB_NOT_FOUND});
	turn(w);
	assert_told(&asker, TASK_NOT_FOUND);
}

static void a_full_queue_refuses_and_leaves_the_password(void **state)
{
	struct world *w = *state;
	struct asker askers[5] = {0};

	w->pools[POOL].queue_limit = 4;
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask(w, &askers[i], "x"), ADMITTED);
	assert_int_equal(ask(w, &askers[4], "x"), ADMISSION_QUEUE_FULL);
	assert_in_range(askers[4].retry_after, 1, 60);
	turn(w); /* three fly, one waits: there is room again */
	assert_int_equal(ask(w, &askers[4], "x"), ADMITTED);
	finish_all(w);
	for (int i = 0; i < 5; i++)
		assert_told(&askers[i], TASK_OK);
}

static void a_pool_that_cannot_start_refuses_at_once(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};

	atomic_store(&board_head(&w->child.board)->throttled[POOL], 1);
	set_alive(w, 0);
	assert_int_equal(ask(w, &asker, "x"), ADMISSION_NO_HASHER);
	set_alive(w, 1); /* one lives: it will do */
	assert_int_equal(ask(w, &asker, "x"), ADMITTED);
	finish_all(w);
	set_alive(w, 0); /* none yet, but nothing is known against it */
	atomic_store(&board_head(&w->child.board)->throttled[POOL], 0);
	assert_int_equal(ask(w, &asker, "x"), ADMITTED);
	finish_all(w);
}

static void retry_after_grows_with_the_queue(void **state)
{
	struct world *w = *state;
	struct asker askers[4] = {0};

	w->pools[POOL].deadline_ms = 60000;
	assert_int_equal(dispatch_retry_after(w->dispatch, POOL), 1);
	set_job_ms(w, 2000);
	ask_many(w, askers, 4);
	assert_in_range(dispatch_retry_after(w->dispatch, POOL), 8, 9);
	set_alive(w, 4);
	assert_in_range(dispatch_retry_after(w->dispatch, POOL), 2, 3);
	finish_all(w);
}

/* On the link is what the hashers have room for and two more; the rest waits with us.
 */
static void the_window_is_kept(void **state)
{
	struct world *w = *state;
	struct asker askers[12] = {0};
	struct job job;

	w->pools[POOL].queue_limit = 12;
	w->pools[POOL].batch = 3;
	set_alive(w, 2);
	ask_many(w, askers, 12);
	assert_numbers(w, 4, 8);
	for (int i = 0; i < 8; i++)
		assert_true(take(w, &job));
	assert_nothing_to_take(w);
	answer(w, &job, JOB_OK);
	turn(w);
	assert_numbers(w, 3, 8); /* one done, one sent */
	assert_true(take(w, &job));
	assert_nothing_to_take(w);
	pass(DEADLINE_MS + 1);
	turn(w);
}

static void jobs_go_in_the_order_of_asking(void **state)
{
	struct world *w = *state;
	struct asker askers[4] = {0};
	struct job job;
	const char *const passwords[] = {"0", "1", "2", "3"};

	ask_many(w, askers, 4);
	for (int i = 0; i < 4; i++) {
		take_password(w, &job, passwords[i]);
		answer(w, &job, JOB_OK);
		turn(w);
	}
}

static void a_queued_job_expires_and_is_never_sent(void **state)
{
	struct world *w = *state;
	struct asker askers[4] = {0};
	struct job job;

	ask_many(w, askers, 4);
	assert_numbers(w, 1, 3);
	pass(DEADLINE_MS - 1);
	turn(w);
	assert_int_equal(askers[3].told, 0);
	pass(2);
	turn(w);
	for (int i = 0; i < 4; i++)
		assert_told(&askers[i], TASK_EXPIRED);
	assert_true(askers[3].queue_ns >= DEADLINE_MS * NS_PER_MS);
	assert_numbers(w, 0, 3); /* still under way, though nobody waits */
	for (int i = 0; i < 3; i++) {
		assert_true(take(w, &job));
		assert_false(wanted(w, &job));
		answer(w, &job, JOB_DROPPED);
	}
	turn(w);
	assert_numbers(w, 0, 0);
	assert_nothing_to_take(w);
}

static void a_late_answer_reaches_nobody(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	pass(DEADLINE_MS + 1);
	turn(w);
	assert_told(&asker, TASK_EXPIRED);
	answer(w, &job, JOB_OK);
	turn(w);
	assert_told(&asker, TASK_EXPIRED);
	assert_numbers(w, 0, 0);
	assert_int_equal(heard(w, CONTROL_SUSPECT), 0);
}

static void the_shorter_of_two_deadlines_counts(void **state)
{
	static const uint64_t timeouts[] = {100, 0, 5000},
	                      counts[] = {100, DEADLINE_MS, DEADLINE_MS};
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		struct asker asker = {0};
		struct task_spec spec = {.kind = JOB_LOOKUP,
		    .pool = POOL,
		    .user = 1,
		    .timeout_ms = timeouts[i]};
		struct job job;

		assert_int_equal(ask_spec(w, &asker, &spec), ADMITTED);
		turn(w);
		assert_true(take(w, &job));
		assert_int_equal(job.deadline_ns, test_ns + counts[i] * NS_PER_MS);
		answer(w, &job, JOB_NOT_FOUND);
		turn(w);
	}
}

/* The loop's own idea of the time is that of its last waking. */
static void a_deadline_counts_from_the_asking(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};

	pass(600); /* a busy loop */
	assert_int_equal(ask(w, &asker, "x"), ADMITTED);
	turn(w);
	pass(500);
	turn(w);
	assert_int_equal(asker.told, 0);
	pass(501);
	turn(w);
	assert_told(&asker, TASK_EXPIRED);
}

static void a_cancelled_job_in_the_queue_is_gone(void **state)
{
	struct world *w = *state;
	struct asker askers[4] = {0};
	struct job job;

	ask_many(w, askers, 4);
	dispatch_cancel(w->dispatch, askers[3].task);
	assert_numbers(w, 0, 3);
	assert_int_equal(dispatch_pending(w->dispatch), 3);
	for (int i = 0; i < 3; i++) {
		assert_true(take(w, &job));
		answer(w, &job, JOB_OK);
	}
	turn(w);
	assert_nothing_to_take(w);
	assert_int_equal(askers[3].told, 0);
}

/* What it costs is given back when the work has ended, not when the client has left. */
static void a_cancelled_job_in_flight_is_unwanted_and_still_counted(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct job job;

	ask_many(w, &asker, 1);
	assert_true(take(w, &job));
	dispatch_cancel(w->dispatch, asker.task);
	assert_false(wanted(w, &job));
	assert_int_equal(dispatch_pending(w->dispatch), 0);
	assert_numbers(w, 0, 1);
	pass(UINT64_C(2) * DEADLINE_MS);
	turn(w);
	assert_numbers(w, 0, 1);
	answer(w, &job, JOB_DROPPED);
	turn(w);
	assert_numbers(w, 0, 0);
	assert_int_equal(asker.told, 0);
}

static void an_answer_may_cancel_another(void **state)
{
	struct world *w = *state;
	struct asker askers[4] = {0};
	struct job jobs[3];

	for (int round = 0; round < 2; round++) {
		memset(askers, 0, sizeof(askers));
		askers[0].cancels =
		    &askers[round == 0 ? 3 : 1].task; /* queued, in flight */
		ask_many(w, askers, 4);
		for (int i = 0; i < 3; i++)
			assert_true(take(w, &jobs[i]));
		for (int i = 0; i < 3; i++)
			answer(w, &jobs[i], JOB_OK);
		finish_all(w);
		assert_told(&askers[0], TASK_OK);
		assert_told(&askers[2], TASK_OK);
		assert_int_equal(askers[1].told, round == 0);
		assert_int_equal(askers[3].told, round == 1);
	}
}

/* Of two deadlines that pass together the first may cancel the second. */
static void an_expiry_may_cancel_another(void **state)
{
	struct world *w = *state;
	struct asker askers[4] = {0};
	struct job job;

	askers[0].cancels = &askers[3].task;
	askers[3].cancels = &askers[0].task;
	ask_many(w, askers, 4);
	pass(DEADLINE_MS + 1);
	turn(w);
	assert_int_equal(askers[0].told + askers[3].told, 1);
	assert_told(&askers[1], TASK_EXPIRED);
	while (take(w, &job))
		answer(w, &job, JOB_DROPPED);
	turn(w);
	assert_numbers(w, 0, 0);
}

static void an_answer_may_ask_again(void **state)
{
	struct world *w = *state;
	struct asker second = {0}, first = {.asks = &second};
	struct job job;

	ask_many(w, &first, 1);
	assert_true(take(w, &job));
	answer(w, &job, JOB_OK);
	finish_all(w);
	assert_told(&second, TASK_OK);
}

static void a_link_that_is_gone_fails_the_job_but_not_within_the_asking(void **state)
{
	struct world *w = *state;
	struct asker second = {0}, first = {.asks = &second};

	close(w->hashers[POOL]);
	w->hashers[POOL] = dup(STDIN_FILENO);
	assert_int_equal(ask(w, &first, "x"), ADMITTED);
	assert_int_equal(first.told, 0);
	turn(w);
	assert_told(&first, TASK_FAILED);
	assert_told(&second, TASK_FAILED);
	assert_numbers(w, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(a_job_travels_and_its_answer_comes_back),
	    WITH_WORLD(every_status_has_its_outcome),
	    WITH_WORLD(a_lookup_goes_to_its_own_pool),
	    WITH_WORLD(a_full_queue_refuses_and_leaves_the_password),
	    WITH_WORLD(a_pool_that_cannot_start_refuses_at_once),
	    WITH_WORLD(retry_after_grows_with_the_queue),
	    WITH_WORLD(the_window_is_kept),
	    WITH_WORLD(jobs_go_in_the_order_of_asking),
	    WITH_WORLD(a_queued_job_expires_and_is_never_sent),
	    WITH_WORLD(a_late_answer_reaches_nobody),
	    WITH_WORLD(the_shorter_of_two_deadlines_counts),
	    WITH_WORLD(a_deadline_counts_from_the_asking),
	    WITH_WORLD(a_cancelled_job_in_the_queue_is_gone),
	    WITH_WORLD(a_cancelled_job_in_flight_is_unwanted_and_still_counted),
	    WITH_WORLD(an_answer_may_cancel_another),
	    WITH_WORLD(an_expiry_may_cancel_another),
	    WITH_WORLD(an_answer_may_ask_again),
	    WITH_WORLD(a_link_that_is_gone_fails_the_job_but_not_within_the_asking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
