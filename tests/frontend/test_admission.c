/* frontend/admission.c and what dispatch.c makes of it: who is turned away, with which
 * answer, before any work; see test_forecast.c for what cannot be done in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/frontend/dispatch_world.h"

static void a_client_has_its_share(void **state)
{
	struct world *w = *state;
	struct client *other = client_of(w, 2);
	struct asker askers[6] = {0};
	struct job job;

	w->pools[POOL].queue_limit = 100;
	w->pools[POOL].per_client_limit = 4;
	fill(w, w->client, askers, 4);
	assert_int_equal(ask(w, &askers[4], "x"), ADMISSION_CLIENT_LIMIT);
	assert_in_range(askers[4].retry_after, 1, ADMISSION_RETRY_MAX);
	assert_int_equal(ask_as(w, other, &askers[5], "x"), ADMITTED);
	/* whoever leaves does not free what is still being worked at */
	assert_true(take(w, &job));
	dispatch_cancel(w->dispatch, askers[0].task);
	assert_int_equal(ask(w, &askers[4], "x"), ADMISSION_CLIENT_LIMIT);
	answer(w, &job, JOB_DROPPED);
	turn(w);
	assert_int_equal(ask(w, &askers[4], "x"), ADMITTED);
	client_put(other); /* its job holds it */
	finish_all(w);
	assert_told(&askers[5], TASK_OK);
}

static void who_has_no_address_has_no_share(void **state)
{
	struct world *w = *state;
	const struct conn_peer peer = {.kind = CONN_PEER_UNIX};
	struct client *local = client_get(&w->clients, &peer);
	struct asker askers[6] = {0};

	w->pools[POOL].queue_limit = 100;
	w->pools[POOL].per_client_limit = 2;
	fill(w, local, askers, 6);
	client_put(local);
	finish_all(w);
}

/* The queue's length: from half of it chance decides, but not about a client that has
 * less in it than others. */
static void a_long_queue_refuses_those_who_made_it_long(void **state)
{
	struct world *w = *state;
	struct client *other = client_of(w, 2);
	struct asker askers[16] = {0}, quiet = {0};
	unsigned n = 0;

	w->pools[POOL].queue_limit = 10;
	test_chance = NEVER;
	while (n < 16 && ask(w, &askers[n], "x") == ADMITTED)
		n++;
	assert_in_range(n, 5, 7);
	assert_int_equal(ask(w, &askers[n], "x"), ADMISSION_QUEUE_FULL);
	assert_int_equal(ask_as(w, other, &quiet, "x"), ADMITTED);
	client_put(other);
	finish_all(w);
}

/* The quiet client gets the place of the loud one's oldest job, which is told when the
 * loop comes round, and not while another asks. */
static void in_a_full_queue_who_has_most_makes_room(void **state)
{
	struct world *w = *state;
	struct client *other = client_of(w, 2);
	struct asker askers[8] = {0}, quiet = {0};

	w->pools[POOL].queue_limit = 4;
	fill(w, w->client, askers, 3); /* on the link */
	for (unsigned i = 3; i < 7; i++)
		assert_int_equal(ask(w, &askers[i], "x"), ADMITTED);
	assert_int_equal(ask(w, &askers[7], "x"), ADMISSION_QUEUE_FULL);
	assert_int_equal(ask_as(w, other, &quiet, "y"), ADMITTED);
	assert_int_equal(askers[3].told, 0);
	turn(w);
	assert_told(&askers[3], TASK_SHED);
	client_put(other);
	finish_all(w);
	assert_told(&quiet, TASK_OK);
	assert_told(&askers[4], TASK_OK);
}

/* It may leave, or its deadline pass, before it is told. */
static void a_shed_job_may_leave_before_it_is_told(void **state)
{
	struct world *w = *state;
	struct client *other = client_of(w, 2);
	struct asker askers[7] = {0}, quiet[2] = {0};

	w->pools[POOL].queue_limit = 4;
	fill(w, w->client, askers, 3);
	for (unsigned i = 3; i < 7; i++)
		assert_int_equal(ask(w, &askers[i], "x"), ADMITTED);
	assert_int_equal(ask_as(w, other, &quiet[0], "y"), ADMITTED);
	assert_int_equal(ask_as(w, other, &quiet[1], "y"), ADMITTED);
	dispatch_cancel(w->dispatch, askers[3].task);
	client_put(other);
	finish_all(w);
	assert_int_equal(askers[3].told, 0);
	assert_told(&askers[4], TASK_SHED);
}

