/*
 * A generation on trial has nobody's request in hand: when it fails, no client notices.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "tests/system/client.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

enum { CLIENTS = 32, TRIES = 60 };

/* In the new one many hashers are forked before those that cannot live. */
static void configure(const struct daemon *d, const char *elastic, const char *rest)
{
	char text[2048];

	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:0\", \"unix:%s\"}\npidfile = \"%s\"\n"
	    "store = \"sqlite:%s\"\nprofile default { memory = 64K time = 1 }\n"
	    "header_timeout = 60s\nverify_max_memory = 1M\n"
	    "frontend { processes = 2 }\npool elastic { %s batch = 1 }\n%s",
	    d->socket, d->pidfile, d->store, elastic, rest);
	harness_write_file(d->conf, text);
}

static bool has_failed(void *arg)
{
	return daemon_log_has(arg, "reload failed, generation 1 stays");
}

static bool on_trial_or_failed(void *arg)
{
	struct daemon *d = arg;

	return process_count(d, "frontend ") == 4 || has_failed(d);
}

/* Holds the master as soon as the frontends of the new generation are there. False: it
 * was too late. */
static bool catch_trial(struct daemon *d)
{
	daemon_log_mark(d);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	wait_until(on_trial_or_failed, d, "a new generation");
	process_stop(d->pid);
	if (!has_failed(d) && process_count(d, "frontend ") == 4)
		return true;
	assert_return_code(kill(d->pid, SIGCONT), errno);
	wait_until(has_failed, d, "the failure");
	return false;
}

/* A frontend that has been at work for a second says so in its title. */
static bool all_at_work(void *arg)
{
	struct daemon *d = arg;

	return process_count(d, "frontend 0 [") == 2 &&
	       process_count(d, "frontend 1 [") == 2;
}

static void test_failed_reload(void **state)
{
	struct daemon *d = *state;
	struct client clients[CLIENTS];
	struct response response = {0};
	bool caught = false;
	pid_t old[2];

	configure(d, "min_processes = 1", "");
	daemon_start(d, NULL);
	assert_int_equal(process_all(d, "frontend ", old, 2), 2);
	configure(d, "min_processes = 48 max_processes = 48",
	    "pool fixed { memory_limit = 2M batch = 1 }\n");
	for (int i = 0; i < TRIES && !caught; i++)
		caught = catch_trial(d);
	assert_true(caught);
	wait_until(all_at_work, d, "frontends at work");
	/* whoever of the new ones may accept has all of them */
	for (size_t i = 0; i < 2; i++)
		process_stop(old[i]);
	for (size_t i = 0; i < CLIENTS; i++) {
		client_open(&clients[i], &d->tcp);
		client_say(&clients[i], "GET /livez HTTP/1.1\r\n");
	}
	assert_return_code(kill(d->pid, SIGCONT), errno);
	wait_until(has_failed, d, "the failure");
	process_wait_count(d, "frontend ", 2);
	for (size_t i = 0; i < 2; i++)
		assert_return_code(kill(old[i], SIGCONT), errno);
	for (size_t i = 0; i < CLIENTS; i++) {
		client_ask(&clients[i], &response, "Host: x\r\n\r\n");
		assert_int_equal(response.status, 200);
		client_close(&clients[i]);
	}
	response_free(&response);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_failed_reload),
	};

	return cmocka_run_group_tests_name("trial", tests, NULL, NULL);
}
