/*
 * The built-in defaults in a control group with little memory: `auto` is what fits, the
 * log and -t say what was lowered and why, and where not even the least fits, the
 * refusal says how much would do.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/api.h"
#include "tests/system/control_group.h"
#include "tests/system/process.h"
#include "tests/system/run.h"

#define LOWERED "pool.fixed.max_processes is [0-9]+, not [0-9]+: so much fits "
#define CEILING                                                                        \
	"verify_max_memory is [0-9]+M, not 256M \\(hashes that need more are "         \
	"refused\\): so much fits memory_budget, "

static bool group_limit(const char *folder, const char *bytes)
{
	return control_group_put(folder, "memory.limit_in_bytes", bytes) ||
	       control_group_put(folder, "memory.max", bytes);
}

/* What runs in `folder` from now on is born there, and the test itself as well. */
static bool group_enter(const char *folder)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	return control_group_put(folder, "cgroup.procs", pid);
}

static char folder[CONTROL_GROUP_PATH]; /* of the running test; "" for none */

static void group_leave(void)
{
	char *slash = strrchr(folder, '/');

	if (slash == NULL)
		return;
	*slash = '\0';
	(void)group_enter(folder);
	*slash = '/';
	rmdir(folder);
	folder[0] = '\0';
}

/* Skips the test where this machine lets nobody make such a group. */
static void group_make(const char *limit)
{
	if (!control_group_open("memory", folder)) {
		folder[0] = '\0';
		skip();
	}
	if (!group_limit(folder, limit) || !group_enter(folder))
		skip();
}

static int small_teardown(void **state)
{
	int rc = daemon_teardown(state);

	group_leave();
	return rc;
}

/* Nothing but places: all numbers are as built in. */
static void configure(const struct daemon *d)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:0\", \"unix:%s\"}\npidfile = \"%s\"\n"
	    "store = \"sqlite:%s\"\n",
	    d->socket, d->pidfile, d->store);
	harness_write_file(d->conf, text);
}

/* A connection for each: one to a generation that drains ends with its answer. */
static void expect_service(const struct daemon *d)
{
	char hash[API_HASH_MAX];
	struct api api;

	for (int i = 0; i < 4; i++) {
		api_open(&api, d);
		api_hash(&api, "small", "default", hash);
		api_close(&api);
		api_open(&api, d);
		assert_int_equal(api_verify(&api, "small", hash, ""), API_VALID);
		api_close(&api);
	}
	assert_non_null(strstr(hash, "m=19456,t=2,p=1"));
	assert_int_equal(client_fetch(&d->tcp, "/hash_rayon/x", NULL, 0), 200);
}

static void serve_in(struct daemon *d, const char *limit)
{
	group_make(limit);
	configure(d);
	daemon_start(d, NULL);
	assert_true(daemon_log_has(d, CEILING "[0-9]+M \\(75% of [0-9]+M, memory."));
	expect_service(d);
	daemon_stop(d);
}

static void half_a_gigabyte_serves(void **state)
{
	serve_in(*state, "512M");
}

static void two_hundred_megabytes_serve(void **state)
{
	serve_in(*state, "200M");
}

/* -t says the same; what -T prints is taken back, and means the same. */
static void the_test_says_what_the_log_says(void **state)
{
	struct daemon *d = *state;
	char copy[96];
	struct run first, again;

	group_make("256M");
	configure(d);
	run_argond(&first, "-t", "-c", d->conf, NULL);
	assert_int_equal(first.status, 0);
	assert_non_null(strstr(first.out, "\nverify_max_memory is "));
	assert_non_null(strstr(first.out, "(75% of 256M, memory."));
	run_argond(&first, "-T", "-c", d->conf, NULL);
	assert_int_equal(first.status, 0);
	assert_int_equal(strncmp(first.out, "# ", 2), 0);
	harness_path(copy, d->dir, "copy.conf");
	harness_write_file(copy, first.out);
	run_argond(&again, "-T", "-c", copy, NULL);
	assert_int_equal(again.status, 0);
	assert_string_equal(again.out, strstr(first.out, "\nlisten = ") + 1);
	assert_return_code(unlink(copy), errno);
}

static void what_is_not_enough_is_told_what_is(void **state)
{
	struct daemon *d = *state;
	struct run run;

	group_make("64M");
	configure(d);
	run_argond(&run, "-t", "-c", d->conf, NULL);
	assert_int_equal(run.status, 1);
	assert_int_equal(run.err_lines, 1);
	assert_non_null(strstr(
	    run.err, "raise it to 92704K, or give argond 121M, of which that is"));
}

static void reload(struct daemon *d, const char *limit)
{
	assert_true(group_limit(folder, limit));
	daemon_log_mark(d);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "ready, generation [0-9]+$|reload failed");
	assert_false(daemon_log_has(d, "reload failed"));
	expect_service(d);
}

/* A reload plans for what there is at that time. */
static void a_reload_plans_anew(void **state)
{
	struct daemon *d = *state;

	group_make("512M");
	configure(d);
	daemon_start(d, NULL);
	reload(d, "400M");
	assert_true(daemon_log_has(d, CEILING "300M \\(75% of 400M, memory"));
	assert_true(daemon_log_has(d, "have made room for the old generation"));
	reload(d, "400M");
	assert_true(daemon_log_has(d, CEILING "300M \\(75% of 400M, memory"));
	assert_false(daemon_log_has(d, "have made room"));
	reload(d, "8G");
	assert_false(daemon_log_has(d, LOWERED) || daemon_log_has(d, CEILING));
	daemon_stop(d);
}

#define small_test(name)                                                               \
	cmocka_unit_test_setup_teardown(name, daemon_setup, small_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    small_test(half_a_gigabyte_serves),
	    small_test(two_hundred_megabytes_serve),
	    small_test(the_test_says_what_the_log_says),
	    small_test(what_is_not_enough_is_told_what_is),
	    small_test(a_reload_plans_anew),
	};

	return cmocka_run_group_tests_name("small_machine", tests, NULL, NULL);
}
