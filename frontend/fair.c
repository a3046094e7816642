#include "frontend/fair.h"

#include "frontend/flight.h"

int fair_open(struct fair *fair, uint64_t quantum, unsigned old_percent)
{
	*fair = (struct fair){.quantum = quantum > 0 ? quantum : 1,
	    .weight = {[FAIR_USUAL] = old_percent, [FAIR_OLD] = 100 - old_percent}};
	TAILQ_INIT(&fair->again);
	for (unsigned i = 0; i < FAIR_CLASSES; i++) {
		fair_node_init(&fair->classes[i], NULL);
		fair_node_init(&fair->poor[i], &fair->classes[i]);
	}
	return fair_nodes_open(&fair->nodes);
}

void fair_close(struct fair *fair)
{
	fair_nodes_close(&fair->nodes);
}

/* --- coming */

unsigned fair_spread(const struct fair *fair, const struct task *task)
{
	return fair->spread != NULL ? fair->spread(fair->pool, task->origin.hash[0])
	                            : 1;
}

/* Above it is the class. */
static bool node_is_top(const struct fair_node *node)
{
	return node->parent->parent == NULL;
}

/* The node of a task's client; those of its networks are made as well. */
static struct fair_node *fair_client(struct fair *fair, const struct task *task)
{
	struct fair_node *node = &fair->classes[task->class];

	for (unsigned i = 0; i < task->origin.depth; i++) {
		node = fair_node_get(&fair->nodes, node, task->origin.hash[i]);
		if (node == NULL)
			return &fair->poor[task->class];
	}
	return node;
}

uint64_t fair_class_tag(const struct fair *fair, const struct fair_node *class)
{
	return class->tag > fair->now ? class->tag : fair->now;
}

static void fair_count_task(struct fair *fair, const struct task *task)
{
	fair->count++;
	fair->units += task->units;
}

void fair_add(struct fair *fair, struct task *task)
{
	struct fair_node *class = &fair->classes[task->class];
	struct fair_node *node = fair_client(fair, task), *top = node;

	if (class->count == 0)
		class->tag = fair_class_tag(fair, class);
	while (!node_is_top(top))
		top = top->parent;
	top->spread = fair_spread(fair, task);
	TAILQ_INSERT_TAIL(&node->tasks, task, entry);
	fair_node_grow(&fair->nodes, node, task->units);
	task->node = node;
	task->place = node->count;
	fair_count_task(fair, task);
}

void fair_end(struct fair *fair, struct fair_node *turn)
{
	if (turn != NULL)
		fair_node_end(&fair->nodes, turn);
}

static void task_end(struct fair *fair, struct task *task)
{
	fair_end(fair, task->turn);
	task->turn = NULL;
}

void fair_add_again(struct fair *fair, struct task *task)
{
	task_end(fair, task);
	TAILQ_INSERT_HEAD(&fair->again, task, entry);
	task->node = NULL;
	task->spread = 0; /* it is not paid for twice */
	fair_count_task(fair, task);
}

/* --- going */

void fair_remove(struct fair *fair, struct task *task)
{
	struct fair_node *node = task->node;

	fair->count--;
	fair->units -= task->units;
	task->node = NULL;
	if (node == NULL) {
		TAILQ_REMOVE(&fair->again, task, entry);
		return;
	}
	TAILQ_REMOVE(&node->tasks, task, entry);
	fair_node_shrink(&fair->nodes, node, task->units);
}

static bool class_is_in(unsigned classes, unsigned class)
{
	return (classes >> class & 1) != 0;
}

static struct task *again_first(const struct fair *fair, unsigned classes)
{
	struct task *task;

	TAILQ_FOREACH(task, &fair->again, entry)
	{
		if (class_is_in(classes, task->class))
			break;
	}
	return task;
}

/* May a network, or a client that is in none, have one more task under way? */
static bool top_has_room(const struct fair *fair, const struct fair_node *top)
{
	unsigned used = 0, active = 0, parts;

	for (unsigned i = 0; i < FAIR_CLASSES; i++) {
		used += fair->classes[i].used;
		active += fair->classes[i].active;
	}
	parts = used * top->spread;
	return fair->room == 0 || used == active || top->running == 0 ||
	       top->running < (fair->room + parts / 2) / parts;
}

