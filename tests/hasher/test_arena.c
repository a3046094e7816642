/* The arena: claims, what stays in them, and what is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/argon2_size.h"
#include "hasher/arena.h"

#define G ARENA_GRANULE_BYTES
#define PAGES (ARENA_PAGE_BYTES / G)

static int arena_setup(void **state)
{
	static struct arena arena;

	*state = &arena;
	return arena_open(&arena, 1, 0);
}

static int arena_teardown(void **state)
{
	arena_close(*state);
	return 0;
}

static bool is_zero(const struct arena *arena, size_t offset, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (arena->base[offset + i] != 0)
			return false;
	}
	return true;
}

static struct arena_claim claim_filled(struct arena *arena, size_t bytes)
{
	struct arena_claim claim;

	assert_true(arena_claim(arena, bytes, &claim));
	arena_stain(arena, claim.offset, bytes);
	memset(arena->base + claim.offset, 0xa5, bytes);
	return claim;
}

static size_t resident_pages(const struct arena *arena)
{
	size_t pages = arena->bytes / (size_t)sysconf(_SC_PAGESIZE), count = 0;
	unsigned char *map = malloc(pages);

	assert_non_null(map);
	assert_int_equal(mincore(arena->base, arena->bytes, map), 0);
	for (size_t i = 0; i < pages; i++)
		count += map[i] & 1;
	free(map);
	return count;
}

static void test_size_is_rounded_and_aligned(void **state)
{
	const struct arena *arena = *state;

	assert_int_equal(arena->bytes, ARENA_PAGE_BYTES);
	assert_int_equal((uintptr_t)arena->base % ARENA_PAGE_BYTES, 0);
	assert_int_equal(resident_pages(arena), 0);
}

static void test_impossible_sizes_are_refused(void **state)
{
	struct arena arena;

	(void)state;
	errno = 0;
	assert_int_equal(arena_open(&arena, SIZE_MAX, 0), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(arena_open(&arena, SIZE_MAX - ARENA_PAGE_BYTES, 0), -1);
	assert_int_equal(arena_open(&arena, (size_t)1 << 60, 0), -1);
	arena_close(&arena);
}

static void test_claims_take_the_lowest_gap(void **state)
{
	struct arena *arena = *state;
	struct arena_claim a, b, c, d;

	assert_true(arena_claim(arena, 3 * G, &a));
	assert_true(arena_claim(arena, 1, &b));
	assert_true(arena_claim(arena, 2 * G, &c));
	assert_int_equal(a.offset, 0);
	assert_int_equal(b.offset, 3 * G);
	assert_int_equal(b.bytes, G);
	assert_int_equal(c.offset, 4 * G);
	arena_release(arena, &a);
	assert_int_equal(a.bytes, 0);
	assert_true(arena_claim(arena, 4 * G, &d));
	assert_int_equal(d.offset, 6 * G);
	assert_true(arena_claim(arena, 2 * G, &a));
	assert_int_equal(a.offset, 0);
	arena_release(arena, &b);
	assert_true(arena_claim(arena, 2 * G, &b));
	assert_int_equal(b.offset, 2 * G);
}

static void test_a_full_arena_says_so_and_empties(void **state)
{
	struct arena *arena = *state;
	struct arena_claim a, b, none = {0, 0};

	assert_false(arena_has_room(arena, ARENA_PAGE_BYTES + 1));
	assert_false(arena_has_room(arena, SIZE_MAX));
	assert_false(arena_has_room(arena, 0));
	assert_true(arena_claim(arena, ARENA_PAGE_BYTES - G, &a));
	assert_true(arena_has_room(arena, G));
	assert_false(arena_has_room(arena, G + 1));
	assert_true(arena_claim(arena, G, &b));
	assert_false(arena_has_room(arena, 1));
	assert_false(arena_claim(arena, 1, &none));
	arena_release(arena, &a);
	arena_release(arena, &a);
	arena_release(arena, &b);
	/* No hole is left between neighbours. */
	assert_true(arena_claim(arena, ARENA_PAGE_BYTES, &a));
}

static void test_more_claims_than_rows_are_refused(void **state)
{
	struct arena *arena = *state;
	struct arena_claim claims[ARENA_CLAIMS_MAX], one;

	for (unsigned i = 0; i < ARENA_CLAIMS_MAX; i++)
		assert_true(arena_claim(arena, G, &claims[i]));
	assert_false(arena_claim(arena, G, &one));
	arena_release(arena, &claims[7]);
	assert_true(arena_claim(arena, G, &one));
	assert_int_equal(one.offset, 7 * G);
}

