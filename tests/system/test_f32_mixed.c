/*
 * F32: hashers and frontends killed, reloads, clients that leave, all at once for some
 * time. Nothing is lost but what killed frontends took along; fds and memory stay what
 * they are.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/fds.h"
#include "tests/system/load.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

enum { RUN_MS = 5000, RUN_LONG_MS = 120000, LEAVERS = 4 };
enum { MASTER_SLACK_KIB = 512, MASTER_SLACK_LONG_KIB = 64 };

/* What is done, and how often. */
struct mischief {
	struct aftermath *a;
	uint64_t until, next[3]; /* ms */
	unsigned kills, reloads, left;
	size_t own_sockets; /* of a frontend without connections */
	size_t owned;       /* connections that killed frontends had */
	struct client leavers[LEAVERS];
	uint64_t half, kib_half; /* of the master, half way */
};

static size_t count_sockets(pid_t pid)
{
	struct fd_list *list = calloc(1, sizeof(*list));
	size_t n;

	assert_non_null(list);
	n = fds_list(pid, list) ? fds_count(list, "socket:") : 0;
	free(list);
	return n;
}

/* One of those whose title begins so, at random; it is stopped first, so that it is
 * certain that it dies of this, and what it has then. */
static void kill_one(struct mischief *m, const char *what)
{
	pid_t pids[PROCESS_MAX], pid;
	size_t n = process_all(m->a->d, what, pids, PROCESS_MAX), sockets;

	if (n == 0 || house_generations(m->a->d) > 1)
		return; /* of one on trial the death means another thing */
	pid = pids[(unsigned)rand() % n];
	process_stop(pid);
	if (process_state(pid) != 'T')
		return; /* it was leaving */
	sockets = count_sockets(pid);
	if (strncmp(what, "frontend", 8) == 0 && sockets > m->own_sockets)
		m->owned += sockets - m->own_sockets;
	process_kill(pid);
	aftermath_killed(m->a, pid);
	m->kills++;
}

static void kill_hasher(struct mischief *m)
{
	kill_one(m, "hasher elastic/");
}

static void kill_frontend(struct mischief *m)
{
	kill_one(m, "frontend ");
}

static void reload(struct mischief *m)
{
	assert_return_code(kill(m->a->d->pid, SIGHUP), errno);
	m->reloads++;
}

static const struct {
	void (*act)(struct mischief *m);
	unsigned every_ms;
} acts[3] = {{kill_hasher, 200}, {kill_frontend, 1000}, {reload, 1000}};

/* Some ask and leave before they are answered. */
static void leave(struct mischief *m)
{
	static const char ask[] = "GET /hash/leaver HTTP/1.1\r\nHost: t\r\n\r\n";
	struct client *c;

	for (unsigned i = 0; i < LEAVERS; i++) {
		c = &m->leavers[i];
		if (c->fd > 0) {
			if (i % 2 == 0)
				client_reset(c);
			else
				client_close(c);
			m->left++;
		}
		if (client_try(c, &m->a->d->tcp) == 0)
			client_say(c, ask);
	}
}

static bool misbehave(struct load *load, void *arg)
{
	struct mischief *m = arg;
	uint64_t now = harness_now_ms();

	(void)load;
	if (m->kib_half == 0 && now >= m->half)
		m->kib_half = process_memory(m->a->d->pid);
	leave(m);
	for (unsigned i = 0; i < 3; i++)
		if (now >= m->next[i]) {
			acts[i].act(m);
			m->next[i] = now + acts[i].every_ms;
		}
	return now < m->until;
}

static void expect_little_lost(const struct load *load, const struct mischief *m)
{
	const unsigned cut = load->count[LOAD_RESET] + load->count[LOAD_RESET_IDLE] +
	                     load->count[LOAD_PARTIAL];

	assert_int_equal(
	    load->count[LOAD_OK] + load->count[LOAD_SHED] + cut, load->answered);
	assert_in_range(cut, 0, m->owned);
}

static void test_mixed(void **state)
{
	struct daemon *d = *state;
	struct mischief m = {.until = 0};
	struct load load = {
	    LOAD_OF_A_ROW(d), .tick = misbehave, .arg = &m, .tick_ms = 20};
	struct aftermath a;
	uint64_t now, kib;

	daemon_start(d, AFTERMATH_DAEMON, "profile.default.memory=1M",
	    "verify_max_memory=1M", NULL);
	if (!fds_visible(process_find(d, "frontend 0"))) {
		daemon_stop(d);
		print_message("only root sees what a frontend has open\n");
		skip();
	}
	aftermath_begin(&a, d);
	a.replaced = true;
	m.a = &a;
	m.own_sockets = count_sockets(process_find(d, "frontend 0"));
	now = harness_now_ms();
	m.until = now + harness_rounds(RUN_MS, RUN_LONG_MS);
	m.half = (now + m.until) / 2;
	load_run(&load);
	for (unsigned i = 0; i < LEAVERS; i++)
		client_close(&m.leavers[i]);
	kib = process_memory(d->pid);
	load_print(&load, "F32");
	print_message(
	    "F32: %u kills, %u reloads, %u left; %zu connections owned by the "
	    "dead; master %llu KiB half way, then %llu\n",
	    m.kills, m.reloads, m.left, m.owned, (unsigned long long)m.kib_half,
	    (unsigned long long)kib);
	expect_little_lost(&load, &m);
	assert_true(m.kills > 0 && m.reloads > 0 && m.left > 0);
	if (AFTERMATH_MEMORY_COUNTS)
		assert_in_range(kib, 0,
		    m.kib_half +
		        harness_rounds(MASTER_SLACK_KIB, MASTER_SLACK_LONG_KIB));
	assert_int_equal(masters_send(d, "reload", NULL, 0), 0); /* and the last one */
	aftermath_expect(&a);
	assert_int_equal(house_generations(d), 1);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_mixed),
	};

	return cmocka_run_group_tests_name("F32 mixed", tests, NULL, NULL);
}
