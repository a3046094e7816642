/*
 * How long a verification takes says nothing of its outcome: right, wrong and for no
 * hash at all it is the same work. Measured side by side, so that the machine's speed *
 * and its load are the same for each; only ratios are looked at. ARGOND_TEST_LONG=1
 * measures longer, for whoever wants to compare the medians that are printed.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/system/api.h"

enum { ROUNDS = 41, ROUNDS_LONG = 1001, KINDS = 3, RATIO = 2 };

static int compare(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* What the last answer says of the hasher's work, in ms. */
static double work_of(const struct api *api)
{
	char value[128];
	const char *work;

	assert_true(response_header(&api->r, "Server-Timing", value, sizeof(value)));
	work = strstr(value, "work;dur=");
	assert_non_null(work);
	return work != NULL ? strtod(work + strlen("work;dur="), NULL) : 0;
}

static void test_outcomes_take_the_same_time(void **state)
{
	static const char *const names[KINDS] = {"right", "wrong", "no hash"};
	struct daemon *d = *state;
	const unsigned rounds = harness_rounds(ROUNDS, ROUNDS_LONG);
	static double work[KINDS][ROUNDS_LONG];
	double low = 1e9, high = 0;
	char hash[API_HASH_MAX];
	struct api api;

	daemon_start(d, "profile.default.memory=4M", "profile.default.time=2",
	    "pool.elastic.max_processes=1", NULL);
	api_open(&api, d);
	api_hash(&api, "hunter2", "default", hash);
	for (unsigned i = 0; i < rounds; i++)
		for (unsigned k = 0; k < KINDS; k++) {
			assert_int_equal(
			    api_verify(&api, k == 0 ? "hunter2" : "hunter3",
			        k == 2 ? NULL : hash, ""),
			    k == 0 ? API_VALID : API_INVALID);
			work[k][i] = work_of(&api);
		}
	for (unsigned k = 0; k < KINDS; k++) {
		double median;

		qsort(work[k], rounds, sizeof(double), compare);
		median = work[k][rounds / 2];
		print_message("%s: median %.3f ms\n", names[k], median);
		low = median < low ? median : low;
		high = median > high ? median : high;
	}
	assert_true(low > 0);
	assert_true(high < low * RATIO);
	api_close(&api);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_outcomes_take_the_same_time),
	};

	return cmocka_run_group_tests_name("v1_time", tests, NULL, NULL);
}
