/*
 * F14 and F3: upgrades that fail, each in another way, and masters that are killed in
 * the middle of one. One master serves in the end, or none is left: never two, never
 * orphans.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/house.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

/* The time to get ready is enough on a busy machine too; one program here uses it up.
 */
#define SMALL                                                                          \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=2", "pool.elastic.max_processes=2",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1", "ready_timeout=5s"

static void start(struct daemon *d, char before[HOUSE_TEXT])
{
	masters_copy(d);
	d->files_expected = true; /* the binary */
	daemon_start(d, SMALL, NULL);
	assert_int_equal(masters_send(d, "upgrade", NULL, 0), 0);
	masters_wait_changed(d); /* what only a first start has is gone */
	house_settle(d, before);
}

static void expect_serving(struct daemon *d)
{
	assert_int_equal(masters_named(d), d->pid);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
}

/* Whoever calls `-s` has to be a good binary. */
static int send_upgrade(const struct daemon *d, char *said, size_t cap)
{
	char binary[96];
	int status;

	harness_path(binary, d->dir, "argond");
	setenv("ARGOND", masters_binary(), 1);
	status = masters_send(d, "upgrade", said, cap);
	setenv("ARGOND", binary, 1);
	return status;
}

/* The upgrade fails, and it is said why; nothing else has changed. */
static void expect_failure(struct daemon *d, const char *said, const char *before)
{
	char text[2048];

	daemon_log_mark(d);
	if (send_upgrade(d, text, sizeof(text)) != 1 || strstr(text, said) == NULL)
		fail_msg("%s was expected, but: %s", said, text);
	daemon_wait_log(d, "error master: upgrade failed, this one stays: ");
	if (!daemon_log_has(d, said))
		fail_msg("the log does not say: %s", said);
	assert_true(process_alive(d->pid));
	assert_int_equal(masters_count(), 1);
	expect_serving(d);
	house_expect(d, before);
}

static void expect_success(struct daemon *d)
{
	char text[1024];

	masters_restore(d);
	if (send_upgrade(d, text, sizeof(text)) != 0)
		fail_msg("a good upgrade: %s", text);
	masters_wait_changed(d);
	expect_serving(d);
}

/* What lies at the binary's place, and what is said about it. */
static const struct {
	const char *text;
	mode_t mode;
	const char *said;
} programs[] = {
    {"#!/bin/false\n", 0755, "exited with status 1"},
    {"#!/bin/sh\nsleep 1000\n", 0755, "not ready in time"},
    {"#!/bin/sh\nsleep 0.1; kill -SEGV $$\n", 0755, "killed by SIGSEGV"},
    {"#!/bin/sh\nexit 0\n", 0755, "exited with status 0"},
    {"#!/bin/sh\nexit 0\n", 0644, "Permission denied"},
    {"no program at all", 0755, "Exec format error"},
    {"#!/nowhere/sh\n", 0755, "No such file"},
};

static void test_programs(void **state)
{
	struct daemon *d = *state;
	char before[HOUSE_TEXT];

	start(d, before);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		masters_replace(d, programs[i].text, programs[i].mode);
		expect_failure(d, programs[i].said, before);
		expect_success(d);
		house_settle(d, before);
	}
	daemon_stop(d);
}

static void test_missing(void **state)
{
	struct daemon *d = *state;
	char before[HOUSE_TEXT], path[96];

	start(d, before);
	harness_path(path, d->dir, "argond");
	assert_return_code(unlink(path), errno);
	expect_failure(d, "No such file", before);
	expect_success(d);
	daemon_stop(d);
}

/* The new one refuses the config, or cannot start a process: its words are the reason.
 */