static void clients_take_turns(void **state)
{
	struct world *w = *state;
	struct client *other = client_of(w, 2);
	struct asker askers[20] = {0}, quiet = {0};
	struct job job;

	w->pools[POOL].queue_limit = 100;
	fill(w, w->client, askers, 20);
	assert_int_equal(ask_as(w, other, &quiet, "quiet"), ADMITTED);
	turn(w);
	client_put(other);
	for (int i = 0; i < 3; i++) { /* those on the link */
		take_password(w, &job, "x");
		answer(w, &job, JOB_OK);
	}
	turn(w);
	for (unsigned n = 0; quiet.told == 0; n++) {
		assert_true(n < 3);
		assert_true(take(w, &job));
		answer(w, &job, JOB_OK);
		turn(w);
	}
	finish_all(w);
}

static void a_full_queue_goes_newest_first(void **state)
{
	struct world *w = *state;
	struct asker askers[7] = {0};
	struct job job;

	w->pools[POOL].queue_limit = 4;
	ask_many(w, askers, 3);
	for (unsigned i = 3; i < 7; i++) {
		char password[2] = {(char)('0' + i), '\0'};

		assert_int_equal(ask(w, &askers[i], password), ADMITTED);
	}
	assert_true(take(w, &job)); /* "0" */
	answer(w, &job, JOB_OK);
	turn(w);
	take_password(w, &job, "1");
	answer(w, &job, JOB_OK);
	take_password(w, &job, "2");
	answer(w, &job, JOB_OK);
	take_password(w, &job, "6"); /* the queue was full */
	answer(w, &job, JOB_OK);
	turn(w);
	take_password(w, &job, "3"); /* and is no longer */
	answer(w, &job, JOB_OK);
	finish_all(w);
}

/* --- memory beyond the profiles' --- */

static enum admission ask_memory(
    struct world *w, struct asker *asker, uint32_t memory_kib)
{
	struct task_spec spec = {.kind = JOB_HASH,
	    .pool = POOL,
	    .cost = {2, 0x13, memory_kib, 1, 1, 16, 32}};

	return ask_spec(w, asker, &spec);
}

static void costly_jobs_share_one_ceiling(void **state)
{
	struct world *w = *state;
	struct asker askers[4] = {0};
	struct job job;

	assert_int_equal(ask_memory(w, &askers[0], 128 * 1024), ADMITTED);
	assert_int_equal(ask_memory(w, &askers[1], 128 * 1024), ADMITTED);
	assert_int_equal(ask_memory(w, &askers[2], 20 * 1024), ADMISSION_MEMORY_BUDGET);
	assert_int_equal(ask_memory(w, &askers[2], 19456), ADMITTED); /* a profile's */
	turn(w);
	assert_true(take(w, &job));
	/* the client leaves, the work goes on: so does what it holds */
	dispatch_cancel(w->dispatch, askers[0].task);
	assert_int_equal(
	    ask_memory(w, &askers[3], 128 * 1024), ADMISSION_MEMORY_BUDGET);
	assert_in_range(askers[3].retry_after, 1, ADMISSION_RETRY_MAX);
	answer(w, &job, JOB_DROPPED);
	turn(w);
	assert_int_equal(ask_memory(w, &askers[3], 128 * 1024), ADMITTED);
	finish_all(w);
	assert_int_equal(atomic_load(&own_slot(w)->reserved), 0);
}

static void what_other_frontends_have_reserved_counts(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	_Atomic uint64_t *other = &board_slot(&w->child.board, 1)->frontend.reserved;

	w->child.frontends = 2;
	atomic_store(other, UINT64_C(200) << 20);
	assert_int_equal(ask_memory(w, &asker, 64 * 1024), ADMISSION_MEMORY_BUDGET);
	atomic_store(other, UINT64_MAX);
	assert_int_equal(ask_memory(w, &asker, 64 * 1024), ADMISSION_MEMORY_BUDGET);
	assert_int_equal(atomic_load(&own_slot(w)->reserved), 0);
	atomic_store(other, 0);
	assert_int_equal(ask_memory(w, &asker, 64 * 1024), ADMITTED);
	finish_all(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(a_client_has_its_share),
	    WITH_WORLD(who_has_no_address_has_no_share),
	    WITH_WORLD(a_long_queue_refuses_those_who_made_it_long),
	    WITH_WORLD(in_a_full_queue_who_has_most_makes_room),
	    WITH_WORLD(a_shed_job_may_leave_before_it_is_told),
	    WITH_WORLD(clients_take_turns),
	    WITH_WORLD(a_full_queue_goes_newest_first),
	    WITH_WORLD(costly_jobs_share_one_ceiling),
	    WITH_WORLD(what_other_frontends_have_reserved_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
