/*
 * A world of one pool for the tests of master/supervise.c. Nothing is forked, killed or
 * waited for: the neighbours that supervise.c calls are played here, and so is the
 * clock.
 */
#ifndef TESTS_MASTER_SUPERVISE_WORLD_H
#define TESTS_MASTER_SUPERVISE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "master/master.h"
#include "master/relisten.h"

enum { FRONTENDS = 3, PLACES = 6, MIN = 1, MAX = 4, IDLE_MS = 10000 };

struct world {
	struct master master;
	struct generation g;
	struct config config;
	struct config_pool pool;
	struct process processes[FRONTENDS + PLACES];
	struct role *frontends, *hashers;
	int control[2]; /* of frontend 0: the master's end, the frontend's */
};

/* --- what the neighbours would do */

static uint64_t test_ns;
static unsigned spawned, drained, failed;
static int spawn_fails;
static bool on_trial;
static bool still_needed; /* a role of a generation that drains */
static pid_t last_pid, killed;

int clock_gettime(clockid_t which, struct timespec *now)
{
	if (which != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, which, now);
	now->tv_sec = (time_t)(test_ns / NS_PER_SEC);
	now->tv_nsec = (long)(test_ns % NS_PER_SEC);
	return 0;
}

int spawn_process(struct process *p)
{
	if (spawn_fails > 0) {
		spawn_fails--;
		return -1;
	}
	assert_int_equal(p->state, PROCESS_NONE);
	p->state = PROCESS_STARTING;
	p->pid = ++last_pid;
	board_slot_reset(
	    board_slot(&p->role->generation->board, p->slot), (uint32_t)p->pid);
	spawned++;
	return 0;
}

void process_leave(struct process *p)
{
	if (p->state == PROCESS_STARTING || p->state == PROCESS_READY)
		p->state = PROCESS_LEAVING;
}

void process_leave_in_time(struct process *p)
{
	process_leave(p);
}

void relisten_look(struct generation *g)
{
	assert_non_null(g);
}

void process_kill(struct process *p, enum exit_cause why)
{
	assert_int_not_equal(why, EXIT_CAUSE_LEFT);
	killed = p->pid;
}

const char *process_name(const struct process *p, char *buf, size_t cap)
{
	snprintf(buf, cap, "process %u", p->index);
	return buf;
}

void generation_drain(struct generation *g)
{
	assert_int_equal(g->state, GENERATION_DRAINING);
	drained++;
}

void generation_check_ready(struct generation *g)
{
	(void)g;
}

bool generation_is_done_with(const struct generation *g, const struct role *role)
{
	assert_non_null(role);
	return g->state == GENERATION_DRAINING && !still_needed;
}

bool master_generation_on_trial(const struct generation *g)
{
	assert_non_null(g);
	return on_trial;
}

bool master_generation_serves(const struct generation *g)
{
	assert_non_null(g);
	return !on_trial;
}

void master_go_on(struct master *m)
{
	assert_non_null(m);
}

void master_generation_failed(struct generation *g, const char *why)
{
	assert_non_null(g);
	assert_non_null(why);
	failed++;
}

/* --- the world */

static const struct role_kind frontend_kind = {"frontend", NULL, .listens = true};
static const struct role_kind hasher_kind = {"hasher", NULL, .listens = false};

static inline void add_role(struct world *w, const struct role_kind *kind, size_t slot,
    size_t slot_count, unsigned min, unsigned max)
{
	struct role *role = &w->g.roles[w->g.role_count++];

	*role = (struct role){.kind = kind,
	    .generation = &w->g,
	    .slot = slot,
	    .slot_count = slot_count,
	    .min = min,
	    .max = max,
	    .target = min};
	for (size_t i = 0; i < slot_count; i++) {
		struct process *p = &w->processes[slot + i];

		*p = (struct process){.role = role,
		    .index = (unsigned)i,
		    .slot = slot + i,
		    .control = -1,
		    .sight = -1};
		ev_timer_init(&p->ready_timer, NULL, 0., 0.);
	}
	supervise_init(role);
}

