#include "frontend/old_share.h"

#include "common/clock.h"
#include "frontend/flight.h"
#include "frontend/window.h"

enum {
	/* without as many other jobs as processes: a client that asks again when it is
	 * answered leaves gaps that are shorter */
	CALM_MS = 100,
	/* no frontend is believed to have to wait longer for its share */
	PAID_MAX_MS = 600000,
};

/* What all frontends together say of the pool's jobs. */
struct sight {
	uint64_t running;     /* jobs of old formats */
	uint64_t others;      /* other jobs, waiting and under way */
	uint64_t old_backlog; /* units of old formats, waiting and under way */
	uint64_t paid_ns;     /* when the last ones are paid for */
};

/* `begun`: of those that it says are running, the ones that are in flight. */
static void frontend_see(struct sight *sight, const struct board_frontend *board,
    unsigned pool, uint64_t running, uint64_t begun)
{
	const uint64_t all = (uint64_t)atomic_load(&board->waiting[pool]) +
	                     atomic_load(&board->in_flight[pool]);
	const uint64_t old = begun + atomic_load(&board->old_waiting[pool]);
	const uint64_t backlog = atomic_load(&board->old_backlog[pool]);
	const uint64_t paid = atomic_load(&board->old_paid_ns[pool]);

	sight->running += running;
	sight->others += all > old ? all - old : 0;
	if (__builtin_add_overflow(sight->old_backlog, backlog, &sight->old_backlog))
		sight->old_backlog = UINT64_MAX;
	if (paid > sight->paid_ns)
		sight->paid_ns = paid;
}

/* `asking`: one of ours that is counted and not in flight. */
static struct sight pool_see(struct pool *pool, uint64_t now, bool asking)
{
	const struct child *child = pool->dispatch->child;
	const uint64_t latest = now + PAID_MAX_MS * NS_PER_MS;
	struct sight sight = {0};

	dispatch_publish(pool); /* what is ours may have changed since */
	for (unsigned f = 0; f < child->frontends; f++) {
		const struct board_slot *slot = board_slot(&child->board, f);
		const uint64_t running =
		    atomic_load(&slot->frontend.old_running[pool->index]);

		frontend_see(&sight, &slot->frontend, pool->index, running,
		    running - (asking && slot == child->slot));
	}
	if (sight.paid_ns > latest)
		sight.paid_ns = latest;
	return sight;
}

static unsigned pool_processes(const struct pool *pool)
{
	const unsigned alive = window_alive(pool);

	return alive > 0 ? alive : 1;
}

static unsigned pool_most(const struct pool *pool, unsigned processes)
{
	return (processes * pool->config->old_formats_share + 99) / 100;
}

/* Do others want the whole pool, or did they just now? */
static bool pool_is_contended(
    struct pool *pool, const struct sight *sight, unsigned processes, uint64_t now)
{
	if (sight->others >= processes)
		pool->old_share.contended_ns = now;
	return pool->old_share.contended_ns != 0 &&
	       now - pool->old_share.contended_ns < CALM_MS * NS_PER_MS;
}

bool old_share_take(struct pool *pool)
{
	const unsigned processes = pool_processes(pool);
	const uint64_t now = clock_ns();
	struct sight sight;
	bool contended;

	if (pool->queue.classes[FAIR_OLD].count == 0 && TAILQ_EMPTY(&pool->queue.again))
		return false;
	atomic_fetch_add(&pool->dispatch->board->old_running[pool->index], 1);
	sight = pool_see(pool, now, true);
	contended = pool_is_contended(pool, &sight, processes, now);
	if (sight.running <= pool_most(pool, processes) &&
	    (!contended || sight.paid_ns <= now))
		return true;
	old_share_end(pool, 0);
	return false;
}

void old_share_end(struct pool *pool, uint64_t ns)
{
	struct board_frontend *board = pool->dispatch->board;
	const uint64_t now = clock_ns();
	const uint64_t begun = now > ns ? now - ns : 0;
	const uint64_t share =
	    (uint64_t)pool_processes(pool) * pool->config->old_formats_share;
	uint64_t paid;

	atomic_fetch_sub(&board->old_running[pool->index], 1);
	if (ns == 0)
		return;
	paid = pool_see(pool, now, false).paid_ns;
	if (paid < begun)
		paid = begun;
	atomic_store(&board->old_paid_ns[pool->index], paid + ns / share * 100);
}

/*
 * Units of old formats that are served before the task. What fair_ahead() tells has the
 * other jobs in it that come between: by its weights a part of all, and no more than
 * there are.
 */
static double old_ahead(
    const struct pool *pool, const struct task *task, const struct sight *sight)
{
	const struct fair *queue = &pool->queue;
	const uint64_t usual = queue->classes[FAIR_USUAL].units;
	const uint64_t own =
	    queue->classes[FAIR_OLD].units + pool->old_share.flight_units;
	const uint64_t theirs = sight->old_backlog > own ? sight->old_backlog - own : 0;
	const uint64_t all = fair_ahead(queue, task);
	const double part = (double)all * pool->config->old_formats_share / 100;
	double ahead = all > usual ? (double)(all - usual) : 0;

	if (ahead < part)
		ahead = part;
	ahead += (double)pool->old_share.flight_units;
	return ahead + ((double)theirs < ahead ? (double)theirs : ahead);
}

uint64_t old_share_wait_ns(struct pool *pool, const struct task *task)
{
	const unsigned processes = pool_processes(pool);
	const uint64_t now = clock_ns();
	const struct sight sight = pool_see(pool, now, false);
	const double ns = old_ahead(pool, task, &sight) * pool->forecast.ns_per_unit;
	uint64_t wait;

	if (!pool_is_contended(pool, &sight, processes, now))
		return (uint64_t)(ns / pool_most(pool, processes));
	wait = sight.paid_ns > now ? sight.paid_ns - now : 0;
	return wait +
	       (uint64_t)(ns * 100 / (processes * pool->config->old_formats_share));
}

void old_share_publish(struct pool *pool)
{
	struct board_frontend *board = pool->dispatch->board;
	const struct fair_node *old = &pool->queue.classes[FAIR_OLD];

	atomic_store_explicit(
	    &board->old_waiting[pool->index], old->count, memory_order_relaxed);
	atomic_store_explicit(&board->old_backlog[pool->index],
	    old->units + pool->old_share.flight_units, memory_order_relaxed);
}

uint64_t old_share_usual_flights(struct pool *pool)
{
	const bool alone =
	    pool_see(pool, clock_ns(), false).running >= pool_processes(pool);

	return pool->flight_units - (alone ? 0 : pool->old_share.flight_units);
}

uint64_t old_share_usual_units(struct pool *pool)
{
	return pool->queue.units - pool->queue.classes[FAIR_OLD].units +
	       old_share_usual_flights(pool);
}
