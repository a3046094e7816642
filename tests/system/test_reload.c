/*
 * Reload (HUP): no request is lost, nothing is left over, what was changed takes
 * effect.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/fds.h"
#include "tests/system/house.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

enum { GENERATIONS_MAX = 3, BURST = 50 };

/* The config file anew; `rest` is what differs from test to test. */
static void configure(const struct daemon *d, const char *listen, const char *rest)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:0\", %s}\n"
	    "pidfile = \"%s\"\nstore = \"sqlite:%s\"\n%s",
	    listen, d->pidfile, d->store, rest);
	harness_write_file(d->conf, text);
}

#define SMALL                                                                          \
	"frontend.processes=2", "profile.default.memory=64K",                          \
	    "profile.default.time=1", "pool.elastic.min_processes=2",                  \
	    "pool.elastic.max_processes=2", "pool.fixed.min_processes=1",              \
	    "pool.fixed.max_processes=1", "pool.lookup.max_processes=1"

static void hang_up(const struct daemon *d)
{
	assert_return_code(kill(d->pid, SIGHUP), errno);
}

static void wait_generation(struct daemon *d, unsigned number)
{
	char pattern[48];

	snprintf(pattern, sizeof(pattern), "master: ready, generation %u$", number);
	daemon_wait_log(d, pattern);
}

/* The generation that got ready last. */
static unsigned newest(struct daemon *d)
{
	char text[16];
	unsigned n = 1, next;

	while (log_tail_group(d->log, 0, "ready, generation ([0-9]+)$", text, 16)) {
		char pattern[48];

		next = n + 1;
		snprintf(pattern, sizeof(pattern), "ready, generation %u$", next);
		if (!log_tail_has(d->log, 0, pattern))
			break;
		n = next;
	}
	return n;
}

/* ---- under load */

struct reloads {
	struct daemon *d;
	unsigned done, rounds, alive_max;
};

/* Each reload as soon as the one before is there. */
static bool reload_again(struct load *load, void *arg)
{
	struct reloads *reloads = arg;
	unsigned alive = house_generations(reloads->d);
	char pattern[48];

	(void)load;
	if (alive > reloads->alive_max)
		reloads->alive_max = alive;
	snprintf(pattern, sizeof(pattern), "ready, generation %u$", reloads->done + 1);
	if (!daemon_log_has(reloads->d, pattern))
		return true;
	if (reloads->done == reloads->rounds)
		return false;
	hang_up(reloads->d);
	reloads->done++;
	return true;
}

static void test_under_load(void **state)
{
	struct daemon *d = *state;
	struct reloads reloads = {.d = d, .rounds = harness_rounds(10, 60)};
	struct load load = {.to = &d->tcp,
	    .connections = 36,
	    .fresh = 4,
	    .hello = true,
	    .requests = 1000000,
	    .tick = reload_again,
	    .arg = &reloads,
	    .tick_ms = 5};
	char before[HOUSE_TEXT];

	daemon_start(d, SMALL, "hello_delay=20ms", NULL);
	house_settle(d, before);
	load_run(&load);
	load_print(&load, "reload");
	load_expect_ok(&load, false);
	assert_in_range(load.asked, reloads.rounds, load.requests);
	assert_in_range(
	    reloads.alive_max, fds_visible(d->pid) ? 2 : 1, GENERATIONS_MAX);
	house_expect(d, before);
	assert_int_equal(newest(d), reloads.rounds + 1);
	assert_int_equal(client_fetch(&d->local, "/hash/x", NULL, 0), 200);
	daemon_stop(d);
}

/* ---- many at once */

static bool alone(void *arg)
{
	return house_generations(arg) == 1;
}

/* One generation, with all its processes, and no other on its way. */
static bool settled(void *arg)
{
	struct daemon *d = arg;
	char pattern[64];

	snprintf(
	    pattern, sizeof(pattern), "generation %u is being made", newest(d) + 1);
	return alone(d) && !log_tail_has(d->log, 0, pattern) &&
	       process_count(d, "hasher fixed/") == 1 + (BURST - 1) % 5;
}

/* However many come, the last one counts: its config is in charge in the end. */
static void test_burst(void **state)
{
	struct daemon *d = *state;
	char rest[64];
	unsigned alive, most = 0;

	configure(
	    d, "\"[::1]:0\"", "pool fixed { max_processes = 8 min_processes = 1 }");
	daemon_start(d, "frontend.processes=1", NULL);
	for (unsigned i = 0; i < BURST; i++) {
		snprintf(rest, sizeof(rest),
		    "pool fixed { max_processes = 8 min_processes = %u }", 1 + i % 5);
		configure(d, "\"[::1]:0\"", rest);
		for (unsigned j = 0; j < 20; j++)
			hang_up(d);
		alive = house_generations(d);
		most = alive > most ? alive : most;
	}
	wait_until(settled, d, "one generation only, with the last config");
	assert_in_range(most, 1, GENERATIONS_MAX);
	assert_in_range(newest(d), 2, BURST + 1);
	daemon_stop(d);
}

/* One that comes while another is under way is one more after it. */
static void test_inside(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, SMALL, NULL);
	for (unsigned i = 0; i < 3; i++) {
		char pattern[64];

		hang_up(d);
		snprintf(
		    pattern, sizeof(pattern), "generation %u is being made", 2 + 2 * i);
		daemon_wait_log(d, pattern);
		hang_up(d);
		wait_generation(d, 3 + 2 * i);
	}
	wait_until(alone, d, "one generation only");
	daemon_stop(d);
}

/* ---- what was changed */

static void reload(struct daemon *d)
{
	char said[1024];

	if (masters_send(d, "reload", said, sizeof(said)) != 0)
		fail_msg("reload: %s", said);
}

