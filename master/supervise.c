/*
 * Whether a process should be: how many a role has, when one that died is replaced,
 * when a pool grows and shrinks. It forks nothing itself (spawn.c) and believes no
 * child.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/log.h"
#include "master/exits.h"
#include "master/master.h"

enum {
	/* replacements of each process in a burst, and in the long run, before its role
	 * is throttled */
	TOKENS_MAX = 100,
	TOKENS_PER_SECOND = 10,
	SUSPECT_MS =
	    1000, /* at most one process replaced on a frontend's word in this time */
	SHRINK_MIN_MS = 50,
	SHRINK_MAX_MS = 5000,
};

static struct master *role_master(const struct role *role)
{
	return role->generation->master;
}

/* "frontends" or "pool elastic", for the log. */
static const char *role_label(const struct role *role, char *buf, size_t cap)
{
	if (role->kind->listens)
		snprintf(buf, cap, "frontends");
	else
		snprintf(buf, cap, "pool %s",
		    role->generation->config->pools[role->pool].name);
	return buf;
}

struct role *role_of_pool(struct generation *g, unsigned pool)
{
	return pool < g->role_count - 1 ? &g->roles[1 + pool] : NULL;
}

unsigned role_count(const struct role *role, enum process_state state)
{
	unsigned n = 0;

	for (size_t i = 0; i < role->slot_count; i++)
		n += role->generation->processes[role->slot + i].state == state;
	return n;
}

static struct process *role_free_process(const struct role *role)
{
	for (size_t i = 0; i < role->slot_count; i++) {
		struct process *p = &role->generation->processes[role->slot + i];

		if (p->state == PROCESS_NONE)
			return p;
	}
	return NULL;
}

void supervise_publish(struct role *role)
{
	struct board_head *head = board_head(&role->generation->board);
	unsigned ready = role_count(role, PROCESS_READY);

	if (role->kind->listens) {
		atomic_store(&head->frontends, ready);
		return;
	}
	atomic_store(&head->alive[role->pool], ready);
	atomic_store(&head->most[role->pool], role->max);
	atomic_store(&head->throttled[role->pool], role->backoff_ms != 0);
}

static void role_retry_later(struct role *role)
{
	struct ev_loop *loop = role_master(role)->loop;

	ev_timer_stop(loop, &role->retry);
	ev_timer_set(&role->retry, role->backoff_ms / 1000., 0.);
	ev_timer_start(loop, &role->retry);
}

static void role_throttle(struct role *role)
{
	char label[64];

	if (role->backoff_ms == 0)
		role->backoff_ms = LADDER_RETRY_MS;
	else if (role->backoff_ms < LADDER_RETRY_MAX_MS / 2)
		role->backoff_ms *= 2;
	else
		role->backoff_ms = LADDER_RETRY_MAX_MS;
	log_warn("%s: next try in %u s", role_label(role, label, sizeof(label)),
	    role->backoff_ms / 1000);
	role_retry_later(role);
	supervise_publish(role);
}

static void role_unthrottle(struct role *role)
{
	ev_timer_stop(role_master(role)->loop, &role->retry);
	role->backoff_ms = 0;
	supervise_publish(role);
}

/* A throttled role forks one at a time, in supervise_retry(). While that one starts,
 * its fate is what the role waits for; without one, the timer: never nothing. */
static void role_keep_trying(struct role *role)
{
	if (!ev_is_active(&role->retry) && role_count(role, PROCESS_STARTING) == 0)
		role_retry_later(role);
}

/* May one more be forked now? Every fork takes a token; they come back with time. */
static bool role_token(struct role *role)
{
	uint64_t now = clock_ns();
	double max = (double)TOKENS_MAX * role->max;

	role->tokens += (double)(now - role->tokens_ns) / (double)NS_PER_SEC *
	                TOKENS_PER_SECOND * role->max;
	if (role->tokens > max || role->tokens_ns == 0)
		role->tokens = max;
	role->tokens_ns = now;
	if (role->tokens < 1)
		return false;
	role->tokens -= 1;
	return true;
}

void supervise_role(struct role *role)
{
	struct generation *g = role->generation;

	if (generation_is_done_with(g, role))
		return;
	if (role->backoff_ms != 0) {
		role_keep_trying(role);
		return;
	}
	while (role_count(role, PROCESS_STARTING) + role_count(role, PROCESS_READY) <
	       role->target) {
		struct process *p = role_free_process(role);

		if (p == NULL)
			return; /* its places are still being left: supervise_exit()
			           comes here */
		if (!role_token(role) || spawn_process(p) != 0) {
			role_throttle(role);
			return;
		}
	}
	if (role->target > role->min && !ev_is_active(&role->shrink))
		ev_timer_again(role_master(role)->loop, &role->shrink);
}

