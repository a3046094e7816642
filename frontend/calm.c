#include "frontend/calm.h"

/* So many refusals in a tick are too many to be woken for each. */
enum { CALM_REFUSALS = 20 };
static const double TICK_SECONDS = .1, COLLECT_SECONDS = .001;

static void calm_collect(struct calm *calm, bool collecting)
{
	if (collecting == calm->collecting)
		return;
	calm->collecting = collecting;
	ev_set_io_collect_interval(calm->loop, collecting ? COLLECT_SECONDS : 0.);
}

static void calm_ticked(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct calm *calm = w->data;

	(void)events;
	calm_collect(calm, calm->refused >= CALM_REFUSALS);
	if (calm->refused == 0)
		ev_timer_stop(loop, w);
	calm->refused = 0;
}

void calm_init(struct calm *calm, struct ev_loop *loop)
{
	*calm = (struct calm){.loop = loop};
	ev_timer_init(&calm->timer, calm_ticked, 0., TICK_SECONDS);
	calm->timer.data = calm;
}

void calm_close(struct calm *calm)
{
	if (calm->loop != NULL)
		ev_timer_stop(calm->loop, &calm->timer);
}

void calm_refused(struct calm *calm)
{
	if (++calm->refused >= CALM_REFUSALS)
		calm_collect(calm, true);
	if (!ev_is_active(&calm->timer))
		ev_timer_again(calm->loop, &calm->timer);
}
