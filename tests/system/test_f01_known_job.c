/*
 * F1, second half: a hasher is killed 20 ms into a job that is known to be in its hand.
 * The job is done by another one; its client gets one answer, and nobody else does.
 * (Hashers killed at random are in test_kill.c.)
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

enum { FRONTENDS = 2, INTO_MS = 20, HASH_MS = 400, STRENGTH_MS = 1000 };

static void say_hash(struct client *client, const char *password)
{
	char text[128];

	snprintf(
	    text, sizeof(text), "GET /hash/%s HTTP/1.1\r\nHost: t\r\n\r\n", password);
	assert_true(client_say(client, text));
}

static void expect_hash(struct client *client, const char *password)
{
	static const char lead[] = "Hashed password: ";
	struct response r = {0};

	client_read(client, &r, false);
	assert_int_equal(r.status, 200);
	assert_memory_equal(r.body, lead, sizeof(lead) - 1);
	assert_true(load_verify(r.body + sizeof(lead) - 1, password));
	/* once: what follows on the connection is the answer to what follows */
	client_get(client, &r, "/livez");
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "ok");
	assert_int_equal(client->len, 0);
	response_free(&r);
}

/* Which of the two hashers has the only job in hand? */
struct holder {
	const struct peek *peek;
	size_t number;
	uint64_t claim;
};

static bool has_job(void *arg)
{
	struct holder *holder = arg;

	for (holder->number = 0; holder->number < 2; holder->number++) {
		holder->claim = peek_claim(holder->peek,
		    holder->peek->pool_slot[PEEK_ELASTIC] + holder->number);
		if (holder->claim != 0)
			return true;
	}
	return false;
}

/* Kills it 20 ms into the job. False: it had done it by then. */
static bool strike(struct aftermath *a, const struct peek *peek)
{
	const struct timespec into = {.tv_nsec = INTO_MS * 1000000};
	struct holder holder = {.peek = peek}, then = {.peek = peek};
	uint64_t killed_ms;
	char what[32];
	pid_t pid;

	wait_until(has_job, &holder, "a job in hand");
	snprintf(what, sizeof(what), "hasher elastic/%zu", holder.number);
	pid = process_find(a->d, what);
	nanosleep(&into, NULL);
	if (!has_job(&then) || then.claim != holder.claim || pid == 0)
		return false;
	killed_ms = harness_now_ms();
	process_kill(pid);
	aftermath_killed(a, pid);
	process_wait_count(a->d, "hasher elastic/", 2);
	assert_in_range(harness_now_ms() - killed_ms, 0,
	    harness_rounds(10, 1) * STRENGTH_MS * harness_slow());
	return true;
}

static void test_known_job(void **state)
{
	struct daemon *d = *state;
	unsigned left = harness_rounds(3, 200), round = 0;
	uint64_t since, normal_ms;
	char slow[48], password[32];
	struct client client;
	struct aftermath a;
	struct peek peek;

	harness_slow_time(slow, HASH_MS);
	daemon_start(d, AFTERMATH_DAEMON, "profile.default.memory=8M", slow, NULL);
	aftermath_begin(&a, d);
	assert_true(peek_open(&peek, d));
	client_open(&client, &d->tcp);
	since = harness_now_ms();
	say_hash(&client, "normal");
	expect_hash(&client, "normal");
	normal_ms = harness_now_ms() - since;
	while (left > 0) {
		snprintf(password, sizeof(password), "known%u", ++round);
		since = harness_now_ms();
		say_hash(&client, password);
		left -= strike(&a, &peek);
		expect_hash(&client, password);
		/* once more, and what a busy machine adds */
		assert_in_range(harness_now_ms() - since, 0,
		    2 * normal_ms + (uint64_t)harness_limit_ms() / 10);
	}
	client_close(&client);
	peek_wait_idle(&peek, FRONTENDS);
	peek_close(&peek);
	aftermath_expect(&a);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_known_job),
	};

	return cmocka_run_group_tests_name("F1 known job", tests, NULL, NULL);
}
