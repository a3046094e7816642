/*
 * F17: the wall clock jumps (shim_clock.c turns it, for the daemon alone), and
 * everything is stopped for a while and goes on. Timeouts are those of the monotonic
 * clock, nobody is blamed for the time that nobody had, no process is replaced, and the
 * Date is right.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"
#include "tests/system/shim.h"

enum { FRONTENDS = 2, STOP_MS = 3200, STOP_LONG_MS = 60000, DEADLINE_MS = 400 };

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

/* Is the Date within a second of the daemon's time, which differs so much from ours?
 * The first answer after a change may have been begun before it. */
struct dated {
	const struct daemon *d;
	int64_t turned;
};

static bool date_is_right(void *arg)
{
	const struct dated *dated = arg;
	struct response r = {0};
	struct client client;
	time_t before = time(NULL), date;

	client_open(&client, &dated->d->tcp);
	client_get(&client, &r, "/livez");
	date = date_of(&r) - (time_t)dated->turned;
	client_close(&client);
	response_free(&r);
	return date >= before - 1 && date <= time(NULL) + 1;
}

/* ---- the wall clock */

struct jumps {
	const struct daemon *d;
	_Atomic int64_t *clock;
	struct peek peek;
	struct client delayed; /* asked for hello before a jump */
	struct client held;    /* whose job waits for a stopped hasher meanwhile */
	uint64_t since;
	unsigned done;
};

enum { HELLO_MS = 150 };

/* An hour on and back, to 1970, beyond 2038 and beyond 2106. */
static int64_t jump_to(unsigned n)
{
	const int64_t now = time(NULL);
	const int64_t to[] = {3600, -3600, 10 - now, INT64_C(0x7fffffff) - now - 1,
	    INT64_C(0xffffffff) - now, 0};

	return to[n % 6];
}

/* A job that waits while the clock jumps has not expired for that. */
static void jump_over_job(struct jumps *jumps)
{
	struct dated dated = {.d = jumps->d, .turned = jump_to(jumps->done++)};
	pid_t pid = process_find(jumps->d, "hasher fixed/0");
	struct response r = {0};

	process_hold(jumps->d, pid);
	client_say(&jumps->held, "GET /hash_rayon/held HTTP/1.1\r\nHost: t\r\n\r\n");
	peek_wait_jobs(&jumps->peek, FRONTENDS, PEEK_FIXED, 1);
	atomic_store(jumps->clock, dated.turned);
	wait_until(date_is_right, &dated, "a Date that follows the clock");
	process_release(jumps->d, pid);
	client_read(&jumps->held, &r, false);
	assert_int_equal(r.status, 200);
	response_free(&r);
}

/* A delay that spans the jump takes its time, no more and no less. */
static bool jump(struct load *load, void *arg)
{
	struct jumps *jumps = arg;
	struct response r = {0};

	(void)load;
	if (jumps->since == 0) {
		client_say(&jumps->delayed, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
		jumps->since = harness_now_ms();
		jump_over_job(jumps);
		return true;
	}
	if (!client_receive(&jumps->delayed, 0))
		return harness_now_ms() - jumps->since < (uint64_t)harness_limit_ms();
	client_read(&jumps->delayed, &r, false);
	assert_int_equal(r.status, 200);
	assert_in_range(harness_now_ms() - jumps->since, HELLO_MS - 1,
	    HELLO_MS + (uint64_t)harness_limit_ms() / 10);
	response_free(&r);
	jumps->since = 0;
	return jumps->done < harness_rounds(6, 60);
}

static void test_jumps(void **state)
{
	struct daemon *d = *state;
	struct jumps jumps = {.d = d};
	struct load load = {
	    LOAD_OF_A_ROW(d), .tick = jump, .arg = &jumps, .tick_ms = 2};
	char path[PATH_MAX], delay[48];
	struct response r = {0};
	struct aftermath a;
	struct client idle;

	if (!shim_find(path, "clock"))
		skip();
	/* the seconds that the daemon's clock is ahead */
	jumps.clock = shim_share(d, "SHIM_CLOCK", sizeof(*jumps.clock));
	assert_return_code(setenv("LD_PRELOAD", path, 1), errno);
	snprintf(delay, sizeof(delay), "hello_delay=%dms", HELLO_MS);
	daemon_start(d, AFTERMATH_DAEMON, delay, "keepalive_timeout=120s", NULL);
	unsetenv("LD_PRELOAD");
	aftermath_begin(&a, d);
	assert_true(peek_open(&jumps.peek, d));
	client_open(&jumps.delayed, &d->tcp);
	client_open(&jumps.held, &d->tcp);
	client_open(&idle, &d->tcp);
	client_get(&idle, &r, "/livez");
	load_run(&load);
	load_print(&load, "F17");
	load_expect_ok(&load, false);
	assert_int_equal(jumps.done, harness_rounds(6, 60));
	client_get(&idle, &r, "/livez"); /* nobody has thought its time over */
	assert_int_equal(r.status, 200);
	response_free(&r);
	client_close(&idle);
	client_close(&jumps.delayed);
	client_close(&jumps.held);
	peek_close(&jumps.peek);
	munmap((void *)(uintptr_t)jumps.clock, sizeof(int64_t));
	aftermath_expect(&a);
	daemon_stop(d);
}

/* ---- a pause of everything */

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
	wait_until(date_is_right, &(struct dated){.d = d}, "a Date that is right");
	peek_wait_idle(&peek, FRONTENDS);
	peek_close(&peek);
	aftermath_expect(&a); /* nobody has died of it */
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_jumps),
	    daemon_test(test_stopped),
	};

	return cmocka_run_group_tests_name("F17 clock", tests, NULL, NULL);
}
