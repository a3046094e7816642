#include "tests/bench/load_histogram.h"

#include <stdlib.h>

static const uint64_t SUB = UINT64_C(1) << HISTOGRAM_SUB_BITS;
static const uint64_t VALUE_MAX = (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1;

int histogram_init(struct histogram *histogram)
{
	*histogram = (struct histogram){
	    .buckets = calloc(HISTOGRAM_BUCKETS, sizeof(*histogram->buckets))};
	return histogram->buckets == NULL ? -1 : 0;
}

void histogram_free(struct histogram *histogram)
{
	free(histogram->buckets);
	histogram->buckets = NULL;
}

/* Below 2 * SUB a bucket is a value. From there on the value is shifted until it is in
 * SUB..2 * SUB - 1, and each shift has SUB buckets of its own. */
size_t histogram_bucket(uint64_t ns)
{
	unsigned top, shift;

	if (ns < SUB)
		return ns;
	if (ns > VALUE_MAX)
		ns = VALUE_MAX;
	top = 63 - (unsigned)__builtin_clzll(ns);
	shift = top - HISTOGRAM_SUB_BITS;
	return (size_t)(shift * SUB + (ns >> shift));
}

uint64_t histogram_bucket_end(size_t bucket)
{
	uint64_t shift = bucket < 2 * SUB ? 0 : bucket / SUB - 1;

	return ((bucket - shift * SUB + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
	if (histogram->count == 0 || ns < histogram->min)
		histogram->min = ns;
	if (ns > histogram->max)
		histogram->max = ns;
	histogram->count++;
	histogram->sum += (double)ns;
	histogram->buckets[histogram_bucket(ns)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0 || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (from->buckets[i] > 0) /* an untouched page stays untouched */
			into->buckets[i] += from->buckets[i];
}

/* Which value, counted from 1 by size, the quantile asks for. */
static uint64_t histogram_rank(uint64_t count, double quantile)
{
	double exact = quantile * (double)count;
	uint64_t rank = (uint64_t)exact;

	if ((double)rank < exact)
		rank++;
	return rank < 1 ? 1 : rank > count ? count : rank;
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
	uint64_t seen = 0, rank = histogram_rank(histogram->count, quantile);

	if (histogram->count == 0)
		return 0;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += histogram->buckets[i];
		if (seen >= rank) {
			uint64_t end = histogram_bucket_end(i);

			return end < histogram->max ? end : histogram->max;
		}
	}
	return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
	return histogram->count == 0 ? 0. : histogram->sum / (double)histogram->count;
}
