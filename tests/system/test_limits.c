/*
 * Limits of the roles, as the kernel has them; and hashers that run into theirs: their
 * jobs are answered, the log says why they died, the pool is whole again.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

static const char ask[] = "GET /hash/secret HTTP/1.1\r\nHost: t\r\n\r\n";

static bool look_inside(struct daemon *d, struct peek *peek)
{
	if (peek_open(peek, d))
		return true;
	daemon_stop(d);
	skip();
	return false;
}

/* Two hashers, and a job that takes long enough to be caught in hand. */
static bool start(struct daemon *d, struct peek *peek)
{
	char slow[48];

	setenv("ASAN_OPTIONS",
	    "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_"
	    "abort=0",
	    0);
	harness_slow_time(slow, 200);
	daemon_start(d, "profile.default.memory=8M", slow,
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",
	    "pool.elastic.deadline=60s", "pool.fixed.max_processes=1", NULL);
	return look_inside(d, peek);
}

static void read_hash(struct client *client)
{
	static const char lead[] = "Hashed password: ";
	struct response r = {0};

	client_read(client, &r, false);
	assert_int_equal(r.status, 200);
	assert_int_equal(strncmp(r.body, lead, strlen(lead)), 0);
	assert_true(load_verify(r.body + strlen(lead), "secret"));
	response_free(&r);
	client_close(client);
}

/* ---- how they die */

/* F2, short: one that is stopped with a job in hand is replaced, and another does it.
 */
static void test_stopped(void **state)
{
	struct daemon *d = *state;
	struct client client;
	struct peek peek;
	pid_t pid;

	if (!start(d, &peek))
		return;
	client_open(&client, &d->tcp);
	client_say(&client, ask);
	pid = process_find(d, "hasher elastic/0");
	peek_freeze(&peek, peek.pool_slot[PEEK_ELASTIC], pid);
	read_hash(&client);
	assert_false(process_alive(pid));
	daemon_wait_log(
	    d, "killed by SIGKILL, by us, it was stopped with a job in hand");
	process_wait_count(d, "hasher elastic/", 1);
	peek_close(&peek);
	daemon_stop(d);
}

/* What kills a hasher at work, and the words for it. */
static const struct {
	int signo;
	const char *said;
} deaths[] = {
    {SIGILL,
        "killed by SIGILL, an instruction this CPU lacks: try `engine = libargon2`"},
    {SIGSEGV, "killed by SIGSEGV"},
    {SIGBUS, "killed by SIGBUS"},
    {SIGXCPU, "killed by SIGXCPU, over its CPU time: see the pool's `rlimit_cpu`"},
    {SIGKILL, "killed by SIGKILL, by somebody"},
};

static void test_deaths(void **state)
{
	struct daemon *d = *state;
	struct client client;
	struct peek peek;

	if (!start(d, &peek))
		return;
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		char line[256];
		pid_t pid = process_wait_new(d, "hasher elastic/0", 0);

		client_open(&client, &d->tcp);
		client_say(&client, ask);
		peek_freeze(&peek, peek.pool_slot[PEEK_ELASTIC], pid);
		assert_return_code(kill(pid, deaths[i].signo), errno);
		kill(pid, SIGCONT);
		read_hash(&client);
		snprintf(line, sizeof(line), "hasher elastic/0 \\(%d\\) %s", (int)pid,
		    deaths[i].said);
		daemon_wait_log(d, line);
		process_wait_new(d, "hasher elastic/0", pid);
		process_wait_count(d, "hasher elastic/", 1);
	}
	peek_close(&peek);
	daemon_stop(d);
}

static const char over_cpu[] =
    "killed by SIGXCPU, over its CPU time: see the pool's `rlimit_cpu`";

static bool until_over_cpu(struct load *load, void *arg)
{
	(void)load;
	return !daemon_log_has(arg, over_cpu);
}

/* Jobs that use up the CPU time of one hasher after the other: each is answered. */
static void test_cpu_limit(void **state)
{
	struct daemon *d = *state;
	struct load load = {.to = &d->tcp,
	    .connections = 4,
	    .requests = 1000000,
	    .tick = until_over_cpu,
	    .arg = d,
	    .tick_ms = 20};
	char slow[48];

	harness_slow_time(slow, 100);
	daemon_start(d, "profile.default.memory=8M", slow, "pool.elastic.batch=1",
	    "pool.elastic.min_processes=2", "pool.elastic.max_processes=2",
	    "pool.elastic.rlimit_cpu=1s", "pool.elastic.deadline=60s",
	    "pool.elastic.retries=3", "pool.fixed.max_processes=1", NULL);
	load_run(&load);
	load_print(&load, "rlimit_cpu");
	load_expect_ok(&load, false);
	assert_true(daemon_log_has(d, over_cpu));
	process_wait_count(d, "hasher elastic/", 2);
	daemon_stop(d);
}

/* ---- what the kernel says */

/* Of CPU time the hard limit is later: the soft one says why. */
static void expect_limit(pid_t pid, __rlimit_resource_t which, rlim_t value)
{
	struct rlimit limit;

	assert_return_code(prlimit(pid, which, NULL, &limit), errno);
	assert_int_equal(limit.rlim_cur, value);
	assert_int_equal(limit.rlim_max, which == RLIMIT_CPU ? value + 1 : value);
}

