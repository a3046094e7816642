/*
 * Upgrade (USR2): a new program takes over the sockets, and no request is lost.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/fds.h"
#include "tests/system/house.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

#define SMALL                                                                          \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=2", "pool.elastic.max_processes=2",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1"

static void signal_master(const struct daemon *d, int signo)
{
	assert_return_code(kill(d->pid, signo), errno);
}

/* One upgrade by `-s upgrade`, until the old master has gone. */
static void upgrade(struct daemon *d)
{
	char said[1024];

	if (masters_send(d, "upgrade", said, sizeof(said)) != 0)
		fail_msg("upgrade: %s", said);
	masters_wait_changed(d);
}

/* ---- under load */

struct upgrades {
	struct daemon *d;
	unsigned done, rounds, masters_max;
	bool under_way;
};

static bool upgrade_again(struct load *load, void *arg)
{
	struct upgrades *up = arg;
	unsigned masters = (unsigned)masters_count();

	(void)load;
	if (masters > up->masters_max)
		up->masters_max = masters;
	if (up->under_way) {
		up->under_way = !masters_changed(up->d);
		up->done += !up->under_way;
		return true;
	}
	if (up->done == up->rounds)
		return false;
	signal_master(up->d, SIGUSR2);
	up->under_way = true;
	return true;
}

static void test_under_load(void **state)
{
	struct daemon *d = *state;
	struct upgrades up = {.d = d, .rounds = harness_rounds(5, 30)};
	struct load load = {.to = &d->tcp,
	    .connections = 36,
	    .fresh = 4,
	    .hello = true,
	    .requests = 1000000,
	    .tick = upgrade_again,
	    .arg = &up,
	    .tick_ms = 10};
	char before[HOUSE_TEXT];
	struct stat first, last;

	daemon_start(d, SMALL, "hello_delay=20ms", NULL);
	upgrade(d); /* what a first start has and an heir has not is gone */
	house_settle(d, before);
	assert_return_code(stat(d->socket, &first), errno);
	load_run(&load);
	load_print(&load, "upgrade");
	load_expect_ok(&load, false);
	assert_in_range(up.masters_max, 1, 2);
	house_expect(d, before);
	assert_int_equal(masters_count(), 1);
	assert_return_code(stat(d->socket, &last), errno);
	assert_int_equal(first.st_ino, last.st_ino);
	assert_int_equal(client_fetch(&d->local, "/hash/x", NULL, 0), 200);
	daemon_stop(d);
}

/* ---- what a new master shows */

static void test_signs(void **state)
{
	struct daemon *d = *state;
	char title[PROCESS_TITLE], said[1024];
	struct address tcp;
	struct stat st;

	daemon_start(d, SMALL, NULL);
	tcp = d->tcp;
	for (unsigned i = 0; i < 3; i++) {
		upgrade(d);
		process_title(d->pid, title);
		assert_string_equal(title, "argond: master [gen 1, argond.conf]");
		assert_int_equal(masters_named(d), d->pid);
		assert_return_code(stat(d->socket, &st), errno);
		/* port 0 is the one that it was */
		assert_int_equal(client_fetch(&tcp, "/hash/x", NULL, 0), 200);
		assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	}
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
	daemon_stop(d);
}

/* A connection of the old master's is answered once more by him, and then he goes. */
static void test_idle_connection(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client idle;
	char said[1024];

	daemon_start(d, SMALL, NULL);
	client_open(&idle, &d->tcp);
	client_get(&idle, &r, "/livez");
	assert_int_equal(r.status, 200);
	assert_int_equal(masters_send(d, "upgrade", said, sizeof(said)), 0);
	assert_int_not_equal(masters_named(d), d->pid);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	assert_true(process_alive(d->pid));
	client_get(&idle, &r, "/hash/idle");
	assert_int_equal(r.status, 200);
	assert_true(response_has(&r, "Connection", "close"));
	client_expect_end(&idle);
	masters_wait_changed(d);
	client_close(&idle);
	response_free(&r);
	daemon_stop(d);
}

static bool socket_is_gone(void *arg)
{
	const struct daemon *d = arg;

	return access(d->socket, F_OK) != 0;
}

/* An address that the config names no more is closed, and its file goes, when the old
 * one has gone. */
static void test_listener_dropped(void **state)
{
	struct daemon *d = *state;
	struct client client;
	char text[512];

	daemon_start(d, SMALL, NULL);
	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:%u\"}\npidfile = \"%s\"\nstore = \"sqlite:%s\"\n",
	    ntohs(d->tcp.in.sin_port), d->pidfile, d->store);
	harness_write_file(d->conf, text);
	upgrade(d);
	wait_until(socket_is_gone, d, "the end of the socket");
	assert_int_not_equal(client_try(&client, &d->local), 0);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	daemon_stop(d);
}

/* ---- one within another */

