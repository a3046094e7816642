#include "frontend/fair.h"

#include <stdlib.h>

#include "frontend/flight.h"

int fair_open(struct fair *fair, uint64_t quantum)
{
	*fair = (struct fair){.quantum = quantum > 0 ? quantum : 1};
	TAILQ_INIT(&fair->active);
	TAILQ_INIT(&fair->again);
	fair->buckets = calloc(LIMIT_BUCKETS, sizeof(*fair->buckets));
	return fair->buckets != NULL ? 0 : -1;
}

void fair_close(struct fair *fair)
{
	free(fair->buckets);
	fair->buckets = NULL;
}

static struct fair_bucket *fair_bucket(const struct fair *fair, uint64_t hash)
{
	return &fair->buckets[hash & (LIMIT_BUCKETS - 1)];
}

static void fair_count_task(struct fair *fair, const struct task *task)
{
	fair->count++;
	fair->units += task->units;
}

/* When a task of a bucket without tasks may start. */
static uint64_t bucket_tag(const struct fair *fair, const struct fair_bucket *bucket)
{
	return bucket->tag > fair->now ? bucket->tag : fair->now;
}

static void bucket_activate(struct fair *fair, struct fair_bucket *bucket)
{
	TAILQ_INIT(&bucket->tasks);
	TAILQ_INSERT_TAIL(&fair->active, bucket, entry);
	bucket->tag = bucket_tag(fair, bucket);
	bucket->place_ns = 0;
	fair->active_count++;
}

static unsigned fair_spread(const struct fair *fair, uint64_t hash)
{
	return fair->spread != NULL ? fair->spread(fair->pool, hash) : 1;
}

void fair_add(struct fair *fair, struct task *task)
{
	struct fair_bucket *bucket = fair_bucket(fair, task->charge.client->hash);

	bucket->spread = fair_spread(fair, task->charge.client->hash);
	if (bucket->count == 0)
		bucket_activate(fair, bucket);
	TAILQ_INSERT_TAIL(&bucket->tasks, task, entry);
	task->bucket = bucket;
	task->place = ++bucket->count;
	bucket->units += task->units;
	fair_count_task(fair, task);
}

void fair_add_again(struct fair *fair, struct task *task)
{
	TAILQ_INSERT_HEAD(&fair->again, task, entry);
	task->bucket = NULL;
	task->paid = 0; /* it is not paid for twice */
	fair_count_task(fair, task);
}

static void bucket_remove(struct fair *fair, struct task *task)
{
	struct fair_bucket *bucket = task->bucket;

	TAILQ_REMOVE(&bucket->tasks, task, entry);
	bucket->count--;
	bucket->units -= task->units;
	if (bucket->count == 0) {
		TAILQ_REMOVE(&fair->active, bucket, entry);
		fair->active_count--;
	}
}

void fair_remove(struct fair *fair, struct task *task)
{
	fair->count--;
	fair->units -= task->units;
	if (task->bucket == NULL)
		TAILQ_REMOVE(&fair->again, task, entry);
	else
		bucket_remove(fair, task);
	task->bucket = NULL;
}

/* The smallest tag; of equal ones, that of who came first. There is one. */
static struct fair_bucket *fair_first(const struct fair *fair)
{
	struct fair_bucket *first = TAILQ_FIRST(&fair->active), *bucket;

	TAILQ_FOREACH(bucket, &fair->active, entry)
	{
		if (bucket->tag < first->tag)
			first = bucket;
	}
	return first;
}

/* How long it has waited for its place: the next ones will wait about as long for
 * theirs. */
static void bucket_learn(
    struct fair_bucket *bucket, const struct task *task, uint64_t now_ns)
{
	double sample = (double)(now_ns - task->submitted_ns) / task->place;

	if (bucket->place_ns == 0)
		bucket->place_ns = sample;
	else
		bucket->place_ns += (sample - bucket->place_ns) / 4;
}

/* It moves behind those with the same tag that are there already. */
static struct task *bucket_take(
    struct fair *fair, struct fair_bucket *bucket, bool newest, uint64_t now_ns)
{
	struct task *task = newest ? TAILQ_LAST(&bucket->tasks, task_queue)
	                           : TAILQ_FIRST(&bucket->tasks);

	if (!newest)
		bucket_learn(bucket, task, now_ns);
	if (bucket->tag > fair->now)
		fair->now = bucket->tag;
	bucket->spread = fair_spread(fair, task->charge.client->hash);
	task->paid = task->units * bucket->spread;
	bucket->tag += task->paid;
	TAILQ_REMOVE(&fair->active, bucket, entry);
	TAILQ_INSERT_TAIL(&fair->active, bucket, entry);
	return task;
}

struct task *fair_take(struct fair *fair, bool newest, uint64_t now_ns)
{
	struct task *task = TAILQ_FIRST(&fair->again);

	if (task == NULL && TAILQ_EMPTY(&fair->active))
		return NULL;
	if (task == NULL)
		task = bucket_take(fair, fair_first(fair), newest, now_ns);
	fair_remove(fair, task);
	return task;
}

void fair_give_back(struct fair *fair, const struct task *task)
{
	fair_bucket(fair, task->charge.client->hash)->tag -= task->paid;
}

unsigned fair_count(const struct fair *fair, uint64_t hash)
{
	return fair_bucket(fair, hash)->count;
}

/* Of a bucket, what may start before that tag, or with it. */
static uint64_t bucket_before(
    const struct fair *fair, const struct fair_bucket *bucket, uint64_t tag)
{
	uint64_t units;

	if (bucket->tag > tag)
		return 0;
	units = (tag - bucket->tag) / bucket->spread + fair->quantum;
	return units < bucket->units ? units : bucket->units;
}

uint64_t fair_ahead(const struct fair *fair, uint64_t hash)
{
	const struct fair_bucket *own = fair_bucket(fair, hash), *bucket;
	uint64_t tag = (own->count > 0 ? own->tag : bucket_tag(fair, own)) +
	               own->units * fair_spread(fair, hash);
	uint64_t ahead = own->units;
	const struct task *task;

	TAILQ_FOREACH(task, &fair->again, entry)
	ahead += task->units;
	TAILQ_FOREACH(bucket, &fair->active, entry)
	{
		if (bucket != own)
			ahead += bucket_before(fair, bucket, tag);
	}
	return ahead;
}

uint64_t fair_wait_ns(const struct fair *fair, uint64_t hash)
{
	const struct fair_bucket *own = fair_bucket(fair, hash);

	return own->count == 0 ? 0 : (uint64_t)(own->place_ns * (own->count + 1));
}

struct task *fair_victim(const struct fair *fair, uint64_t hash)
{
	const struct fair_bucket *own = fair_bucket(fair, hash), *most = own, *bucket;

	TAILQ_FOREACH(bucket, &fair->active, entry)
	{
		if (bucket->count > most->count)
			most = bucket;
	}
	return most->count >= own->count + 2 ? TAILQ_FIRST(&most->tasks) : NULL;
}
