/*
 * Clients that have old hashes verified, at the ceiling and with the longest password:
 * nothing can interrupt that. The others keep what is left beside the share of old
 * formats.
 */
#include <stdlib.h>
#include <string.h>

#include "common/legacy.h"
#include "tests/system/api.h"
#include "tests/system/lanes.h"

enum {
	CLIENTS = 4,
	CONNS = 4,
	JOBS = 300,
	LONG = 6,
	LONGEST = LEGACY_CRYPT_PASSWORD_MAX
};

#define SHA256CRYPT "$5$rounds=%u$0123456789abcdef$" HASH43
#define HASH43 "..........................................."

/* Of the pool's CPU time the others have four fifths; a run may end with one more of
 * the old ones. Before there was a share, they had a hundredth. */
static const double KEPT_MIN = .5;

static char *old_job(unsigned rounds)
{
	char password[LONGEST + 1], body[LONGEST + 256];

	memset(password, 'x', LONGEST);
	password[LONGEST] = '\0';
	snprintf(body, sizeof(body),
	    "{\"password\":\"%s\",\"hash\":\"" SHA256CRYPT "\"}", password, rounds);
	return lanes_post("/v1/verify", body);
}

/* The most rounds that are let in with that password. */
static unsigned ceiling(void)
{
	unsigned low = 1000, high = 100000000;

	while (low < high) {
		const unsigned middle = low + (high - low) / 2 + 1;
		char text[LEGACY_TEXT_MAX + 1];
		struct legacy parsed;
		const char *why;

		snprintf(text, sizeof(text), SHA256CRYPT, middle);
		assert_int_equal(legacy_parse(&parsed, text, strlen(text), &why), 0);
		if (legacy_within(&parsed, LONGEST, NULL))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* CPU time in milliseconds of the daemon, until the first group has so many answers. */
static double cpu_of(
    const struct daemon *d, struct lanes *groups, unsigned count, unsigned jobs)
{
	const uint64_t since = lanes_cpu_ms(d);

	groups[0].good = 0;
	lanes_run(d, groups, count, jobs);
	return (double)(groups[0].cpu_ms - since);
}

static void others_keep_their_share(void **state)
{
	/* jobs of half a second are as bad, and there can be some in a short test */
	const unsigned times = harness_rounds(1, LONG), jobs = JOBS * times;
	char *old = old_job(ceiling() / LONG * times);
	struct lanes groups[] = {
	    {.address = 10,
	        .clients = CLIENTS,
	        .conns = CONNS,
	        .request = "GET /hash/x HTTP/1.1\r\nHost: t\r\n\r\n"},
	    {.address = 20, .clients = CLIENTS, .conns = 1, .request = old}};
	struct daemon *d = *state;
	double alone, beside;

	daemon_start(d, "frontend.processes=2", "pool.elastic.min_processes=2",
	    "pool.elastic.max_processes=2", "pool.elastic.deadline=600s",
	    "profile.default.accept=sha256crypt", NULL);
	alone = cpu_of(d, groups, 1, jobs);
	beside = cpu_of(d, groups, 2, jobs);
	print_message(
	    "%u hashes: %.0f ms of CPU time alone, %.0f ms with those of an old "
	    "format: %.2f\n",
	    jobs, alone, beside, alone / beside);
	assert_true(alone / beside >= KEPT_MIN);
	assert_int_equal(groups[0].shed + groups[0].other + groups[1].other, 0);
	free(old);
	daemon_stop(d);
}

/* With a short password it is verified. A long one would take too long: it is wrong,
 * and the answer does not tell that there is such a hash. What is over the ceiling with
 * any password is refused. */
static void what_would_take_too_long_is_wrong(void **state)
{
	struct daemon *d = *state;
	char password[LONGEST + 1], hash[128], body[LONGEST + 256];
	struct api api;

	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "pool.elastic.deadline=600s", "profile.default.accept=sha256crypt", NULL);
	memset(password, 'x', LONGEST);
	password[LONGEST] = '\0';
	snprintf(hash, sizeof(hash), SHA256CRYPT, ceiling() + 1000);
	api_open(&api, d);
	snprintf(body, sizeof(body), "{\"password\":\"%s\",\"hash\":\"%s\"}", password,
	    hash);
	assert_int_equal(api_post(&api, "verify", "%s", body), 200);
	assert_non_null(strstr(api.r.body, "\"valid\":false"));
	assert_int_equal(api_post(&api, "inspect", "{\"hash\":\"%s\"}", hash), 200);
	assert_non_null(strstr(api.r.body, "\"within_limits\":false"));
	assert_int_equal(api_verify(&api, "x", hash, ""), API_INVALID);
	snprintf(hash, sizeof(hash), SHA256CRYPT, ceiling());
	assert_int_equal(api_post(&api, "inspect", "{\"hash\":\"%s\"}", hash), 200);
	assert_non_null(strstr(api.r.body, "\"within_limits\":true"));
	snprintf(body, sizeof(body),
	    "{\"password\":\"x\",\"hash\":\"" SHA256CRYPT "\"}", 999999999U);
	api_refused(&api, 422, "cost-too-high", "verify", body);
	api_close(&api);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(others_keep_their_share),
	    daemon_test(what_would_take_too_long_is_wrong),
	};

	return cmocka_run_group_tests_name("wall old formats", tests, NULL, NULL);
}
