/*
 * The memory of all jobs of one process: one mapping, made once and kept, on
 * huge pages where the kernel gives them, handed out in granules of 64 KiB.
 *
 * A claim may still hold what the job before it left there: an Argon2 job
 * writes each of its blocks before it reads it, so clearing first would be
 * work for nothing. What no job has claimed again is wiped by arena_wipe(), a
 * piece at a time.
 *
 * What is more than usual jobs need goes back to the system, likewise by
 * arena_wipe(). It is not wiped before: the mapping is private and has no file
 * behind it, so pages given back are out of everybody's reach, and the kernel
 * clears them before they are anybody's again.
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
	size_t keep;       /* what is behind it and all claims is given back */
	size_t touched;    /* no page is in use from here on; a whole number of 2 MiB */
	bool resting;      /* nothing is kept until the next claim */
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

/* Gives a claim back; what it holds stays stained. */
void arena_release(struct arena *arena, struct arena_claim *claim);

/* Whether memory that nobody has claimed still holds a job's data. */
bool arena_is_stained(const struct arena *arena);

/* Whether pages behind `keep` and all claims are in use: one rare large job must
 * not leave its size behind in each process. */
bool arena_has_excess(const struct arena *arena);

/* Gives excess pages back, then wipes unclaimed, stained memory: up to `bytes`,
 * but at least 2 MiB of the former or a granule of the latter. Returns how many
 * bytes that were: 0 when nothing was left. */
size_t arena_wipe(struct arena *arena, size_t bytes);

/* Without claims: from now on all pages are excess, until the next claim. */
void arena_rest(struct arena *arena);

#endif
