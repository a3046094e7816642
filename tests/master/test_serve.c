/* master/supervise.c: frontends that are told to accept, hashers to the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/master/supervise_world.h"

static bool is_told(struct world *w)
{
	struct control_message message;
	int log;

	if (control_recv_fd(w->control[1], &message, &log) != LINK_OK)
		return false;
	assert_int_equal(message.kind, CONTROL_SERVE);
	return true;
}

static void a_frontend_is_told_when_it_is_ready(void **state)
{
	struct world *w = *state;

	w->processes[0].state = PROCESS_STARTING;
	supervise_ready(&w->processes[0]);
	assert_true(is_told(w));
	assert_false(is_told(w));
}

static void on_trial_it_is_told_when_that_is_over(void **state)
{
	struct world *w = *state;

	on_trial = true;
	w->processes[0].state = PROCESS_STARTING;
	supervise_ready(&w->processes[0]);
	assert_false(is_told(w));
	supervise_serve(w->frontends);
	assert_true(is_told(w));
}

static void who_is_not_ready_is_told_later(void **state)
{
	struct world *w = *state;

	w->processes[0].state = PROCESS_STARTING;
	supervise_serve(w->frontends);
	assert_false(is_told(w));
	w->processes[0].state = PROCESS_LEAVING;
	supervise_serve(w->frontends);
	assert_false(is_told(w));
}

static void who_cannot_be_told_is_replaced(void **state)
{
	struct world *w = *state;

	close(w->control[1]);
	w->control[1] = -1;
	supervise_serve(w->frontends);
	assert_int_equal(killed, 99);
}

/* To its last frontend a generation needs hashers, also where a fork has failed. */
static void a_fork_that_fails_at_the_end_is_tried_again(void **state)
{
	struct world *w = *state;

	grow_to(w, 1);
	w->g.state = GENERATION_DRAINING;
	still_needed = true;
	spawn_fails = 1;
	die(w, 0, SIGKILL);
	assert_int_equal(spawned, 1);
	retry(w);
	assert_int_equal(spawned, 2);
	die(w, 0, SIGKILL);
	still_needed = false; /* before its time has come */
	retry(w);
	assert_int_equal(spawned, 2);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(a_frontend_is_told_when_it_is_ready),
	    WITH_WORLD(on_trial_it_is_told_when_that_is_over),
	    WITH_WORLD(who_is_not_ready_is_told_later),
	    WITH_WORLD(who_cannot_be_told_is_replaced),
	    WITH_WORLD(a_fork_that_fails_at_the_end_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
