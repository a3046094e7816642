/*
 * How long will it take? From what the hashers of a pool have done and how long they
 * were busy with it (board.h), and from what waits for them in all frontends.
 *
 * What others wrote is hearsay: it can make us refuse too much or too little, and
 * nothing else.
 */
#ifndef FRONTEND_FORECAST_H
#define FRONTEND_FORECAST_H

#include <stdint.h>

struct pool;

struct forecast {
	double ns_per_unit; /* of one hasher's time, moving average; 0: not known yet */
	double seen;        /* units that it comes from, as long as they are few */
	uint64_t units, busy_ns; /* the sums when last looked at */
	uint64_t looked_ns;
	/* our own part of what the pool does, while jobs of ours wait without a break
	 */
	uint64_t served;       /* units of jobs that have ended, for us */
	uint64_t waiting_from; /* ns: since when there has always been one; 0: there is
	                          none */
	uint64_t served_from;  /* `served` then */
	double own_rate;       /* units a second, moving average; 0: not known */
};

/* The queue has gone from empty to not empty, or back; a job's work for us has ended.
 */
void forecast_queue_changed(struct pool *pool);
void forecast_served(struct pool *pool, uint64_t units);

/* Processes that there are, or will be in a moment because jobs wait; at least 1. */
unsigned forecast_hashers(const struct pool *pool);

/* Nanoseconds until a hasher begins a task that has so many units before it in this
 * frontend, waiting or under way. Frontends are served in turn, so as much of what the
 * others have counts as well; where our own jobs are waiting for some time already, how
 * fast they have gone counts if it was slower. 0 while nothing is known. */
uint64_t forecast_wait_ns(struct pool *pool, uint64_t units_ahead);

/* Nanoseconds that a hasher works at a task of so many units: at least, when it does
 * nothing else; and beside as many others as the pool's `batch` allows. */
uint64_t forecast_work_least_ns(const struct pool *pool, uint64_t units);
uint64_t forecast_work_ns(const struct pool *pool, uint64_t units);

#endif
