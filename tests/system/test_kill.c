/*
 * KILL, for hashers (F1), the master (F3) and frontends (F4), under load.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/fds.h"

#include "tests/system/load.h"

#include "tests/system/process.h"

static void need_titles(struct daemon *d)
{
	if (process_titles_visible(d))
		return;
	daemon_stop(d);
	skip();
}

/* What the ticks below do their work with. */
struct killer {
	struct daemon *d;
	unsigned kills;
	size_t house; /* sockets of a frontend without connections */
	size_t owned; /* connections that frontends took along */

	pid_t last;
	int handles[PROCESS_MAX];
	size_t handle_count;
};

/* KILLs every hasher of the pool. A kill that finds no process any more is none. */
static bool kill_hashers(struct load *load, void *arg)
{
	struct killer *killer = arg;
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(killer->d,
	    load->rayon ? "hasher fixed/" : "hasher elastic/", pids, PROCESS_MAX);

	for (size_t i = 0; i < n; i++)
		killer->kills += kill(pids[i], SIGKILL) == 0;
	return true;
}

/* 200 ms, or on a slow machine so long that a hash can be done between two kills. */
static unsigned kill_interval(const struct daemon *d, const char *path)
{
	uint64_t since = harness_now_ms(), took;

	for (int i = 0; i < 2; i++)
		assert_int_equal(client_fetch(&d->tcp, path, NULL, 0), 200);
	took = (harness_now_ms() - since) / 2;
	return took * 5 > 200 ? (unsigned)took * 5 : 200;
}

static void run_f1(struct daemon *d, bool rayon)
{
	struct killer killer = {.d = d};
	struct load load = {.to = &d->tcp,
	    .connections = 20,
	    .requests = rayon ? 100 : 200,
	    .rayon = rayon,
	    .tick = kill_hashers,
	    .arg = &killer};
	char what[32];
	char slow[48];

	harness_slow_time(slow, 12); /* near what a password costs */
	daemon_start(d, "profile.default.memory=8M", slow,
	    "pool.elastic.min_processes=2", "pool.elastic.max_processes=2",
	    "pool.fixed.min_processes=2", "pool.fixed.max_processes=2",
	    "pool.elastic.deadline=120s", "pool.fixed.deadline=120s",
	    "pool.elastic.queue_limit=64", "pool.fixed.queue_limit=64", NULL);
	need_titles(d);
	load.tick_ms = kill_interval(d, rayon ? "/hash_rayon/x" : "/hash/x");
	load_run(&load);
	load_print(&load, rayon ? "F1 fixed" : "F1 elastic");
	load_expect_ok(&load, false);
	assert_true(killer.kills >= 2);
	snprintf(what, sizeof(what), "hasher %s/", rayon ? "fixed" : "elastic");
	process_wait_count(d, what, 2); /* full strength again */
	daemon_stop(d);
}

static void test_f1_elastic(void **state)
{
	run_f1(*state, false);
}

static void test_f1_fixed(void **state)
{
	run_f1(*state, true);
}

/* KILLs the master once the load is well under way, and ends it. */
static bool kill_master(struct load *load, void *arg)
{
	struct killer *killer = arg;
	pid_t pids[PROCESS_MAX];
	size_t n;

	if (load->answered < 20)
		return true;
	n = process_children(killer->d->pid, pids, PROCESS_MAX);
	for (size_t i = 0; i < n; i++)
		killer->handles[killer->handle_count++] = process_handle(pids[i]);
	assert_return_code(kill(killer->d->pid, SIGKILL), errno);
	return false;
}

/* All that the handles stand for have gone within a second. */
static void expect_gone(struct killer *killer)
{
	const uint64_t limit = harness_now_ms() + UINT64_C(1000) * harness_slow();
	uint64_t now;

	assert_true(
	    killer->handle_count >= 4); /* two frontends, at least two hashers */
	for (size_t i = 0; i < killer->handle_count; i++) {
		now = harness_now_ms();
		if (!process_wait_handle(
		        killer->handles[i], now < limit ? (int)(limit - now) : 0))
			fail_msg("a child outlives the master by more than a second");
		close(killer->handles[i]);
	}
}

