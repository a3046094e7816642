#include "master/relog.h"

#include "common/log.h"
#include "master/master.h"

/* Between two tries. */
static const double RELOG_SECONDS = 1.;

static void relog_try(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct master *m = w->data;

	(void)events;
	if (!m->relog_wanted || !log_is_syslog())
		return;
	/* first of all: log_reopen() itself may find that syslog takes too little, and
	 * ask for the next try */
	m->relog_wanted = false;
	ev_timer_set(w, RELOG_SECONDS, 0.);
	ev_timer_start(loop, w);
	if (log_reopen() != 0 || log_fd() < 0)
		m->relog_wanted = true;
}

static void relog_lost(void *master)
{
	struct master *m = master;

	m->relog_wanted = true;
	if (ev_is_active(&m->relog))
		return;
	ev_timer_set(&m->relog, 0., 0.);
	ev_timer_start(m->loop, &m->relog);
}

void relog_open(struct master *m)
{
	ev_timer_init(&m->relog, relog_try, 0., 0.);
	m->relog.data = m;
	log_on_loss(relog_lost, m);
	if (log_is_syslog() && log_fd() < 0)
		relog_lost(m);
}

void relog_close(struct master *m)
{
	log_on_loss(NULL, NULL);
	if (m->loop != NULL)
		ev_timer_stop(m->loop, &m->relog);
}
