/*
 * F17: everything is stopped for a while and goes on. Nobody is blamed for the time
 * that nobody had: jobs in hand are finished or expire, timeouts are those of the
 * monotonic clock, no process is replaced, and the Date is right.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

enum { FRONTENDS = 2, STOP_MS = 4000, STOP_LONG_MS = 60000, DEADLINE_MS = 600 };

/* The whole tree, the master first and last. */
static void stop_all(const struct daemon *d)
{
	pid_t pids[PROCESS_MAX];
	size_t n;

	process_stop(d->pid);
	n = process_children(d->pid, pids, PROCESS_MAX);
	while (n > 0)
		process_stop(pids[--n]);
}

static void go_on(const struct daemon *d, bool master_first)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX);

	if (master_first)
		kill(d->pid, SIGCONT);
	while (n > 0)
		kill(pids[--n], SIGCONT);
	kill(d->pid, SIGCONT);
}

static time_t date_of(const struct response *r)
{
	struct tm tm = {0};
	char text[64];

	assert_true(response_header(r, "Date", text, sizeof(text)));
	assert_non_null(strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm));
	return timegm(&tm);
}

/* Within a second of now, at one of a few tries: the first answer after a pause may
 * have been begun before it. */
static bool date_is_right(void *arg)
{
	const struct daemon *d = arg;
	struct response r = {0};
	struct client client;
	time_t before = time(NULL), date;

	client_open(&client, &d->tcp);
	client_get(&client, &r, "/livez");
	date = date_of(&r);
	client_close(&client);
	response_free(&r);
	return date >= before - 1 && date <= time(NULL) + 1;
}

struct span {
	uint64_t until;
};

static bool has_passed(void *arg)
{
	return harness_now_ms() >= ((const struct span *)arg)->until;
}

/* A hash in hand, one that waits behind it, an idle connection, half a head. */
static void test_stopped(void **state)
{
	static const char half[] = "GET /livez HTTP/1.1\r\nHost: t\r\n";
	struct daemon *d = *state;
	struct span span = {.until = 0};
	struct client idle, hash[2], head;
	struct response r = {0};
	char deadline[48], slow[48], text[96];
	struct aftermath a;
	struct peek peek;

	harness_ms(deadline, "pool.elastic.deadline", DEADLINE_MS);
	harness_slow_time(slow, 300);
	daemon_start(d, AFTERMATH_DAEMON, "profile.default.memory=8M", slow, deadline,
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",
	    "keepalive_timeout=600s", "header_timeout=1s", NULL);
	aftermath_begin(&a, d);
	assert_true(peek_open(&peek, d));
	client_open(&idle, &d->tcp);
	client_get(&idle, &r, "/livez");
	client_open(&head, &d->tcp);
	client_say(&head, half);
	for (unsigned i = 0; i < 2; i++) {
		client_open(&hash[i], &d->tcp);
		snprintf(text, sizeof(text),
		    "GET /hash/clock%u HTTP/1.1\r\nHost: t\r\n\r\n", i);
		client_say(&hash[i], text);
	}
	peek_wait_claim(&peek, peek.pool_slot[PEEK_ELASTIC]);
	stop_all(d);
	/* time that passes is what this is about: longer than deadline and grace */
	span.until = harness_now_ms() + harness_rounds(STOP_MS, STOP_LONG_MS);
	while (!has_passed(&span))
		usleep(20000);
	go_on(d, true);
	for (unsigned i = 0; i < 2; i++) {
		client_read(&hash[i], &r, false);
		snprintf(text, sizeof(text), "clock%u", i);
		if (r.status == 200)
			assert_true(
			    load_verify(r.body + strlen("Hashed password: "), text));
		else
			assert_int_equal(r.status, 504);
		client_close(&hash[i]);
	}
	client_get(&idle, &r, "/livez"); /* its time has not run out */
	assert_int_equal(r.status, 200);
	client_close(&idle);
	client_read(&head, &r, false); /* but that of the head has */
	assert_int_equal(r.status, 408);
	client_close(&head);
	response_free(&r);
	wait_until(date_is_right, d, "a Date that is right");
	peek_wait_idle(&peek, FRONTENDS);
	peek_close(&peek);
	aftermath_expect(&a); /* nobody has died of it */
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_stopped),
	};

	return cmocka_run_group_tests_name("F17 clock", tests, NULL, NULL);
}
