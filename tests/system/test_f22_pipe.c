/*
 * F22: SIGPIPE for every process, and a log whose reader dies: nothing dies. (Clients
 * that close before their answer are in test_f07_clients_leave.c.)
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"

/* Other signals that are nobody's business, and must be no more deadly. */
static const int signals[] = {SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGURG,
    SIGWINCH, SIGPWR, SIGTSTP, SIGXFSZ};

struct volley {
	struct daemon *d;
	unsigned left;
};

static bool shoot(struct load *load, void *arg)
{
	struct volley *volley = arg;
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(volley->d->pid, pids, PROCESS_MAX);

	(void)load;
	kill(volley->d->pid, SIGPIPE);
	for (size_t i = 0; i < n; i++)
		for (size_t s = 0; s < sizeof(signals) / sizeof(signals[0]); s++)
			kill(pids[i], signals[s]);
	return --volley->left > 0;
}

static void test_every_process(void **state)
{
	struct daemon *d = *state;
	struct volley volley = {.d = d, .left = harness_rounds(50, 1000)};
	struct load load = {
	    LOAD_OF_A_ROW(d), .tick = shoot, .arg = &volley, .tick_ms = 5};
	struct aftermath a;

	daemon_start(d, AFTERMATH_DAEMON, NULL);
	aftermath_begin(&a, d);
	load_run(&load);
	load_print(&load, "F22");
	load_expect_ok(&load, false);
	aftermath_expect(&a);
	daemon_stop(d);
}

/* ---- the log's reader */

static void expect_service(struct daemon *d)
{
	struct load load = {
	    .to = &d->tcp, .connections = 36, .fresh = 4, .requests = 400};

	load_run(&load);
	load_print(&load, "F22");
	load_expect_ok(&load, false);
}

static bool is_reloaded(void *arg)
{
	char title[PROCESS_TITLE];

	process_title(((struct daemon *)arg)->pid, title);
	return strncmp(title, "argond: master [gen 2,", 22) == 0;
}

/* stderr is a pipe here. Without its reader the daemon serves, reloads, opens the log
 * anew, replaces who dies, and leaves in order. */
static void test_reader_dies(void **state)
{
	struct daemon *d = *state;
	pid_t pid, pids[PROCESS_MAX];
	size_t n;
	int status;

	daemon_start(d, AFTERMATH_DAEMON, "access_log=on", "log_level=debug", NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		skip();
	}
	n = process_children(d->pid, pids, PROCESS_MAX);
	daemon_check_log(d);
	log_tail_close(d->log);
	d->log = NULL;
	expect_service(d);
	for (size_t i = 0; i < n; i++)
		assert_true(process_alive(pids[i]));
	assert_return_code(kill(d->pid, SIGUSR1), errno);
	pid = process_find(d, "hasher elastic/0");
	process_kill(pid);
	process_wait_new(d, "hasher elastic/0", pid);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	wait_until(is_reloaded, d, "a reload without a log");
	expect_service(d);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	d->pid = 0;
	assert_int_equal(status, 0);
}

static bool is_serving(void *arg)
{
	const struct daemon *d = arg;
	struct client client;
	bool there = client_try(&client, &d->local) == 0;

	client_close(&client);
	return there && client_fetch(&d->local, "/readyz", NULL, 0) == 200;
}

/* A start whose words nobody hears. */
static void test_no_reader_from_the_start(void **state)
{
	struct daemon *d = *state;
	int status;

	daemon_launch(d, AFTERMATH_DAEMON, "log_level=debug", NULL);
	daemon_check_log(d);
	log_tail_close(d->log);
	d->log = NULL;
	wait_until(is_serving, d, "a start without a log");
	assert_return_code(kill(d->pid, SIGTERM), errno);
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	d->pid = 0;
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_every_process),
	    daemon_test(test_reader_dies),
	    daemon_test(test_no_reader_from_the_start),
	};

	return cmocka_run_group_tests_name("F22 pipe", tests, NULL, NULL);
}
