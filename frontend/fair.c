#include "frontend/fair.h"

#include <stdlib.h>

#include "frontend/flight.h"

int fair_open(struct fair *fair, uint64_t quantum)
{
	*fair = (struct fair){.quantum = quantum > 0 ? quantum : 1};
	TAILQ_INIT(&fair->turns);
	TAILQ_INIT(&fair->again);
	fair->buckets = calloc(FAIR_BUCKETS, sizeof(*fair->buckets));
	return fair->buckets != NULL ? 0 : -1;
}

void fair_close(struct fair *fair)
{
	free(fair->buckets);
	fair->buckets = NULL;
}

static struct fair_bucket *fair_bucket(const struct fair *fair, uint64_t hash)
{
	return &fair->buckets[hash & (FAIR_BUCKETS - 1)];
}

static void fair_count_task(struct fair *fair, const struct task *task)
{
	fair->count++;
	fair->units += task->units;
}

void fair_add(struct fair *fair, struct task *task)
{
	struct fair_bucket *bucket = fair_bucket(fair, task->charge.client->hash);

	if (bucket->count == 0) {
		TAILQ_INIT(&bucket->tasks);
		TAILQ_INSERT_TAIL(&fair->turns, bucket, turn);
		bucket->deficit =
		    fair->quantum; /* its first turn has come when it is there */
		fair->active++;
	}
	TAILQ_INSERT_TAIL(&bucket->tasks, task, entry);
	task->bucket = bucket;
	bucket->count++;
	bucket->units += task->units;
	fair_count_task(fair, task);
}

void fair_add_again(struct fair *fair, struct task *task)
{
	TAILQ_INSERT_HEAD(&fair->again, task, entry);
	task->bucket = NULL;
	fair_count_task(fair, task);
}

static void bucket_remove(struct fair *fair, struct task *task)
{
	struct fair_bucket *bucket = task->bucket;

	TAILQ_REMOVE(&bucket->tasks, task, entry);
	bucket->count--;
	bucket->units -= task->units;
	if (bucket->count == 0) {
		TAILQ_REMOVE(&fair->turns, bucket, turn);
		fair->active--;
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

static struct task *bucket_next(const struct fair_bucket *bucket, bool newest)
{
	return newest ? TAILQ_LAST(&bucket->tasks, task_queue)
	              : TAILQ_FIRST(&bucket->tasks);
}

/* Rounds until the bucket can pay for its next task. */
static uint64_t bucket_rounds(
    const struct fair *fair, const struct fair_bucket *bucket, bool newest)
{
	uint64_t price = bucket_next(bucket, newest)->units;

	if (price <= bucket->deficit)
		return 0;
	return (price - bucket->deficit + fair->quantum - 1) / fair->quantum;
}

/* So many rounds at once as go by without anybody being served: a large task does not
 * cost us a walk for each. */
static void fair_skip_rounds(struct fair *fair, bool newest)
{
	uint64_t rounds = UINT64_MAX;
	struct fair_bucket *bucket;

	TAILQ_FOREACH(bucket, &fair->turns, turn)
	{
		uint64_t needed = bucket_rounds(fair, bucket, newest);

		if (needed < rounds)
			rounds = needed;
	}
	if (rounds == 0)
		return;
	TAILQ_FOREACH(bucket, &fair->turns, turn)
	bucket->deficit += (rounds - 1) * fair->quantum;
}

struct task *fair_next(struct fair *fair, bool newest)
{
	struct fair_bucket *bucket;
	struct task *task;

	if (!TAILQ_EMPTY(&fair->again))
		return TAILQ_FIRST(&fair->again);
	if (TAILQ_EMPTY(&fair->turns))
		return NULL;
	fair_skip_rounds(fair, newest);
	for (;;) {
		bucket = TAILQ_FIRST(&fair->turns);
		task = bucket_next(bucket, newest);
		if (task->units <= bucket->deficit) {
			bucket->deficit -= task->units;
			return task;
		}
		bucket->deficit += fair->quantum;
		TAILQ_REMOVE(&fair->turns, bucket, turn);
		TAILQ_INSERT_TAIL(&fair->turns, bucket, turn);
	}
}

unsigned fair_count(const struct fair *fair, uint64_t hash)
{
	return fair_bucket(fair, hash)->count;
}

/* In each round a bucket sends about as much as any other: of those that have more than
 * the client, as much as it has itself goes first. */
uint64_t fair_ahead(const struct fair *fair, uint64_t hash)
{
	const struct fair_bucket *own = fair_bucket(fair, hash), *bucket;
	uint64_t ahead = own->units, share = own->units + fair->quantum;
	const struct task *task;

	TAILQ_FOREACH(task, &fair->again, entry)
	ahead += task->units;
	TAILQ_FOREACH(bucket, &fair->turns, turn)
	{
		if (bucket != own)
			ahead += bucket->units < share ? bucket->units : share;
	}
	return ahead;
}

struct task *fair_victim(const struct fair *fair, uint64_t hash)
{
	const struct fair_bucket *own = fair_bucket(fair, hash), *most = own, *bucket;

	TAILQ_FOREACH(bucket, &fair->turns, turn)
	{
		if (bucket->count > most->count)
			most = bucket;
	}
	return most->count >= own->count + 2 ? TAILQ_FIRST(&most->tasks) : NULL;
}
