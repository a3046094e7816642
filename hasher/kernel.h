/*
 * What the engine and a kernel agree on. A kernel fills blocks of lanes with
 * one instruction set; everything that happens less than once a block (the
 * first blocks, address blocks, slices, passes, the tag) is the engine's.
 *
 * A kernel keeps a block's 128 words in an order of its own. XOR does not care
 * about the order, so only the blocks that come from or go to BLAKE2b and the
 * address blocks are ever converted.
 */
#ifndef HASHER_KERNEL_H
#define HASHER_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cpu_engine.h"

#define BLOCK_WORDS 128u

struct block {
	uint64_t word[BLOCK_WORDS];
} __attribute__((aligned(64)));

/* An address block gives the references of this many blocks. */
#define KERNEL_PAGE 128u
/* So many blocks ahead known references are fetched; the table is padded. */
#define KERNEL_AHEAD 4u

/*
 * One lane within one slice: what is needed to write its next block, and to
 * choose the reference of the one after it (RFC 9106, section 3.4). The engine
 * sets it up so that `ref` is the reference of the block at `dst`; a kernel
 * leaves it so. All blocks are of one job's memory.
 */
struct kernel_lane {
	struct block *dst;
	const struct block *prev;
	const struct block *ref;

	const struct block *memory; /* lane 0, block 0 */
	const struct block *own;    /* this lane, block 0 */
	uint64_t lane_inverse;      /* 2^64 / lanes + 1, for the remainder by lanes */
	uint32_t lanes;             /* 1 while only the own lane may be referenced */
	uint32_t lane_length;
	uint32_t start;      /* where the window of references begins in a lane */
	uint32_t area;       /* its size for the block after dst, in the own lane */
	uint32_t area_other; /* and in the other lanes */

	bool accumulate; /* the new block is XORed into the old one (t > 1, v 0x13) */
	bool known;      /* references come from refs[], not from the blocks */
	uint32_t next;   /* refs[next] is the one of the block after dst */
	const struct block *refs[KERNEL_PAGE + KERNEL_AHEAD + 1];
};

struct kernel {
	enum engine_kind kind;

	/* Writes the next `blocks` blocks of each of `count` lanes, in turn. */
	void (*fill)(
	    struct kernel_lane *const lanes[], unsigned count, uint32_t blocks);

	/* dst = G(0, src), for address blocks. */
	void (*mix)(struct block *dst, const struct block *src);

	/* order[i] is where the kernel keeps word i of a block; order[0] is 0. */
	uint8_t order[BLOCK_WORDS];
};

/* NULL where the program was compiled without that instruction set. */
const struct kernel *kernel_avx512(void);
const struct kernel *kernel_avx2(void);

/* n mod lanes by multiplications only; exact for all 32-bit numbers. */
static inline uint32_t kernel_lane_choose(const struct kernel_lane *lane, uint32_t n)
{
	uint64_t fraction = lane->lane_inverse * n;

	/* fraction * lanes / 2^64: lanes is below 2^24, nothing overflows. */
	return (uint32_t)(((fraction >> 32) * lane->lanes +
	                      ((uint32_t)fraction * (uint64_t)lane->lanes >> 32)) >>
	                  32);
}

/* The block that `random` (J2 above J1) points to. */
static inline const struct block *kernel_reference(
    const struct kernel_lane *lane, uint64_t random)
{
	const struct block *base = lane->own;
	uint64_t j1 = (uint32_t)random;
	uint32_t area = lane->area;
	uint32_t position;

	if (lane->lanes > 1) {
		uint32_t other = kernel_lane_choose(lane, (uint32_t)(random >> 32));

		base = lane->memory + (uint64_t)other * lane->lane_length;
		area = base == lane->own ? area : lane->area_other;
	}
	position = area - 1 - (uint32_t)((area * ((j1 * j1) >> 32)) >> 32);
	/* The window is at most a lane long and may wrap once. Both terms are
	 * below the lane's length; their sum may not fit in 32 bits. */
	if (position >= lane->lane_length - lane->start)
		position -= lane->lane_length - lane->start;
	else
		position += lane->start;
	return base + position;
}

#endif