static void test_refused(void **state)
{
	struct daemon *d = *state;
	char before[HOUSE_TEXT], *good, path[96], text[512];

	start(d, before);
	good = harness_read_file(d->conf);
	assert_non_null(good);
	harness_write_file(d->conf, "nonsense = 1\n");
	expect_failure(d, "argond.conf:1: nonsense", before);
	harness_write_file(d->conf, "listen = {\"unix:/nowhere/at/all\"}\n");
	expect_failure(d, "/nowhere/at/all", before);
	harness_path(path, d->dir, "fresh");
	snprintf(text, sizeof(text),
	    "listen = {\"unix:%s\"}\npidfile = \"%s\"\npool fixed { memory_limit = 2M "
	    "}\n"
	    "verify_max_memory = 1M\n",
	    path, d->pidfile);
	harness_write_file(d->conf, text);
	expect_failure(d, HARNESS_SETUP_FAILED, before);
	assert_int_equal(access(path, F_OK), -1); /* its own it has removed */
	harness_write_file(d->conf, good);
	free(good);
	expect_success(d);
	daemon_stop(d);
}

/* ---- the new one dies when it is in charge */

static bool alone_again(void *arg)
{
	struct daemon *d = arg;

	return masters_named(d) == d->pid && masters_count() == 1;
}

/* An upgrade after which the old one drains. */
static void expect_both(struct daemon *d)
{
	daemon_log_mark(d);
	assert_int_equal(send_upgrade(d, NULL, 0), 0);
	daemon_wait_log(d, "draining for the successor");
	assert_int_not_equal(masters_named(d), d->pid);
}

static void test_crash_after_ready(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client idle;
	char before[HOUSE_TEXT], line[64];
	pid_t heir;

	start(d, before);
	/* the heir's may still be on its way when it is killed */
	snprintf(
	    line, sizeof(line), "\\[%d\\] info master: ready, generation", (int)d->pid);
	client_open(&idle, &d->tcp);
	for (int i = 0; i < 3; i++) {
		client_get(&idle, &r, "/livez"); /* keeps the old one there */
		if (r.status == 0 || response_has(&r, "Connection", "close")) {
			client_close(&idle);
			client_open(&idle, &d->tcp);
			client_get(&idle, &r, "/livez");
		}
		expect_both(d);
		heir = masters_named(d);
		daemon_log_mark(d);
		assert_return_code(kill(heir, SIGKILL), errno);
		daemon_wait_log(d, "this master takes its place again");
		wait_until(alone_again, d, "the old master in charge again");
		daemon_wait_log(d, line);
		expect_serving(d);
	}
	client_close(&idle);
	response_free(&r);
	house_expect(d, before);
	expect_success(d);
	daemon_stop(d);
}

/* What the new one has changed, or somebody since, is nothing to the old one: he serves
 * with the config that he had, also where the new one's listens on less. */
static void test_config_gone(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client idle;
	char before[HOUSE_TEXT], text[512], *good;

	start(d, before);
	good = harness_read_file(d->conf);
	assert_non_null(good);
	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:%u\"}\npidfile = \"%s\"\nstore = \"sqlite:%s\"\n",
	    ntohs(d->tcp.in.sin_port), d->pidfile, d->store);
	harness_write_file(d->conf, text);
	client_open(&idle, &d->tcp);
	client_get(&idle, &r, "/livez"); /* keeps the old one there */
	expect_both(d);
	harness_write_file(d->conf, "nonsense = 1\n");
	daemon_log_mark(d);
	assert_return_code(kill(masters_named(d), SIGKILL), errno);
	daemon_wait_log(
	    d, "this master takes its place again, with the config that it had$");
	wait_until(alone_again, d, "the old master in charge again");
	expect_serving(d);
	client_get(&idle, &r, "/livez"); /* it is answered by who has been draining */
	assert_int_equal(r.status, 200);
	client_expect_end(&idle);
	house_expect(d, before);
	assert_int_equal(masters_send(d, "reload", NULL, 0), 1);
	expect_serving(d);
	harness_write_file(d->conf, good);
	free(good);
	assert_int_equal(masters_send(d, "reload", NULL, 0), 0);
	client_close(&idle);
	response_free(&r);
	expect_success(d);
	daemon_stop(d);
}

