/*
 * F5: hashers that die at start, each time: forks are throttled, the pool's clients are
 * told at once, everybody else is served; when the cause is gone, so is the trouble. (A
 * job that kills its hashers is in test_poison.c.)
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/process.h"

enum { TRIES_MAX = 4 }; /* forks of two hashers until the first wait */

static size_t count_deaths(const struct daemon *d)
{
	return log_tail_count(d->log, d->log_mark, "could not set itself up");
}

static bool is_ready(void *arg)
{
	const struct daemon *d = arg;

	return client_fetch(&d->tcp, "/readyz", NULL, 0) == 200;
}

/* All frontends know it: until then jobs are taken, and wait for a hasher. */
static bool is_known(void *arg)
{
	const struct daemon *d = arg;
	char text[512];

	return client_fetch(&d->tcp, "/readyz", text, sizeof(text)) == 503 &&
	       strstr(text, "they die at the start") != NULL;
}

/* No hasher can be born without its root folder: and it is taken away. */
static void break_starts(struct aftermath *a, const char *root)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(a->d, "hasher elastic/", pids, PROCESS_MAX);

	assert_return_code(rmdir(root), errno);
	for (size_t i = 0; i < n; i++) {
		aftermath_killed(a, pids[i]);
		process_kill(pids[i]);
	}
	daemon_wait_log(a->d, "pool elastic: next try in 2 s");
	wait_until(is_known, a->d, "a pool that is known to be broken");
}

static void expect_told(const struct daemon *d)
{
	struct response r = {0};
	struct client client;
	char text[64];

	client_open(&client, &d->tcp);
	for (int i = 0; i < 20; i++) {
		client_get(&client, &r, "/hash/x");
		assert_int_equal(r.status, 503);
		assert_true(response_header(&r, "Retry-After", text, sizeof(text)));
		assert_true(strtol(text, NULL, 10) >= 1);
		client_get(&client, &r, "/livez");
		assert_int_equal(r.status, 200);
		client_get(&client, &r, "/readyz");
		assert_int_equal(r.status, 503);
		assert_non_null(strstr(r.body, "elastic"));
	}
	client_close(&client);
	response_free(&r);
}

static void expect_waits_double(struct daemon *d)
{
	char line[64];

	for (unsigned s = 4; s <= harness_rounds(0, 16); s *= 2) {
		snprintf(line, sizeof(line), "pool elastic: next try in %u s", s);
		daemon_wait_log(d, line);
		expect_told(d);
	}
}

static void test_throttled(void **state)
{
	struct daemon *d = *state;
	struct load load = {
	    .to = &d->tcp, .connections = 36, .fresh = 4, .requests = 500};
	char root[96], option[128];
	struct aftermath a;

	if (geteuid() != 0)
		skip(); /* chroot is root's */
	harness_path(root, d->dir, "root");
	assert_return_code(mkdir(root, 0755), errno);
	snprintf(option, sizeof(option), "chroot=%s", root);
	d->files_expected = true;
	daemon_start(d, AFTERMATH_DAEMON, option, NULL);
	aftermath_begin(&a, d);
	daemon_log_mark(d);
	break_starts(&a, root);
	expect_told(d);
	load.rayon = true; /* the other pool does not notice */
	load_run(&load);
	load_print(&load, "F5, the other pool");
	load_expect_ok(&load, false);
	assert_in_range(count_deaths(d), 1, TRIES_MAX);
	expect_waits_double(d);
	assert_return_code(mkdir(root, 0755), errno);
	process_wait_count(d, "hasher elastic/", 2);
	wait_until(is_ready, d, "readiness when the cause is gone");
	load = (struct load){
	    .to = &d->tcp, .connections = 36, .fresh = 4, .requests = 300};
	load_run(&load);
	load_expect_ok(&load, false);
	for (size_t n = count_deaths(d); n > 0; n--)
		aftermath_killed(&a, 0);
	aftermath_expect(&a);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_throttled),
	};

	return cmocka_run_group_tests_name("F5 start deaths", tests, NULL, NULL);
}
