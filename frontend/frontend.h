/*
 * One frontend process: its root struct. The loop never blocks and never hashes.
 */
#ifndef FRONTEND_FRONTEND_H
#define FRONTEND_FRONTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "common/child.h"
#include "common/loop.h"
#include "frontend/accept.h"
#include "frontend/client.h"
#include "frontend/conn.h"
#include "frontend/dispatch.h"
#include "frontend/pause.h"

struct frontend {
	struct child *child;
	const struct config *config;
	struct ev_loop *loop;
	struct dispatch *dispatch;
	struct conn_list conns;   /* all open connections */
	struct conn_list reserve; /* beyond max_connections, the oldest first */
	struct clients clients;   /* those who have them */
	unsigned conn_count, reserve_count;
	struct conn_memory memory;
	struct pause pause; /* for those who were refused */
	unsigned waiting;   /* connections with a job queued or running */
	bool serving;       /* told to accept: not before the generation is in charge */
	bool draining;      /* told to leave: every answer says Connection: close */
	uint64_t request_prefix; /* random; with request_counter makes X-Request-Id */
	uint64_t request_counter;
	struct conn_scratch scratch; /* about 20 KiB: not for a stack */
	struct ev_io control, signals;
	struct loop_rest control_rest;
	struct ev_timer title;       /* refreshes the process title */
	struct ev_timer drain_limit; /* shutdown_timeout */
	struct ev_timer drain_idle;  /* closes idle connections, see conn_drain.c */
	struct accept accept;
	int exit_status;
};

/* Is the connection of each answer to be closed? The master sets `leaving` as soon as
 * it is told to leave; accepting goes on for drain_delay then. */
static inline bool frontend_is_leaving(const struct frontend *fe)
{
	return fe->draining ||
	       atomic_load_explicit(&board_head(&fe->child->board)->leaving,
	           memory_order_relaxed) != BOARD_STAYS;
}

/* A connection has ended: for conn.c, which has unlinked it already. */
void frontend_conn_gone(struct frontend *fe);

/* The last listener has ended: for accept.c. */
void frontend_listeners_gone(struct frontend *fe);

#endif
