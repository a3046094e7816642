/* load_histogram.c: what it may forget of a value, and that nothing else is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "tests/bench/load_histogram.h"

static struct histogram made(void)
{
	struct histogram histogram;

	assert_int_equal(histogram_init(&histogram), 0);
	return histogram;
}

static void buckets_follow_each_other_without_a_gap(void **state)
{
	uint64_t next = 0;

	(void)state;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		assert_int_equal(histogram_bucket(next), i);
		next = histogram_bucket_end(i);
		assert_int_equal(histogram_bucket(next), i);
		next++;
	}
	assert_true(next == UINT64_C(1) << HISTOGRAM_VALUE_BITS);
	assert_int_equal(histogram_bucket(next), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void a_bucket_is_narrower_than_a_thousandth(void **state)
{
	(void)state;
	for (uint64_t value = 1; value >> HISTOGRAM_VALUE_BITS == 0;
	     value += value / 777 + 1) {
		uint64_t end = histogram_bucket_end(histogram_bucket(value));

		assert_true(end >= value);
		assert_true((double)(end - value) < (double)value / 1000.);
	}
}

static void quantiles_of_known_values(void **state)
{
	static const struct {
		double quantile, ms;
	} expected[] = {{0., 1}, {.001, 1}, {.5, 500}, {.9, 900}, {.99, 990},
	    {.999, 999}, {.9999, 1000}, {1., 1000}};
	struct histogram histogram = made();

	(void)state;
	for (uint64_t ms = 1000; ms >= 1; ms--)
		histogram_add(&histogram, ms * 1000000);
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		double ns =
		    (double)histogram_quantile(&histogram, expected[i].quantile);

		assert_true(ns >= expected[i].ms * 1e6);
		assert_true(ns <= expected[i].ms * 1.001e6);
	}
	assert_int_equal(histogram.min, 1000000);
	assert_int_equal(histogram_quantile(&histogram, 1.), 1000000000);
	assert_true(histogram_mean(&histogram) == 500.5e6);
	histogram_free(&histogram);
}

static void an_empty_one_says_nothing(void **state)
{
	struct histogram histogram = made();

	(void)state;
	assert_int_equal(histogram_quantile(&histogram, .99), 0);
	assert_true(histogram_mean(&histogram) == 0.);
	histogram_free(&histogram);
}

static void no_quantile_is_above_the_maximum(void **state)
{
	struct histogram histogram = made();

	(void)state;
	histogram_add(&histogram, 1234567);
	assert_int_equal(histogram_quantile(&histogram, .5), 1234567);
	histogram_add(&histogram, UINT64_MAX / 2);
	assert_true(histogram_quantile(&histogram, 1.) == UINT64_MAX / 2);
	histogram_free(&histogram);
}

static void two_merged_are_as_one(void **state)
{
	struct histogram one = made(), some = made(), others = made();

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t ns = ((uint64_t)i * 2654435761u) % 5000000000u;

		histogram_add(&one, ns);
		histogram_add(i % 3 == 0 ? &some : &others, ns);
	}
	histogram_merge(&some, &others);
	assert_int_equal(some.count, one.count);
	assert_int_equal(some.min, one.min);
	assert_int_equal(some.max, one.max);
	assert_true(some.sum == one.sum);
	assert_memory_equal(
	    some.buckets, one.buckets, HISTOGRAM_BUCKETS * sizeof(*one.buckets));
	histogram_free(&one);
	histogram_free(&some);
	histogram_free(&others);
}

static void merging_with_an_empty_one_changes_nothing(void **state)
{
	struct histogram empty = made(), one = made();

	(void)state;
	histogram_add(&one, 42);
	histogram_merge(&one, &empty);
	assert_int_equal(one.min, 42);
	histogram_merge(&empty, &one);
	assert_int_equal(empty.min, 42);
	assert_int_equal(empty.count, 1);
	histogram_free(&empty);
	histogram_free(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buckets_follow_each_other_without_a_gap),
	    cmocka_unit_test(a_bucket_is_narrower_than_a_thousandth),
	    cmocka_unit_test(quantiles_of_known_values),
	    cmocka_unit_test(an_empty_one_says_nothing),
	    cmocka_unit_test(no_quantile_is_above_the_maximum),
	    cmocka_unit_test(two_merged_are_as_one),
	    cmocka_unit_test(merging_with_an_empty_one_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
