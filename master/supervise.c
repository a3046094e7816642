/*
 * Whether a process should be: when one that died is replaced, and when not yet. It
 * forks nothing itself (spawn.c), does not say how many there should be (sizing.c), and
 * believes no child.
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
	/* at most one process is replaced on a frontend's word in this time */
	SUSPECT_MS = 1000,
};

static const double SERVE_AGAIN_SECONDS = .02;

static struct master *role_master(const struct role *role)
{
	return role->generation->master;
}

/* "frontends" or "pool elastic", for the log. */
const char *role_label(const struct role *role, char *buf, size_t cap)
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
	atomic_store(&head->throttled[role->pool], (role->backoff_ms + 999) / 1000);
}

static void role_retry_later(struct role *role)
{
	struct ev_loop *loop = role_master(role)->loop;

	ev_timer_stop(loop, &role->retry);
	ev_timer_set(&role->retry, role->backoff_ms / 1000., 0.);
	ev_timer_start(loop, &role->retry);
}

static void role_throttle_from(struct role *role, unsigned first_ms)
{
	char label[64];

	if (role->backoff_ms < LADDER_RETRY_MAX_MS / 2)
		role->backoff_ms *= 2;
	else
		role->backoff_ms = LADDER_RETRY_MAX_MS;
	if (role->backoff_ms < first_ms) /* the first, or nobody is READY any more */
		role->backoff_ms = first_ms;
	log_warn("%s: next try in %g s", role_label(role, label, sizeof(label)),
	    role->backoff_ms / 1000.);
	role_retry_later(role);
	supervise_publish(role);
}

static void role_throttle(struct role *role)
{
	role_throttle_from(role, LADDER_RETRY_MS);
}

/* One has died before it was READY. Where others of the role live it was perhaps only
 * this one, and those who are to take the place of the next dead must not wait long. */
static void role_start_failed(struct role *role)
{
	if (ev_is_active(&role->retry))
		return;
	role_throttle_from(role, role_count(role, PROCESS_READY) > 0
	                             ? LADDER_RETRY_SOON_MS
	                             : LADDER_RETRY_MS);
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

static void process_serve(struct process *p);

static void process_serve_again(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct process *p = w->data;

	(void)loop;
	(void)events;
	if (p->state == PROCESS_READY && p->control >= 0)
		process_serve(p);
}

/* Where the kernel has no memory for the message, a new process would not be told
 * either. */
static void process_serve(struct process *p)
{
	const struct control_message message = {.kind = CONTROL_SERVE};
	const enum link_result result = control_send(p->control, &message);

	if (result == LINK_SHORT) {
		ev_timer_stop(role_master(p->role)->loop, &p->ready_timer);
		ev_set_cb(&p->ready_timer, process_serve_again);
		ev_timer_set(&p->ready_timer, SERVE_AGAIN_SECONDS, 0.);
		ev_timer_start(role_master(p->role)->loop, &p->ready_timer);
	} else if (result != LINK_OK) {
		process_kill(p, EXIT_CAUSE_ROGUE); /* it does not read */
	}
}

void supervise_serve(struct role *role)
{
	for (size_t i = 0; i < role->slot_count; i++) {
		struct process *p = &role->generation->processes[role->slot + i];

		if (p->state == PROCESS_READY && p->control >= 0)
			process_serve(p);
	}
}

void supervise_ready(struct process *p)
{
	struct role *role = p->role;

	p->state = PROCESS_READY;
	ev_timer_stop(role_master(role)->loop, &p->ready_timer);
	if (role->kind->listens && p->control >= 0 &&
	    master_generation_serves(role->generation))
		process_serve(p);
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
	if (cause == EXIT_CAUSE_RETIRED)
		role->tokens += 1; /* who has done his share is no sign of trouble */
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
	if (was_starting && cause != EXIT_CAUSE_KILLED)
		role_start_failed(role);
	supervise_role(role);
	if (g->resumed) /* a reload or an upgrade may wait for its old processes */
		master_go_on(g->master);
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
	process_leave_in_time(p);
	supervise_publish(p->role);
	supervise_role(p->role);
}

void supervise_replace(struct role *role, uint64_t before_ns)
{
	bool some = false;

	/* there are places for as many again, and those of the last time have them */
	if (role_count(role, PROCESS_LEAVING) > 0)
		return;
	for (size_t i = 0; i < role->slot_count; i++) {
		struct process *p = &role->generation->processes[role->slot + i];

		if (p->state == PROCESS_NONE || p->born_ns >= before_ns)
			continue;
		process_leave_in_time(p);
		some = true;
	}
	if (!some)
		return;
	supervise_publish(role);
	supervise_role(role);
}

static void supervise_retry(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct role *role = w->data;
	struct process *p = role_free_process(role);
	unsigned ready = role_count(role, PROCESS_READY);

	(void)loop;
	(void)events;
	if (generation_is_done_with(role->generation, role))
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
	ev_timer_init(&role->retry, supervise_retry, 0., 0.);
	role->retry.data = role;
	sizing_init(role);
}
