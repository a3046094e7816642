#include "frontend/fair_node.h"

#include <stdlib.h>

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_turns(const struct fair_node *a, const struct fair_node *b)
{
	return a->tag != b->tag ? compare(a->tag, b->tag) : compare(a->order, b->order);
}

static int compare_sizes(const struct fair_node *a, const struct fair_node *b)
{
	return a->count != b->count ? compare(a->count, b->count)
	                            : compare(a->born, b->born);
}

RB_PROTOTYPE(fair_turns, fair_node, turn, compare_turns)
RB_PROTOTYPE(fair_sizes, fair_node, size, compare_sizes)
RB_GENERATE(fair_turns, fair_node, turn, compare_turns)
RB_GENERATE(fair_sizes, fair_node, size, compare_sizes)

int fair_nodes_open(struct fair_nodes *nodes)
{
	*nodes = (struct fair_nodes){0};
	TAILQ_INIT(&nodes->kept);
	nodes->chains = calloc(LIMIT_BUCKETS, sizeof(struct fair_node *));
	return nodes->chains != NULL ? 0 : -1;
}

static struct fair_node **fair_chain(const struct fair_nodes *nodes, uint64_t hash)
{
	return &nodes->chains[hash & (LIMIT_BUCKETS - 1)];
}

static void node_keep(struct fair_nodes *nodes, struct fair_node *node)
{
	TAILQ_INSERT_TAIL(&nodes->kept, node, kept);
	nodes->kept_count++;
}

static void node_unkeep(struct fair_nodes *nodes, struct fair_node *node)
{
	TAILQ_REMOVE(&nodes->kept, node, kept);
	nodes->kept_count--;
}

