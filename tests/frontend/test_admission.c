/* frontend/admission.c, forecast.c and what dispatch.c makes of them: who is turned
 * away, with which answer, before any work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/frontend/dispatch_world.h"

enum { NEVER = 0 }; /* test_chance: whoever can be refused early is */

/* So many jobs wait beside those on the link (batch and spare: 3). */
static void fill(
    struct world *w, struct client *client, struct asker *askers, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(ask_as(w, client, &askers[i], "x"), ADMITTED);
	turn(w);
}

static void nothing_known_refuses_nobody(void **state)
{
	struct world *w = *state;
	struct asker askers[100] = {0};

	w->pools[POOL].queue_limit = 1000;
	test_chance = NEVER;
	fill(w, w->client, askers, 100);
	finish_all(w);
}

static void what_cannot_be_done_in_time_is_refused(void **state)
{
	struct world *w = *state;
	struct asker askers[16] = {0};
	unsigned n = 0;

	w->pools[POOL].queue_limit = 1000;
	set_job_ms(w, 100); /* ten fit into the deadline */
	while (n < 16 && ask(w, &askers[n], "x") == ADMITTED)
		n++;
	/* a tenth for its own work, and a reserve of a third */
	assert_in_range(n, 5, 8);
	assert_int_equal(ask(w, &askers[n], "x"), ADMISSION_DEADLINE);
	assert_int_equal(askers[n].retry_after, 1);
	finish_all(w);
	assert_int_equal(ask(w, &askers[n], "x"), ADMITTED);
	finish_all(w);
}

/* Between a third of the time and two thirds of it chance decides. */
static void refusals_begin_before_the_limit(void **state)
{
	struct world *w = *state;
	struct asker askers[16] = {0};
	unsigned n = 0;

	w->pools[POOL].queue_limit = 1000;
	set_job_ms(w, 100);
	test_chance = NEVER;
	while (n < 16 && ask(w, &askers[n], "x") == ADMITTED)
		n++;
	assert_in_range(n, 3, 5);
	finish_all(w);
}

/* An idle pool takes what nobody could promise: it may go well. */
static void an_idle_pool_takes_a_job_with_little_time(void **state)
{
	struct world *w = *state;
	struct asker asker = {0};
	struct task_spec spec = {.kind = JOB_HASH,
	    .pool = POOL,
	    .cost = {2, 0x13, 19456, 2, 1, 16, 32},
	    .timeout_ms = 150};

	set_job_ms(w, 100);
	assert_int_equal(ask_spec(w, &asker, &spec), ADMITTED);
	finish_all(w);
	assert_told(&asker, TASK_OK);
}

static void others_jobs_count_as_much_as_ones_own(void **state)
{
	struct world *w = *state;
	struct asker askers[16] = {0};
	unsigned n = 0;

	/* the second slot is another frontend's, which has many jobs */
	w->child.frontends = 2;
	atomic_store(&board_slot(&w->child.board, 1)->frontend.backlog[POOL],
	    UINT64_C(1000) * 19456 * 2);
	w->child.pool_slot[POOL]++; /* so it is no hasher's */
	w->pools[POOL].queue_limit = 1000;
	w->dispatch->pools[POOL].forecast.ns_per_unit = 100. * NS_PER_MS / (19456 * 2);
	while (n < 16 && ask(w, &askers[n], "x") == ADMITTED)
		n++;
	assert_in_range(n, 3, 4); /* half as many as alone */
	atomic_store(&board_slot(&w->child.board, 1)->frontend.backlog[POOL], 0);
	finish_all(w);
	w->child.pool_slot[POOL]--;
}

static void more_hashers_allow_for_more(void **state)
{
	struct world *w = *state;
	struct asker askers[40] = {0};
	unsigned n = 0;

	w->pools[POOL].queue_limit = 1000;
	set_alive(w, 4);
	set_job_ms(w, 100);
	while (n < 40 && ask(w, &askers[n], "x") == ADMITTED)
		n++;
	assert_in_range(n, 22, 28);
	finish_all(w);
}

/* What a replaced hasher no longer says, and what a lying one says. */
static void the_board_is_hearsay(void **state)
{
	static const struct {
		uint64_t units, busy_ns;
	} lies[] = {{0, 0}, {UINT64_MAX, UINT64_MAX}, {1, UINT64_MAX}, {UINT64_MAX, 1},
	    {5, 0}, {0, 5}, {UINT64_MAX / 2, UINT64_MAX}};
	struct world *w = *state;
	struct asker asker = {0};

	for (size_t i = 0; i < 4 * sizeof(lies) / sizeof(lies[0]); i++) {
		const size_t lie = i % (sizeof(lies) / sizeof(lies[0]));

		atomic_store(&hasher(w, 1)->units, lies[lie].units);
		atomic_store(&hasher(w, 1)->busy_ns, lies[lie].busy_ns);
		pass(100);
		(void)dispatch_retry_after(w->dispatch, POOL);
		/* a hasher that says it is slow has a job refused at most */
		if (ask(w, &asker, "x") == ADMITTED)
			finish_all(w);
		asker = (struct asker){0};
	}
}

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

