/*
 * What is asked of a fair queue before a task is in it: how much is ahead, and who
 * would make room. Nothing changes by that.
 */
#include "frontend/fair.h"
#include "frontend/flight.h"

/* So many siblings of each level are looked at for a forecast. */
enum { AHEAD_LOOKS = 128 };

/* The nodes of who asks, the class first; NULL from where on there is none. */
struct path {
	const struct fair_node *at[1 + ORIGIN_LEVELS];
	unsigned depth; /* of the client */
};

static struct path path_of(const struct fair *fair, const struct task *task)
{
	struct path path = {
	    .at = {&fair->classes[task->class]}, .depth = task->origin.depth};

	for (unsigned i = 0; i < path.depth && path.at[i] != NULL; i++)
		path.at[i + 1] =
		    fair_node_find(&fair->nodes, path.at[i], task->origin.hash[i]);
	return path;
}

static unsigned node_count(const struct fair_node *node)
{
	return node != NULL ? node->count : 0;
}

bool fair_has_less(const struct fair *fair, const struct task *task)
{
	const struct path path = path_of(fair, task);
	const uint64_t own = (uint64_t)node_count(path.at[1]) + 1;
	unsigned active = 0;

	for (unsigned i = 0; i < FAIR_CLASSES; i++)
		active += fair->classes[i].active;
	return own * active < fair->count;
}

/* Of a node, what may start before that tag, or with it. */
static uint64_t node_before(
    const struct fair *fair, const struct fair_node *node, uint64_t tag)
{
	uint64_t units;

	if (node->tag > tag)
		return 0;
	units = (tag - node->tag) / node->spread + fair->quantum;
	return units < node->units ? units : node->units;
}

/* From a node on, how many have their turn until that tag: if their tags are spread
 * evenly. */
static uint64_t nodes_until(const struct fair_node *from, unsigned count, uint64_t tag)
{
	const struct fair_node *last = fair_node_last(from->parent);

	if (last->tag <= tag)
		return count;
	return (uint64_t)((double)count * (double)(tag - from->tag) /
	                  (double)(last->tag - from->tag));
}

/* Units of others that are served below `parent` until its virtual time is `tag`: of
 * the first of them as they are, of more as of those. */
static uint64_t level_others(const struct fair *fair, const struct fair_node *parent,
    const struct fair_node *own, uint64_t tag)
{
	struct fair_node *node = fair_node_first(parent);
	uint64_t units = 0;
	unsigned seen = 0;

	for (; node != NULL && node->tag <= tag && seen < AHEAD_LOOKS; seen++) {
		if (node != own)
			units += node_before(fair, node, tag);
		node = fair_node_after(node);
	}
	if (node != NULL && node->tag <= tag)
		units += units / seen * nodes_until(node, parent->active - seen, tag);
	return units;
}

/* Units that are served below `parent` before its child `own` (NULL: one that is not
 * there yet) has been served those that are ahead in it. */
static uint64_t level_ahead(const struct fair *fair, const struct fair_node *parent,
    const struct fair_node *own, uint64_t ahead, unsigned spread)
{
	uint64_t tag = parent->now;

	if (own != NULL && (own->count > 0 || own->tag > tag))
		tag = own->tag;
	ahead += level_others(fair, parent, own, tag + ahead * spread);
	return ahead < parent->units ? ahead : parent->units;
}

/* The same among classes. */
static uint64_t classes_ahead(
    const struct fair *fair, const struct fair_node *own, uint64_t ahead)
{
	uint64_t tag = fair_class_tag(fair, own), sum = ahead;

	tag += ahead * fair->weight[own - fair->classes];
	for (unsigned i = 0; i < FAIR_CLASSES; i++) {
		const struct fair_node *class = &fair->classes[i];
		uint64_t units;

		if (class == own || class->tag > tag)
			continue;
		units = (tag - class->tag) / fair->weight[i] + fair->quantum;
		sum += units < class->units ? units : class->units;
	}
	return sum;
}

uint64_t fair_ahead(const struct fair *fair, const struct task *task)
{
	const struct path path = path_of(fair, task);
	const struct fair_node *client = path.at[path.depth];
	uint64_t ahead = client != NULL ? client->units : 0;
	const struct task *again;

	for (unsigned i = path.depth; i > 0; i--)
		if (path.at[i - 1] != NULL)
			ahead = level_ahead(fair, path.at[i - 1], path.at[i], ahead,
			    i == 1 ? fair_spread(fair, task) : 1);
	ahead = classes_ahead(fair, path.at[0], ahead);
	TAILQ_FOREACH(again, &fair->again, entry)
	ahead += again->units;
	return ahead;
}

uint64_t fair_wait_ns(const struct fair *fair, const struct task *task)
{
	const struct path path = path_of(fair, task);
	const struct fair_node *client = path.at[path.depth];

	return node_count(client) == 0
	           ? 0
	           : (uint64_t)(client->place_ns * (client->count + 1));
}

/* The largest network or client of all classes, or NULL. */
static const struct fair_node *fair_largest(const struct fair *fair)
{
	const struct fair_node *most = NULL;

	for (unsigned i = 0; i < FAIR_CLASSES; i++) {
		const struct fair_node *node = fair_node_largest(&fair->classes[i]);

		if (node_count(node) > node_count(most))
			most = node;
	}
	return most;
}

/* Its oldest task, of the client that has most. */
static struct task *node_oldest(const struct fair_node *node)
{
	const struct fair_node *child;

	while ((child = fair_node_largest(node)) != NULL)
		node = child;
	return TAILQ_FIRST(&node->tasks);
}

struct task *fair_victim(const struct fair *fair, const struct task *task)
{
	const struct path path = path_of(fair, task);
	const struct fair_node *most = fair_largest(fair);

	for (unsigned i = 1; i <= path.depth && most != NULL; i++) {
		if (most != path.at[i] && most->count >= node_count(path.at[i]) + 2)
			return node_oldest(most);
		if (path.at[i] == NULL)
			break;
		most = fair_node_largest(path.at[i]);
	}
	return NULL;
}