static inline int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	test_ns = 1000 * NS_PER_SEC;
	spawned = drained = failed = 0;
	on_trial = still_needed = false;
	spawn_fails = 0;
	last_pid = 100;
	killed = 0;
	assert_int_equal(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	w->master.loop = ev_loop_new(EVFLAG_NOENV);
	assert_non_null(w->master.loop);
	strcpy(w->pool.name, "elastic");
	w->pool.idle_timeout_ms = IDLE_MS;
	w->config.pools = &w->pool;
	w->config.pool_count = 1;
	w->config.memory_budget = UINT64_MAX;
	w->g = (struct generation){.master = &w->master,
	    .config = &w->config,
	    .state = GENERATION_SERVING,
	    .processes = w->processes,
	    .process_count = FRONTENDS + PLACES};
	assert_int_equal(board_open(&w->g.board, w->g.process_count), 0);
	assert_int_equal(link_pair(w->control), 0);
	add_role(w, &frontend_kind, 0, FRONTENDS, 1, 1);
	add_role(w, &hasher_kind, FRONTENDS, PLACES, MIN, MAX);
	w->frontends = &w->g.roles[0];
	w->hashers = &w->g.roles[1];
	w->processes[0].control = w->control[0];
	w->processes[0].state = PROCESS_READY;
	w->processes[0].pid = 99;
	*state = w;
	return 0;
}

static inline int close_world(void **state)
{
	struct world *w = *state;

	for (size_t r = 0; r < w->g.role_count; r++) {
		ev_timer_stop(w->master.loop, &w->g.roles[r].retry);
		ev_timer_stop(w->master.loop, &w->g.roles[r].shrink);
	}
	ev_loop_destroy(w->master.loop);
	board_close(&w->g.board);
	close(w->control[0]);
	close(w->control[1]);
	free(w);
	return 0;
}

/* --- what happens in it */

static inline struct process *hasher(struct world *w, unsigned index)
{
	return &w->processes[FRONTENDS + index];
}

static inline struct board_hasher *board_of(struct world *w, unsigned index)
{
	return &board_slot(&w->g.board, FRONTENDS + index)->hasher;
}

static inline void pass(uint64_t ms)
{
	test_ns += ms * NS_PER_MS;
}

static inline void get_ready(struct world *w, unsigned index)
{
	atomic_store(&board_of(w, index)->idle_since, test_ns);
	supervise_ready(hasher(w, index));
}

static inline void die(struct world *w, unsigned index, int status)
{
	supervise_exit(hasher(w, index), status);
}

static inline unsigned hashers(struct world *w, enum process_state state)
{
	return role_count(w->hashers, state);
}

static inline void has_jobs(
    struct world *w, unsigned frontend, uint32_t waiting, uint32_t in_flight)
{
	struct board_frontend *f = &board_slot(&w->g.board, frontend)->frontend;

	atomic_store(&f->waiting[0], waiting);
	atomic_store(&f->in_flight[0], in_flight);
}

/* The retry timer runs out, as the loop would let it. */
static inline void retry(struct world *w)
{
	struct role *role = w->hashers;

	assert_true(ev_is_active(&role->retry));
	ev_timer_stop(w->master.loop, &role->retry);
	ev_invoke(w->master.loop, &role->retry, EV_TIMER);
}

static inline void shrink(struct world *w)
{
	assert_true(ev_is_active(&w->hashers->shrink));
	ev_invoke(w->master.loop, &w->hashers->shrink, EV_TIMER);
}

static inline void assert_waits(struct world *w, unsigned ms)
{
	assert_true(ev_is_active(&w->hashers->retry));
	assert_int_equal(w->hashers->backoff_ms, ms);
	assert_int_equal(
	    (int)(ev_timer_remaining(w->master.loop, &w->hashers->retry) * 1000. + .5),
	    ms);
	/* the board says how long, for Retry-After */
	assert_int_equal(
	    atomic_load(&board_head(&w->g.board)->throttled[0]), (ms + 999) / 1000);
}

/* A pool of n hashers that are READY. */
static inline void grow_to(struct world *w, unsigned n)
{
	supervise_role(w->hashers);
	has_jobs(w, 0, n, 0);
	sizing_want(w->hashers);
	for (unsigned i = 0; i < n; i++)
		get_ready(w, i);
	has_jobs(w, 0, 0, 0);
	assert_int_equal(hashers(w, PROCESS_READY), n);
}

#endif
