/*
 * At full load a hasher is killed ten times a second; others are stopped for some
 * seconds or for good, or have their memory limited as they work. Every request is
 * answered well, and once: a KILL from outside is not the job's fault, nor is it that
 * the master ends who is stopped.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/system/house.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/process.h"

enum { RUN_MS = 5000, RUN_LONG_MS = 300000, HASHERS = 4, STOPPED_MAX = 2 };
enum { KILL_MS = 100, STOP_MS = 1000, LIMIT_MS = 500, STOPPED_MS = 4000 };

/* One that is stopped. */
struct stop {
	pid_t pid; /* 0: nobody */
	uint64_t since, cont_ms;
	bool for_good;
};

struct storm {
	struct daemon *d;
	uint64_t until, next_kill, next_stop, next_limit;
	struct stop stops[STOPPED_MAX];
	unsigned kills, stopped, for_good, limited;
	size_t mark; /* of the log, when it began */
	atomic_bool over;
	atomic_uint answered; /* of the load, as of late */
};

/* One hasher of them all, or 0. */
static pid_t pick(const struct storm *storm)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(storm->d, "hasher elastic/", pids, PROCESS_MAX);

	return n > 0 ? pids[(size_t)rand() % n] : 0;
}

/* Where a machine does no ten hashes a second, there are no more kills than answers: a
 * job that is hit again and again is given up in the end. */
static void kill_one(struct storm *storm)
{
	pid_t pid = pick(storm);

	if (storm->kills > atomic_load(&storm->answered) + HASHERS)
		return;
	storm->kills += pid != 0 && kill(pid, SIGKILL) == 0;
}

/* Every third of them does not go on by itself. */
static void stop_one(struct storm *storm)
{
	const uint64_t now = harness_now_ms();
	pid_t pid = pick(storm);

	for (struct stop *stop = storm->stops; stop < storm->stops + STOPPED_MAX;
	     stop++) {
		if (stop->pid != 0 || pid == 0 || kill(pid, SIGSTOP) != 0)
			continue;
		*stop = (struct stop){.pid = pid,
		    .cont_ms = now + (uint64_t)rand() % STOPPED_MS,
		    .for_good = storm->stopped++ % 3 == 2};
		storm->for_good += stop->for_good;
		return;
	}
}

/* Who is stopped for good makes room for others when somebody has killed it. */
static void go_on(struct storm *storm, uint64_t now)
{
	for (struct stop *stop = storm->stops; stop < storm->stops + STOPPED_MAX;
	     stop++) {
		if (stop->pid == 0)
			continue;
		if (stop->for_good ? process_alive(stop->pid) : now < stop->cont_ms)
			continue;
		if (!stop->for_good)
			kill(stop->pid, SIGCONT);
		stop->pid = 0;
	}
}

/* No more than it has. One that is not ready yet could not get so far. */
static void limit_one(struct storm *storm)
{
	const struct rlimit none = {1 << 20, 1 << 20};
	char title[PROCESS_TITLE];
	pid_t pid = pick(storm);

	process_title(pid, title);
	if (strchr(title, '[') == NULL)
		return;
	storm->limited += prlimit(pid, RLIMIT_AS, &none, NULL) == 0 &&
	                  prlimit(pid, RLIMIT_DATA, &none, NULL) == 0;
}

static bool is_due(uint64_t *next, uint64_t now, unsigned every_ms)
{
	if (now < *next)
		return false;
	*next += *next == 0 ? now + every_ms : every_ms;
	return true;
}

/* In a thread, for the load takes its time to verify what it is answered. */
static void *rage(void *arg)
{
	static const struct timespec nap = {.tv_nsec = 5000000};
	struct storm *storm = arg;

	while (!atomic_load(&storm->over)) {
		const uint64_t now = harness_now_ms();

		if (is_due(&storm->next_kill, now, KILL_MS))
			kill_one(storm);
		if (is_due(&storm->next_stop, now, STOP_MS))
			stop_one(storm);
		if (is_due(&storm->next_limit, now, LIMIT_MS))
			limit_one(storm);
		go_on(storm, now);
		nanosleep(&nap, NULL);
	}
	return NULL;
}

static bool goes_on(struct load *load, void *arg)
{
	struct storm *storm = arg;

	atomic_store(&storm->answered, load->answered);
	return harness_now_ms() < storm->until;
}

/* What the master had to do about those who were stopped. */
static size_t count_ended(const struct storm *storm)
{
	return log_tail_count(
	    storm->d->log, storm->mark, "by us, it was stopped with a job in hand");
}

/* Who is stopped and idle, the master leaves alone. */
static void settle(struct storm *storm)
{
	for (struct stop *stop = storm->stops; stop < storm->stops + STOPPED_MAX;
	     stop++)
		if (stop->pid != 0)
			kill(stop->pid, SIGCONT);
	process_wait_count(storm->d, "hasher elastic/", HASHERS);
}

static void run(struct daemon *d)
{
	struct storm storm = {.d = d};
	struct load load = {
	    LOAD_OF_A_ROW(d), .tick = goes_on, .arg = &storm, .tick_ms = 5};
	char before[HOUSE_TEXT];
	pthread_t thread;

	house_settle(d, before);
	storm.mark = log_tail_length(d->log);
	storm.until = harness_now_ms() + harness_rounds(RUN_MS, RUN_LONG_MS);
	srand((unsigned)time(NULL));
	assert_int_equal(pthread_create(&thread, NULL, rage, &storm), 0);
	load_run(&load);
	atomic_store(&storm.over, true);
	pthread_join(thread, NULL);
	load_print(&load, "storm");
	print_message("storm: %u killed, %u stopped, %u of them for good, %zu of them "
	              "ended by the master, %u limited\n",
	    storm.kills, storm.stopped, storm.for_good, count_ended(&storm),
	    storm.limited);
	settle(&storm);
	load_expect_ok(&load, false);
	assert_true(storm.kills > 0 && storm.stopped > 0 && storm.limited > 0);
	house_expect(d, before);
}

/* Hashes as they are by default, but where everything is slow. The deadline is one that
 * no forecast sees missed: all are to be accepted, and then to be answered. */
static void test_storm(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, "pool.elastic.min_processes=4", "pool.elastic.max_processes=4",
	    "pool.elastic.deadline=1h", "pool.elastic.queue_limit=256",
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",
	    harness_slow() > 1 ? "profile.default.memory=1M" : NULL, NULL);
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		skip();
	}
	run(d);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_storm),
	};

	return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
