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

static unsigned fair_spread(const struct fair *fair, const struct task *task)
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

/* When the next task of a class may start. */
static uint64_t class_tag(const struct fair *fair, const struct fair_node *class)
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
		class->tag = class_tag(fair, class);
	while (!node_is_top(top))
		top = top->parent;
	top->spread = fair_spread(fair, task);
	TAILQ_INSERT_TAIL(&node->tasks, task, entry);
	fair_node_grow(&fair->nodes, node, task->units);
	task->node = node;
	task->place = node->count;
	fair_count_task(fair, task);
}

void fair_add_again(struct fair *fair, struct task *task)
{
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

/* Of the classes that may be taken, the one whose turn it is. */
static struct fair_node *class_first(struct fair *fair, unsigned classes)
{
	struct fair_node *first = NULL;

	for (unsigned i = 0; i < FAIR_CLASSES; i++) {
		struct fair_node *class = &fair->classes[i];

		if (class_is_in(classes, i) && class->count > 0 &&
		    (first == NULL || class->tag < first->tag))
			first = class;
	}
	return first;
}

/* A class with tasks that may not be taken is one that does not ask. */
static void class_served(
    struct fair *fair, const struct fair_node *class, unsigned classes)
{
	if (class->tag > fair->now)
		fair->now = class->tag;
	for (unsigned i = 0; i < FAIR_CLASSES; i++)
		if (!class_is_in(classes, i))
			fair->classes[i].tag = class_tag(fair, &fair->classes[i]);
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

static struct task *class_take(
    struct fair *fair, struct fair_node *class, bool newest, uint64_t now_ns)
{
	struct fair_node *node = class, *child;
	struct task *task;

	while ((child = fair_node_first(node)) != NULL)
		node = child;
	task =
	    newest ? TAILQ_LAST(&node->tasks, task_queue) : TAILQ_FIRST(&node->tasks);
	if (!newest)
		client_learn(node, task, now_ns);
	task->spread = fair_spread(fair, task);
	fair_pay(fair, node, task);
	return task;
}

struct task *fair_take(
    struct fair *fair, bool newest, uint64_t now_ns, unsigned classes)
{
	struct task *task = again_first(fair, classes);
	struct fair_node *class = class_first(fair, classes);

	if (task == NULL && class == NULL)
		return NULL;
	if (task == NULL) {
		class_served(fair, class, classes);
		task = class_take(fair, class, newest, now_ns);
	}
	fair_remove(fair, task);
	return task;
}

void fair_give_back(struct fair *fair, const struct task *task)
{
	struct fair_node *node = &fair->classes[task->class];

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

/* --- questions */

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

/* Units that are served below `parent` before its child `own` (NULL: one that is not
 * there yet) has been served those that are ahead in it. */
static uint64_t level_ahead(const struct fair *fair, const struct fair_node *parent,
    const struct fair_node *own, uint64_t ahead, unsigned spread)
{
	struct fair_node *node = fair_node_first(parent);
	uint64_t tag = parent->now;

	if (own != NULL && (own->count > 0 || own->tag > tag))
		tag = own->tag;
	tag += ahead * spread;
	for (; node != NULL && node->tag <= tag; node = fair_node_after(node))
		if (node != own)
			ahead += node_before(fair, node, tag);
	return ahead;
}

/* The same among classes. */
static uint64_t classes_ahead(
    const struct fair *fair, const struct fair_node *own, uint64_t ahead)
{
	uint64_t tag = class_tag(fair, own), sum = ahead;

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
