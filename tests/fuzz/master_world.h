/*
 * A master without children: spawn.c is given a fork(), a waitpid() and a kill() that
 * play them, and a clock; what master.c would do is left out. One generation of two
 * frontends and two pools.
 */
#ifndef TESTS_FUZZ_MASTER_WORLD_H
#define TESTS_FUZZ_MASTER_WORLD_H

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "master/birth.h"
#include "master/master.h"
#include "tests/fuzz/fuzz.h"

enum { POOLS = 2, FRONTENDS = 2, PLACES = 4 };
enum { FRONTEND_SLOTS = 2 * FRONTENDS, SLOTS = FRONTEND_SLOTS + POOLS * PLACES };
enum { CHILDREN = 1024, FIRST_PID = 0x40000000 };

struct child_of_ours {
	int end; /* of its control socket, or -1 */
	bool dead, reaped;
	int status;
};

static struct play {
	struct master master;
	struct generation *g;
	struct config config;
	struct config_pool pools[POOLS];
	struct child_of_ours children[CHILDREN];
	unsigned born;
	int next_end; /* of the child that will be born next */
	uint64_t now_ns;
	struct tape tape;
} play;

/* --- the system that the master runs on */

int clock_gettime(clockid_t which, struct timespec *now)
{
	if (which != CLOCK_MONOTONIC || play.now_ns == 0)
		return (int)syscall(SYS_clock_gettime, which, now);
	now->tv_sec = (time_t)(play.now_ns / NS_PER_SEC);
	now->tv_nsec = (long)(play.now_ns % NS_PER_SEC);
	return 0;
}

static struct child_of_ours *child_of_pid(pid_t pid)
{
	if (pid < FIRST_PID || (unsigned)(pid - FIRST_PID) >= play.born)
		return NULL;
	return &play.children[pid - FIRST_PID];
}

static void child_die(struct child_of_ours *child, int status)
{
	if (child->dead)
		return;
	child->dead = true;
	child->status = status;
	if (child->end >= 0)
		close(child->end);
	child->end = -1;
}

static int play_link_pair(int fds[2])
{
	if (link_pair(fds) != 0)
		return -1;
	play.next_end = dup(fds[1]);
	CHECK(play.next_end >= 0);
	return 0;
}

static pid_t play_fork(void)
{
	if (play.born == CHILDREN) {
		close(play.next_end);
		return -1;
	}
	play.children[play.born] = (struct child_of_ours){.end = play.next_end};
	return FIRST_PID + (pid_t)play.born++;
}

static pid_t play_waitpid(pid_t pid, int *status, int options)
{
	CHECK(pid == -1 && options == WNOHANG);
	for (unsigned i = 0; i < play.born; i++) {
		struct child_of_ours *child = &play.children[i];

		if (!child->dead || child->reaped)
			continue;
		child->reaped = true;
		*status = child->status;
		return FIRST_PID + (pid_t)i;
	}
	return 0;
}

static int play_kill(pid_t pid, int signo)
{
	struct child_of_ours *child = child_of_pid(pid);

	CHECK(child != NULL && !child->reaped);
	CHECK(signo == SIGTERM || signo == SIGKILL);
	if (signo == SIGKILL)
		child_die(child, SIGKILL);
	return 0;
}

#define link_pair play_link_pair
#define fork play_fork
#define waitpid play_waitpid
#define kill play_kill
#include "master/spawn.c"
#undef link_pair
#undef fork
#undef waitpid
#undef kill

/* --- its neighbours */

struct limits_spec birth_limits(const struct process *p)
{
	(void)p;
	return (struct limits_spec){0};
}

void birth_run(const struct process *p, int control, int said, pid_t master)
{
	(void)p;
	(void)control;
	(void)said;
	(void)master;
	abort(); /* nobody is born here */
}

bool upgrade_under_way(const struct master *m)
{
	(void)m;
	return false;
}

