/*
 * Who is next: the queue of one pool in one frontend, fair between clients.
 *
 * Deficit round robin (Shreedhar and Varghese, "Efficient Fair Queueing using Deficit
 * Round Robin", SIGCOMM 1995) over hashed buckets (McKenney, "Stochastic Fairness
 * Queueing", INFOCOM 1990): a client's tasks share a bucket, chosen by its keyed hash,
 * and the buckets take turns by the work they ask for. One client with a thousand jobs
 * so gets as much as one with a single job. Within a bucket the oldest goes first, or,
 * when the caller says so, the newest.
 *
 * Tasks whose hasher has died are ahead of all: they have had their turn.
 */
#ifndef FRONTEND_FAIR_H
#define FRONTEND_FAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>

struct task;

enum { FAIR_BUCKETS = 1024 }; /* a power of two */

TAILQ_HEAD(task_queue, task);

struct fair_bucket {
	TAILQ_ENTRY(fair_bucket) turn; /* in fair.turns while it has tasks */
	struct task_queue tasks;       /* oldest first */
	unsigned count;
	uint64_t units;   /* of its tasks */
	uint64_t deficit; /* units that it may still take in its turn */
};

TAILQ_HEAD(fair_turns, fair_bucket);

struct fair {
	struct fair_bucket *buckets; /* FAIR_BUCKETS; untouched pages cost nothing */
	struct fair_turns turns;     /* buckets with tasks, the next one first */
	struct task_queue again;     /* ahead of all */
	unsigned active;             /* buckets with tasks */
	unsigned count;              /* tasks */
	uint64_t units;              /* of all tasks */
	uint64_t quantum;            /* units that a turn brings, at least 1 */
};

/* Returns 0, or -1 without memory. A quantum that is one usual job lets each bucket
 * send one a turn. */
int fair_open(struct fair *fair, uint64_t quantum);
/* There must be no tasks. */
void fair_close(struct fair *fair);

/* Queues a task (its charge.client and units are set) as its client's newest. */
void fair_add(struct fair *fair, struct task *task);
/* The same, ahead of all others. */
void fair_add_again(struct fair *fair, struct task *task);
/* Takes it out, wherever it is. */
void fair_remove(struct fair *fair, struct task *task);

/* The task whose turn it is, still queued; NULL where there is none. To be removed
 * before the next call. `newest`: of its client's. */
struct task *fair_next(struct fair *fair, bool newest);

/* Tasks of the client, or of those who share its bucket. */
unsigned fair_count(const struct fair *fair, uint64_t hash);

/* Units that would be served before one more task of the client, oldest first. */
uint64_t fair_ahead(const struct fair *fair, uint64_t hash);

/* The oldest task of whoever has the most, where that is at least two more than the
 * client has: the one to give up its place to a task of the client. Else NULL. */
struct task *fair_victim(const struct fair *fair, uint64_t hash);

#endif