/* Things have become slower than the forecast was: it is too late for the oldest. */
static void who_is_too_late_is_told_so_and_not_sent(void **state)
{
	struct world *w = *state;
	struct asker askers[6] = {0};
	struct job jobs[3];

	w->pools[POOL].queue_limit = 100;
	fill(w, w->client, askers, 6);
	set_job_ms(w, 300);
	pass(650);
	for (int i = 0; i < 3; i++)
		assert_true(take(w, &jobs[i]));
	answer(w, &jobs[0], JOB_OK);
	turn(w);
	assert_told(&askers[0], TASK_OK);
	for (int i = 3; i < 6; i++)
		assert_told(&askers[i], TASK_LATE);
	assert_nothing_to_take(w);
	answer(w, &jobs[1], JOB_OK);
	answer(w, &jobs[2], JOB_OK);
	turn(w);
}

/* A hasher was stopped, and the forecast with it became longer than any deadline: jobs
 * are done all the same, and the forecast learns from them. */
static void bad_times_are_forgotten(void **state)
{
	struct world *w = *state;
	struct asker asker;
	struct job job;

	set_job_ms(w, UINT64_C(20) * DEADLINE_MS);
	for (int i = 0; i < 30; i++) {
		asker = (struct asker){0};
		assert_int_equal(ask(w, &asker, "x"), ADMITTED);
		turn(w);
		assert_true(take(w, &job));
		pass(30);
		atomic_fetch_add(&hasher(w, 0)->units, 19456 * 2);
		atomic_fetch_add(&hasher(w, 0)->busy_ns, 30 * NS_PER_MS);
		answer(w, &job, JOB_OK);
		turn(w);
		assert_told(&asker, TASK_OK);
	}
	assert_in_range(dispatch_retry_after(w->dispatch, POOL), 1, 1);
	assert_true(w->dispatch->pools[POOL].forecast.ns_per_unit * 19456 * 2 <
	            .1 * (double)NS_PER_SEC);
}

/* So many jobs done by hasher 0, each of which took so long; and time to look at it. */
static void have_done(struct world *w, unsigned jobs, uint64_t ms_each)
{
	atomic_fetch_add(&hasher(w, 0)->units, (uint64_t)jobs * 19456 * 2);
	atomic_fetch_add(&hasher(w, 0)->busy_ns, jobs * ms_each * NS_PER_MS);
	pass(100);
}

/* How many of the next jobs are taken, at most `most`. */
static unsigned taken(struct world *w, struct asker *askers, unsigned most)
{
	unsigned n = 0;

	while (n < most && ask(w, &askers[n], "x") == ADMITTED)
		n++;
	finish_all(w);
	return n;
}

static void one_slow_job_is_no_reason(void **state)
{
	struct world *w = *state;
	struct asker askers[50] = {0}, after[50] = {0}, many[50] = {0};

	w->pools[POOL].queue_limit = 1000;
	test_chance = NEVER;
	have_done(w, 1, DEADLINE_MS / 50); /* the very first one */
	assert_int_equal(taken(w, askers, 50), 50);
	have_done(w, 100, 1);
	have_done(w, 1, DEADLINE_MS / 20); /* one among many quick ones */
	assert_int_equal(taken(w, after, 50), 50);
	for (int i = 0; i < 10; i++)
		have_done(w, 4, DEADLINE_MS / 5); /* but these are */
	assert_in_range(taken(w, many, 50), 1, 9);
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
	    WITH_WORLD(nothing_known_refuses_nobody),
	    WITH_WORLD(what_cannot_be_done_in_time_is_refused),
	    WITH_WORLD(refusals_begin_before_the_limit),
	    WITH_WORLD(an_idle_pool_takes_a_job_with_little_time),
	    WITH_WORLD(others_jobs_count_as_much_as_ones_own),
	    WITH_WORLD(more_hashers_allow_for_more),
	    WITH_WORLD(the_board_is_hearsay),
	    WITH_WORLD(a_client_has_its_share),
	    WITH_WORLD(who_has_no_address_has_no_share),
	    WITH_WORLD(a_long_queue_refuses_those_who_made_it_long),
	    WITH_WORLD(in_a_full_queue_who_has_most_makes_room),
	    WITH_WORLD(a_shed_job_may_leave_before_it_is_told),
	    WITH_WORLD(clients_take_turns),
	    WITH_WORLD(who_is_too_late_is_told_so_and_not_sent),
	    WITH_WORLD(bad_times_are_forgotten),
	    WITH_WORLD(one_slow_job_is_no_reason),
	    WITH_WORLD(a_full_queue_goes_newest_first),
	    WITH_WORLD(costly_jobs_share_one_ceiling),
	    WITH_WORLD(what_other_frontends_have_reserved_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
