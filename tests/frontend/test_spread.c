/* frontend/spread.c: a client of two frontends has half a turn in each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/frontend/dispatch_world.h"

enum { OTHERS = 2, JOBS = 12 };

static struct pool *pool_of(struct world *w)
{
	return &w->dispatch->pools[POOL];
}

/* The slots that are hashers' elsewhere are two more frontends'. */
static void have_others(struct world *w)
{
	w->child.frontends = 1 + OTHERS;
	w->child.pool_slot[POOL] += OTHERS;
}

/* Says for another frontend whether a client asks there. */
static void set_asking(struct world *w, unsigned other, uint64_t hash, bool asking)
{
	struct board_frontend *board =
	    &board_slot(&w->child.board, 1 + other)->frontend;
	const unsigned bucket = hash & (LIMIT_BUCKETS - 1);

	atomic_store(
	    &board->asking[POOL][bucket / 64], asking ? UINT64_C(1) << bucket % 64 : 0);
}

static unsigned askers_on_board(struct world *w)
{
	unsigned askers;

	pass(10);
	askers = spread_askers(pool_of(w));
	assert_int_equal(own_slot(w)->askers[POOL], askers);
	return askers;
}

static void a_client_counts_by_where_it_asks(void **state)
{
	struct world *w = *state;
	struct client *other = client_of(w, 2);
	struct asker askers[3] = {0};

	have_others(w);
	assert_int_equal(askers_on_board(w), 0);
	assert_int_equal(ask(w, &askers[0], "x"), ADMITTED);
	assert_int_equal(ask(w, &askers[1], "x"), ADMITTED);
	assert_int_equal(askers_on_board(w), BOARD_ASKER);
	assert_int_equal(ask_as(w, other, &askers[2], "x"), ADMITTED);
	assert_int_equal(askers_on_board(w), 2 * BOARD_ASKER);
	set_asking(w, 0, other->hash, true);
	assert_int_equal(spread_of(pool_of(w), other->hash), 2);
	assert_int_equal(spread_of(pool_of(w), w->client->hash), 1);
	assert_int_equal(askers_on_board(w), BOARD_ASKER + BOARD_ASKER / 2);
	set_asking(w, 1, other->hash, true);
	assert_int_equal(spread_of(pool_of(w), other->hash), 3);
	client_put(other);
	finish_all(w);
	assert_int_equal(askers_on_board(w), 0);
	for (unsigned i = 0; i < LIMIT_BUCKETS / 64; i++)
		assert_int_equal(own_slot(w)->asking[POOL][i], 0);
}

/* The first asker is told at once, and the loss of the last; what changes in between
 * within some milliseconds. */
static void the_board_is_told_in_time(void **state)
{
	struct world *w = *state;
	struct client *other = client_of(w, 2);
	struct asker askers[2] = {0};

	have_others(w);
	assert_int_equal(askers_on_board(w), 0);
	assert_int_equal(ask(w, &askers[0], "x"), ADMITTED);
	assert_int_equal(spread_askers(pool_of(w)), BOARD_ASKER);
	assert_int_equal(ask_as(w, other, &askers[1], "x"), ADMITTED);
	assert_int_equal(spread_askers(pool_of(w)), BOARD_ASKER);
	assert_int_equal(askers_on_board(w), 2 * BOARD_ASKER);
	client_put(other);
	finish_all(w);
	assert_int_equal(spread_askers(pool_of(w)), 0);
}

/* Of the first n jobs, how many are of the client with that password? */
static unsigned turns_of(struct world *w, char password, unsigned n)
{
	struct job job;
	unsigned turns = 0;

	turn(w);
	for (unsigned i = 0; i < n; i++) {
		assert_true(take(w, &job));
		assert_int_equal(job.password_len, 1);
		if (job.password != NULL && *job.password == (uint8_t)password)
			turns++;
		answer(w, &job, JOB_OK);
		turn(w);
	}
	return turns;
}

static void its_turns_are_shared_with_other_frontends(void **state)
{
	struct world *w = *state;
	struct client *loud = client_of(w, 2);
	struct asker quiet_askers[JOBS] = {0}, loud_askers[JOBS] = {0};

	have_others(w);
	w->pools[POOL].queue_limit = 1000;
	set_asking(w, 0, loud->hash, true);
	set_asking(w, 1, loud->hash, true);
	for (unsigned i = 0; i < JOBS; i++) {
		assert_int_equal(ask_as(w, loud, &loud_askers[i], "l"), ADMITTED);
		assert_int_equal(ask(w, &quiet_askers[i], "q"), ADMITTED);
	}
	client_put(loud);
	assert_in_range(turns_of(w, 'l', JOBS), JOBS / 4 - 1, JOBS / 4 + 1);
	finish_all(w);
}

/* What others say of themselves makes nobody's turn vanish. */
static void all_may_lie(void **state)
{
	struct world *w = *state;
	struct asker askers[3] = {0};

	have_others(w);
	for (unsigned f = 0; f < OTHERS; f++)
		memset((void *)&board_slot(&w->child.board, 1 + f)->frontend, 0xff,
		    sizeof(struct board_frontend));
	ask_many(w, askers, 3);
	assert_int_equal(spread_of(pool_of(w), w->client->hash), 1 + OTHERS);
	finish_all(w);
	for (unsigned i = 0; i < 3; i++)
		assert_told(&askers[i], TASK_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(a_client_counts_by_where_it_asks),
	    WITH_WORLD(the_board_is_told_in_time),
	    WITH_WORLD(its_turns_are_shared_with_other_frontends),
	    WITH_WORLD(all_may_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