static void test_only_unclaimed_memory_is_wiped(void **state)
{
	struct arena *arena = *state;
	struct arena_claim a = claim_filled(arena, 2 * G), b = claim_filled(arena, G),
	                   c = claim_filled(arena, 3 * G);
	size_t b_offset = b.offset, c_offset = c.offset;

	assert_false(arena_is_stained(arena));
	assert_int_equal(arena_wipe(arena, SIZE_MAX), 0);
	arena_release(arena, &a);
	arena_release(arena, &c);
	assert_true(arena_is_stained(arena));
	assert_int_equal(arena_wipe(arena, 1), G);
	assert_true(is_zero(arena, 0, G));
	assert_true(arena_is_stained(arena));
	assert_int_equal(arena_wipe(arena, SIZE_MAX), 4 * G);
	assert_false(arena_is_stained(arena));
	assert_true(is_zero(arena, 0, 2 * G));
	assert_true(is_zero(arena, c_offset, ARENA_PAGE_BYTES - c_offset));
	for (size_t i = 0; i < G; i++)
		assert_int_equal(arena->base[b_offset + i], 0xa5);
	arena_rest(arena);
	assert_int_equal(arena_wipe(arena, SIZE_MAX), 0);
	assert_int_equal(arena->base[b_offset], 0xa5);
}

/* Nobody would overwrite what lies between a job's end and its granule's. */
static void test_a_claims_tail_is_clean(void **state)
{
	struct arena *arena = *state;
	struct arena_claim a = claim_filled(arena, 4 * G);

	arena_release(arena, &a);
	assert_true(arena_claim(arena, G + 1024, &a));
	assert_int_equal(arena->base[0], 0xa5);
	assert_int_equal(arena->base[G + 1023], 0xa5);
	assert_true(is_zero(arena, G + 1024, G - 1024));
	assert_int_equal(arena_wipe(arena, SIZE_MAX), 2 * G);
	arena_release(arena, &a);
	assert_int_equal(arena_wipe(arena, SIZE_MAX), 2 * G);
	assert_true(is_zero(arena, 0, ARENA_PAGE_BYTES));
}

static void test_rest_gives_all_back(void **state)
{
	struct arena *arena = *state;
	struct arena_claim a = claim_filled(arena, ARENA_PAGE_BYTES);

	assert_true(resident_pages(arena) > 0);
	arena_release(arena, &a);
	assert_false(arena_has_excess(arena));
	arena_rest(arena);
	assert_true(arena_has_excess(arena));
	assert_int_equal(arena_wipe(arena, 1), ARENA_PAGE_BYTES);
	assert_false(arena_has_excess(arena));
	assert_false(arena_is_stained(arena));
	assert_int_equal(resident_pages(arena), 0);
	assert_true(is_zero(arena, 0, ARENA_PAGE_BYTES));
	assert_int_equal(arena_wipe(arena, 1), 0);
	/* until the next claim */
	a = claim_filled(arena, ARENA_PAGE_BYTES);
	arena_release(arena, &a);
	assert_false(arena_has_excess(arena));
	assert_true(arena_is_stained(arena));
}

static void test_job_sizes(void **state)
{
	uint64_t blocks = 7;
	size_t bytes = 7;

	(void)state;
	assert_false(argon2_job_blocks(7, 1, &blocks));
	assert_false(argon2_job_blocks(8, 0, &blocks));
	assert_false(argon2_job_blocks(UINT32_MAX, ARGON2_LANES_MAX + 1, &blocks));
	assert_false(argon2_job_blocks(8 * 300 - 1, 300, &blocks));
	assert_int_equal(blocks, 7);
	assert_true(argon2_job_blocks(8, 1, &blocks));
	assert_int_equal(blocks, 8);
	assert_true(argon2_job_blocks(67, 5, &blocks));
	assert_int_equal(blocks, 60);
	assert_true(argon2_job_blocks(UINT32_MAX, 3, &blocks));
	assert_int_equal(blocks, UINT32_MAX - UINT32_MAX % 12);
	assert_true(argon2_job_blocks(UINT32_MAX, ARGON2_LANES_MAX, &blocks));

	assert_false(argon2_job_bytes(7, 1, &bytes));
	assert_int_equal(bytes, 7);
	assert_true(argon2_job_bytes(8, 1, &bytes));
	assert_int_equal(bytes, G);
	assert_true(argon2_job_bytes(19456, 1, &bytes));
	assert_int_equal(bytes, 19456 * 1024);

	assert_false(argon2_arena_bytes(8, 1, 0, &bytes));
	assert_true(argon2_arena_bytes(8, 1, 1, &bytes));
	assert_int_equal(bytes, ARENA_PAGE_BYTES);
	assert_true(argon2_arena_bytes(19456, 1, 4, &bytes));
	assert_int_equal(bytes, 4 * 19 * 1024 * 1024);
	assert_true(argon2_arena_bytes(8, 1, PAGES + 1, &bytes));
	assert_int_equal(bytes, 2 * ARENA_PAGE_BYTES);
	/* 4 TiB, 2^24 times, is more than a size_t. */
	assert_false(argon2_arena_bytes(UINT32_MAX, 1, 1u << 24, &bytes));
}

