/*
 * What an Argon2 job costs in memory (RFC 9106, section 3.2): the one place
 * that knows, for the hasher that hands it out and for the master that proves
 * with -t that a plan fits.
 *
 * All functions return false, with *out untouched, where the numbers are out
 * of the RFC's range or the size does not fit in a size_t.
 */
#ifndef COMMON_ARGON2_SIZE_H
#define COMMON_ARGON2_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARGON2_BLOCK_BYTES 1024u
#define ARGON2_SLICES 4u
#define ARGON2_LANES_MAX 0xffffffu

/* The arena is handed out in granules and mapped in huge pages. */
#define ARENA_GRANULE_BYTES ((size_t)64 * 1024)
#define ARENA_PAGE_BYTES ((size_t)2 * 1024 * 1024)

/* m': the number of 1 KiB blocks a job fills, m rounded down to 4 * lanes. */
bool argon2_job_blocks(uint32_t memory_kib, uint32_t lanes, uint64_t *out);

/* Bytes of an arena one job holds: its blocks, in whole granules. */
bool argon2_job_bytes(uint32_t memory_kib, uint32_t lanes, size_t *out);

/* Bytes of an arena in which `jobs` jobs of this size run at once, to give as
 * engine_config.arena_bytes. It is the exact size of the mapping: no job makes
 * it larger. Beside it a process has a bit for each granule and the engine's
 * own struct, ENGINE_OWN_BYTES at the most. */
bool argon2_arena_bytes(
    uint32_t memory_kib, uint32_t lanes, unsigned jobs, size_t *out);

#endif
