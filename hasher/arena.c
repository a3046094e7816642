#include "hasher/arena.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "common/argon2_size.h"

#define WORD_BITS 64u

static void *arena_map(size_t bytes)
{
	size_t span, slack;
	uint8_t *raw, *base;

	if (__builtin_add_overflow(bytes, ARENA_PAGE_BYTES, &span)) {
		errno = ENOMEM;
		return NULL;
	}
	raw = mmap(NULL, span, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (raw == MAP_FAILED)
		return NULL;
	/* Huge pages need their own alignment: cut the mapping to it. */
	slack =
	    (ARENA_PAGE_BYTES - (uintptr_t)raw % ARENA_PAGE_BYTES) % ARENA_PAGE_BYTES;
	base = raw + slack;
	if (slack > 0)
		(void)munmap(raw, slack);
	(void)munmap(base + bytes, ARENA_PAGE_BYTES - slack);
	/* Both are wishes: on plain pages the result is the same, only later,
	 * and cores are already off for the process as a whole. */
	(void)madvise(base, bytes, MADV_HUGEPAGE);
	(void)madvise(base, bytes, MADV_DONTDUMP);
	return base;
}

static size_t page_round(size_t bytes)
{
	return (bytes + ARENA_PAGE_BYTES - 1) / ARENA_PAGE_BYTES * ARENA_PAGE_BYTES;
}

int arena_open(struct arena *arena, size_t bytes, size_t keep)
{
	size_t granules;

	memset(arena, 0, sizeof(*arena));
	if (__builtin_add_overflow(bytes, ARENA_PAGE_BYTES - 1, &bytes) ||
	    bytes < ARENA_PAGE_BYTES) {
		errno = ENOMEM;
		return -1;
	}
	bytes -= bytes % ARENA_PAGE_BYTES;
	granules = bytes / ARENA_GRANULE_BYTES;
	arena->stained_count = (granules + WORD_BITS - 1) / WORD_BITS;
	arena->base = arena_map(bytes);
	if (arena->base == NULL)
		return -1;
	arena->bytes = bytes;
	arena->keep = bytes;
	if (keep > 0 && keep < bytes)
		arena->keep = page_round(keep);
	arena->stained = calloc(arena->stained_count, sizeof(*arena->stained));
	if (arena->stained == NULL) {
		(void)munmap(arena->base, arena->bytes);
		arena->base = NULL;
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

/* The lowest gap of `bytes`: its offset, and the row its claim belongs in. */
static bool arena_find(
    const struct arena *arena, size_t bytes, size_t *offset, unsigned *row)
{
	size_t from = 0;
	unsigned i;

	if (arena->claim_count == ARENA_CLAIMS_MAX)
		return false;
	for (i = 0; i < arena->claim_count; i++) {
		if (arena->claims[i].offset - from >= bytes)
			break;
		from = arena->claims[i].offset + arena->claims[i].bytes;
	}
	if (arena->bytes - from < bytes)
		return false;
	*offset = from;
	*row = i;
	return true;
}

static bool granule_round(size_t *bytes)
{
	if (*bytes == 0 ||
	    __builtin_add_overflow(*bytes, ARENA_GRANULE_BYTES - 1, bytes))
		return false;
	*bytes -= *bytes % ARENA_GRANULE_BYTES;
	return true;
}

static bool granule_stained(const struct arena *arena, size_t granule)
{
	return (arena->stained[granule / WORD_BITS] >> (granule % WORD_BITS) & 1) != 0;
}

/* Past the caches, so that what other streams keep there stays; measured at
 * half of memset's time, and it costs them nothing afterwards. */
static void memory_wipe(uint8_t *at, size_t bytes)
{
#ifdef __SSE2__
	const __m128i zero = _mm_setzero_si128();

	for (size_t i = 0; i < bytes; i += sizeof(zero))
		_mm_stream_si128((__m128i *)(void *)(at + i), zero);
	_mm_sfence();
#else
	explicit_bzero(at, bytes);
#endif
}

bool arena_claim(struct arena *arena, size_t bytes, struct arena_claim *claim)
{
	size_t wanted = bytes, last, tail;
	unsigned row;

	if (!granule_round(&bytes) || !arena_find(arena, bytes, &claim->offset, &row))
		return false;
	claim->bytes = bytes;
	memmove(&arena->claims[row + 1], &arena->claims[row],
	    (arena->claim_count - row) * sizeof(arena->claims[0]));
	arena->claims[row] = *claim;
	arena->claim_count++;
	arena->resting = false;
	if (arena->touched < claim->offset + bytes)
		arena->touched = page_round(claim->offset + bytes);

	/* The job will not write behind its end, so an older one's data there
	 * would stay for as long as claims follow each other. */
	tail = bytes - wanted;
	last = (claim->offset + bytes) / ARENA_GRANULE_BYTES - 1;
	if (tail > 0 && granule_stained(arena, last))
		explicit_bzero(arena->base + claim->offset + wanted, tail);
	return true;
}

bool arena_has_room(const struct arena *arena, size_t bytes)
{
	size_t offset;
	unsigned row;

	return granule_round(&bytes) && arena_find(arena, bytes, &offset, &row);
}

void arena_stain(struct arena *arena, size_t offset, size_t bytes)
{
	size_t granule = offset / ARENA_GRANULE_BYTES;
	size_t end = (offset + bytes + ARENA_GRANULE_BYTES - 1) / ARENA_GRANULE_BYTES;

	for (; granule < end; granule++)
		arena->stained[granule / WORD_BITS] |= (uint64_t)1
		                                       << (granule % WORD_BITS);
}

/* The first stained granule in [from, end); `end` where there is none. */
static size_t stained_next(const struct arena *arena, size_t from, size_t end)
{
	while (from < end) {
		uint64_t word = arena->stained[from / WORD_BITS] >> (from % WORD_BITS);

		if (word != 0) {
			from += (size_t)__builtin_ctzll(word);
			break;
		}
		from += WORD_BITS - from % WORD_BITS;
	}
	return from < end ? from : end;
}

/* The first stained granule no claim covers; false where there is none. */
static bool arena_stained_free(const struct arena *arena, size_t *granule)
{
	size_t from = 0;

	for (unsigned i = 0; i <= arena->claim_count; i++) {
		bool last = i == arena->claim_count;
		size_t end = (last ? arena->bytes : arena->claims[i].offset) /
		             ARENA_GRANULE_BYTES;

		*granule = stained_next(arena, from, end);
		if (*granule < end)
			return true;
		if (!last)
			from = end + arena->claims[i].bytes / ARENA_GRANULE_BYTES;
	}
	return false;
}

bool arena_is_stained(const struct arena *arena)
{
	size_t granule;

	return arena_stained_free(arena, &granule);
}

static void granule_wipe(struct arena *arena, size_t granule)
{
	memory_wipe(arena->base + granule * ARENA_GRANULE_BYTES, ARENA_GRANULE_BYTES);
	arena->stained[granule / WORD_BITS] &= ~((uint64_t)1 << (granule % WORD_BITS));
}

/* From here on no page is needed: behind all claims, and behind what is kept. */
static size_t arena_top(const struct arena *arena)
{
	size_t top = arena->resting ? 0 : arena->keep, last = 0;

	if (arena->claim_count > 0)
		last = arena->claims[arena->claim_count - 1].offset +
		       arena->claims[arena->claim_count - 1].bytes;
	return last > top ? page_round(last) : top;
}

bool arena_has_excess(const struct arena *arena)
{
	return arena->touched > arena_top(arena);
}

static void page_give_back(struct arena *arena, size_t offset)
{
	size_t granule = offset / ARENA_GRANULE_BYTES;
	const size_t end = granule + ARENA_PAGE_BYTES / ARENA_GRANULE_BYTES;

	if (madvise(arena->base + offset, ARENA_PAGE_BYTES, MADV_DONTNEED) != 0)
		explicit_bzero(arena->base + offset, ARENA_PAGE_BYTES);
	for (; granule < end; granule++)
		arena->stained[granule / WORD_BITS] &=
		    ~((uint64_t)1 << (granule % WORD_BITS));
}

/* The last pages first, so that `touched` says what is left to be done. */
static size_t arena_give_back(struct arena *arena, size_t bytes)
{
	const size_t top = arena_top(arena);
	size_t given = 0;

	while (arena->touched > top && given < bytes) {
		arena->touched -= ARENA_PAGE_BYTES;
		page_give_back(arena, arena->touched);
		given += ARENA_PAGE_BYTES;
	}
	return given;
}

size_t arena_wipe(struct arena *arena, size_t bytes)
{
	size_t wiped, granule;

	bytes += bytes == 0;
	wiped = arena_give_back(arena, bytes);
	while (wiped < bytes && arena_stained_free(arena, &granule)) {
		granule_wipe(arena, granule);
		wiped += ARENA_GRANULE_BYTES;
	}
	return wiped;
}

void arena_release(struct arena *arena, struct arena_claim *claim)
{
	for (unsigned i = 0; i < arena->claim_count; i++) {
		if (claim->bytes == 0 || arena->claims[i].offset != claim->offset)
			continue;
		arena->claim_count--;
		memmove(&arena->claims[i], &arena->claims[i + 1],
		    (arena->claim_count - i) * sizeof(arena->claims[0]));
		break;
	}
	claim->bytes = 0;
}

void arena_rest(struct arena *arena)
{
	arena->resting = arena->claim_count == 0;
}

void arena_close(struct arena *arena)
{
	size_t granule;

	if (arena->base == NULL)
		return;
	arena->claim_count = 0;
	while (arena_stained_free(arena, &granule))
		granule_wipe(arena, granule);
	(void)munmap(arena->base, arena->bytes);
	free(arena->stained);
	memset(arena, 0, sizeof(*arena));
}
