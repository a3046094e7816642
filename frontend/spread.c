#include "frontend/spread.h"

#include "common/clock.h"
#include "frontend/flight.h"

enum { WORD_BITS = 64, TELL_MS = 5 };

static unsigned bucket_of(uint64_t hash)
{
	return (unsigned)(hash & (LIMIT_BUCKETS - 1));
}

static _Atomic uint64_t *spread_word(
    const struct pool *pool, struct board_frontend *board, unsigned bucket)
{
	return &board->asking[pool->index][bucket / WORD_BITS];
}

/* Nobody else writes there. */
static void spread_mark(struct pool *pool, unsigned bucket, bool asking)
{
	_Atomic uint64_t *word = spread_word(pool, pool->dispatch->board, bucket);
	const uint64_t bit = UINT64_C(1) << bucket % WORD_BITS;
	const uint64_t old = atomic_load_explicit(word, memory_order_relaxed);

	atomic_store_explicit(
	    word, asking ? old | bit : old & ~bit, memory_order_relaxed);
}

void spread_add(struct pool *pool, uint64_t hash)
{
	const unsigned bucket = bucket_of(hash);

	if (pool->spread.clients++ == 0)
		pool->spread.told_ns = 0; /* the board hears of the first at once */
	if (pool->spread.asking[bucket]++ == 0)
		spread_mark(pool, bucket, true);
}

void spread_remove(struct pool *pool, uint64_t hash)
{
	const unsigned bucket = bucket_of(hash);

	if (--pool->spread.clients == 0)
		pool->spread.told_ns = 0; /* and when there is none */
	if (--pool->spread.asking[bucket] == 0)
		spread_mark(pool, bucket, false);
}

static bool spread_has(
    const struct pool *pool, struct board_frontend *board, unsigned bucket)
{
	const uint64_t word = atomic_load_explicit(
	    spread_word(pool, board, bucket), memory_order_relaxed);

	return (word >> bucket % WORD_BITS & 1) != 0;
}

static unsigned spread_count(const struct pool *pool, unsigned bucket)
{
	const struct child *child = pool->dispatch->child;
	unsigned count = 1;

	for (unsigned f = 0; f < child->frontends; f++) {
		struct board_slot *slot = board_slot(&child->board, f);

		if (slot != child->slot)
			count += spread_has(pool, &slot->frontend, bucket);
	}
	return count;
}

unsigned spread_of(const struct pool *pool, uint64_t hash)
{
	return spread_count(pool, bucket_of(hash));
}

unsigned spread_askers(struct pool *pool)
{
	struct board_frontend *board = pool->dispatch->board;
	_Atomic uint32_t *told = &board->askers[pool->index];
	const uint64_t now = clock_ns();
	unsigned askers = 0;

	if (pool->spread.told_ns != 0 &&
	    now - pool->spread.told_ns < TELL_MS * NS_PER_MS)
		return atomic_load_explicit(told, memory_order_relaxed);
	for (unsigned word = 0; word < LIMIT_BUCKETS / WORD_BITS; word++) {
		uint64_t bits = atomic_load_explicit(
		    &board->asking[pool->index][word], memory_order_relaxed);

		for (; bits != 0; bits &= bits - 1)
			askers +=
			    BOARD_ASKER /
			    spread_count(pool,
			        word * WORD_BITS + (unsigned)__builtin_ctzll(bits));
	}
	pool->spread.told_ns = now;
	atomic_store_explicit(told, askers, memory_order_relaxed);
	return askers;
}