/* The second begins when the first has ended, and the old one gone: never three. */
static void test_twice(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client idle;
	char said[1024];
	pid_t first;

	daemon_start(d, SMALL, NULL);
	first = d->pid;
	client_open(&idle, &d->tcp);
	client_get(&idle, &r, "/livez"); /* it keeps the old one there */
	assert_int_equal(masters_send(d, "upgrade", said, sizeof(said)), 0);
	assert_return_code(kill(masters_named(d), SIGUSR2), errno);
	signal_master(d, SIGUSR2);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	if (fds_visible(d->pid))
		assert_int_equal(masters_count(), 2);
	client_get(&idle, &r, "/livez");
	client_expect_end(&idle);
	masters_wait_changed(d);
	masters_wait_changed(d);
	assert_int_not_equal(d->pid, first);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	client_close(&idle);
	response_free(&r);
	daemon_stop(d);
}

static bool none_but_one(void *arg)
{
	struct daemon *d = arg;
	pid_t named = masters_named(d);

	if (named != d->pid)
		masters_changed(d);
	masters_bury(d);
	return named == d->pid && masters_count() == 1;
}

/* Whoever is the last to be in charge has so many: one may still follow another. */
struct web {
	struct daemon *d;
	size_t count;
};

static bool web_is(void *arg)
{
	struct web *web = arg;

	masters_changed(web->d);
	return process_count(web->d, "hasher web/") == web->count;
}

/* However they are mixed, both are done in the end. */
static void test_with_reload(void **state)
{
	static const int orders[][3] = {{SIGHUP, SIGUSR2, 0}, {SIGUSR2, SIGHUP, 0},
	    {SIGUSR2, SIGUSR2, SIGHUP}, {SIGHUP, SIGUSR2, SIGHUP}};
	struct daemon *d = *state;
	char text[1024], *base;
	pid_t old;

	base = harness_read_file(d->conf);
	assert_non_null(base);
	daemon_start(d, SMALL, NULL);
	for (unsigned i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		old = d->pid;
		snprintf(text, sizeof(text),
		    "%spool web { jobs = {\"hash\"} min_processes = %u max_processes = "
		    "4 }",
		    base, 1 + i);
		harness_write_file(d->conf, text);
		for (unsigned j = 0; j < 3 && orders[i][j] != 0; j++)
			signal_master(d, orders[i][j]);
		masters_wait_changed(d);
		assert_int_not_equal(d->pid, old);
		wait_until(web_is, &(struct web){d, 1 + i}, "the new config in charge");
		/* behind all that is still to come: then the next round knows its
		 * master */
		assert_int_equal(masters_send(d, "reload", NULL, 0), 0);
		wait_until(none_but_one, d, "one master only");
	}
	free(base);
	daemon_stop(d);
}

/* A reload that reaches the old master when the new one is in charge is the new one's.
 */
static void test_late_reload(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client idle;

	daemon_start(d, SMALL, NULL);
	client_open(&idle, &d->tcp);
	client_get(&idle, &r, "/livez");
	assert_int_equal(masters_send(d, "upgrade", NULL, 0), 0);
	signal_master(d, SIGHUP);
	client_get(&idle, &r, "/livez");
	client_expect_end(&idle);
	daemon_wait_log(d, "ready, generation 2$");
	masters_wait_changed(d);
	client_close(&idle);
	response_free(&r);
	daemon_stop(d);
}

/* ---- the log */

struct log_goal {
	const char *path, *words;
};

static bool log_says(void *arg)
{
	const struct log_goal *goal = arg;
	char *text = harness_read_file(goal->path);
	bool says = text != NULL && strstr(text, goal->words) != NULL;

	free(text);
	return says;
}

static void test_log_reopened(void **state)
{
	struct daemon *d = *state;
	char path[96], moved[96], option[128];
	struct log_goal goal = {path, "master: ready"};

	harness_path(path, d->dir, "argond.log");
	harness_path(moved, d->dir, "argond.log.1");
	snprintf(option, sizeof(option), "log=%s", path);
	d->files_expected = true;
	daemon_launch(d, SMALL, option, NULL);
	wait_until(log_says, &goal, "ready");
	assert_return_code(rename(path, moved), errno);
	upgrade(d);
	wait_until(log_says, &goal, "the new one in a new file");
	assert_return_code(rename(path, moved), errno);
	signal_master(d, SIGUSR1);
	goal.words = "log opened anew";
	wait_until(log_says, &goal, goal.words);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	daemon_stop(d);
}

/* ---- as a daemon of its own */

static void test_detached(void **state)
{
	struct daemon *d = *state;
	const char *words[32];
	size_t n = harness_command(words);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		words[n++] = "-d";
		words[n++] = "-c";
		words[n++] = d->conf;
		words[n] = NULL;
		execvp(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	d->pid = masters_named(d);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	for (int i = 0; i < 2; i++) {
		upgrade(d);
		assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	}
	signal_master(d, SIGTERM);
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	assert_int_equal(status, 0);
	assert_int_equal(access(d->pidfile, F_OK), -1);
	assert_int_equal(access(d->socket, F_OK), -1);
	d->pid = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    masters_test(test_under_load),
	    masters_test(test_signs),
	    masters_test(test_idle_connection),
	    masters_test(test_listener_dropped),
	    masters_test(test_twice),
	    masters_test(test_with_reload),
	    masters_test(test_late_reload),
	    masters_test(test_log_reopened),
	    masters_test(test_detached),
	};

	return cmocka_run_group_tests_name("upgrade", tests, NULL, NULL);
}