/* Below a class, the one whose turn it is. */
static struct fair_node *class_next(const struct fair *fair, unsigned class)
{
	struct fair_node *top = fair_node_first(&fair->classes[class]);

	while (top != NULL && !top_has_room(fair, top))
		top = fair_node_after(top);
	return top;
}

/* The same of all classes that may be taken. */
static struct fair_node *fair_next(const struct fair *fair, unsigned classes)
{
	struct fair_node *next = NULL;

	for (unsigned i = 0; i < FAIR_CLASSES; i++) {
		struct fair_node *top =
		    class_is_in(classes, i) ? class_next(fair, i) : NULL;

		if (top != NULL &&
		    (next == NULL || top->parent->tag < next->parent->tag))
			next = top;
	}
	return next;
}

/* A class with tasks that may not be taken is one that does not ask. */
static void class_served(
    struct fair *fair, const struct fair_node *class, unsigned classes)
{
	if (class->tag > fair->now)
		fair->now = class->tag;
	for (unsigned i = 0; i < FAIR_CLASSES; i++)
		if (!class_is_in(classes, i))
			fair->classes[i].tag = fair_class_tag(fair, &fair->classes[i]);
}

/* How long it has waited for its place: the next ones will wait about as long for
 * theirs. */
static void client_learn(
    struct fair_node *node, const struct task *task, uint64_t now_ns)
{
	double sample = (double)(now_ns - task->submitted_ns) / task->place;

	if (node->place_ns == 0)
		node->place_ns = sample;
	else
		node->place_ns += (sample - node->place_ns) / 4;
}

/* The turn of a client, of its networks and of its class is moved on by the task that
 * it has had. */
static void fair_pay(struct fair *fair, struct fair_node *node, const struct task *task)
{
	for (; node->parent != NULL; node = node->parent) {
		if (node_is_top(node))
			node->spread = task->spread;
		if (node->tag > node->parent->now)
			node->parent->now = node->tag;
		fair_node_set_tag(
		    &fair->nodes, node, node->tag + task->units * node->spread);
	}
	node->tag += task->units * fair->weight[task->class];
}

/* Those that had no room for their turn do not save it up. */
static void class_lift(struct fair *fair, const struct fair_node *class)
{
	struct fair_node *node;

	while ((node = fair_node_first(class)) != NULL && node->tag < class->now)
		fair_node_set_tag(&fair->nodes, node, class->now);
}

static struct task *top_take(
    struct fair *fair, struct fair_node *top, bool newest, uint64_t now_ns)
{
	struct fair_node *node = top, *child;
	struct task *task;

	while ((child = fair_node_first(node)) != NULL)
		node = child;
	task =
	    newest ? TAILQ_LAST(&node->tasks, task_queue) : TAILQ_FIRST(&node->tasks);
	if (!newest)
		client_learn(node, task, now_ns);
	task->spread = fair_spread(fair, task);
	task->turn = top;
	fair_node_start(&fair->nodes, top);
	fair_pay(fair, node, task);
	class_lift(fair, top->parent);
	return task;
}

struct task *fair_take(
    struct fair *fair, bool newest, uint64_t now_ns, unsigned classes)
{
	struct task *task = again_first(fair, classes);
	struct fair_node *top = task == NULL ? fair_next(fair, classes) : NULL;

	if (top != NULL) {
		class_served(fair, top->parent, classes);
		task = top_take(fair, top, newest, now_ns);
	}
	if (task != NULL)
		fair_remove(fair, task);
	return task;
}

void fair_give_back(struct fair *fair, struct task *task)
{
	struct fair_node *node = &fair->classes[task->class];

	task_end(fair, task);
	if (task->spread == 0)
		return;
	node->tag -= task->units * fair->weight[task->class];
	for (unsigned i = 0; i < task->origin.depth; i++) {
		node = fair_node_find(&fair->nodes, node, task->origin.hash[i]);
		if (node == NULL)
			return;
		fair_node_set_tag(&fair->nodes, node,
		    node->tag - task->units * (i == 0 ? task->spread : 1));
	}
}
