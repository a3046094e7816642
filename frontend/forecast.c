#include "frontend/forecast.h"

#include "common/clock.h"
#include "frontend/flight.h"

enum {
	LOOK_MS = 20, /* between two looks at what the hashers have done */
	SMOOTHING = 4,
	SAMPLE_JOBS = 4, /* usual ones: a look at fewer counts for less */
	/* of waiting without a break, and usual jobs that have ended meanwhile, for our
	 * own rate */
	OWN_MS = 50,
	OWN_JOBS = 8,
};

/* No hasher is believed to be slower: a second for a unit of 1 KiB. */
static const double NS_PER_UNIT_MAX = 1e9;

unsigned forecast_hashers(const struct pool *pool)
{
	const struct board_head *head = board_head(&pool->dispatch->child->board);
	unsigned alive = atomic_load(&head->alive[pool->index]);
	unsigned most = atomic_load(&head->most[pool->index]);

	/* more come as soon as jobs wait, unless they die at once */
	if (atomic_load(&head->throttled[pool->index]) == 0 && alive < most)
		alive = most;
	return alive > 0 ? alive : 1;
}

/*
 * One job that took long (the first one of a look-up process opens the database;
 * somebody else had the CPU) says little about the next fifty: a look weighs by what it
 * has seen, and the first ones count from zero on. But no job can be quicker than it
 * can be done: when things are twice as good as was believed, bad times are soon over.
 */
static void forecast_learn(struct pool *pool, double ns_per_unit, uint64_t units)
{
	struct forecast *forecast = &pool->forecast;
	const double enough = SAMPLE_JOBS * (double)pool->queue.quantum;
	double weight = (double)units < enough ? (double)units / enough : 1;

	if (forecast->seen < enough)
		forecast->seen += (double)units;
	else if (ns_per_unit >= forecast->ns_per_unit / 2)
		weight /= SMOOTHING;
	forecast->ns_per_unit += (ns_per_unit - forecast->ns_per_unit) * weight;
}

/* The sums go down when a process is replaced: then this look only begins anew. */
static void forecast_compare(struct pool *pool, uint64_t units, uint64_t busy_ns)
{
	struct forecast *forecast = &pool->forecast;
	const bool comparable = units > forecast->units && busy_ns > forecast->busy_ns;
	const uint64_t done = units - forecast->units;
	double sample;

	if (done == 0) /* nothing learnt */
		return;
	sample = (double)(busy_ns - forecast->busy_ns) / (double)done;
	forecast->units = units;
	forecast->busy_ns = busy_ns;
	if (comparable && sample <= NS_PER_UNIT_MAX)
		forecast_learn(pool, sample, done);
}

static void forecast_look(struct pool *pool)
{
	const struct child *child = pool->dispatch->child;
	uint64_t now = clock_ns(), units = 0, busy_ns = 0;

	if (now - pool->forecast.looked_ns < LOOK_MS * NS_PER_MS)
		return;
	pool->forecast.looked_ns = now;
	for (unsigned s = child->pool_slot[pool->index];
	     s < child->pool_slot[pool->index + 1]; s++) {
		const struct board_hasher *hasher =
		    &board_slot(&child->board, s)->hasher;

		units += atomic_load(&hasher->units);
		busy_ns += atomic_load(&hasher->busy_ns);
	}
	forecast_compare(pool, units, busy_ns);
}

/* Without those of old formats, whose part in the way of others is small (old_share.h).
 */
static uint64_t backlog_usual(const struct board_frontend *board, unsigned pool)
{
	const uint64_t all = atomic_load(&board->backlog[pool]);
	const uint64_t old = atomic_load(&board->old_backlog[pool]);

	return all > old ? all - old : 0;
}

/* As much of the other frontends' jobs as we have before us is served meanwhile. */
static double forecast_others(const struct pool *pool, uint64_t ahead)
{
	const struct child *child = pool->dispatch->child;
	double units = 0;

	for (unsigned f = 0; f < child->frontends; f++) {
		const struct board_slot *slot = board_slot(&child->board, f);
		uint64_t backlog;

		if (slot == child->slot)
			continue;
		backlog = backlog_usual(&slot->frontend, pool->index);
		units += (double)(backlog < ahead ? backlog : ahead);
	}
	return units;
}

static uint64_t forecast_ns(const struct pool *pool, double units)
{
	double ns = units * pool->forecast.ns_per_unit;

	return ns < 1e18 ? (uint64_t)ns : (uint64_t)1e18;
}

/* Others may have nothing waiting whenever we look, and take half of the pool all the
 * same: what we get while we have enough is what we get. */
static void forecast_look_at_own(struct pool *pool, uint64_t now)
{
	struct forecast *f = &pool->forecast;
	double seconds = (double)(now - f->waiting_from) / (double)NS_PER_SEC;
	double sample = (double)(f->served - f->served_from) / seconds;

	f->own_rate = f->own_rate == 0
	                  ? sample
	                  : f->own_rate + (sample - f->own_rate) / SMOOTHING;
	f->waiting_from = now;
	f->served_from = f->served;
}

void forecast_served(struct pool *pool, uint64_t units)
{
	struct forecast *f = &pool->forecast;
	uint64_t now;

	f->served += units;
	if (f->waiting_from == 0)
		return;
	now = clock_ns();
	if (now - f->waiting_from >= OWN_MS * NS_PER_MS &&
	    f->served - f->served_from >= OWN_JOBS * pool->queue.quantum)
		forecast_look_at_own(pool, now);
}

void forecast_queue_changed(struct pool *pool)
{
	struct forecast *f = &pool->forecast;
	bool waiting = pool->queue.count > 0;

	if (waiting == (f->waiting_from != 0))
		return;
	f->waiting_from = waiting ? clock_ns() : 0;
	f->served_from = f->served;
	f->own_rate = 0;
}

static uint64_t forecast_own_wait_ns(const struct pool *pool, uint64_t units_ahead)
{
	const struct forecast *f = &pool->forecast;
	double seconds;

	if (f->own_rate <= 0)
		return 0;
	seconds = (double)units_ahead / f->own_rate;
	return seconds < 1e9 ? (uint64_t)(seconds * (double)NS_PER_SEC)
	                     : (uint64_t)1e18;
}

uint64_t forecast_wait_ns(struct pool *pool, uint64_t units_ahead)
{
	uint64_t wait, own;

	forecast_look(pool);
	wait = forecast_ns(
	    pool, ((double)units_ahead + forecast_others(pool, units_ahead)) /
	              forecast_hashers(pool));
	own = forecast_own_wait_ns(pool, units_ahead);
	return own > wait ? own : wait;
}

uint64_t forecast_work_least_ns(const struct pool *pool, uint64_t units)
{
	return forecast_ns(pool, (double)units);
}

uint64_t forecast_work_ns(const struct pool *pool, uint64_t units)
{
	return forecast_ns(pool, (double)units * pool->config->batch);
}
