/*
 * Keeping calm: when many requests are refused, each of them wakes us, and every waking
 * takes time from the hashers on the same CPUs. Then the loop collects what comes for a
 * millisecond before it looks, and refuses all of it at once.
 */
#ifndef FRONTEND_CALM_H
#define FRONTEND_CALM_H

#include <stdbool.h>

#include <ev.h>

struct calm {
	struct ev_loop *loop;
	struct ev_timer timer; /* active while anything is refused */
	unsigned refused;      /* since it last rang */
	bool collecting;
};

void calm_init(struct calm *calm, struct ev_loop *loop);
void calm_close(struct calm *calm);

/* A request was refused because there is too much. */
void calm_refused(struct calm *calm);

#endif