void supervise_ready(struct process *p)
{
	struct role *role = p->role;

	p->state = PROCESS_READY;
	ev_timer_stop(role_master(role)->loop, &p->ready_timer);
	role_unthrottle(role);
	supervise_role(
	    role); /* a throttled role forks one at a time until one is READY */
	generation_check_ready(role->generation);
}

/* The jobs that a dead hasher had in hand, to all frontends: each knows its own. */
static void supervise_tell_gone(const struct process *p, enum control_cause cause)
{
	struct generation *g = p->role->generation;
	const struct board_hasher *hasher = &board_slot(&g->board, p->slot)->hasher;
	struct control_message message = {.kind = CONTROL_GONE,
	    .pool = p->role->pool,
	    .pid = p->pid,
	    .cause = cause,
	    .taking = atomic_load(&hasher->taking)};

	for (unsigned i = 0; i < LIMIT_STREAMS; i++) {
		uint64_t id = atomic_load(&hasher->claim[i]);

		if (id != 0)
			message.claim[message.claims++] = id;
	}
	if (message.claims == 0 && message.taking == 0 && cause == CONTROL_CAUSE_LEFT)
		return;
	for (size_t i = 0; i < g->roles[0].slot_count; i++) {
		struct process *frontend = &g->processes[g->roles[0].slot + i];

		if (frontend->state != PROCESS_NONE && frontend->control >= 0 &&
		    control_send(frontend->control, &message) != LINK_OK)
			log_warn("frontend %u does not listen: its jobs at process %d "
			         "are lost",
			    frontend->index, (int)p->pid);
	}
}

void supervise_exit(struct process *p, int status)
{
	struct role *role = p->role;
	struct generation *g = role->generation;
	bool was_starting = p->state == PROCESS_STARTING;
	char words[256];
	enum exit_cause cause = exits_explain(p, status, words, sizeof(words));

	exits_record(p, cause, words);
	if (!role->kind->listens)
		supervise_tell_gone(p, exits_control(cause));
	/* free: whatever a dead frontend still wanted is no longer wanted */
	board_slot_reset(board_slot(&g->board, p->slot), 0);
	p->state = PROCESS_NONE;
	p->condemned = EXIT_CAUSE_LEFT;
	p->pid = 0;
	supervise_publish(role);
	if (g->state == GENERATION_DRAINING) {
		supervise_role(role);
		generation_drain(g); /* and that may be the end of it */
		return;
	}
	if (was_starting && master_generation_on_trial(g)) {
		char why[320];

		snprintf(why, sizeof(why), "its %s %s", role->kind->name, words);
		master_generation_failed(g, why);
		return;
	}
	/* somebody's KILL is not the role's fault; a loop of them runs out of tokens */
	if (was_starting && cause != EXIT_CAUSE_KILLED && !ev_is_active(&role->retry))
		role_throttle(role);
	supervise_role(role);
}

/* Jobs that frontends have for the pool, by what their slots say. */
static uint64_t role_demand(const struct role *role)
{
	const struct generation *g = role->generation;
	uint64_t jobs = 0;

	for (size_t i = 0; i < g->roles[0].slot_count; i++) {
		const struct board_frontend *f =
		    &board_slot(&g->board, g->roles[0].slot + i)->frontend;

		if (g->processes[g->roles[0].slot + i].state == PROCESS_NONE)
			continue;
		jobs += atomic_load(&f->in_flight[role->pool]);
		jobs += atomic_load(&f->waiting[role->pool]);
	}
	return jobs;
}

void supervise_want(struct role *role)
{
	uint64_t demand = role_demand(role);

	if (role->generation->state == GENERATION_DRAINING || demand <= role->target)
		return;
	role->target = demand < role->max ? (unsigned)demand : role->max;
	supervise_role(role);
}

void supervise_suspect(struct role *role, pid_t pid)
{
	uint64_t now = clock_ns();

	for (size_t i = 0; i < role->slot_count; i++) {
		struct process *p = &role->generation->processes[role->slot + i];

		if (p->state == PROCESS_NONE || p->pid != pid)
			continue;
		/* a broken-into frontend could name one after another */
		if (role->suspected_ns != 0 &&
		    now - role->suspected_ns < SUSPECT_MS * NS_PER_MS)
			return;
		role->suspected_ns = now;
		process_kill(p, EXIT_CAUSE_ROGUE);
		return;
	}
}

