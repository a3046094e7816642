/*
 * The nodes of a fair queue (fair.h): networks and clients, each with its turn among
 * its siblings and its part of the queue. Nodes are found by their parent and their
 * keyed hash.
 */
#ifndef FRONTEND_FAIR_NODE_H
#define FRONTEND_FAIR_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "common/contract.h"

struct task;

TAILQ_HEAD(task_queue, task);
RB_HEAD(fair_turns, fair_node);
RB_HEAD(fair_sizes, fair_node);

enum { FAIR_MEMORY = LIMIT_BUCKETS }; /* nodes without tasks that are kept */

struct fair_node {
	struct fair_node *parent; /* NULL: a class */
	struct fair_node *next;   /* in its chain */
	uint64_t hash;
	bool fixed; /* it was not allocated: it is in no chain, and never kept */

	RB_ENTRY(fair_node) turn; /* among its siblings with tasks, by tag */
	RB_ENTRY(fair_node) size; /* the same, by the number of tasks */
	TAILQ_ENTRY(fair_node) kept;
	uint64_t tag;   /* when its next task may start, in its parent's virtual time */
	uint64_t order; /* of equal tags the smaller one goes first */
	uint64_t born;  /* of equal sizes the smaller one is smaller */

	unsigned count;   /* tasks, its own and of all below */
	uint64_t units;   /* of those */
	unsigned spread;  /* by which its units count: fair.spread, or 1 */
	unsigned running; /* below a class: tasks under way */

	/* of a network: */
	struct fair_turns turns;
	struct fair_sizes sizes;
	unsigned active;   /* children with tasks */
	unsigned used;     /* and with those that have some under way */
	unsigned children; /* and with those that are kept */
	uint64_t now;      /* its children's virtual time: the tag served last */

	/* of a client: */
	struct task_queue tasks; /* oldest first */
	double place_ns; /* what each place in it costs in waiting, moving average; 0:
	                    not known; only as long as it is never empty */
};

TAILQ_HEAD(fair_kept, fair_node);

struct fair_nodes {
	struct fair_node **chains; /* LIMIT_BUCKETS, by hash */
	struct fair_kept kept;     /* without tasks, the oldest first */
	unsigned kept_count;
	uint64_t order;
};

/* Returns 0, or -1 without memory. */
int fair_nodes_open(struct fair_nodes *nodes);
/* Frees all of them: those that are under way as well. */
void fair_nodes_close(struct fair_nodes *nodes);

/* Begins a node that is part of another struct, in no chain, and never freed. */
void fair_node_init(struct fair_node *node, struct fair_node *parent);

/* The child of that hash, or NULL. */
struct fair_node *fair_node_find(
    const struct fair_nodes *nodes, const struct fair_node *parent, uint64_t hash);

/* The same; where there is none yet, a new one, kept. NULL without memory. */
struct fair_node *fair_node_get(
    struct fair_nodes *nodes, struct fair_node *parent, uint64_t hash);

/* A client's node has one task of so many units more, or fewer: and so has each node
 * above it. */
void fair_node_grow(struct fair_nodes *nodes, struct fair_node *node, uint64_t units);
void fair_node_shrink(struct fair_nodes *nodes, struct fair_node *node, uint64_t units);

/* A task of the node, which is below a class, or of one below it, is under way, or no
 * longer. The node stays meanwhile. */
void fair_node_start(struct fair_nodes *nodes, struct fair_node *node);
void fair_node_end(struct fair_nodes *nodes, struct fair_node *node);

/* Sets the tag of a node that is no class: behind those siblings that have the same. */
void fair_node_set_tag(struct fair_nodes *nodes, struct fair_node *node, uint64_t tag);

/* Of its children with tasks the one whose turn it is, the one behind it, the last one,
 * the one with most tasks; NULL where there is none. */
struct fair_node *fair_node_first(const struct fair_node *parent);
struct fair_node *fair_node_after(struct fair_node *child);
struct fair_node *fair_node_last(const struct fair_node *parent);
struct fair_node *fair_node_largest(const struct fair_node *parent);

#endif
