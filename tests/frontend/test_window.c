/* frontend/dispatch.c: how much is on a link, full links, and asking for more hashers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/frontend/dispatch_world.h"

enum { MANY = 1000 };

/* Takes and answers all; returns how many. Each job must be there once. */
static unsigned drain(struct world *w)
{
	struct job job;
	unsigned n = 0;

	turn(w);
	for (; take(w, &job); n++) {
		answer(w, &job, JOB_OK);
		turn(w);
	}
	return n;
}

static struct asker *many_askers(struct world *w)
{
	struct asker *askers = calloc(MANY, sizeof(*askers));

	assert_non_null(askers);
	w->pools[POOL].queue_limit = MANY;
	return askers;
}

/* 4 KiB jobs: some tens fit. What does not waits, in its order, until there is room. */
static void a_full_link_is_not_waited_for(void **state)
{
	struct world *w = *state;
	struct asker *askers = many_askers(w);
	char password[LIMIT_PASSWORD + 1];
	unsigned in_flight;

	memset(password, 'x', LIMIT_PASSWORD);
	password[LIMIT_PASSWORD] = '\0';
	w->pools[POOL].batch = 16;
	set_alive(w, 100);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(ask(w, &askers[i], password), ADMITTED);
	turn(w);
	in_flight = atomic_load(&own_slot(w)->in_flight[POOL]);
	assert_in_range(in_flight, 10, LIMIT_FLIGHTS);
	assert_numbers(w, MANY - in_flight, in_flight);
	assert_int_equal(drain(w), MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_told(&askers[i], TASK_OK);
	free(askers);
}

/* Without a word from anybody: a hasher that takes and works on is enough. */
static void room_on_a_full_link_is_used(void **state)
{
	struct world *w = *state;
	struct asker *askers = many_askers(w);
	struct job job;
	unsigned on_link = 0;

	set_alive(w, 100);
	while (link_send(w->links[POOL], "rubbish", 7) == LINK_OK)
		on_link++;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask(w, &askers[i], "x"), ADMITTED);
	turn(w);
	assert_numbers(w, 3, 0);
	for (unsigned i = 0; i < on_link; i++)
		assert_true(
		    recv(w->hashers[POOL], w->message, sizeof(w->message), 0) == 7);
	for (int i = 0; i < 4; i++) {
		pass(5);
		turn(w);
	}
	assert_numbers(w, 0, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(take(w, &job));
		answer(w, &job, JOB_OK);
	}
	turn(w);
	free(askers);
}

/* No pool can have so many under way that another has no flight number left, or that
 * their answers do not fit into the socket while we do not read. */
static void a_pool_leaves_flights_for_others_and_room_for_answers(void **state)
{
	struct world *w = *state;
	struct asker *askers = many_askers(w);
	struct asker other = {0};
	struct task_spec spec = {.kind = JOB_LOOKUP, .pool = LOOKUP, .user = 1};
	char text[LIMIT_TEXT];
	struct job job;
	unsigned taken = 0;

	w->pools[POOL].batch = 16;
	set_alive(w, 256);
	ask_many(w, askers, MANY);
	assert_int_equal(ask_spec(w, &other, &spec), ADMITTED);
	turn(w);
	assert_true(take_of(w, LOOKUP, &job));
	send_reply(w, LOOKUP,
	    &(struct job_reply){
	        .id = job.id, .flight = job.flight, .status = JOB_NOT_FOUND});
	turn(w);
	assert_told(&other, TASK_NOT_FOUND);
	memset(text, 'x', sizeof(text));
	for (; take(w, &job); taken++)
		send_reply(w, POOL,
		    &(struct job_reply){.id = job.id,
		        .flight = job.flight,
		        .status = JOB_OK,
		        .text = text,
		        .text_len = sizeof(text)});
	assert_true(taken >= 64);
	assert_int_equal(taken + drain(w), MANY);
	free(askers);
}

static unsigned invocations;

static void count_invocations(struct ev_loop *loop)
{
	invocations += ev_pending_count(loop);
	ev_invoke_pending(loop);
}

/* With work under way and more waiting, a loop without news has nothing to do. */
static void a_full_window_does_not_spin(void **state)
{
	struct world *w = *state;
	struct asker *askers = many_askers(w);
	struct job jobs[LIMIT_FLIGHTS + 1];
	unsigned taken;

	w->pools[POOL].batch = 16;
	for (unsigned alive = 1; alive <= 256; alive *= 4) {
		memset(askers, 0, MANY * sizeof(*askers));
		set_alive(w, alive);
		ask_many(w, askers, MANY);
		for (taken = 0; take(w, &jobs[taken]); taken++)
			turn(w);
		ev_set_invoke_pending_cb(w->loop, count_invocations);
		invocations = 0;
		for (int i = 0; i < 50; i++)
			ev_run(w->loop, EVRUN_NOWAIT);
		ev_set_invoke_pending_cb(w->loop, ev_invoke_pending);
		assert_int_equal(invocations, 0);
		for (unsigned i = 0; i < taken; i++) {
			answer(w, &jobs[i], JOB_OK);
			turn(w);
		}
		assert_int_equal(taken + drain(w), MANY);
	}
	free(askers);
}