static int oom_score(pid_t pid)
{
	char path[64], *text;
	int score;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	text = harness_read_file(path);
	assert_non_null(text);
	score = (int)strtol(text, NULL, 10);
	free(text);
	return score;
}

static void expect_cpus(pid_t pid, size_t cpu)
{
	cpu_set_t set;

	assert_return_code(sched_getaffinity(pid, sizeof(set), &set), errno);
	assert_int_equal(CPU_COUNT(&set), 1);
	assert_true(CPU_ISSET(cpu, &set));
}

static size_t first_cpu(void)
{
	cpu_set_t set;
	size_t cpu = 0;

	assert_return_code(sched_getaffinity(0, sizeof(set), &set), errno);
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	return cpu;
}

/* A confined process of another user can only be looked at by root, or by itself. */
static bool may_look(struct daemon *d, pid_t pid)
{
	struct rlimit limit;

	if (prlimit(pid, RLIMIT_CORE, NULL, &limit) == 0)
		return true;
	daemon_stop(d);
	skip();
	return false;
}

/* A sanitizer's shadow memory is larger than any limit of address space. */
#ifdef __SANITIZE_ADDRESS__
#define MEMORY_LIMIT "auto"
#define MEMORY_LIMIT_BYTES RLIM_INFINITY
#else
#define MEMORY_LIMIT "3G"
#define MEMORY_LIMIT_BYTES ((rlim_t)3 << 30)
#endif

static void test_as_configured(void **state)
{
	struct daemon *d = *state;
	char cpu[2][48];
	pid_t frontend, hasher;

	snprintf(cpu[0], sizeof(cpu[0]), "frontend.cpu_affinity=%zu", first_cpu());
	snprintf(cpu[1], sizeof(cpu[1]), "pool.fixed.cpu_affinity=%zu", first_cpu());
	daemon_start(d, "frontend.rlimit_nofile=777", "frontend.max_connections=100",
	    "frontend.nice=3", "pool.fixed.nice=13", "pool.fixed.rlimit_cpu=500s",
	    "pool.fixed.scheduling=idle", "pool.lookup.scheduling=batch",
	    "pool.fixed.memory_limit=" MEMORY_LIMIT, "pool.fixed.max_processes=1",
	    "pool.elastic.max_processes=1", cpu[0], cpu[1], NULL);
	frontend = process_find(d, "frontend 0");
	hasher = process_find(d, "hasher fixed/0");
	if (frontend == 0 || !may_look(d, frontend))
		return;
	expect_limit(frontend, RLIMIT_NOFILE, 777);
	expect_limit(frontend, RLIMIT_CORE, 0);
	expect_limit(hasher, RLIMIT_CORE, 0);
	expect_limit(hasher, RLIMIT_CPU, 500);
	expect_limit(hasher, RLIMIT_AS, MEMORY_LIMIT_BYTES);
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)frontend), 3);
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)hasher), 13);
	assert_int_equal(sched_getscheduler(hasher), SCHED_IDLE);
	assert_int_equal(sched_getscheduler(frontend), sched_getscheduler(0));
	assert_int_equal(
	    sched_getscheduler(process_find(d, "hasher lookup/0")), SCHED_BATCH);
	assert_int_equal(
	    getpriority(PRIO_PROCESS, (id_t)d->pid), getpriority(PRIO_PROCESS, 0));
	expect_cpus(frontend, first_cpu());
	expect_cpus(hasher, first_cpu());
	daemon_stop(d);
}

/* Hashers are the first that the kernel takes when memory runs out, the master the
 * last. */
static void test_oom_order(void **state)
{
	struct daemon *d = *state;
	int master, frontend, hasher;

	daemon_start(d, NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		skip();
	}
	master = oom_score(d->pid);
	frontend = oom_score(process_find(d, "frontend 0"));
	hasher = oom_score(process_find(d, "hasher fixed/0"));
	assert_true(master < frontend && frontend < hasher);
	daemon_stop(d);
}

/* After a change of the limits the new processes have the new ones. */
static void test_after_reload(void **state)
{
	struct daemon *d = *state;
	char *base = harness_read_file(d->conf), text[1024];
	pid_t hasher;

	assert_non_null(base);
	daemon_start(d, "pool.elastic.max_processes=1", NULL);
	hasher = process_find(d, "hasher fixed/0");
	if (hasher == 0 || !may_look(d, hasher)) {
		free(base);
		return;
	}
	snprintf(
	    text, sizeof(text), "%spool fixed { nice = 17 rlimit_cpu = 300s }\n", base);
	free(base);
	harness_write_file(d->conf, text);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "ready, generation 2$");
	hasher = process_wait_new(d, "hasher fixed/0", hasher);
	expect_limit(hasher, RLIMIT_CPU, 300);
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)hasher), 17);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_stopped),
	    daemon_test(test_deaths),
	    daemon_test(test_cpu_limit),
	    daemon_test(test_as_configured),
	    daemon_test(test_oom_order),
	    daemon_test(test_after_reload),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
