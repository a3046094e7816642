/*
 * Jobs of old formats, which libraries compute to their end: a process that has one has
 * nothing for anybody else until then. Two limits, over all frontends, keep them from
 * having a pool to themselves; both follow from `old_formats_share`:
 *
 * - So many of the pool's processes, rounded up, are at work on them at most.
 * - While there are as many other jobs as processes, they get so much of the processes'
 *   time: after a job that took t, the next one does not begin before
 *   t / (share * processes) have passed since the beginning of that one. (Where the
 *   share of the processes is a whole number, the first limit is enough.)
 *
 * Each frontend says on the board what it has under way and when its last ones are paid
 * for. What others say of themselves is hearsay: it makes us send such jobs earlier or
 * later, and nothing else.
 */
#ifndef FRONTEND_OLD_SHARE_H
#define FRONTEND_OLD_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct pool;
struct task;

/* Of one pool. All zero at first. */
struct old_share {
	uint64_t
	    contended_ns; /* when there were last as many other jobs as processes */
	uint64_t flight_units; /* of those under way */
};

/* May one more of them begin now? Then it is counted until old_share_end(), whether it
 * is found or not. Each frontend first says that it takes one and then looks at the
 * others: at worst two wait for each other for a moment, never do both begin. */
bool old_share_take(struct pool *pool);

/* One that was counted has ended after so many nanoseconds of work; 0: it was not
 * begun.
 */
void old_share_end(struct pool *pool, uint64_t ns);

/* Nanoseconds until such a task, which is not queued yet, would begin, by what waits
 * and is under way in all frontends; 0 while nothing is known. */
uint64_t old_share_wait_ns(struct pool *pool, const struct task *task);

/* Tells the board how many such jobs wait here, and what they and those under way come
 * to. */
void old_share_publish(struct pool *pool);

/* Units of all other jobs here that are under way; and with those that wait. Where all
 * processes are at work on old formats, these stand in the way and count as well. */
uint64_t old_share_usual_flights(struct pool *pool);
uint64_t old_share_usual_units(struct pool *pool);

#endif
