/*
 * A frontend makes no call that could block, whatever happens around it: every system
 * call of one is looked at, from an idle start through load, deaths and bad input to
 * its end.
 */
#include <signal.h>
#include <string.h>

#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/process.h"
#include "tests/system/trace.h"

#include "tests/sanitized.h"

/* A sanitizer or a wrapper makes calls of its own. */
static void start(struct daemon *d, struct trace *trace)
{
	char timeout[48];

	if (SANITIZED || harness_wrapped())
		skip();
	harness_ms(timeout, "header_timeout", 1000);
	daemon_start(d, "frontend.processes=1", "profile.default.memory=64K",
	    "profile.default.time=1", "pool.fixed.max_processes=1",
	    "pool.fixed.min_processes=1", "hello_delay=5ms", timeout, "access_log=on",
	    NULL);
	if (trace_open(trace, process_find(d, "frontend 0")))
		return;
	daemon_stop(d);
	print_message("ptrace is not permitted\n");
	skip();
}

static void stop(struct daemon *d, struct trace *trace)
{
	char text[4096];
	unsigned long seen;

	daemon_stop(d);
	seen = trace_close(trace, text, sizeof(text));
	if (text[0] != '\0')
		fail_msg("%s", text);
	assert_true(seen > 4); /* to accept, read, write and wait, at the least */
}

static void test_under_load(void **state)
{
	struct daemon *d = *state;
	struct load load = {.to = &d->tcp, .connections = 16, .requests = 400};
	struct trace trace;

	start(d, &trace);
	load_run(&load);
	load_expect_ok(&load, false);
	load = (struct load){.to = &d->tcp,
	    .connections = 8,
	    .requests = 100,
	    .rayon = true,
	    .reconnect = true};
	load_run(&load);
	load_expect_ok(&load, false);
	assert_int_equal(client_fetch(&d->tcp, "/", NULL, 0), 200);
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	stop(d, &trace);
}

static void test_slow_reader(void **state)
{
	static const char many[] = "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n";
	struct daemon *d = *state;
	struct client client;
	struct trace trace;

	start(d, &trace);
	client_open(&client, &d->local);
	/* nobody reads the answers: the frontend's socket fills, and it must not mind
	 */
	while (send(client.fd, many, sizeof(many) - 1, MSG_NOSIGNAL) ==
	       (ssize_t)sizeof(many) - 1)
		continue;
	assert_int_equal(client_fetch(&d->local, "/hash/x", NULL, 0), 200);
	client_reset(&client);
	stop(d, &trace);
}

static void test_deaths_and_nonsense(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client client;
	struct trace trace;
	pid_t pid;

	start(d, &trace);
	pid = process_find(d, "hasher fixed/0");
	process_stop(pid);
	client_open(&client, &d->tcp);
	client_say(&client, "GET /hash_rayon/x HTTP/1.1\r\nHost: t\r\n\r\n");
	process_kill(pid);
	client_read(&client, &r, false);
	assert_int_equal(r.status, 200);
	client_ask(&client, &r, "nonsense\r\n\r\n");
	assert_int_equal(r.status, 400);
	client_close(&client);
	client_open(&client, &d->tcp);
	client_say(&client, "GET /");
	client_read(&client, &r, false);
	assert_int_equal(r.status, 408);
	client_reset(&client);
	response_free(&r);
	stop(d, &trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_under_load),
	    daemon_test(test_slow_reader),
	    daemon_test(test_deaths_and_nonsense),
	};

	return cmocka_run_group_tests_name("system calls", tests, NULL, NULL);
}
