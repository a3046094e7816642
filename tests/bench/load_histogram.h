/*
 * A histogram of times with three significant digits from a nanosecond to over an hour:
 * for each power of two 1,024 buckets of equal width, so that a bucket is narrower than
 * a thousandth of what is in it. Nothing is sampled or forgotten, and two histograms
 * add up.
 */
#ifndef TESTS_BENCH_LOAD_HISTOGRAM_H
#define TESTS_BENCH_LOAD_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
	HISTOGRAM_SUB_BITS = 10,
	HISTOGRAM_VALUE_BITS =
	    42, /* 2^42 ns are 73 minutes; more is put with the last */
	HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_SUB_BITS + 1)
	                    << HISTOGRAM_SUB_BITS,
};

struct histogram {
	uint64_t count;
	uint64_t min, max; /* ns, exact; 0 where there is none */
	double sum;        /* ns */
	uint64_t *buckets; /* HISTOGRAM_BUCKETS of them; memory is used as they fill */
};

/* Empty, all in one allocation. Returns 0, or -1 where there is no memory. */
int histogram_init(struct histogram *histogram);
void histogram_free(struct histogram *histogram);

void histogram_add(struct histogram *histogram, uint64_t ns);
/* Adds all that is in `from`. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The time in ns within which the share `quantile` (0..1) of all values lies: the upper
 * end of that value's bucket, and never above the maximum. 0 where there is no value.
 */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);
/* ns; 0 where there is no value. */
double histogram_mean(const struct histogram *histogram);

/* The bucket of a value, and the largest value of a bucket. */
size_t histogram_bucket(uint64_t ns);
uint64_t histogram_bucket_end(size_t bucket);

#endif
