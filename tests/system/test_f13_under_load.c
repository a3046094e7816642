/*
 * F13 under load: reloads that fail late, when processes of the new generation are up
 * already. The old one serves on, and no request is lost to the one that failed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/aftermath.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"

struct failures {
	struct daemon *d;
	unsigned sent, rounds;
};

static bool fail_again(struct load *load, void *arg)
{
	struct failures *failures = arg;

	(void)load;
	if (log_tail_count(failures->d->log, 0, "reload failed") < failures->sent)
		return true;
	if (failures->sent == failures->rounds)
		return false;
	assert_return_code(kill(failures->d->pid, SIGHUP), errno);
	failures->sent++;
	return true;
}

/* One pool's hashers have less memory than the program needs, so they die at start,
 * some time after the frontends are up. */
static void test_child_fails(void **state)
{
	struct daemon *d = *state;
	struct failures failures = {.d = d, .rounds = harness_rounds(20, 200)};
	struct load load = {
	    LOAD_OF_A_ROW(d), .tick = fail_again, .arg = &failures, .tick_ms = 2};
	char *base = harness_read_file(d->conf), text[1024];
	struct aftermath a;

	assert_non_null(base);
	daemon_start(d, AFTERMATH_DAEMON, "verify_max_memory=1M", NULL);
	aftermath_begin(&a, d);
	snprintf(text, sizeof(text),
	    "%spool late { jobs = {\"hash\"} memory_limit = 2M batch = 1 }\n", base);
	free(base);
	harness_write_file(d->conf, text);
	load_run(&load);
	load_print(&load, "F13");
	load_expect_ok(&load, false);
	house_expect(d, a.house);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_child_fails),
	};

	return cmocka_run_group_tests_name("F13 under load", tests, NULL, NULL);
}
