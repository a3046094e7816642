/*
 * Who is next: the queue of one pool in one frontend, fair between clients.
 *
 * Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) over hashed buckets
 * (McKenney, "Stochastic Fairness Queueing", INFOCOM 1990): a client's tasks share a
 * bucket, chosen by its keyed hash. Each bucket has a tag, the virtual time at which
 * its next task may start, counted in units of work; the smallest tag goes first, and
 * moves on by what its task asks for. Who comes anew begins at the tag that was served
 * last: nobody saves up turns by being idle, and nobody loses his by waiting for an
 * answer before he asks again. (Deficit round robin gives a client who always has a
 * task waiting up to a third where twenty others, each with one task at a time, should
 * leave him a twentieth: he takes the places of all who are just being served.)
 *
 * Within a bucket the oldest goes first, or, when the caller says so, the newest. Tasks
 * whose hasher has died are ahead of all: they have had their turn.
 */
#ifndef FRONTEND_FAIR_H
#define FRONTEND_FAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>

#include "common/contract.h"

struct pool;
struct task;

TAILQ_HEAD(task_queue, task);

struct fair_bucket {
	TAILQ_ENTRY(fair_bucket) entry; /* in fair.active while it has tasks */
	struct task_queue tasks;        /* oldest first */
	unsigned count;
	uint64_t units;  /* of its tasks */
	uint64_t tag;    /* when its next task may start, in units of virtual time */
	unsigned spread; /* queues like this one in which its client has tasks */
	double place_ns; /* what each place in it costs in waiting, moving average; 0:
	                    not known; only as long as it is never empty */
};

TAILQ_HEAD(fair_active, fair_bucket);

struct fair {
	struct fair_bucket *buckets; /* LIMIT_BUCKETS; untouched pages cost nothing */
	struct fair_active active;   /* buckets with tasks, in the order they came */
	struct task_queue again;     /* ahead of all */
	unsigned active_count;
	unsigned count;   /* tasks */
	uint64_t units;   /* of all tasks */
	uint64_t now;     /* virtual time: the tag that was served last */
	uint64_t quantum; /* units of a usual job */
	/* how many queues like this one the client of a hash has tasks in: with two,
	 * his tasks cost him twice as much in each; NULL: there is only this one */
	unsigned (*spread)(const struct pool *pool, uint64_t hash);
	const struct pool *pool;
};

/* Returns 0, or -1 without memory. `quantum`: units of one usual job. */
int fair_open(struct fair *fair, uint64_t quantum);
/* There must be no tasks. */
void fair_close(struct fair *fair);

/* Queues a task (its charge.client and units are set) as its client's newest. */
void fair_add(struct fair *fair, struct task *task);
/* The same, ahead of all others. */
void fair_add_again(struct fair *fair, struct task *task);
/* Takes it out, wherever it is. */
void fair_remove(struct fair *fair, struct task *task);

/* Takes the task whose turn it is, of its client's the newest if so said; NULL where
 * there is none. */
struct task *fair_take(struct fair *fair, bool newest, uint64_t now_ns);

/* A task that was taken is not sent after all: its client does not pay for it. */
void fair_give_back(struct fair *fair, const struct task *task);

/* Tasks of the client, or of those who share its bucket. */
unsigned fair_count(const struct fair *fair, uint64_t hash);

/* Units that would be served before one more task of the client, oldest first. */
uint64_t fair_ahead(const struct fair *fair, uint64_t hash);

/* Nanoseconds that one more task of the client will wait, going by those before it; 0
 * where nothing is known. */
uint64_t fair_wait_ns(const struct fair *fair, uint64_t hash);

/* The oldest task of whoever has the most, where that is at least two more than the
 * client has: the one to give up its place to a task of the client. Else NULL. */
struct task *fair_victim(const struct fair *fair, uint64_t hash);

#endif