void supervise_retire(struct process *p)
{
	process_leave(p);
	supervise_publish(p->role);
	supervise_role(p->role);
}

static void role_leave_one(struct role *role)
{
	for (size_t i = role->slot_count; i-- > 0;) {
		struct process *p = &role->generation->processes[role->slot + i];

		if (p->state == PROCESS_READY || p->state == PROCESS_STARTING) {
			process_leave(p);
			return;
		}
	}
}

/* May the pool have so many? There must be places, and memory in two generations. From
 * then on that is what the config says, too: a reload counts with it. */
static bool role_allow(struct role *role, unsigned max)
{
	struct config *config = role->generation->config;
	struct config_pool *pool = &config->pools[role->pool];
	const unsigned before = pool->max_processes;

	if (max < 1 || max > role->slot_count / 2)
		return false;
	pool->max_processes = max;
	if ((max < before ||
	        config_memory_need(config, NULL) <= config->memory_budget) &&
	    groups_pool(&role_master(role)->groups, config, pool) == 0)
		return true;
	pool->max_processes = before;
	return false;
}

void supervise_resize(struct role *role, int by)
{
	char label[64];
	int min;

	if (!role_allow(role, role->max + (unsigned)by)) {
		log_warn("%s: %u processes and no %s",
		    role_label(role, label, sizeof(label)), role->max,
		    by > 0 ? "more" : "fewer");
		return;
	}
	role->max += (unsigned)by;
	role->steps += by;
	min = (int)role->first_min + role->steps; /* as many back as there were forth */
	role->min = min < 1 ? 1 : (unsigned)min < role->max ? (unsigned)min : role->max;
	if (role->target < role->min || (by > 0 && role->target < role->max))
		role->target++;
	if (role->target > role->max) {
		role->target = role->max;
		role_leave_one(role);
	}
	log_info("%s: %u to %u processes", role_label(role, label, sizeof(label)),
	    role->min, role->max);
	supervise_publish(role);
	supervise_role(role);
}

/* Idle processes over min leave, those with the highest numbers first. */
static void supervise_shrink(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct role *role = w->data;
	const struct generation *g = role->generation;
	uint64_t idle_ns = g->config->pools[role->pool].idle_timeout_ms * NS_PER_MS;
	uint64_t now = clock_ns();

	(void)events;
	for (size_t i = role->slot_count; i-- > 0 && role->target > role->min;) {
		struct process *p = &g->processes[role->slot + i];
		const struct board_hasher *h = &board_slot(&g->board, p->slot)->hasher;
		uint64_t since = atomic_load(&h->idle_since);

		if (p->state != PROCESS_READY || atomic_load(&h->busy) != 0 ||
		    since == 0 || since > now || now - since < idle_ns)
			continue;
		role->target--;
		process_leave(p);
	}
	supervise_publish(role);
	if (role->target <= role->min)
		ev_timer_stop(loop, w);
}

static void supervise_retry(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct role *role = w->data;
	struct process *p = role_free_process(role);
	unsigned ready = role_count(role, PROCESS_READY);

	(void)loop;
	(void)events;
	if (role->generation->state == GENERATION_DRAINING)
		return;
	/* one only: whether it gets READY decides about the others */
	if (ready + role_count(role, PROCESS_STARTING) >= role->target) {
		if (ready >= role->target)
			role_unthrottle(
			    role); /* what was missing is no longer wanted */
	} else if (p == NULL) {
		role_retry_later(role); /* its places are still being left */
	} else if (spawn_process(p) != 0) {
		role_throttle(role);
	}
}

void supervise_init(struct role *role)
{
	const struct config *config = role->generation->config;
	double period = SHRINK_MAX_MS;

	role->first_min = role->min;
	ev_timer_init(&role->retry, supervise_retry, 0., 0.);
	role->retry.data = role;
	if (!role->kind->listens)
		period = (double)config->pools[role->pool].idle_timeout_ms / 4.;
	if (period < SHRINK_MIN_MS)
		period = SHRINK_MIN_MS;
	if (period > SHRINK_MAX_MS)
		period = SHRINK_MAX_MS;
	ev_timer_init(&role->shrink, supervise_shrink, 0., period / 1000.);
	role->shrink.data = role;
}
