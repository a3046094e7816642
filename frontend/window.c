#include "frontend/window.h"

#include "frontend/flight.h"

enum {
	/*
	 * Jobs on a link beyond what the pool's hashers have room for: enough that a
	 * hasher which is done finds the next one there, few enough that waiting
	 * happens in our queue, where a job can still be cancelled, expired or
	 * overtaken.
	 */
	WINDOW_SPARE = 2,
	/*
	 * And never more, however many hashers there are: so many of the longest
	 * replies fit into a link (LINK_BUFFER) while we do not read.
	 */
	WINDOW_MAX = 160,
};

unsigned window_alive(const struct pool *pool)
{
	return atomic_load(
	    &board_head(&pool->dispatch->child->board)->alive[pool->index]);
}

/* Frontends are not served alike but by how many clients ask them: else one client with
 * a frontend to himself would have as much as all the others together. What others say
 * of themselves is hearsay, and bounded. */
static unsigned window_askers(const struct pool *pool, const struct board_slot *slot)
{
	enum { ASKERS_MAX = BOARD_ASKER << 16 };
	unsigned askers = atomic_load(&slot->frontend.askers[pool->index]);

	return askers < ASKERS_MAX ? askers : ASKERS_MAX;
}

/* How many of the pool's hands are busy, and how many of them with jobs of others. */
static unsigned window_busy(const struct pool *pool, unsigned *with_others)
{
	const struct child *child = pool->dispatch->child;
	unsigned busy = 0;

	*with_others = 0;
	for (unsigned s = child->pool_slot[pool->index];
	     s < child->pool_slot[pool->index + 1]; s++) {
		const struct board_hasher *hasher =
		    &board_slot(&child->board, s)->hasher;

		for (unsigned i = 0; i < LIMIT_STREAMS; i++) {
			uint64_t claim = atomic_load(&hasher->claim[i]);

			busy += claim != 0;
			*with_others += claim != 0 &&
			                job_id_incarnation(claim) != child->incarnation;
		}
	}
	return busy;
}

/*
 * Of the jobs that the pool's hashers have room for, and some to spare, our part, or
 * what the other frontends leave to us. While a hasher is idle, what others say they
 * have under way and nobody works at is not believed: they may be stopped.
 */
static unsigned window_room(struct pool *pool)
{
	const struct child *child = pool->dispatch->child;
	unsigned hands = window_alive(pool) * pool->config->batch;
	unsigned own = spread_askers(pool), all, room, theirs = 0;
	unsigned part, left, working;

	own = own > 0 ? own : 1;
	all = own;
	room = hands + WINDOW_SPARE;
	for (unsigned f = 0; f < child->frontends; f++) {
		const struct board_slot *slot = board_slot(&child->board, f);
		unsigned askers = slot == child->slot ? 0 : window_askers(pool, slot);
		unsigned flying = atomic_load(&slot->frontend.in_flight[pool->index]);

		if (askers == 0)
			continue;
		all += askers;
		room += WINDOW_SPARE;
		theirs += flying < hands ? flying : hands;
	}
	if (all > own && window_busy(pool, &working) < hands && working < theirs)
		theirs = working;
	part = (unsigned)(((uint64_t)room * own + all - 1) / all);
	left = theirs < hands ? hands - theirs + WINDOW_SPARE : 0;
	return left > part ? left : part;
}

/* Each pool has its share of the flights: none can take all of them. */
unsigned window_of(struct pool *pool)
{
	unsigned share =
	    LIMIT_FLIGHTS / (unsigned)pool->dispatch->child->config->pool_count;
	unsigned window = window_room(pool);

	if (share > WINDOW_MAX)
		share = WINDOW_MAX;
	return window < share ? window : share;
}

unsigned window_shared(const struct pool *pool, unsigned window)
{
	const uint64_t alive = window_alive(pool);
	const uint64_t room = alive * pool->config->batch + WINDOW_SPARE;

	return pool->in_flight * room < alive * window ? 0 : window;
}
