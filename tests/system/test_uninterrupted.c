/*
 * The engine libargon2, which computes a job to its end: one for whom nobody waits any
 * more costs its process, and nobody else anything.
 */
#include <string.h>

#include "tests/system/api.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

/* Titles of hashers with room for more than one job. */
static void expect_no_batches(const struct daemon *d)
{
	pid_t pids[PROCESS_MAX];
	char title[PROCESS_TITLE];
	size_t n = process_all(d, "hasher ", pids, PROCESS_MAX);

	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		process_title(pids[i], title);
		if (strstr(title, "/1, done") == NULL)
			fail_msg("%s", title);
	}
}

static void test_who_leaves_costs_a_process(void **state)
{
	struct daemon *d = *state;
	struct client leaving;
	char slow[48], hash[API_HASH_MAX];
	struct api api;
	struct peek peek;
	pid_t pid;

	harness_slow_time(slow, 20000);
	daemon_start(d, "engine=libargon2", "profile.default.memory=8M", slow,
	    "profile.quick.memory=64K", "profile.quick.time=1", "pool.elastic.batch=4",
	    "pool.elastic.max_processes=1", "pool.elastic.deadline=600s", NULL);
	if (!peek_open(&peek, d)) {
		daemon_stop(d);
		skip();
	}
	expect_no_batches(d);
	pid = process_find(d, "hasher elastic/0");
	client_open(&leaving, &d->tcp);
	client_say(&leaving, "GET /hash/x HTTP/1.1\r\nHost: a\r\n\r\n");
	peek_wait_claim(&peek, peek.pool_slot[PEEK_ELASTIC]);
	client_reset(&leaving);
	/* it waits for the one hasher there may be, and is done by the next */
	api_open(&api, d);
	api_hash(&api, "hunter2", "quick", hash);
	daemon_wait_log(d, "hasher elastic/0.*all who had asked had left and it could "
	                   "not stop");
	assert_false(process_alive(pid));
	assert_int_equal(
	    api_verify(&api, "hunter2", hash, ",\"profile\":\"quick\""), API_VALID);
	api_close(&api);
	peek_close(&peek);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_who_leaves_costs_a_process),
	};

	return cmocka_run_group_tests_name("uninterrupted", tests, NULL, NULL);
}