bool upgrade_reaped(struct master *m, pid_t pid, int status)
{
	(void)m;
	(void)status;
	CHECK(child_of_pid(pid) != NULL);
	return false;
}

void master_generation_ready(struct generation *g)
{
	CHECK(g == play.g && g->state == GENERATION_SERVING);
}

bool master_generation_on_trial(const struct generation *g)
{
	CHECK(g == play.g);
	return false;
}

bool master_generation_serves(const struct generation *g)
{
	CHECK(g == play.g);
	return true;
}

void master_go_on(struct master *m)
{
	CHECK(m != NULL);
}

void master_generation_failed(struct generation *g, const char *why)
{
	CHECK(g == play.g && why != NULL);
}

void master_generation_empty(struct generation *g)
{
	CHECK(g == play.g && generation_alive(g) == 0);
}

/* --- the world */

static void generation_add(const struct role_kind *kind, unsigned pool, size_t places,
    unsigned min, unsigned max)
{
	struct generation *g = play.g;
	struct role *role = &g->roles[g->role_count++];

	*role = (struct role){.kind = kind,
	    .generation = g,
	    .pool = pool,
	    .slot = g->process_count,
	    .slot_count = places,
	    .min = min,
	    .max = max,
	    .target = min};
	for (size_t i = 0; i < places; i++)
		g->processes[g->process_count++] = (struct process){.role = role,
		    .index = (unsigned)i,
		    .slot = role->slot + i,
		    .control = -1};
	supervise_init(role);
}

/* As in generation.c, of which only the timer's callback is out of reach. */
static void limit_passed(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
	generation_kill(play.g);
}

static void world_open(void)
{
	static const struct role_kind frontend = {"frontend", NULL, .listens = true},
	                              hasher = {"hasher", NULL, .listens = false};
	struct generation *g = calloc(1, sizeof(*g));

	CHECK(g != NULL);
	play.g = g;
	g->master = &play.master;
	g->config = &play.config;
	g->number = 1;
	g->processes = calloc(SLOTS, sizeof(*g->processes));
	CHECK(g->processes != NULL);
	CHECK(board_open(&g->board, SLOTS) == 0);
	generation_add(&frontend, 0, FRONTEND_SLOTS, FRONTENDS, FRONTENDS);
	g->frontend_slots = FRONTEND_SLOTS;
	for (unsigned pool = 0; pool < POOLS; pool++)
		generation_add(&hasher, pool, PLACES, 1, PLACES / 2);
	ev_timer_init(&g->limit, limit_passed, 0., 0.);
	TAILQ_INIT(&play.master.generations);
	TAILQ_INSERT_TAIL(&play.master.generations, g, entry);
	play.master.current = g;
	CHECK(generation_start(g) == 0);
}

static void world_close(void)
{
	struct generation *g = play.g;

	generation_kill(g);
	g->state = GENERATION_DRAINING;
	for (unsigned i = 0; i < play.born; i++)
		child_die(&play.children[i], 0);
	spawn_reap(&play.master);
	CHECK(generation_alive(g) == 0);
	for (size_t r = 0; r < g->role_count; r++) {
		ev_timer_stop(play.master.loop, &g->roles[r].retry);
		ev_timer_stop(play.master.loop, &g->roles[r].shrink);
	}
	ev_timer_stop(play.master.loop, &g->limit);
	watch_stop(g);
	board_close(&g->board);
	free(g->processes);
	free(g);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO) == 0);
	play.now_ns = 1000 * NS_PER_SEC;
	play.master.loop = ev_loop_new(EVFLAG_NOENV);
	CHECK(play.master.loop != NULL);
	play.config.pools = play.pools;
	play.config.pool_count = POOLS;
	play.config.memory_budget = UINT64_MAX;
	play.config.ready_timeout_ms = 30000;
	play.config.shutdown_timeout_ms = 30000;
	return 0;
}

#endif
