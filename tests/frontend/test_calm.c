/* frontend/calm.c: a loop that collects while much is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frontend/calm.h"

/* What libev was told last. */
static double interval;

void ev_set_io_collect_interval(struct ev_loop *loop, ev_tstamp seconds)
{
	(void)loop;
	interval = seconds;
}

static void tick(struct calm *calm)
{
	assert_true(ev_is_active(&calm->timer));
	ev_invoke(calm->loop, &calm->timer, EV_TIMER);
}

static void refuse(struct calm *calm, unsigned times)
{
	while (times-- > 0)
		calm_refused(calm);
}

static void a_few_refusals_change_nothing(void **state)
{
	struct calm calm;

	(void)state;
	interval = 0;
	calm_init(&calm, ev_loop_new(EVFLAG_NOENV));
	for (int i = 0; i < 10; i++) {
		refuse(&calm, 5);
		assert_true(interval == 0.);
		tick(&calm);
	}
	tick(&calm);
	assert_false(ev_is_active(&calm.timer)); /* nothing to look at any more */
	calm_close(&calm);
	ev_loop_destroy(calm.loop);
}

static void many_make_it_collect_until_they_end(void **state)
{
	struct calm calm;

	(void)state;
	interval = 0;
	calm_init(&calm, ev_loop_new(EVFLAG_NOENV));
	refuse(&calm, 100);
	assert_true(interval > 0. && interval <= .002); /* at once, and not for long */
	tick(&calm);
	assert_true(interval > 0.);
	refuse(&calm, 100);
	tick(&calm);
	assert_true(interval > 0.);
	refuse(&calm, 1);
	tick(&calm);
	assert_true(interval == 0.);
	calm_close(&calm);
	assert_false(ev_is_active(&calm.timer));
	ev_loop_destroy(calm.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_few_refusals_change_nothing),
	    cmocka_unit_test(many_make_it_collect_until_they_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
