/* common/units.c: what jobs cost beside each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/units.h"

static const enum engine_kind engines[] = {
    ENGINE_AUTO, ENGINE_AVX512, ENGINE_AVX2, ENGINE_LIBARGON2};

static uint64_t units(uint32_t type, uint32_t memory_kib, uint32_t time, uint32_t lanes)
{
	const struct job_cost cost = {
	    .type = type, .memory_kib = memory_kib, .time = time, .lanes = lanes};

	return units_of_job(JOB_VERIFY, &cost, ENGINE_AUTO);
}

/* The constants are lost in a usual job, and are nearly all of the smallest. */
static void blocks_are_what_a_usual_job_costs(void **state)
{
	(void)state;
	assert_in_range(units(2, 19456, 2, 1), 19456 * 2, 19456 * 2 * 103 / 100);
	assert_true(units(2, 65536, 3, 4) < 65536 * 3 * 102 / 100);
}

/* Eight blocks take a microsecond; all that is done for them, a hundred and more. */
static void the_smallest_job_is_no_present(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		const struct job_cost cost = {
		    .type = 2, .memory_kib = 8, .time = 1, .lanes = 1};
		const uint64_t all = units_of_job(JOB_VERIFY, &cost, engines[i]);

		assert_true(all > units_of_any_job(engines[i]) + 8);
		assert_true(all * engine_kind_block_ns(engines[i]) > 100000);
		assert_true(all * engine_kind_block_ns(engines[i]) < 200000);
		assert_int_equal(units_of_blocks(JOB_VERIFY, &cost), 8);
	}
}

static void each_lane_costs_and_so_do_passes_of_argon2i(void **state)
{
	const uint64_t lane = units(2, 128, 1, 2) - units(2, 128, 1, 1);

	(void)state;
	assert_true(lane > 0);
	assert_in_range(
	    units(2, 128, 1, 16) - units(2, 128, 1, 1), 15 * lane - 15, 15 * lane + 15);
	assert_int_equal(units(0, 128, 16, 16), units(2, 128, 16, 16));
	assert_true(units(1, 128, 16, 16) > units(2, 128, 16, 16) + 2048);
}

static void a_lookup_costs_what_is_done_around_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		assert_true(units_of_job(JOB_LOOKUP, NULL, engines[i]) >
		            units_of_any_job(engines[i]));
		assert_true(units_of_any_job(engines[i]) > 0);
	}
	assert_int_equal(units_of_blocks(JOB_LOOKUP, NULL), 0);
}

/* The largest cost that can be given, as often as a queue is long. */
static void nothing_overflows(void **state)
{
	const uint64_t most = units(1, UINT32_MAX, 10000, 255);

	(void)state;
	assert_true(most > UINT64_C(10000) * UINT32_MAX);
	assert_true(most < UINT64_MAX / 65536);
	assert_int_equal(units_of_ns(0, ENGINE_AUTO), 0);
	assert_int_equal(units_of_ns(1, ENGINE_AUTO), 1);
	assert_true(units_of_ns(UINT64_MAX, ENGINE_LIBARGON2) < UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blocks_are_what_a_usual_job_costs),
	    cmocka_unit_test(the_smallest_job_is_no_present),
	    cmocka_unit_test(each_lane_costs_and_so_do_passes_of_argon2i),
	    cmocka_unit_test(a_lookup_costs_what_is_done_around_it),
	    cmocka_unit_test(nothing_overflows),
	};

	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
