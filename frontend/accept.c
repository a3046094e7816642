#include "frontend/accept.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "frontend/conn.h"
#include "frontend/frontend.h"

enum {
	ACCEPT_PATIENCE = 16, /* failures in a row that may be each connection's own */
	ACCEPT_CLOSES = 64,   /* connections closed for one new fd */
	ACCEPT_LEAVES = 10, /* times that a client is left to others who do not move */
	ACCEPT_MARGIN =
	    4, /* connections more than another has, and an eighth of ours */
};

static const double REST_SECONDS = .1;          /* after accept4() has failed */
static const double LEAVE_SECONDS = .05;        /* when others have room */
static const uint64_t YIELD_NS = 2 * NS_PER_MS; /* when another has fewer of them */
static const uint64_t STUCK_NS = NS_PER_SEC;    /* until others get another chance */

/* Who came, and where from. */
struct arrival {
	int fd;
	struct sockaddr_storage addr;
	socklen_t len;
};

/* Nothing is accepted before the master says SERVE (a generation that fails on trial
 * must not take a connection with it), and for a while where there is no room. */
void accept_update(struct frontend *fe)
{
	struct accept *in = &fe->accept;
	bool want = fe->serving && in->open_count > 0 && !ev_is_active(&in->rest);

	if (want == in->accepting)
		return;
	in->accepting = want;
	for (size_t i = 0; i < in->listener_count; i++)
		if (want && in->listeners[i].open)
			ev_io_start(fe->loop, &in->listeners[i].watcher);
		else
			ev_io_stop(fe->loop, &in->listeners[i].watcher);
}

/* Any fd will do that can be had without a file system. */
static bool accept_find_spare(struct accept *in)
{
	if (in->spare < 0)
		in->spare = epoll_create1(EPOLL_CLOEXEC);
	return in->spare >= 0;
}

static void accept_rest(struct frontend *fe, double seconds)
{
	ev_timer_stop(fe->loop, &fe->accept.rest);
	ev_timer_set(&fe->accept.rest, seconds, 0.);
	ev_timer_start(fe->loop, &fe->accept.rest);
	accept_update(fe);
}

static void accept_rested(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct frontend *fe = w->data;

	(void)loop;
	(void)events;
	accept_find_spare(&fe->accept);
	accept_update(fe);
}

/* May a listener have been shut down by the master? It is before the frontend is told
 * to drain. */
static bool accept_ends(const struct frontend *fe)
{
	return fe->draining || atomic_load(&board_head(&fe->child->board)->ending) != 0;
}

/* What accept4() fails with is either one connection's fault, or a shortage that
 * passes; what seems to be the former and goes on is the latter. Returns whether a
 * connection is gone with it. */
static bool accept_failed(struct frontend *fe, int error)
{
	static struct log_limit limit;
	bool shortage = error == EMFILE || error == ENFILE || error == ENOMEM ||
	                error == ENOBUFS || error == ENOSPC;

	if (error == EAGAIN || error == EINTR || (error == EINVAL && accept_ends(fe)))
		return false;
	if (!shortage && ++fe->accept.failures < ACCEPT_PATIENCE)
		return true;
	fe->accept.failures = 0;
	log_limited(&limit, LOG_LEVEL_ERROR, "cannot accept a connection: %s%s",
	    strerror(error),
	    error == EMFILE ? "; see frontend.rlimit_nofile and max_connections" : "");
	accept_rest(fe, REST_SECONDS);
	return false;
}

