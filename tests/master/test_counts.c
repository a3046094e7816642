/* master/counts.c: counts of processes that never go backwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "master/counts.h"
#include "master/master.h"

enum { POOLS = 2 };

/* A generation with a frontend and one process in each of two pools. */
struct age {
	struct generation g;
	struct config config;
	struct config_pool pools[POOLS];
	struct process processes[1 + POOLS];
};

struct world {
	struct master master;
	struct age old, young;
};

static const struct role_kind frontend_kind = {"frontend", NULL, .listens = true};
static const struct role_kind hasher_kind = {"hasher", NULL, .listens = false};

static void age_open(struct age *age, struct master *m, const char *a, const char *b)
{
	age->config.pools = age->pools;
	age->config.pool_count = POOLS;
	strcpy(age->pools[0].name, a);
	strcpy(age->pools[1].name, b);
	age->g.master = m;
	age->g.config = &age->config;
	age->g.role_count = 1 + POOLS;
	for (unsigned i = 0; i < 1 + POOLS; i++) {
		age->g.roles[i] =
		    (struct role){.kind = i == 0 ? &frontend_kind : &hasher_kind,
		        .generation = &age->g,
		        .pool = i == 0 ? 0 : i - 1};
		age->processes[i].role = &age->g.roles[i];
	}
	assert_int_equal(board_open(&age->g.board, 1), 0);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	age_open(&w->old, &w->master, "elastic", "gone");
	age_open(&w->young, &w->master, "fresh", "elastic");
	w->master.current = &w->old.g;
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	board_close(&w->old.g.board);
	board_close(&w->young.g.board);
	free(w);
	return 0;
}

static void swap(struct world *w)
{
	w->master.current = &w->young.g;
	counts_carry(&w->young.g, &w->old.g);
}

static void a_process_counts_in_its_role(void **state)
{
	struct world *w = *state;
	const struct board *board = &w->old.g.board;

	counts_spawn(&w->old.processes[0]);
	counts_spawn(&w->old.processes[2]);
	counts_exit(&w->old.processes[2], EXIT_CAUSE_FILTER);
	assert_int_equal(board_spawns(board, BOARD_FRONTENDS), 1);
	assert_int_equal(board_spawns(board, BOARD_POOLS), 0);
	assert_int_equal(board_spawns(board, BOARD_POOLS + 1), 1);
	assert_int_equal(board_exits(board, BOARD_POOLS + 1, EXIT_CAUSE_FILTER), 1);
}

/* Before there is a generation in charge. */
static void the_first_ones_count_in_their_own(void **state)
{
	struct world *w = *state;

	w->master.current = NULL;
	counts_spawn(&w->young.processes[1]);
	assert_int_equal(board_spawns(&w->young.g.board, BOARD_POOLS), 1);
}

/* Whether it succeeds or not. */
static void who_is_on_trial_counts_in_the_one_in_charge(void **state)
{
	struct world *w = *state;

	counts_spawn(&w->young.processes[2]);
	counts_exit(&w->young.processes[2], EXIT_CAUSE_SETUP);
	assert_int_equal(board_spawns(&w->old.g.board, BOARD_POOLS), 1);
	assert_int_equal(
	    board_exits(&w->old.g.board, BOARD_POOLS, EXIT_CAUSE_SETUP), 1);
	assert_int_equal(board_spawns(&w->young.g.board, BOARD_POOLS + 1), 0);
}

static void a_swap_takes_the_counts_along_by_name(void **state)
{
	struct world *w = *state;
	const struct board *board = &w->young.g.board;

	counts_spawn(&w->old.processes[0]);
	counts_spawn(&w->old.processes[1]);
	counts_exit(&w->old.processes[1], EXIT_CAUSE_MEMORY);
	counts_spawn(&w->old.processes[2]);
	counts_spawn(&w->young.processes[0]);
	counts_spawn(&w->young.processes[1]); /* a pool that the old one has not */
	counts_spawn(&w->young.processes[2]);
	swap(w);
	assert_int_equal(board_spawns(board, BOARD_FRONTENDS), 2);
	assert_int_equal(board_spawns(board, BOARD_POOLS), 1);
	assert_int_equal(board_spawns(board, BOARD_POOLS + 1), 2);
	assert_int_equal(board_exits(board, BOARD_POOLS + 1, EXIT_CAUSE_MEMORY), 1);
}

static void who_drains_counts_in_the_one_in_charge(void **state)
{
	struct world *w = *state;

	swap(w);
	counts_exit(&w->old.processes[0], EXIT_CAUSE_LEFT);
	counts_exit(&w->old.processes[1], EXIT_CAUSE_LEFT);
	counts_exit(&w->old.processes[2], EXIT_CAUSE_LEFT); /* nobody's any more */
	assert_int_equal(
	    board_exits(&w->young.g.board, BOARD_FRONTENDS, EXIT_CAUSE_LEFT), 1);
	assert_int_equal(
	    board_exits(&w->young.g.board, BOARD_POOLS + 1, EXIT_CAUSE_LEFT), 1);
	assert_int_equal(
	    board_exits(&w->young.g.board, BOARD_POOLS, EXIT_CAUSE_LEFT), 0);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(a_process_counts_in_its_role),
	    WITH_WORLD(the_first_ones_count_in_their_own),
	    WITH_WORLD(who_is_on_trial_counts_in_the_one_in_charge),
	    WITH_WORLD(a_swap_takes_the_counts_along_by_name),
	    WITH_WORLD(who_drains_counts_in_the_one_in_charge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
