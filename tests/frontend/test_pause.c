/* frontend/pause.c: pauses grow while refusals are dear, and shrink again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "common/clock.h"
#include "frontend/frontend.h"

/* What the clocks say. */
static uint64_t wall_ns, cpu_ns;

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	const uint64_t ns = clock == CLOCK_PROCESS_CPUTIME_ID ? cpu_ns : wall_ns;

	*ts = (struct timespec){
	    .tv_sec = (time_t)(ns / NS_PER_SEC), .tv_nsec = (long)(ns % NS_PER_SEC)};
	return 0;
}

static void it_doubles_and_halves(void **state)
{
	static const struct {
		unsigned ms, hundredths, next;
		bool many;
	} rows[] = {
	    {0, 0, 0, false},
	    {0, PAUSE_DEAR - 1, 0, false},
	    {0, PAUSE_DEAR, 1, false},
	    {1, 100, 2, false},
	    {600, 100, PAUSE_MAX_MS, false},
	    {PAUSE_MAX_MS, 100, PAUSE_MAX_MS, false},
	    {8, PAUSE_DEAR - 1, 8, false},
	    {8, PAUSE_CHEAP, 8, false},
	    {8, PAUSE_CHEAP - 1, 4, false},
	    {1, 0, 0, false},
	    {0, PAUSE_MANY_DEAR - 1, 0, true},
	    {0, PAUSE_MANY_DEAR, 1, true},
	    {8, PAUSE_MANY_CHEAP, 8, true},
	    {8, PAUSE_MANY_CHEAP - 1, 4, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    pause_next(rows[i].ms, rows[i].hundredths, rows[i].many),
		    rows[i].next);
}

struct world {
	struct frontend fe;
	struct child child;
	struct board board;
};

static int set_up(void **state)
{
	static struct world w;

	w = (struct world){0};
	assert_int_equal(board_open(&w.child.board, 1), 0);
	w.child.slot = board_slot(&w.child.board, 0);
	w.fe.child = &w.child;
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	board_close(&w->child.board);
	return 0;
}

/* For so many ms, `requests` of which `refused` are, and ms of CPU time. */
static void spend(
    struct world *w, unsigned ms, unsigned requests, unsigned refused, unsigned cpu_ms)
{
	atomic_fetch_add(&w->child.slot->frontend.requests, requests);
	for (unsigned i = 1; i < refused; i++)
		pause_refused(&w->fe);
	wall_ns += ms * NS_PER_MS;
	cpu_ns += cpu_ms * NS_PER_MS;
	pause_refused(&w->fe);
}

static void set_off(struct world *w)
{
	wall_ns = 1000 * NS_PER_SEC;
	cpu_ns = 5 * NS_PER_SEC;
	pause_refused(&w->fe); /* the first look: since the machine's start */
	assert_int_equal(w->fe.pause.ms, 0);
}

static void only_dear_refusals_count(void **state)
{
	struct world *w = *state;

	set_off(w);
	spend(w, 100, 1100, 1000, 27); /* ten of eleven parts: 24 hundredths */
	assert_int_equal(w->fe.pause.ms, 0);
	spend(w, 100, 1100, 1000, 28);
	assert_int_equal(w->fe.pause.ms, 1);
	spend(w, 100, 1100, 1000, 100);
	assert_int_equal(w->fe.pause.ms, 2);
	spend(w, 100, 1000, 200, 100); /* a fifth of what there was to do */
	assert_int_equal(w->fe.pause.ms, 2);
	spend(w, 100, 1000, 100, 100);
	assert_int_equal(w->fe.pause.ms, 1);
	spend(w, 100, 1100, 1000, 11);
	assert_int_equal(w->fe.pause.ms, 0);
}

/* Where there is next to nothing else, or nothing, they are dear much sooner. */
static void many_refusals_are_dear(void **state)
{
	struct world *w = *state;

	set_off(w);
	spend(w, 100, 1025, 999, 24);
	assert_int_equal(w->fe.pause.ms, 0);
	spend(w, 100, 1025, 1000, 6);
	assert_int_equal(w->fe.pause.ms, 1);
	spend(w, 100, 1000, 1000, 5);
	assert_int_equal(w->fe.pause.ms, 2);
	spend(w, 100, 1000, 1000, 4);
	assert_int_equal(w->fe.pause.ms, 2);
	spend(w, 100, 1000, 1000, 1);
	assert_int_equal(w->fe.pause.ms, 1);
}

static void it_looks_ten_times_a_second(void **state)
{
	struct world *w = *state;

	set_off(w);
	spend(w, 99, 1000, 1000, 99);
	assert_int_equal(w->fe.pause.ms, 0);
	spend(w, 1, 1000, 1000, 1);
	assert_int_equal(w->fe.pause.ms, 1);
}

static void an_old_pause_is_over(void **state)
{
	struct world *w = *state;

	set_off(w);
	w->fe.pause.ms = 800;
	spend(w, 999, 1, 1, 1);
	assert_int_equal(w->fe.pause.ms, 400);
	spend(w, 1000, 1, 1, 1);
	assert_int_equal(w->fe.pause.ms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_doubles_and_halves),
	    cmocka_unit_test_setup_teardown(
	        only_dear_refusals_count, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(many_refusals_are_dear, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_old_pause_is_over, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
	        it_looks_ten_times_a_second, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
