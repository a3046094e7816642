#include "frontend/frontend.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/unistd.h>

#include "common/locked.h"
#include "common/log.h"

static const double TITLE_SECONDS = 1.;
static const double DRAIN_LOOK_SECONDS = .1; /* for idle connections that may go */

static void frontend_stop(struct frontend *fe, int status)
{
	fe->exit_status = status;
	ev_break(fe->loop, EVBREAK_ALL);
}

static void drain_check(struct frontend *fe)
{
	if (fe->draining && fe->conn_count == 0 && fe->accept.open_count == 0)
		frontend_stop(fe, CHILD_EXIT_DONE);
}

void frontend_conn_gone(struct frontend *fe)
{
	drain_check(fe);
}

void frontend_listeners_gone(struct frontend *fe)
{
	drain_check(fe);
}

static void drain_limit_passed(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct frontend *fe = w->data;

	(void)loop;
	(void)events;
	log_warn("shutdown_timeout has passed: closing %u connections", fe->conn_count);
	frontend_stop(fe, CHILD_EXIT_DONE);
}

/* Idle connections have had their time. They are closed when no other is left, or
 * shortly before all are. */
static void drain_idle_passed(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct frontend *fe = w->data;
	const double left = ev_timer_remaining(loop, &fe->drain_limit);

	(void)events;
	if (left * 1000. <= CONN_FAREWELL_MS || !conn_any_asks(fe))
		conn_end_idle(fe);
}

static void drain_start_timers(struct frontend *fe)
{
	const uint64_t limit = fe->config->shutdown_timeout_ms;
	const uint64_t idle = limit / 2 < LADDER_IDLE_MS ? limit / 2 : LADDER_IDLE_MS;

	ev_timer_set(&fe->drain_limit, (double)limit / 1000., 0.);
	ev_timer_start(fe->loop, &fe->drain_limit);
	ev_timer_set(&fe->drain_idle, (double)idle / 1000., DRAIN_LOOK_SECONDS);
	ev_timer_start(fe->loop, &fe->drain_idle);
}

/* Each answer is the last on its connection; no new connections but from listeners that
 * end. */
static void frontend_drain(struct frontend *fe)
{
	if (fe->draining)
		return;
	fe->draining = true;
	conn_refuse_sleepers(fe);
	accept_drain(fe);
	drain_start_timers(fe);
	drain_check(fe);
}

/* libev could not add its fd to the epoll set, and has stopped it. */
static bool frontend_is_deaf(struct frontend *fe, int events)
{
	if ((events & EV_ERROR) == 0)
		return false;
	log_error("the master cannot be heard: no room in the epoll set");
	frontend_stop(fe, CHILD_EXIT_FATAL);
	return true;
}

/* Takes all messages of the master. */
static void frontend_hear_master(struct frontend *fe)
{
	struct control_message message;
	enum link_result result;

	while ((result = control_recv(fe->child->control, &message)) == LINK_OK) {
		if (message.kind == CONTROL_GONE)
			dispatch_hasher_gone(fe->dispatch, &message);
		else if (message.kind == CONTROL_LEAVE)
			frontend_drain(fe);
		else if (message.kind == CONTROL_SERVE) {
			fe->serving = true;
			accept_update(fe);
		}
	}
	if (result == LINK_CLOSED)
		frontend_stop(fe, CHILD_EXIT_MASTER_GONE);
	else if (result == LINK_SHORT)
		loop_rest(fe->loop, &fe->control_rest, &fe->control);
	else if (result == LINK_BAD)
		log_bug("the master sent an ill-formed message");
}

static void frontend_signalled(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct frontend *fe = w->data;
	struct signalfd_siginfo info;

	(void)loop;
	if (frontend_is_deaf(fe, events))
		return;
	while (
	    read(fe->child->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGQUIT) {
			frontend_hear_master(fe); /* it may have said SERVE before */
			frontend_drain(fe);
		} else if (info.ssi_signo == SIGINT) {
			frontend_stop(fe, CHILD_EXIT_DONE);
		}
	}
}

static void frontend_hear(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct frontend *fe = w->data;

	(void)loop;
	if (!frontend_is_deaf(fe, events))
		frontend_hear_master(fe);
}

static void frontend_retitle(struct ev_loop *loop, struct ev_timer *w, int events)
{
	const struct frontend *fe = w->data;

	(void)loop;
	(void)events;
	setproctitle("frontend %u [conns %u, waiting %u]", fe->child->index,
	    fe->conn_count, fe->waiting);
}

static void frontend_watch_io(struct frontend *fe, struct ev_io *w, int fd,
    void (*heard)(struct ev_loop *, struct ev_io *, int))
{
	ev_io_init(w, heard, fd, EV_READ);
	w->data = fe;
	ev_io_start(fe->loop, w);
}

static int frontend_open(struct frontend *fe, struct child *child)
{
	fe->child = child;
	fe->config = child->config;
	fe->accept.spare = -1;
	conn_init(fe);
	arc4random_buf(&fe->request_prefix, sizeof(fe->request_prefix));
	fe->loop = loop_open(EVBACKEND_EPOLL | EVFLAG_NOENV, CHILD_EXIT_FATAL);
	if (fe->loop == NULL)
		return -1;
	fe->dispatch = dispatch_open(fe->loop, child);
	if (fe->dispatch == NULL || accept_open(fe) != 0)
		return -1;
	frontend_watch_io(fe, &fe->control, child->control, frontend_hear);
	frontend_watch_io(fe, &fe->signals, child->signal_fd, frontend_signalled);
	ev_timer_init(&fe->drain_limit, drain_limit_passed, 0., 0.);
	ev_timer_init(&fe->title, frontend_retitle, 0., TITLE_SECONDS);
	ev_timer_init(&fe->drain_idle, drain_idle_passed, 0., 0.);
	fe->drain_limit.data = fe->drain_idle.data = fe->title.data = fe;
	ev_timer_start(fe->loop, &fe->title);
	return 0;
}

static void frontend_close(struct frontend *fe)
{
	if (fe->loop == NULL)
		return;
	accept_close(fe);
	conn_close_all(fe);
	dispatch_close(fe->dispatch);
	clients_free(&fe->clients);
	ev_loop_destroy(fe->loop);
}

int frontend_run(struct child *child)
{
	/* requests are read into it */
	struct frontend *fe = locked_zalloc(sizeof(*fe));
	const struct control_message ready = {.kind = CONTROL_READY};
	int status = CHILD_EXIT_SETUP;

	if (fe == NULL || frontend_open(fe, child) != 0) {
		log_error("cannot set up: %s", strerror(errno));
		goto out;
	}
	if (control_send(child->control, &ready) != LINK_OK)
		fe->exit_status = CHILD_EXIT_MASTER_GONE;
	else
		ev_run(fe->loop, 0);
	status = fe->exit_status;
out:
	if (fe != NULL)
		frontend_close(fe);
	locked_free(fe);
	return status;
}
