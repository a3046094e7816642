#include "frontend/admission.h"

#include <bsd/stdlib.h>

#include "common/clock.h"
#include "frontend/flight.h"

enum {
	/* in hundredths of the limit: from where on jobs may be refused, and where all
	 * are. What is left of the deadline above the latter is for a forecast that was
	 * wrong. */
	QUEUE_SOFT = 50,
	QUEUE_HARD = 100,
	WAIT_SOFT = 35,
	WAIT_HARD = 65,
	CHANCES = 1 << 16,
};

/* True with a chance that grows from 0 at `soft` to 1 at `hard` hundredths of limit. */
static bool refuse_early(uint64_t value, uint64_t limit, unsigned soft, unsigned hard)
{
	double hundredths = 100. * (double)value / (double)(limit > 0 ? limit : 1);
	double chance = (hundredths - soft) / (hard - soft);

	if (chance <= 0)
		return false;
	return chance >= 1 ||
	       arc4random_uniform(CHANCES) < (uint32_t)(chance * CHANCES);
}

static bool lacks_hashers(struct pool *pool, struct task *task)
{
	const struct board_head *head = board_head(&pool->dispatch->child->board);

	(void)task;
	return atomic_load(&head->alive[pool->index]) == 0 &&
	       atomic_load(&head->throttled[pool->index]) != 0;
}

static bool client_has_enough(struct pool *pool, struct task *task)
{
	return client_has_jobs(
	    task->charge.client, pool->index, pool->config->per_client_limit);
}

static bool queue_is_full(struct pool *pool, struct task *task)
{
	const struct fair *queue = &pool->queue;
	unsigned limit = pool->config->queue_limit;

	if (queue->count >= limit)
		return fair_victim(queue, task) == NULL;
	if (fair_has_less(queue, task))
		return false;
	return refuse_early(queue->count, limit, QUEUE_SOFT, QUEUE_HARD);
}

static uint64_t wait_ns(struct pool *pool, const struct task *task)
{
	const uint64_t own = fair_wait_ns(&pool->queue, task);
	uint64_t wait = forecast_wait_ns(
	    pool, fair_ahead(&pool->queue, task) + old_share_usual_flights(pool));

	if (task->class == FAIR_OLD) {
		const uint64_t old = old_share_wait_ns(pool, task);

		wait = old > wait ? old : wait;
	}
	return own > wait ? own : wait;
}

static bool comes_too_late(struct pool *pool, struct task *task)
{
	uint64_t wait = task->wait_ns = wait_ns(pool, task);
	uint64_t work = task->class == FAIR_OLD /* alone in its process */
	                    ? forecast_work_least_ns(pool, task->units)
	                    : forecast_work_ns(pool, task->units);
	uint64_t time = task->deadline_ns - task->submitted_ns;

	if (wait == 0) /* nothing waits: whoever has little time may try his luck */
		return false;
	if (work >= time)
		return true;
	return refuse_early(wait, time - work, WAIT_SOFT, WAIT_HARD);
}

/* Of a job that needs more than what every hasher has for its profiles' jobs. */
static uint64_t extra_bytes(const struct pool *pool, const struct task *task)
{
	uint64_t bytes = (uint64_t)task->cost.memory_kib * 1024;

	return task->kind != JOB_LOOKUP && bytes > pool->dispatch->profile_bytes ? bytes
	                                                                         : 0;
}

/*
 * The plan that -t has checked has room for one job at the ceiling beside the profiles'
 * own (config_memory_plan): all frontends together may have as much under way. Each
 * says first what it takes, then looks at the others: at worst two refuse at once,
 * never do two take the same room.
 */
static bool lacks_memory(struct pool *pool, struct task *task)
{
	const struct child *child = pool->dispatch->child;
	struct board_frontend *own = pool->dispatch->board;
	uint64_t extra = extra_bytes(pool, task), sum = 0;

	if (extra == 0)
		return false;
	atomic_fetch_add(&own->reserved, extra);
	for (unsigned f = 0; f < child->frontends; f++)
		if (__builtin_add_overflow(sum,
		        atomic_load(&board_slot(&child->board, f)->frontend.reserved),
		        &sum))
			sum = UINT64_MAX;
	if (sum <= child->config->verify_max_memory)
		return false;
	atomic_fetch_sub(&own->reserved, extra);
	return true;
}

static unsigned seconds_of(uint64_t ns)
{
	uint64_t seconds = (ns + NS_PER_SEC - 1) / NS_PER_SEC;

	if (seconds > ADMISSION_RETRY_MAX)
		return ADMISSION_RETRY_MAX;
	return seconds > 0 ? (unsigned)seconds : 1;
}

/* How often a role that dies at its start is tried. */
static unsigned retry_of_role(struct pool *pool, const struct task *task)
{
	const struct board_head *head = board_head(&pool->dispatch->child->board);

	(void)task;
	return seconds_of(atomic_load(&head->throttled[pool->index]) * NS_PER_SEC);
}

/* When what the pool has by now is done. */
static unsigned retry_of_pool(struct pool *pool, const struct task *task)
{
	return task->class == FAIR_OLD ? seconds_of(wait_ns(pool, task))
	                               : admission_retry_after(pool);
}

/* When the client's own jobs are done, in its turns. */
static unsigned retry_of_client(struct pool *pool, const struct task *task)
{
	return seconds_of(wait_ns(pool, task));
}

/* When the wait has become as long as is accepted without a doubt. */
static unsigned retry_of_wait(struct pool *pool, const struct task *task)
{
	uint64_t good = (task->deadline_ns - task->submitted_ns) / 100 * WAIT_SOFT;

	(void)pool;
	return seconds_of(task->wait_ns > good ? task->wait_ns - good : 0);
}

static const struct {
	enum admission verdict;
	bool (*refuses)(struct pool *pool, struct task *task);
	unsigned (*retry_after)(struct pool *pool, const struct task *task);
} questions[] = {
    {ADMISSION_NO_HASHER, lacks_hashers, retry_of_role},
    {ADMISSION_CLIENT_LIMIT, client_has_enough, retry_of_client},
    {ADMISSION_QUEUE_FULL, queue_is_full, retry_of_pool},
    {ADMISSION_DEADLINE, comes_too_late, retry_of_wait},
    {ADMISSION_MEMORY_BUDGET, lacks_memory, retry_of_pool}, /* takes it: the last */
};

enum admission admission_ask(
    struct pool *pool, struct task *task, unsigned *retry_after)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		if (!questions[i].refuses(pool, task))
			continue;
		*retry_after = questions[i].retry_after(pool, task);
		return questions[i].verdict;
	}
	task->charge.pool = pool->index;
	task->charge.bytes = extra_bytes(pool, task);
	if (client_add_job(task->charge.client, pool->index) == 1)
		spread_add(pool, task->origin.hash[0]);
	client_hold(task->charge.client);
	return ADMITTED;
}

void admission_refund(struct dispatch *d, struct charge *charge)
{
	struct pool *pool = &d->pools[charge->pool];

	if (charge->client == NULL)
		return;
	if (client_remove_job(charge->client, pool->index) == 0)
		spread_remove(pool, client_origin(charge->client).hash[0]);
	atomic_fetch_sub(&d->board->reserved, charge->bytes);
	client_put(charge->client);
	*charge = (struct charge){0};
}

unsigned admission_retry_after(struct pool *pool)
{
	return seconds_of(forecast_wait_ns(pool, old_share_usual_units(pool)));
}
