#include "frontend/frontend.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/unistd.h>

#include "common/log.h"
#include "common/loop.h"

/* One of the listening sockets that all frontends share. */
struct listener {
	struct frontend *frontend;
	struct ev_io watcher;
};

static const double ACCEPT_REST_SECONDS = .1; /* after accept4() has failed */
static const double TITLE_SECONDS = 1.;

static void frontend_stop(struct frontend *fe, int status)
{
	fe->exit_status = status;
	ev_break(fe->loop, EVBREAK_ALL);
}

/* The listeners rest while there is no room, and when we leave. */
static void accept_update(struct frontend *fe)
{
	bool want = fe->serving && !fe->draining && !ev_is_active(&fe->accept_rest) &&
	            fe->conn_count < fe->config->frontend.max_connections;

	if (want == fe->accepting)
		return;
	fe->accepting = want;
	for (size_t i = 0; i < fe->listener_count; i++)
		if (want)
			ev_io_start(fe->loop, &fe->listeners[i].watcher);
		else
			ev_io_stop(fe->loop, &fe->listeners[i].watcher);
}

static void accept_rested(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	accept_update(w->data);
}

/* What accept4() fails with is either one connection's fault, or a shortage that
 * passes. */
static void accept_failed(struct frontend *fe, int error)
{
	static struct log_limit limit;

	if (error == EAGAIN || error == EINTR || error == ECONNABORTED ||
	    error == EPROTO)
		return;
	log_limited(&limit, LOG_LEVEL_ERROR, "cannot accept a connection: %s%s",
	    strerror(error),
	    error == EMFILE ? "; see frontend.rlimit_nofile and max_connections" : "");
	ev_timer_set(&fe->accept_rest, ACCEPT_REST_SECONDS, 0.);
	ev_timer_start(fe->loop, &fe->accept_rest);
	accept_update(fe);
}

/* Accepts one connection. Returns whether there was one. */
static bool accept_one(struct frontend *fe, int listener)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int fd = accept4(
	    listener, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		accept_failed(fe, errno);
		return false;
	}
	if (conn_accept(fe, fd, (const struct sockaddr *)&addr, len) != 0)
		accept_failed(fe, ENOMEM);
	accept_update(fe);
	return true;
}

/* One at a time: so the other frontends, awake for the same connections, get their
 * share. */
static void accept_ready(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct listener *listener = w->data;

	(void)loop;
	if ((events & EV_ERROR) != 0) /* the epoll set took it not: later, then */
		accept_failed(listener->frontend, ENOSPC);
	else
		accept_one(listener->frontend, w->fd);
}

static void drain_check(struct frontend *fe)
{
	if (fe->draining && fe->conn_count == 0)
		frontend_stop(fe, CHILD_EXIT_DONE);
}