static void node_free(struct fair_nodes *nodes, struct fair_node *node)
{
	struct fair_node **at = fair_chain(nodes, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	node->parent->children--;
	node_unkeep(nodes, node);
	free(node);
}

void fair_nodes_close(struct fair_nodes *nodes)
{
	for (size_t i = 0; nodes->chains != NULL && i < LIMIT_BUCKETS; i++) {
		struct fair_node *node = nodes->chains[i], *next;

		for (; node != NULL; node = next) {
			next = node->next;
			free(node);
		}
	}
	free(nodes->chains);
	nodes->chains = NULL;
}

/* Is it in use: has it tasks, or had it some that are under way? */
static bool node_is_used(const struct fair_node *node)
{
	return node->count > 0 || node->running > 0;
}

/* A new node would have the same turn: its own one has passed, or that of a network
 * around it of which nobody has tasks. */
static bool node_is_forgettable(const struct fair_node *node)
{
	for (; node->parent != NULL && !node_is_used(node); node = node->parent)
		if (node->tag <= node->parent->now)
			return true;
	return false;
}

/* Frees what is kept for nothing, and the oldest where it is too much. A child that is
 * still needed may keep its parent: so only the list's head is looked at. */
static void nodes_trim(struct fair_nodes *nodes)
{
	struct fair_node *node = TAILQ_FIRST(&nodes->kept), *next;

	for (; node != NULL && node->children == 0 &&
	       (nodes->kept_count > FAIR_MEMORY || node_is_forgettable(node));
	     node = next) {
		next = TAILQ_NEXT(node, kept);
		node_free(nodes, node);
	}
}

void fair_node_init(struct fair_node *node, struct fair_node *parent)
{
	*node = (struct fair_node){.parent = parent, .spread = 1, .fixed = true};
	RB_INIT(&node->turns);
	RB_INIT(&node->sizes);
	TAILQ_INIT(&node->tasks);
}

struct fair_node *fair_node_find(
    const struct fair_nodes *nodes, const struct fair_node *parent, uint64_t hash)
{
	struct fair_node *node = *fair_chain(nodes, hash);

	while (node != NULL && (node->hash != hash || node->parent != parent))
		node = node->next;
	return node;
}

struct fair_node *fair_node_get(
    struct fair_nodes *nodes, struct fair_node *parent, uint64_t hash)
{
	struct fair_node **chain = fair_chain(nodes, hash);
	struct fair_node *node = fair_node_find(nodes, parent, hash);

	if (node != NULL)
		return node;
	node = malloc(sizeof(*node));
	if (node == NULL)
		return NULL;
	fair_node_init(node, parent);
	node->hash = hash;
	node->fixed = false;
	node->born = nodes->order++;
	node->next = *chain;
	*chain = node;
	parent->children++;
	node_keep(nodes, node);
	return node;
}

static void node_use(struct fair_nodes *nodes, struct fair_node *node)
{
	if (node_is_used(node))
		return;
	node->parent->used++;
	if (!node->fixed)
		node_unkeep(nodes, node);
}

static void node_unuse(struct fair_nodes *nodes, struct fair_node *node)
{
	if (node_is_used(node))
		return;
	node->parent->used--;
	if (!node->fixed)
		node_keep(nodes, node);
}

/* Who comes anew begins at the tag that was served last. */
static void node_activate(struct fair_nodes *nodes, struct fair_node *node)
{
	node_use(nodes, node);
	if (node->tag < node->parent->now)
		node->tag = node->parent->now;
	node->order = nodes->order++;
	node->place_ns = 0;
	node->parent->active++;
	RB_INSERT(fair_turns, &node->parent->turns, node);
}

static void node_deactivate(struct fair_nodes *nodes, struct fair_node *node)
{
	RB_REMOVE(fair_turns, &node->parent->turns, node);
	node->parent->active--;
	node_unuse(nodes, node);
}

void fair_node_start(struct fair_nodes *nodes, struct fair_node *node)
{
	node_use(nodes, node);
	node->running++;
}

void fair_node_end(struct fair_nodes *nodes, struct fair_node *node)
{
	node->running--;
	node_unuse(nodes, node);
	nodes_trim(nodes);
}

void fair_node_grow(struct fair_nodes *nodes, struct fair_node *node, uint64_t units)
{
	for (; node->parent != NULL; node = node->parent) {
		if (node->count == 0)
			node_activate(nodes, node);
		else
			RB_REMOVE(fair_sizes, &node->parent->sizes, node);
		node->count++;
		node->units += units;
		RB_INSERT(fair_sizes, &node->parent->sizes, node);
	}
	node->count++;
	node->units += units;
}

void fair_node_shrink(struct fair_nodes *nodes, struct fair_node *node, uint64_t units)
{
	for (; node->parent != NULL; node = node->parent) {
		RB_REMOVE(fair_sizes, &node->parent->sizes, node);
		node->count--;
		node->units -= units;
		if (node->count == 0)
			node_deactivate(nodes, node);
		else
			RB_INSERT(fair_sizes, &node->parent->sizes, node);
	}
	node->count--;
	node->units -= units;
	nodes_trim(nodes);
}

void fair_node_set_tag(struct fair_nodes *nodes, struct fair_node *node, uint64_t tag)
{
	if (node->count > 0)
		RB_REMOVE(fair_turns, &node->parent->turns, node);
	node->tag = tag;
	node->order = nodes->order++;
	if (node->count > 0)
		RB_INSERT(fair_turns, &node->parent->turns, node);
}

/* The macros do not write to the tree that they look into. */
struct fair_node *fair_node_first(const struct fair_node *parent)
{
	struct fair_turns turns = parent->turns;

	return RB_MIN(fair_turns, &turns);
}

struct fair_node *fair_node_after(struct fair_node *child)
{
	return RB_NEXT(fair_turns, NULL, child);
}

struct fair_node *fair_node_last(const struct fair_node *parent)
{
	struct fair_turns turns = parent->turns;

	return RB_MAX(fair_turns, &turns);
}

struct fair_node *fair_node_largest(const struct fair_node *parent)
{
	struct fair_sizes sizes = parent->sizes;

	return RB_MAX(fair_sizes, &sizes);
}