/* What a plan says is what jobs of that size need, neither more nor less. */
static void test_a_plan_fits_exactly(void **state)
{
	struct arena arena;
	struct arena_claim claims[4];
	uint64_t blocks;
	size_t bytes;

	(void)state;
	assert_true(argon2_arena_bytes(19999, 3, 4, &bytes));
	assert_true(argon2_job_blocks(19999, 3, &blocks));
	assert_int_equal(arena_open(&arena, bytes, 0), 0);
	assert_int_equal(arena.bytes, bytes);
	for (unsigned i = 0; i < 4; i++)
		assert_true(
		    arena_claim(&arena, blocks * ARGON2_BLOCK_BYTES, &claims[i]));
	assert_false(arena_has_room(&arena, blocks * ARGON2_BLOCK_BYTES));
	arena_close(&arena);
}

static size_t resident(const struct arena *arena)
{
	static unsigned char map[16 * ARENA_PAGE_BYTES / 4096];
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t count = 0;

	assert_true(arena->bytes / page <= sizeof(map));
	assert_int_equal(mincore(arena->base, arena->bytes, map), 0);
	for (size_t i = 0; i < arena->bytes / page; i++)
		count += map[i] & 1;
	return count * page;
}

static void fill(struct arena *arena, size_t bytes, struct arena_claim *claim)
{
	assert_true(arena_claim(arena, bytes, claim));
	arena_stain(arena, claim->offset, claim->bytes);
	memset(arena->base + claim->offset, 0x5a, claim->bytes);
}

/* Each step gives a page back, and no more. */
static void excess_steps(struct arena *arena)
{
	while (arena_has_excess(arena)) {
		const size_t before = resident(arena);

		assert_int_equal(arena_wipe(arena, 1), ARENA_PAGE_BYTES);
		assert_true(before - resident(arena) <= ARENA_PAGE_BYTES);
	}
}

/* A rare large job: what it needed more than usual ones does not stay, and what others
 * use meanwhile is not touched. */
static void test_a_large_jobs_memory_does_not_stay(void **state)
{
	struct arena arena;
	struct arena_claim small, large;

	(void)state;
	assert_int_equal(
	    arena_open(&arena, 8 * ARENA_PAGE_BYTES, 2 * ARENA_PAGE_BYTES), 0);
	fill(&arena, G, &small);
	fill(&arena, 6 * ARENA_PAGE_BYTES, &large);
	assert_true(resident(&arena) > 6 * ARENA_PAGE_BYTES);
	arena_release(&arena, &large);
	excess_steps(&arena);
	assert_true(resident(&arena) <= 2 * ARENA_PAGE_BYTES);
	for (size_t i = 0; i < G; i++)
		assert_int_equal(arena.base[small.offset + i], 0x5a);
	/* behind a claim that goes on */
	fill(&arena, 3 * ARENA_PAGE_BYTES, &large);
	arena_release(&arena, &small);
	assert_false(arena_has_excess(&arena));
	assert_true(resident(&arena) >= 3 * ARENA_PAGE_BYTES);
	assert_int_equal(arena.base[large.offset + large.bytes - 1], 0x5a);
	arena_release(&arena, &large);
	excess_steps(&arena);
	assert_true(resident(&arena) <= 2 * ARENA_PAGE_BYTES);
	while (arena_wipe(&arena, arena.bytes) > 0)
		continue;
	for (size_t i = 0; i < arena.bytes; i++)
		assert_int_equal(arena.base[i], 0);
	arena_close(&arena);
}

#define ARENA_TEST(f) cmocka_unit_test_setup_teardown(f, arena_setup, arena_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ARENA_TEST(test_size_is_rounded_and_aligned),
	    cmocka_unit_test(test_impossible_sizes_are_refused),
	    ARENA_TEST(test_claims_take_the_lowest_gap),
	    ARENA_TEST(test_a_full_arena_says_so_and_empties),
	    ARENA_TEST(test_more_claims_than_rows_are_refused),
	    ARENA_TEST(test_only_unclaimed_memory_is_wiped),
	    ARENA_TEST(test_a_claims_tail_is_clean),
	    ARENA_TEST(test_rest_gives_all_back),
	    cmocka_unit_test(test_a_large_jobs_memory_does_not_stay),
	    cmocka_unit_test(test_job_sizes),
	    cmocka_unit_test(test_a_plan_fits_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
