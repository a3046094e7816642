/*
 * The window: how many jobs of a pool this frontend may have under way. Enough that no
 * hasher waits, few enough that waiting happens in our queue; and shared with the other
 * frontends by how many clients ask each of them.
 */
#ifndef FRONTEND_WINDOW_H
#define FRONTEND_WINDOW_H

struct pool;

/* Hashers of the pool that are READY, as the master says. */
unsigned window_alive(const struct pool *pool);

/* Jobs that may be under way now: at least 1. */
unsigned window_of(struct pool *pool);

/* Of so many jobs that may be under way, those that clients share (fair_take()); 0 for
 * no limit: while our part of the hashers has not a job each. */
unsigned window_shared(const struct pool *pool, unsigned window);

#endif