/* Nobody holds the port: it can be bound, which a living listener would not allow. */
static void expect_port_free(const struct address *address)
{
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_return_code(bind(fd, &address->any, address->len), errno);
	assert_return_code(listen(fd, 1), errno);
	close(fd);
}

/* The next start finds the pidfile and the Unix socket of the dead one. */
static void test_f3_master(void **state)
{
	struct daemon *d = *state;

	for (int round = 0; round < 3; round++) {
		struct killer killer = {.d = d};
		struct load load = {.to = &d->tcp,
		    .connections = 8,
		    .requests = 1000000,
		    .tick = kill_master,
		    .arg = &killer,
		    .tick_ms = 1};
		int status;

		daemon_start(
		    d, "profile.default.memory=64K", "profile.default.time=1", NULL);
		load_run(&load);
		expect_gone(&killer);
		status = daemon_wait_end(d);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_int_equal(load.count[LOAD_WRONG] + load.count[LOAD_TIMEOUT], 0);
		expect_port_free(&d->tcp);
		assert_return_code(access(d->pidfile, F_OK), errno);
		daemon_check_log(d);
	}
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1", NULL);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	daemon_stop(d);
}

static size_t count_sockets(pid_t pid)
{
	struct fd_list *list = calloc(1, sizeof(*list));
	size_t n;

	assert_non_null(list);
	n = fds_list(pid, list) ? fds_count(list, "socket:") : 0;
	free(list);
	return n;
}

/* KILLs one frontend after the other, each once its predecessor has been replaced. */
static bool kill_frontend(struct load *load, void *arg)
{
	struct killer *killer = arg;
	unsigned index = killer->kills % 2;
	char what[16];
	pid_t pid;

	snprintf(what, sizeof(what), "frontend %u", index);
	pid = process_find(killer->d, what);
	if (load->answered < 50 * (killer->kills + 1) || pid == 0 ||
	    pid == killer->last)
		return true;
	process_stop(pid); /* so that what it owns does not change before it dies */

	killer->owned += count_sockets(pid) - killer->house;

	process_kill(pid);
	killer->last = pid;
	return ++killer->kills < 6;
}

static void test_f4_frontends(void **state)
{
	struct daemon *d = *state;
	struct killer killer = {.d = d};

	struct load load = {.to = &d->tcp,
	    .connections = 20,
	    .requests = 1000000,
	    .tick = kill_frontend,
	    .arg = &killer,
	    .tick_ms = 5};
	unsigned lost;

	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1", NULL);
	need_titles(d);
	killer.house = count_sockets(process_find(d, "frontend 0"));
	if (killer.house == 0) {
		daemon_stop(d);
		print_message("only root sees what a frontend has open\n");
		skip();
	}

	load_run(&load);
	load_print(&load, "F4");
	lost = load.count[LOAD_RESET] + load.count[LOAD_RESET_IDLE] +
	       load.count[LOAD_PARTIAL];
	assert_int_equal(load.count[LOAD_OK] + lost, load.asked);
	assert_in_range(lost, 0, killer.owned);
	process_wait_count(d, "frontend ", 2);
	daemon_stop(d);
}

/* While everybody but the master is killed now and then, no answer is another's. */
static bool kill_somebody(struct load *load, void *arg)
{
	struct killer *killer = arg;
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(killer->d->pid, pids, PROCESS_MAX);

	if (n > 0 && load->answered >= 10 * killer->kills)
		killer->kills += kill(pids[killer->kills % n], SIGKILL) == 0;
	return killer->kills < 30;
}

static void test_mixed(void **state)
{
	struct daemon *d = *state;
	struct killer killer = {.d = d};
	struct load load = {.to = &d->tcp,
	    .connections = 16,
	    .requests = 1000000,
	    .tick = kill_somebody,
	    .arg = &killer,
	    .tick_ms = 20};

	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1", NULL);
	load_run(&load);
	load_print(&load, "mixed");
	assert_int_equal(load.count[LOAD_WRONG], 0);
	assert_int_equal(load.count[LOAD_FAILED], 0);
	assert_int_equal(load.count[LOAD_TIMEOUT], 0);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_f1_elastic),
	    daemon_test(test_f1_fixed),
	    daemon_test(test_f3_master),
	    daemon_test(test_f4_frontends),
	    daemon_test(test_mixed),
	};

	return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