/* One that is told to leave is not replaced by the one before it. */
static void test_quit_while_both(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client idle;
	char before[HOUSE_TEXT];
	int status;

	start(d, before);
	client_open(&idle, &d->tcp);
	client_get(&idle, &r, "/livez");
	assert_int_equal(send_upgrade(d, NULL, 0), 0);
	assert_return_code(kill(masters_named(d), SIGTERM), errno);
	client_get(&idle, &r, "/livez");
	assert_int_equal(r.status, 200);
	client_close(&idle);
	response_free(&r);
	status = daemon_wait_end(d);
	assert_int_equal(status, 0);
	assert_int_equal(masters_count(), 0);
	assert_int_equal(access(d->pidfile, F_OK), -1);
	assert_int_equal(access(d->socket, F_OK), -1);
	daemon_check_log(d);
}

/* ---- KILL at random moments */

/* Small, repeatable, and printed. */
static unsigned random_below(unsigned *seed, unsigned n)
{
	return (unsigned)rand_r(seed) % n;
}

static void nap(unsigned us)
{
	struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000L};

	nanosleep(&ts, NULL);
}

/* How many masters live, of all that come from this test; *pid is one of them. */
static size_t survivors(pid_t *pid)
{
	pid_t pids[PROCESS_MAX];
	size_t n = masters_all(pids, PROCESS_MAX), masters = 0;
	char title[PROCESS_TITLE];

	for (size_t i = 0; i < n; i++) {
		process_title(pids[i], title);
		if (strncmp(title, "argond: master", 14) != 0)
			continue;
		*pid = pids[i];
		masters++;
	}
	return masters;
}

/* None is left at all; or one, who is named, serves, and is the parent of all the rest.
 */
static bool calm(void *arg)
{
	struct daemon *d = arg;
	pid_t pids[PROCESS_MAX], master = 0;
	size_t all, masters;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	all = masters_all(pids, PROCESS_MAX);
	masters = survivors(&master);
	if (all == 0) {
		d->pid = 0;
		return true;
	}
	if (masters != 1 || masters_named(d) != master ||
	    all != 1 + process_children(master, pids, PROCESS_MAX) ||
	    process_count(&(struct daemon){.pid = master}, "frontend ") != 2)
		return false;
	d->pid = master;
	return true;
}

static void kill_one(struct daemon *d, unsigned *seed)
{
	pid_t victim = d->pid, heir;
	bool old = random_below(seed, 2) == 0;
	int handle;

	assert_return_code(kill(d->pid, SIGUSR2), errno);
	nap(random_below(seed, 60000 * harness_slow()));
	heir = masters_heir(d->pid);
	if (!old && heir != 0)
		victim = heir;
	handle = process_handle(victim);
	if (kill(victim, SIGKILL) != 0) /* it may have gone by itself */
		assert_int_equal(errno, ESRCH);
	/* a dying one could still be taken for who survives */
	assert_true(process_wait_handle(handle, harness_limit_ms()));
	if (handle >= 0)
		close(handle);
}

static void test_kill(void **state)
{
	struct daemon *d = *state;
	unsigned rounds = harness_rounds(8, 50), none = 0;
	const char *given = getenv("ARGOND_TEST_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10)
	                              : (unsigned)harness_now_ms();
	char before[HOUSE_TEXT];

	printf("seed %u\n", seed);
	start(d, before);
	for (unsigned i = 0; i < rounds; i++) {
		kill_one(d, &seed);
		wait_until(calm, d, "one master that serves, or none");
		if (d->pid != 0) {
			expect_serving(d);
			continue;
		}
		none++;
		daemon_start(d, SMALL, NULL);
		expect_serving(d);
	}
	printf("%u of %u times none was left\n", none, rounds);
	expect_success(d);
	house_expect(d, before);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    masters_test(test_programs),
	    masters_test(test_missing),
	    masters_test(test_refused),
	    masters_test(test_crash_after_ready),
	    masters_test(test_config_gone),
	    masters_test(test_quit_while_both),
	    masters_test(test_kill),
	};

	return cmocka_run_group_tests_name("upgrade_bad", tests, NULL, NULL);
}