/* All four hands of each hasher hold jobs of another frontend, or none. */
static void set_claims(struct world *w, bool held)
{
	for (unsigned h = 0; h < PLACES; h++)
		for (unsigned i = 0; i < 4; i++)
			atomic_store(&hasher(w, h)->claim[i],
			    held ? job_id_make(INCARNATION + 1, 4 * h + i + 1) : 0);
}

/* What the others have under way is not sent a second time; but nobody gets less than
 * his part, whatever they say. */
static void the_window_is_shared_with_other_frontends(void **state)
{
	static const struct {
		uint32_t askers, in_flight;
		unsigned window;
	} rows[] = {{0, 0, 18}, {1, 0, 18}, {1, 4, 14}, {1, 8, 10}, {1, 16, 10},
	    {1, UINT32_MAX, 10}, {9, 16, 2}, {9, 12, 6}, {19, 12, 6}, {19, 16, 1},
	    {1000, 100, 1}, {UINT32_MAX, UINT32_MAX, 1}};
	struct world *w = *state;
	struct board_frontend *other = &board_slot(&w->child.board, 1)->frontend;
	struct asker *askers = many_askers(w);

	w->child.frontends = 2;
	w->pools[POOL].batch = 4;
	set_alive(w, 4);
	set_claims(w, true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(askers, 0, MANY * sizeof(*askers));
		atomic_store(&other->askers[POOL], rows[i].askers < UINT32_MAX
		                                       ? rows[i].askers * BOARD_ASKER
		                                       : UINT32_MAX);
		atomic_store(&other->in_flight[POOL], rows[i].in_flight);
		ask_many(w, askers, 30);
		assert_numbers(w, 30 - rows[i].window, rows[i].window);
		atomic_store(&other->askers[POOL], 0);
		assert_int_equal(drain(w), 30);
	}
	/* idle hashers, and a frontend that is stopped with its numbers high, or lies
	 */
	set_claims(w, false);
	memset(askers, 0, MANY * sizeof(*askers));
	atomic_store(&other->askers[POOL], UINT32_MAX);
	atomic_store(&other->in_flight[POOL], UINT32_MAX);
	ask_many(w, askers, 30);
	assert_numbers(w, 12, 18);
	assert_int_equal(drain(w), 30);
	free(askers);
}

static void more_hashers_are_asked_for_when_all_are_busy(void **state)
{
	struct world *w = *state;
	struct asker askers[4] = {0};

	ask_many(w, askers, 1);
	assert_int_equal(heard(w, CONTROL_WANT), 0); /* one job, one hasher */
	ask_many(w, askers + 1, 1);
	assert_int_equal(heard(w, CONTROL_WANT), 1);
	ask_many(w, askers + 2, 1);
	assert_int_equal(heard(w, CONTROL_WANT), 0); /* just asked */
	pass(6);
	ask_many(w, askers + 3, 1);
	assert_int_equal(heard(w, CONTROL_WANT), 1);
	assert_int_equal(drain(w), 4);
}

static void no_more_hashers_are_asked_for_than_there_can_be(void **state)
{
	struct world *w = *state;
	struct asker askers[PLACES + 1] = {0};

	w->pools[POOL].queue_limit = PLACES + 1;
	set_alive(w, PLACES);
	ask_many(w, askers, PLACES + 1);
	pass(20);
	turn(w);
	assert_int_equal(heard(w, CONTROL_WANT), 0);
	assert_int_equal(drain(w), PLACES + 1);
}

/* The first WANT was for two: the jobs that came within its 5 ms must not be forgotten.
 */
static void jobs_that_come_in_a_burst_are_asked_for_too(void **state)
{
	struct world *w = *state;
	struct asker askers[4] = {0};

	ask_many(w, askers, 2);
	assert_int_equal(heard(w, CONTROL_WANT), 1);
	ask_many(w, askers + 2, 2);
	assert_int_equal(heard(w, CONTROL_WANT), 0);
	for (int i = 0; i < 4; i++) {
		pass(5);
		turn(w);
	}
	assert_true(heard(w, CONTROL_WANT) > 0);
	drain(w);
}

/* Nobody tells us that hashers have come; their jobs must not wait for an answer. */
static void new_hashers_get_their_jobs_without_an_answer(void **state)
{
	struct world *w = *state;
	struct asker askers[8] = {0};

	w->pools[POOL].queue_limit = 8;
	ask_many(w, askers, 8);
	assert_numbers(w, 5, 3);
	set_alive(w, PLACES);
	for (int i = 0; i < 4; i++) {
		pass(5);
		turn(w);
	}
	assert_numbers(w, 2, 6);
	drain(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(a_full_link_is_not_waited_for),
	    WITH_WORLD(room_on_a_full_link_is_used),
	    WITH_WORLD(a_pool_leaves_flights_for_others_and_room_for_answers),
	    WITH_WORLD(a_full_window_does_not_spin),
	    WITH_WORLD(the_window_is_shared_with_other_frontends),
	    WITH_WORLD(more_hashers_are_asked_for_when_all_are_busy),
	    WITH_WORLD(no_more_hashers_are_asked_for_than_there_can_be),
	    WITH_WORLD(jobs_that_come_in_a_burst_are_asked_for_too),
	    WITH_WORLD(new_hashers_get_their_jobs_without_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