static bool is_removed(void *path)
{
	return access(path, F_OK) != 0;
}

static void test_listeners(void **state)
{
	struct daemon *d = *state;
	struct address other = {.len = sizeof(other.un)};
	struct client client;
	struct stat st;
	char listen[256];

	other.un.sun_family = AF_UNIX;
	snprintf(
	    other.un.sun_path, sizeof(other.un.sun_path), "%.80s/two.sock", d->dir);
	snprintf(listen, sizeof(listen), "\"unix:%s\"", d->socket);
	configure(d, listen, "");
	daemon_start(d, SMALL, NULL);
	snprintf(listen, sizeof(listen), "\"unix:%s?mode=0600\", \"unix:%s?mode=0640\"",
	    d->socket, other.un.sun_path);
	configure(d, listen, "");
	reload(d);
	assert_int_equal(client_fetch(&other, "/livez", NULL, 0), 200);
	assert_return_code(stat(d->socket, &st), errno);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_return_code(stat(other.un.sun_path, &st), errno);
	assert_int_equal(st.st_mode & 0777, 0640);
	snprintf(listen, sizeof(listen), "\"unix:%s\"", other.un.sun_path);
	configure(d, listen, "");
	reload(d);
	wait_until(alone, d, "one generation only");
	wait_until(
	    is_removed, d->socket, "the end of a socket that is not listened on");
	assert_int_not_equal(client_try(&client, &d->local), 0);
	assert_int_equal(client_fetch(&other, "/livez", NULL, 0), 200);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	daemon_stop(d);
}

static void test_pools_and_costs(void **state)
{
	struct daemon *d = *state;
	char text[512];

	configure(d, "\"[::1]:0\"",
	    "frontend { processes = 1 }\n"
	    "pool fixed { min_processes = 1 max_processes = 2 }\n"
	    "profile default { memory = 64K time = 1 }\n");
	daemon_start(d, NULL);
	configure(d, "\"[::1]:0\"",
	    "frontend { processes = 3 }\n"
	    "pool fixed { min_processes = 4 max_processes = 4 }\n"
	    "pool web { jobs = {\"hash\"} min_processes = 2 max_processes = 2 }\n"
	    "profile default { memory = 128K time = 3 }\n");
	reload(d);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", text, sizeof(text)), 200);
	assert_non_null(strstr(text, "$m=128,t=3,p=1$"));
	process_wait_count(d, "frontend ", 3);
	process_wait_count(d, "hasher fixed/", 4);
	process_wait_count(d, "hasher web/", 2);
	configure(d, "\"[::1]:0\"", "frontend { processes = 1 }\nseed_routes = off\n");
	reload(d);
	process_wait_count(d, "hasher web/", 0);
	process_wait_count(d, "frontend ", 1);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 404);
	daemon_stop(d);
}

static bool log_file_is_used(void *arg)
{
	char *text = harness_read_file(arg);
	bool used = text != NULL && strstr(text, "ready, generation 2") != NULL;

	free(text);
	return used;
}

static void test_log_file(void **state)
{
	struct daemon *d = *state;
	char path[96], rest[256];

	harness_path(path, d->dir, "new.log");
	d->files_expected = true;
	configure(d, "\"[::1]:0\"", "log = \"stderr\"\n");
	daemon_start(d, SMALL, NULL);
	snprintf(rest, sizeof(rest), "log = \"%s\"\n", path);
	configure(d, "\"[::1]:0\"", rest);
	reload(d);
	/* the outcome may be known before the log says so */
	wait_until(log_file_is_used, path, "a line in the new log");
	assert_false(daemon_log_has(d, "ready, generation 2"));
	configure(d, "\"[::1]:0\"", "log = \"stderr\"\n");
	reload(d);
	wait_generation(d, 3);
	daemon_stop(d);
}

/* ---- the old generation's connections */

static void test_idle_connection(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client clients[4];

	daemon_start(d, SMALL, NULL);
	for (int i = 0; i < 4; i++) {
		client_open(&clients[i], i < 3 ? &d->tcp : &d->local);
		client_get(&clients[i], &r, "/livez");
		assert_int_equal(r.status, 200);
		assert_false(response_has(&r, "Connection", "close"));
	}
	reload(d);
	if (fds_visible(d->pid))
		assert_int_equal(house_generations(d), 2);
	for (int i = 0; i < 4; i++) {
		client_get(&clients[i], &r, i % 2 == 0 ? "/hash/idle" : "/");
		assert_int_equal(r.status, 200);
		assert_true(response_has(&r, "Connection", "close"));
		client_expect_end(&clients[i]);
		client_close(&clients[i]);
	}
	wait_until(alone, d, "one generation only");
	response_free(&r);
	daemon_stop(d);
}

/* What does not leave is sent away at shutdown_timeout. */
static void test_timeout(void **state)
{
	struct daemon *d = *state;
	struct client idle, busy;
	char before[HOUSE_TEXT];

	daemon_start(d, SMALL, "shutdown_timeout=300ms", "hello_delay=60s", NULL);
	house_settle(d, before);
	client_open(&idle, &d->tcp);
	client_open(&busy, &d->tcp);
	client_say(&busy, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	reload(d);
	client_expect_end(&idle);
	client_expect_end(&busy);
	client_close(&idle);
	client_close(&busy);
	house_expect(d, before);
	assert_false(
	    daemon_log_has(d, " killed by ")); /* all have left by themselves */
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_under_load),
	    daemon_test(test_burst),
	    daemon_test(test_inside),
	    daemon_test(test_listeners),
	    daemon_test(test_pools_and_costs),
	    daemon_test(test_log_file),
	    daemon_test(test_idle_connection),
	    daemon_test(test_timeout),
	};

	return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
