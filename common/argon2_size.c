#include "common/argon2_size.h"

static bool round_up(size_t value, size_t unit, size_t *out)
{
	size_t sum;

	if (__builtin_add_overflow(value, unit - 1, &sum))
		return false;
	*out = sum - sum % unit;
	return true;
}

bool argon2_job_blocks(uint32_t memory_kib, uint32_t lanes, uint64_t *out)
{
	uint64_t step = (uint64_t)ARGON2_SLICES * lanes;

	if (lanes == 0 || lanes > ARGON2_LANES_MAX || memory_kib < 2 * step)
		return false;
	*out = memory_kib - memory_kib % step;
	return true;
}

bool argon2_job_bytes(uint32_t memory_kib, uint32_t lanes, size_t *out)
{
	uint64_t blocks;
	size_t bytes;

	if (!argon2_job_blocks(memory_kib, lanes, &blocks))
		return false;
	if (__builtin_mul_overflow(blocks, ARGON2_BLOCK_BYTES, &bytes))
		return false;
	return round_up(bytes, ARENA_GRANULE_BYTES, out);
}

bool argon2_arena_bytes(uint32_t memory_kib, uint32_t lanes, unsigned jobs, size_t *out)
{
	size_t bytes;

	if (jobs == 0 || !argon2_job_bytes(memory_kib, lanes, &bytes))
		return false;
	if (__builtin_mul_overflow(bytes, jobs, &bytes))
		return false;
	return round_up(bytes, ARENA_PAGE_BYTES, out);
}
