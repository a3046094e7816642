/*
 * Who is next: the queue of one pool, fair between classes of jobs, networks and
 * clients.
 *
 * Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) in a tree, level by
 * level (as in Bennett and Zhang, "Hierarchical Packet Fair Queueing Algorithms",
 * SIGCOMM 1996): a class has the networks of its clients below it, a network its own
 * networks, and the last ones their clients (origin.h). So an IPv6 /48 has one turn,
 * however many of its /64s ask. Each node has a tag, the virtual time of its parent at
 * which its next task may start, counted in units of work; at each level the smallest
 * tag goes first, and moves on by what its task asks for. Who comes anew begins at the
 * tag that was served last: nobody saves up turns by being idle, and nobody loses his
 * by waiting for an answer before he asks again. (Deficit round robin gives a client
 * who always has a task waiting up to a third where twenty others, each with one task
 * at a time, should leave him a twentieth: he takes the places of all who are just
 * being served.)
 *
 * Of one client the oldest task goes first, or, when the caller says so, the newest.
 * Tasks whose hasher has died are ahead of all: they have had their turn.
 *
 * Memory: a node for each network and client that has tasks, and FAIR_MEMORY more that
 * had some lately. A task for whose client there is no memory shares one turn with
 * others of that kind. Each call takes time that grows with the logarithm of the number
 * of clients.
 */
#ifndef FRONTEND_FAIR_H
#define FRONTEND_FAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>

#include "frontend/fair_node.h"
#include "frontend/origin.h"

/* Jobs that can be stopped between two blocks, and those of old password formats, which
 * cannot. While both have tasks, FAIR_OLD is served its percentage of the work; a class
 * alone gets all. */
enum fair_class { FAIR_USUAL, FAIR_OLD, FAIR_CLASSES };

/* Masks of classes. */
enum { FAIR_ALL = (1 << FAIR_CLASSES) - 1, FAIR_NOT_OLD = FAIR_ALL & ~(1 << FAIR_OLD) };

struct pool;

struct fair {
	struct fair_nodes nodes;
	struct fair_node classes[FAIR_CLASSES];
	/* below each class: of tasks for whose client there was no memory */
	struct fair_node poor[FAIR_CLASSES];
	uint64_t weight[FAIR_CLASSES]; /* by which units of a class count at the root */
	uint64_t now;            /* virtual time of the root: the tag served last */
	struct task_queue again; /* ahead of all */
	unsigned room;           /* set by the caller; see fair_take() */
	unsigned count;          /* tasks */
	uint64_t units;          /* of all tasks */
	uint64_t quantum;        /* units of a usual job */
	/* how many queues like this one a network (the widest) or client of that hash
	 * has tasks in: with two, its tasks cost it twice as much in each; NULL: there
	 * is only this one */
	unsigned (*spread)(const struct pool *pool, uint64_t hash);
	const struct pool *pool;
};

/* Returns 0, or -1 without memory. `quantum`: units of one usual job. `old_percent` is
 * what FAIR_OLD is served while FAIR_USUAL has tasks as well, 1 to 99. */
int fair_open(struct fair *fair, uint64_t quantum, unsigned old_percent);
/* There must be no tasks. */
void fair_close(struct fair *fair);

/* Queues a task (its origin, class and units are set) as its client's newest. */
void fair_add(struct fair *fair, struct task *task);
/* The same, ahead of all others. */
void fair_add_again(struct fair *fair, struct task *task);
/* Takes it out, wherever it is. */
void fair_remove(struct fair *fair, struct task *task);

/* Takes the task whose turn it is, of its client's the newest if so said. Only those of
 * the classes in the mask (1 << class, or FAIR_ALL) may be taken; the others do not
 * save up turns meanwhile. NULL where there is none.
 *
 * The task is under way then, for task->turn, until fair_end(). Where `room` is not 0,
 * that many may be; and while somebody has tasks under way and none that wait, the
 * others may have no more under way than their share. Whoever asks for one thing at a
 * time would otherwise be served beside as much of the others' as there is room for. */
struct task *fair_take(
    struct fair *fair, bool newest, uint64_t now_ns, unsigned classes);

/* A task that was taken is not sent after all: its client does not pay for it, and it
 * is not under way. */
void fair_give_back(struct fair *fair, struct task *task);

/* What was taken for `turn` is no longer under way. NULL: it was not counted. */
void fair_end(struct fair *fair, struct fair_node *turn);

/* For the rest (fair_ask.c), `task` is one that is not queued: its origin, class and
 * units say who asks. */

/* Has the network of the task, or its client where there is none, less in the queue
 * than the average? */
bool fair_has_less(const struct fair *fair, const struct task *task);

/* Units that would be served before the task, oldest first; an estimate, where many
 * wait. */
uint64_t fair_ahead(const struct fair *fair, const struct task *task);

/* Nanoseconds that the task will wait, going by those of its client before it; 0 where
 * nothing is known. */
uint64_t fair_wait_ns(const struct fair *fair, const struct task *task);

/* The task that gives up its place to this one: the oldest of the client that has most
 * in the network that has most. At the first level where the one with most has at least
 * two tasks more than the asker's, it is that one's; NULL where there is no such
 * level. */
struct task *fair_victim(const struct fair *fair, const struct task *task);

/* For fair_ask.c: fair.spread of who asks, or 1; and when the next task of a class may
 * start. */
unsigned fair_spread(const struct fair *fair, const struct task *task);
uint64_t fair_class_tag(const struct fair *fair, const struct fair_node *class);

#endif