void frontend_conn_gone(struct frontend *fe)
{
	accept_update(fe);
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

/*
 * The whole daemon stops: who waits in the queue of the listeners is still let in, and
 * idle connections end, but for those on which a request already lies.
 */
static void drain_for_good(struct frontend *fe)
{
	struct conn *conn, *next;
	char byte;

	for (size_t i = 0; i < fe->listener_count; i++)
		while (fe->conn_count < fe->config->frontend.max_connections &&
		       accept_one(fe, fe->listeners[i].watcher.fd))
			continue;
	for (conn = TAILQ_FIRST(&fe->conns); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, entry);
		if (conn->state == CONN_IDLE &&
		    recv(conn->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
			conn_close(conn);
	}
}

/* No new connections; each answer is the last on its connection. */
static void frontend_drain(struct frontend *fe)
{
	if (fe->draining)
		return;
	if (atomic_load(&board_head(&fe->child->board)->stopping) != 0)
		drain_for_good(fe);
	fe->draining = true;
	accept_update(fe);
	ev_timer_set(
	    &fe->drain_limit, (double)fe->config->shutdown_timeout_ms / 1000., 0.);
	ev_timer_start(fe->loop, &fe->drain_limit);
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

static void frontend_signalled(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct frontend *fe = w->data;
	struct signalfd_siginfo info;

	(void)loop;
	if (frontend_is_deaf(fe, events))
		return;
	while (
	    read(fe->child->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGQUIT)
			frontend_drain(fe);
		else if (info.ssi_signo == SIGINT)
			frontend_stop(fe, CHILD_EXIT_DONE);
	}
}

static void frontend_hear(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct frontend *fe = w->data;
	struct control_message message;
	enum link_result result;
	int log;

	(void)loop;
	if (frontend_is_deaf(fe, events))
		return;
	while ((result = control_recv_child(fe->child->control, &message, &log)) ==
	       LINK_OK) {
		if (log >= 0)
			log_adopt(log);
		else if (message.kind == CONTROL_SERVE)
			fe->serving = true;
		else if (message.kind == CONTROL_GONE)
			dispatch_hasher_gone(fe->dispatch, &message);
	}
	accept_update(fe);
	if (result == LINK_CLOSED)
		frontend_stop(fe, CHILD_EXIT_MASTER_GONE);
	else if (result == LINK_BAD)
		log_bug("the master sent an ill-formed message");
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

static int frontend_open_listeners(struct frontend *fe)
{
	fe->listener_count = fe->child->listener_count;
	fe->listeners = calloc(fe->listener_count, sizeof(*fe->listeners));
	if (fe->listeners == NULL) {
		fe->listener_count = 0;
		return -1;
	}
	for (size_t i = 0; i < fe->listener_count; i++) {
		struct listener *listener = &fe->listeners[i];

		listener->frontend = fe;
		ev_io_init(
		    &listener->watcher, accept_ready, fe->child->listeners[i], EV_READ);
		listener->watcher.data = listener;
	}
	return 0;
}

static int frontend_open(struct frontend *fe, struct child *child)
{
	fe->child = child;
	fe->config = child->config;
	TAILQ_INIT(&fe->conns);
	arc4random_buf(&fe->request_prefix, sizeof(fe->request_prefix));
	fe->loop = loop_open(EVBACKEND_EPOLL | EVFLAG_NOENV, CHILD_EXIT_FATAL);
	if (fe->loop == NULL)
		return -1;
	fe->dispatch = dispatch_open(fe->loop, child);
	if (fe->dispatch == NULL || frontend_open_listeners(fe) != 0)
		return -1;
	frontend_watch_io(fe, &fe->control, child->control, frontend_hear);
	frontend_watch_io(fe, &fe->signals, child->signal_fd, frontend_signalled);
	ev_timer_init(&fe->accept_rest, accept_rested, 0., 0.);
	ev_timer_init(&fe->drain_limit, drain_limit_passed, 0., 0.);
	ev_timer_init(&fe->title, frontend_retitle, 0., TITLE_SECONDS);
	fe->accept_rest.data = fe->drain_limit.data = fe->title.data = fe;
	ev_timer_start(fe->loop, &fe->title);
	return 0;
}

static void frontend_close(struct frontend *fe)
{
	if (fe->loop == NULL)
		return;
	fe->draining = true; /* no accepting again while connections go */
	accept_update(fe);
	conn_close_all(fe);
	dispatch_close(fe->dispatch);
	free(fe->listeners);
	ev_loop_destroy(fe->loop);
}

int frontend_run(struct child *child)
{
	static struct frontend fe;
	const struct control_message ready = {.kind = CONTROL_READY};

	if (frontend_open(&fe, child) != 0) {
		log_error("cannot set up: %s", strerror(errno));
		frontend_close(&fe);
		return CHILD_EXIT_SETUP;
	}
	if (control_send(child->control, &ready) != LINK_OK)
		fe.exit_status = CHILD_EXIT_MASTER_GONE;
	else
		ev_run(fe.loop, 0);
	frontend_close(&fe);
	return fe.exit_status;
}
