#include "common/units.h"

/*
 * CPU time in nanoseconds, measured by `make bench-engine`; hasher/ENGINE.md has the
 * figures with their machine and date. They are rounded up: a client with many small
 * jobs pays rather too much than too little.
 */
enum {
	/* a frontend's: from the request's first byte to the answer's last, with the
	 * messages to a hasher and back; twice what it is in a crowd of small jobs,
	 * because between large ones nothing of it is in the caches */
	FRONTEND_NS = 60000,
	/* a hasher's: to be woken, to take the job, to answer */
	HASHER_NS = 20000,
	LOOKUP_NS = 20000, /* the look-up itself, in a small database */
	/* Argon2's H0 and tag, and the bookkeeping of a job */
	ARGON2_NS = 8000,
	/* the first two blocks of a lane: 62 calls of BLAKE2b */
	LANE_NS = 23000,
};

enum {
	ARGON2I = 1, /* job_cost.type */
	/* Argon2i computes its references from blocks of their own, two for each of the
	 * four parts of a pass of a lane; in blocks */
	ADDRESSES = 12,
};

uint64_t units_of_ns(uint64_t ns, enum engine_kind engine)
{
	const uint64_t block_ns = engine_kind_block_ns(engine);

	return ns / block_ns + (ns % block_ns != 0);
}

uint64_t units_of_any_job(enum engine_kind engine)
{
	return units_of_ns(FRONTEND_NS + HASHER_NS, engine);
}

uint64_t units_of_blocks(enum job_kind kind, const struct job_cost *cost)
{
	return kind == JOB_LOOKUP ? 0 : (uint64_t)cost->memory_kib * cost->time;
}

uint64_t units_of_job(
    enum job_kind kind, const struct job_cost *cost, enum engine_kind engine)
{
	uint64_t ns = FRONTEND_NS + HASHER_NS, blocks = units_of_blocks(kind, cost);

	if (kind == JOB_LOOKUP) {
		ns += LOOKUP_NS;
	} else {
		ns += ARGON2_NS + (uint64_t)cost->lanes * LANE_NS;
		if (cost->type == ARGON2I)
			blocks += (uint64_t)cost->time * cost->lanes * ADDRESSES;
	}
	return blocks + units_of_ns(ns, engine);
}
