/*
 * When listening sockets end: all of them when the daemon leaves for good; at a reload
 * those whose address the new config does not have. A socket that somebody else serves,
 * or may serve, does not end: another generation's, systemd's, and in an upgrade the
 * other master's.
 *
 * No connection that a client takes for established is reset: first no new ones are
 * begun, then the frontends accept what waits in the queues, and when these are empty
 * the sockets are shut down, from which the frontends see that nothing will come any
 * more.
 */
#include "common/clock.h"
#include "master/master.h"

static const double UNLISTEN_LOOK_SECONDS = .02;

/* Will nobody serve on the sockets of this master any more? */
static bool unlisten_for_good(const struct master *m)
{
	const struct upgrade *up = &m->upgrade;

	if (m->activated.count > 0 || up->heir || up->predecessor ||
	    (up->handed_on && up->successor != 0))
		return false;
	return m->stopping && (m->quitting || up->handed_on);
}

static bool unlisten_may(
    const struct generation *g, const struct listener_socket *entry)
{
	if (entry->fd < 0)
		return false;
	return g == g->master->current ? unlisten_for_good(g->master)
	                               : entry->users == 1;
}

static void unlisten_end(struct generation *g)
{
	const uint32_t ending = atomic_load(&board_head(&g->board)->ending);

	unlisten_stop(g);
	for (size_t i = 0; i < g->listeners.count; i++)
		if ((ending >> i & 1) != 0)
			listen_end(g->listeners.sockets[i]);
}

/* Connections wait until a frontend accepts them; but not forever, lest others that
 * want to connect hang where they could be refused. */
static bool unlisten_must_wait(const struct generation *g)
{
	const uint32_t ending = atomic_load(&board_head(&g->board)->ending);
	const uint64_t half = g->config->shutdown_timeout_ms / 2;
	const uint64_t limit = half < LADDER_EMPTY_MS ? half : LADDER_EMPTY_MS;

	if (role_count(&g->roles[0], PROCESS_NONE) == g->roles[0].slot_count ||
	    clock_ns() - g->unlisten_ns >= limit * NS_PER_MS)
		return false;
	for (size_t i = 0; i < g->listeners.count; i++)
		if ((ending >> i & 1) != 0 && listen_waits(g->listeners.sockets[i]))
			return true;
	return false;
}

static void unlisten_look(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct generation *g = w->data;

	(void)loop;
	(void)events;
	if (!unlisten_must_wait(g))
		unlisten_end(g);
}

/* Tells the frontends which sockets end, and refuses new connections on them: in this
 * order, as accept4() fails on a Unix socket from then on. Returns whether there are
 * any. */
static bool unlisten_mark(struct generation *g)
{
	_Atomic uint32_t *ending = &board_head(&g->board)->ending;
	bool some = false;

	for (size_t i = 0; i < g->listeners.count; i++) {
		struct listener_socket *entry = g->listeners.sockets[i];

		if (!unlisten_may(g, entry))
			continue;
		atomic_fetch_or(ending, UINT32_C(1) << i);
		listen_refuse(entry);
		some = true;
	}
	return some;
}

void unlisten_begin(struct generation *g)
{
	if (g->killed || ev_is_active(&g->unlisten) || !unlisten_mark(g))
		return;
	if (role_count(&g->roles[0], PROCESS_READY) == 0) {
		unlisten_end(g); /* nobody accepts any more */
		return;
	}
	g->unlisten_ns = clock_ns();
	ev_timer_init(&g->unlisten, unlisten_look, LADDER_HANDSHAKE_MS / 1000.,
	    UNLISTEN_LOOK_SECONDS);
	g->unlisten.data = g;
	ev_timer_start(g->master->loop, &g->unlisten);
}

void unlisten_stop(struct generation *g)
{
	ev_timer_stop(g->master->loop, &g->unlisten);
}
