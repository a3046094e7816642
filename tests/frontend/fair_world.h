/*
 * A fair queue with as many tasks as a test has room for, and what the tests ask of it.
 */
#ifndef TESTS_FRONTEND_FAIR_WORLD_H
#define TESTS_FRONTEND_FAIR_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/flight.h"

enum { QUANTUM = 100, MANY = 512, OLD_PERCENT = 20 };

struct queue {
	struct fair fair;
	struct task tasks[MANY];
	unsigned used;
};

static inline int open_queue(void **state)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (q == NULL || fair_open(&q->fair, QUANTUM, OLD_PERCENT) != 0)
		return -1;
	*state = q;
	return 0;
}

static inline int close_queue(void **state)
{
	struct queue *q = *state;

	fair_close(&q->fair);
	free(q);
	return 0;
}

/* A task of client n, whose hash is n. */
static inline struct task task_of(unsigned client, uint64_t units)
{
	return (struct task){.origin = {.hash = {client}, .depth = 1}, .units = units};
}

static inline struct task *add_task(struct queue *q, struct task what)
{
	struct task *task = &q->tasks[q->used++];

	assert_true(q->used <= MANY);
	*task = what;
	fair_add(&q->fair, task);
	return task;
}

static inline struct task *add(struct queue *q, unsigned client, uint64_t units)
{
	return add_task(q, task_of(client, units));
}

static inline struct task *add_old(struct queue *q, unsigned client, uint64_t units)
{
	struct task task = task_of(client, units);

	task.class = FAIR_OLD;
	return add_task(q, task);
}

static inline struct task *take(struct queue *q, bool newest)
{
	struct task *task = fair_take(&q->fair, newest, 0, FAIR_ALL);

	if (task != NULL) { /* and done at once */
		fair_end(&q->fair, task->turn);
		task->turn = NULL;
	}
	return task;
}

/* Whose turn it is; MANY: nobody's. */
static inline unsigned turn_of(struct queue *q)
{
	struct task *task = take(q, false);

	return task != NULL ? (unsigned)task->origin.hash[0] : MANY;
}

/* What is known of one more task of a client. */
static inline uint64_t ahead_of(struct queue *q, unsigned client)
{
	const struct task task = task_of(client, QUANTUM);

	return fair_ahead(&q->fair, &task);
}

static inline uint64_t wait_ns_of(struct queue *q, unsigned client)
{
	const struct task task = task_of(client, QUANTUM);

	return fair_wait_ns(&q->fair, &task);
}

static inline struct task *victim_of(struct queue *q, unsigned client)
{
	const struct task task = task_of(client, QUANTUM);

	return fair_victim(&q->fair, &task);
}

static inline unsigned active(const struct queue *q)
{
	return q->fair.classes[FAIR_USUAL].active + q->fair.classes[FAIR_OLD].active;
}

#define WITH_QUEUE(test) cmocka_unit_test_setup_teardown(test, open_queue, close_queue)

#endif
