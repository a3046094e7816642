/*
 * The memory of all jobs of one process: one mapping, made once and kept, on
 * huge pages where the kernel gives them, handed out in granules of 64 KiB.
 *
 * A claim may still hold what the job before it left there: an Argon2 job
 * writes each of its blocks before it reads it, so clearing first would be
 * work for nothing. What no job has claimed again is wiped by arena_wipe(), a
 * piece at a time, and nothing is given back to the system unwiped.
 */
#ifndef HASHER_ARENA_H
#define HASHER_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_CLAIMS_MAX 16

struct arena_claim {
	size_t offset; /* bytes from the base, a whole number of granules */
	size_t bytes;  /* likewise; 0: no claim */
};

struct arena {
	uint8_t *base;
	size_t bytes;
	size_t keep;       /* more than this is given back when a claim ends */
	uint64_t *stained; /* a bit for each granule that may hold a job's data */
	size_t stained_count;
	struct arena_claim claims[ARENA_CLAIMS_MAX]; /* by offset */
	unsigned claim_count;
};

/* Maps `bytes` (rounded up to 2 MiB) of address space; no page is touched. The
 * first `keep` of them (rounded up likewise, all where it is 0 or more) stay
 * with us once they are used. Returns -1 with errno where the system refuses. */
int arena_open(struct arena *arena, size_t bytes, size_t keep);

/* Wipes, then unmaps. */
void arena_close(struct arena *arena);

/* Claims room for `bytes` in the lowest gap that fits. False: no room now. */
bool arena_claim(struct arena *arena, size_t bytes, struct arena_claim *claim);

/* Whether arena_claim() would succeed. */
bool arena_has_room(const struct arena *arena, size_t bytes);

/* Tells that `bytes` at `offset`, inside a claim, are about to be written. */
void arena_stain(struct arena *arena, size_t offset, size_t bytes);

/* Gives a claim back; what it holds stays stained. What lies behind `keep` and
 * all claims is wiped and returned to the system at once: one rare large job
 * must not leave its size behind in each process. */
void arena_release(struct arena *arena, struct arena_claim *claim);

/* Whether memory that nobody has claimed still holds a job's data. */
bool arena_is_stained(const struct arena *arena);

/* Wipes up to `bytes` (at least a granule) of unclaimed, stained memory.
 * Returns how many bytes it wiped: 0 when none was left. */
size_t arena_wipe(struct arena *arena, size_t bytes);

/* With no claim left: wipes all that is stained and gives every page back. */
void arena_trim(struct arena *arena);

#endif
