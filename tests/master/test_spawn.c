/* master/spawn.c: a master forks for as long as it lives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/job.h"
#include "common/log.h"
#include "master/master.h"

enum { PLACES = 4 };

/* One pool, of whose processes nothing is asked. */
struct world {
	struct master master;
	struct generation g;
	struct config config;
	struct config_pool pool;
	struct process processes[PLACES];
};

static int world_open(void **state)
{
	static struct world world;
	struct world *w = &world;

	*w = (struct world){
	    .config = {.pools = &w->pool, .pool_count = 1}, .pool = {.name = "p"}};
	w->config.ready_timeout_ms = 60000;
	TAILQ_INIT(&w->master.generations);
	w->master.loop = ev_loop_new(0);
	w->g = (struct generation){.master = &w->master,
	    .config = &w->config,
	    .processes = w->processes,
	    .process_count = PLACES,
	    .role_count = 2};
	w->g.roles[1] = (struct role){.kind = &role_kinds[ROLE_HASHER],
	    .generation = &w->g,
	    .slot_count = PLACES,
	    .max = PLACES};
	for (size_t i = 0; i < PLACES; i++)
		w->processes[i] = (struct process){.role = &w->g.roles[1],
		    .index = (unsigned)i,
		    .slot = i,
		    .control = -1,
		    .sight = -1};
	TAILQ_INSERT_TAIL(&w->master.generations, &w->g, entry);
	*state = w;
	return w->master.loop != NULL ? board_open(&w->g.board, PLACES) : -1;
}

static int world_close(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < PLACES; i++)
		if (w->processes[i].control >= 0)
			close(w->processes[i].control);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	board_close(&w->g.board);
	ev_loop_destroy(w->master.loop);
	return 0;
}

/* 2^24 births later there are numbers again: those that no process has. */
static void process_numbers_come_round(void **state)
{
	const uint32_t last = (1 << 24) - 1;
	struct world *w = *state;

	w->master.incarnations = last - 1;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(spawn_process(&w->processes[i]), 0);
	assert_int_equal(w->processes[0].incarnation, last);
	assert_int_equal(w->processes[1].incarnation, 1);
	w->master.incarnations = last - 1;
	assert_int_equal(spawn_process(&w->processes[2]), 0);
	assert_int_equal(w->processes[2].incarnation, 2);
	assert_int_equal(atomic_load(&board_slot(&w->g.board, 2)->incarnation), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
	        process_numbers_come_round, world_open, world_close),
	};

	return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
