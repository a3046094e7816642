/*
 * Inside dispatch: jobs that are in nobody's hand. A hasher died between taking a
 * message and claiming it, or an answer got lost: whose job it was, nobody has written
 * down. A sweep finds out.
 */
#ifndef FRONTEND_SWEEP_H
#define FRONTEND_SWEEP_H

#include "frontend/flight.h"

void sweep_open(struct pool *pool);
void sweep_close(struct pool *pool);

/* One may be lost. Nothing is sent on the pool's link until it is found. */
void sweep_start(struct pool *pool);

/* A flight that nobody waits for any more is looked after, should it never end. */
void sweep_expect(struct pool *pool);

#endif
