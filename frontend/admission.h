/*
 * Admission: whether a job is taken on, decided before it has cost anything. One table
 * (admission.c) has the questions in the order in which they are asked, with the answer
 * of each:
 *
 *   is there anybody to do it?          503 queue-full
 *   has its client its share already?   429 client-limit
 *   is there a place in the queue?      503 queue-full
 *   can it be done in time?             503 would-exceed-deadline
 *   is there memory for it?             503 memory-budget
 *
 * A client who asks too much hears that, and not that the house is full; memory comes
 * last because the answer reserves it. Queue and time do not begin with a cliff:
 * between a soft and a hard limit the chance of being refused grows (as in random early
 * detection, Floyd and Jacobson, 1993). A client that has less in the queue than the
 * average is not turned away for the queue's length; in a full queue the one who has
 * most makes room for it. All of that holds for networks as well (client.h).
 */
#ifndef FRONTEND_ADMISSION_H
#define FRONTEND_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

enum admission {
	ADMITTED,
	ADMISSION_NO_HASHER,    /* the pool has no process, and they die at the start */
	ADMISSION_CLIENT_LIMIT, /* the client has per_client_limit jobs */
	ADMISSION_MEMORY_BUDGET, /* too many costly jobs; or we ourselves lack memory */
	ADMISSION_QUEUE_FULL,
	ADMISSION_DEADLINE, /* it would not be done in time */
	ADMISSION_END
};

struct client;
struct dispatch;
struct pool;
struct task;

/* What a job keeps from others until the work at it has really ended, whether anybody
 * still waits for it or not: one of its client's jobs, memory. */
struct charge {
	struct client *client; /* held; NULL: nothing is charged */
	unsigned pool;
	uint64_t bytes; /* reserved on the board */
};

/* May the task, which is in no queue yet, be taken on? Then its charge is made (from
 * charge.client, whom the caller goes on holding). Where the answer is not ADMITTED,
 * *retry_after is the number of whole seconds after which it might be: from the
 * forecast of what stands in its way, at least 1. */
enum admission admission_ask(
    struct pool *pool, struct task *task, unsigned *retry_after);

/* Gives back what was charged; once, however often it is called. */
void admission_refund(struct dispatch *d, struct charge *charge);

/* Seconds until the pool will have done what it has, at least 1, at most
 * ADMISSION_RETRY_MAX. */
unsigned admission_retry_after(struct pool *pool);

enum { ADMISSION_RETRY_MAX = 60 };

#endif