static int accept_arrival(int listener, struct arrival *arrival)
{
	arrival->len = sizeof(arrival->addr);
	arrival->fd = accept4(listener, (struct sockaddr *)&arrival->addr,
	    &arrival->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return arrival->fd >= 0 ? 0 : -1;
}

/* Who came has the spare's fd; is there another one to be had? */
static bool accept_replace_spare(struct frontend *fe, const struct arrival *arrival)
{
	for (unsigned i = 0; i < ACCEPT_CLOSES; i++)
		if (accept_find_spare(&fe->accept) ||
		    !conn_make_room_at(fe, arrival->fd,
		        (const struct sockaddr *)&arrival->addr, arrival->len))
			break;
	return accept_find_spare(&fe->accept);
}

/* There are no more fds. Returns 0 where the arrival is to be served all the same, 1
 * where it was told that it cannot be, -1 with errno where there was none. */
static int accept_by_spare(struct frontend *fe, int listener, struct arrival *arrival)
{
	static struct log_limit limit;
	int error = errno;

	if (fe->accept.spare < 0)
		return -1;
	close(fe->accept.spare);
	fe->accept.spare = -1;
	if (accept_arrival(listener, arrival) != 0) {
		error = errno;
		accept_find_spare(&fe->accept);
		errno = error;
		return -1;
	}
	if (accept_replace_spare(fe, arrival))
		return 0;
	log_limited(&limit, LOG_LEVEL_ERROR, "no place for a connection: %s%s",
	    strerror(error),
	    error == EMFILE ? "; see frontend.rlimit_nofile and max_connections" : "");
	conn_turn_away(fe, arrival->fd);
	accept_find_spare(&fe->accept);
	return 1;
}

/* Accepts one connection. Returns whether there was one. */
static bool accept_one(struct frontend *fe, int listener)
{
	struct arrival arrival;
	int result = accept_arrival(listener, &arrival);

	if (result != 0 && (errno == EMFILE || errno == ENFILE))
		result = accept_by_spare(fe, listener, &arrival);
	if (result < 0)
		return accept_failed(fe, errno);
	fe->accept.failures = 0;
	fe->accept.yielded_to = 0;
	if (result == 0 &&
	    conn_accept(fe, arrival.fd, (const struct sockaddr *)&arrival.addr,
	        arrival.len) != 0)
		accept_failed(fe, ENOMEM);
	return true;
}

/* Has another frontend room? *seen changes with who comes to them, and goes. */
static bool accept_others_have_room(const struct frontend *fe, uint64_t *seen)
{
	const struct child *child = fe->child;
	bool room = false;

	*seen = 0;
	for (unsigned i = 0; i < child->frontends; i++) {
		struct board_slot *slot = board_slot(&child->board, i);
		uint32_t connections;

		if (i == child->index || slot == NULL ||
		    atomic_load_explicit(&slot->incarnation, memory_order_relaxed) == 0)
			continue;
		connections = atomic_load_explicit(
		    &slot->frontend.connections, memory_order_relaxed);
		room |= connections < fe->config->frontend.max_connections;
		*seen += connections;
	}
	return room;
}

/* Who comes when we are full is left to the others while they have room, and move. Were
 * they stuck, they are given another chance now and then. */
static bool accept_leave(struct frontend *fe)
{
	struct accept *in = &fe->accept;
	uint64_t seen;

	if (!conn_places_taken(fe) || !accept_others_have_room(fe, &seen))
		return false;
	if (seen != in->others_seen)
		in->left = 0;
	in->others_seen = seen;
	if (in->left == ACCEPT_LEAVES) {
		if (clock_ns() - in->left_ns < STUCK_NS)
			return false;
		in->left--;
	}
	in->left++;
	in->left_ns = clock_ns();
	accept_rest(fe, LEAVE_SECONDS);
	return true;
}

/* Has another one clearly fewer connections than we? *seen changes with what comes to
 * those. */
static bool accept_others_have_fewer(const struct frontend *fe, uint64_t *seen)
{
	const struct child *child = fe->child;
	const unsigned margin = ACCEPT_MARGIN + fe->conn_count / 8;

	*seen = 0;
	for (unsigned i = 0; i < child->frontends; i++) {
		struct board_slot *slot = board_slot(&child->board, i);
		uint64_t connections;

		if (i == child->index || slot == NULL ||
		    atomic_load_explicit(&slot->incarnation, memory_order_relaxed) == 0)
			continue;
		connections = atomic_load_explicit(
		    &slot->frontend.connections, memory_order_relaxed);
		if (connections + margin < fe->conn_count)
			*seen += connections + 1;
	}
	return *seen != 0;
}

/*
 * All frontends are woken for a client, and the quickest gets it: under load that is
 * mostly the same one, which then has the jobs of all while the hashers serve each
 * frontend in its turn. So who has more leaves the client to the others for a moment,
 * again and again while they take some. Where nobody moves he takes him himself, and
 * does not trust them for a while.
 */
static bool accept_yield(struct frontend *fe)
{
	struct accept *in = &fe->accept;
	uint64_t now = clock_ns(), seen;

	if (now < in->trust_ns || !accept_others_have_fewer(fe, &seen))
		return false;
	if (seen == in->yielded_to) {
		in->yielded_to = 0;
		in->trust_ns = now + STUCK_NS;
		return false;
	}
	in->yielded_to = seen;
	accept_rest(fe, (double)YIELD_NS / (double)NS_PER_SEC);
	return true;
}

/* The fd stays open: libev's epoll set would otherwise go on with events of a socket
 * that other processes have too, and be made anew. */
static void listener_stop(struct listener *listener)
{
	struct frontend *fe = listener->frontend;

	if (!listener->open)
		return;
	ev_io_stop(fe->loop, &listener->watcher);
	listener->open = false;
	fe->accept.open_count--;
}

/* Has the master shut the listener down? No connection comes to it any more then, but a
 * Unix socket keeps those that wait. */
static bool listener_is_shut(const struct listener *listener)
{
	struct pollfd pollfd = {.fd = listener->watcher.fd, .events = POLLRDHUP};

	return poll(&pollfd, 1, 0) > 0;
}

/* Draining: every connection that waits is accepted, then the listener is done with.
 * One that rests (no fd, no memory) is tried again later. */
static void accept_to_the_end(struct listener *listener)
{
	struct frontend *fe = listener->frontend;
	const bool shut = listener_is_shut(listener);

	if (accept_one(fe, listener->watcher.fd) || !shut ||
	    ev_is_active(&fe->accept.rest))
		return;
	listener_stop(listener);
	accept_update(fe);
	if (fe->accept.open_count == 0)
		frontend_listeners_gone(fe);
}

/* One at a time: so the other frontends, awake for the same connections, get their
 * share. */
static void accept_ready(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct listener *listener = w->data;

	(void)loop;
	if ((events & EV_ERROR) != 0) /* the epoll set took it not: later, then */
		(void)accept_failed(listener->frontend, ENOSPC);
	else if (listener->frontend->draining)
		accept_to_the_end(listener);
	else if (!accept_leave(listener->frontend) && !accept_yield(listener->frontend))
		accept_one(listener->frontend, w->fd);
}

void accept_drain(struct frontend *fe)
{
	struct accept *in = &fe->accept;
	uint32_t ending = atomic_load(&board_head(&fe->child->board)->ending);

	for (size_t i = 0; i < in->listener_count; i++)
		if (!fe->serving || (ending >> i & 1) == 0)
			listener_stop(&in->listeners[i]);
	accept_update(fe);
}

int accept_open(struct frontend *fe)
{
	struct accept *in = &fe->accept;

	ev_timer_init(&in->rest, accept_rested, 0., 0.);
	in->rest.data = fe;
	in->listeners = calloc(fe->child->listener_count, sizeof(*in->listeners));
	if (in->listeners == NULL || !accept_find_spare(in))
		return -1;
	in->listener_count = in->open_count = fe->child->listener_count;
	for (size_t i = 0; i < in->listener_count; i++) {
		struct listener *listener = &in->listeners[i];

		listener->frontend = fe;
		listener->open = true;
		ev_io_init(
		    &listener->watcher, accept_ready, fe->child->listeners[i], EV_READ);
		listener->watcher.data = listener;
	}
	accept_update(fe);
	return 0;
}

void accept_close(struct frontend *fe)
{
	struct accept *in = &fe->accept;

	ev_timer_stop(fe->loop, &in->rest);
	for (size_t i = 0; i < in->listener_count; i++)
		ev_io_stop(fe->loop, &in->listeners[i].watcher);
	if (in->spare >= 0)
		close(in->spare);
	free(in->listeners);
	*in = (struct accept){.spare = -1};
}
