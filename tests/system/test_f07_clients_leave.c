/*
 * F7 (and F22 in part): clients that leave while their job waits or is worked at, with
 * a reset, with an orderly end, or only half. No answer reaches another; what was
 * reserved is freed when the work really ends; who only half closes still gets his.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

enum way { WAY_RESET, WAY_END, WAY_HALF, WAYS };
enum { ABREAST = 12, FRONTENDS = 2 };

/* One that asks and then leaves. */
struct leaver {
	struct client client;
	unsigned number; /* 0: nobody */
	enum way way;
};

static void ask(struct leaver *leaver, const struct daemon *d, unsigned number)
{
	char text[128];

	leaver->number = number;
	leaver->way = number % WAYS;
	client_open(&leaver->client, &d->tcp);
	snprintf(text, sizeof(text),
	    "GET /hash/leaver-%u HTTP/1.1\r\nHost: t\r\nX-Request-Id: %u\r\n\r\n",
	    number, number);
	assert_true(client_say(&leaver->client, text));
}

/* Nobody is left but where only half was closed. */
static void leave(struct leaver *leaver)
{
	if (leaver->way == WAY_RESET)
		client_reset(&leaver->client);
	else if (leaver->way == WAY_END)
		client_close(&leaver->client);
	else
		client_half_close(&leaver->client);
	if (leaver->way != WAY_HALF)
		leaver->number = 0;
}

static void expect_answer(struct leaver *leaver)
{
	static const char lead[] = "Hashed password: ";
	struct response r = {0};
	char text[32];

	client_read(&leaver->client, &r, false);
	assert_int_equal(r.status, 200);
	snprintf(text, sizeof(text), "%u", leaver->number);
	assert_true(response_has(&r, "X-Request-Id", text));
	assert_memory_equal(r.body, lead, sizeof(lead) - 1);
	snprintf(text, sizeof(text), "leaver-%u", leaver->number);
	assert_true(load_verify(r.body + sizeof(lead) - 1, text));
	client_expect_end(&leaver->client);
	client_close(&leaver->client);
	response_free(&r);
	leaver->number = 0;
}

/* ---- many, beside clients that stay */

struct crowd {
	const struct daemon *d;
	struct leaver asking[ABREAST], half[ABREAST];
	unsigned asked, rounds;
};

/* Who asked at the last tick leaves, who had half left is waited for. */
static bool come_and_go(struct load *load, void *arg)
{
	struct crowd *crowd = arg;

	(void)load;
	for (size_t i = 0; i < ABREAST; i++) {
		if (crowd->half[i].number != 0)
			expect_answer(&crowd->half[i]);
		if (crowd->asking[i].number != 0)
			leave(&crowd->asking[i]);
		crowd->half[i] = crowd->asking[i];
		crowd->asking[i].number = 0;
		if (crowd->asked < crowd->rounds)
			ask(&crowd->asking[i], crowd->d, ++crowd->asked);
	}
	for (size_t i = 0; i < ABREAST; i++)
		if (crowd->asking[i].number != 0 || crowd->half[i].number != 0)
			return true;
	return false;
}

static void test_many(void **state)
{
	struct daemon *d = *state;
	struct crowd crowd = {.d = d, .rounds = harness_rounds(300, 10000)};
	struct load load = {
	    LOAD_OF_A_ROW(d), .tick = come_and_go, .arg = &crowd, .tick_ms = 10};
	struct aftermath a;
	struct peek peek;

	daemon_start(d, AFTERMATH_DAEMON, "profile.default.memory=1M",
	    "verify_max_memory=1M", "pool.elastic.queue_limit=256", NULL);
	aftermath_begin(&a, d);
	assert_true(peek_open(&peek, d));
	load_run(&load);
	load_print(&load, "F7");
	load_expect_ok(&load, false);
	assert_int_equal(crowd.asked, crowd.rounds);
	peek_wait_idle(&peek, FRONTENDS);
	peek_close(&peek);
	aftermath_expect(&a);
	daemon_stop(d);
}

/* ---- one, at a known moment */

/* While the hasher has the job in hand it is accounted for, whoever waits for it. */
static void leave_in_hand(const struct daemon *d, const struct peek *peek, enum way way)
{
	struct leaver gone = {0}, next = {0};
	pid_t pid = process_wait_new(d, "hasher elastic/0", 0);

	ask(&gone, d, WAYS + way);
	peek_freeze(peek, peek->pool_slot[PEEK_ELASTIC], pid);
	leave(&gone);
	ask(&next, d, 2 * WAYS + WAY_HALF); /* it is asked after the other has left */
	peek_wait_jobs(peek, FRONTENDS, PEEK_ELASTIC, 2);
	assert_int_equal(client_fetch(&d->tcp, "/hash_rayon/x", NULL, 0), 200);
	if (process_alive(pid)) /* or it was stopped for too long, and replaced */
		assert_int_not_equal(peek_jobs(peek, FRONTENDS, PEEK_ELASTIC), 0);
	kill(pid, SIGCONT);
	if (way == WAY_HALF)
		expect_answer(&gone);
	client_half_close(&next.client);
	expect_answer(&next);
	peek_wait_idle(peek, FRONTENDS);
}

static void test_in_hand(void **state)
{
	struct daemon *d = *state;
	struct peek peek;
	char slow[48];

	harness_slow_time(slow, 100);
	daemon_start(d, AFTERMATH_DAEMON, "profile.default.memory=8M", slow,
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1", NULL);
	if (!peek_open(&peek, d)) {
		daemon_stop(d);
		skip();
	}
	for (enum way way = WAY_RESET; way < WAYS; way++)
		for (unsigned i = harness_rounds(1, 20); i > 0; i--)
			leave_in_hand(d, &peek, way);
	peek_close(&peek);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_many),
	    daemon_test(test_in_hand),
	};

	return cmocka_run_group_tests_name("F7 clients leave", tests, NULL, NULL);
}
