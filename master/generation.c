/*
 * A generation: one config with its links, its board and its processes.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/secret.h"
#include "master/master.h"

enum { POOL_GROWTH = 16 }; /* so many more by TTIN, where there is memory for them */

/*
 * Places for processes beside those that are wanted: one that drains keeps its slot and
 * its links until it has left, and its successor must not wait for that.
 */
static unsigned with_spare(unsigned wanted, unsigned limit)
{
	unsigned slots = wanted > 0 ? wanted + (wanted > 2 ? wanted : 2) : 0;

	return slots < limit ? slots : limit;
}

static void generation_add_role(struct generation *g, enum role_number number,
    unsigned pool, unsigned min, unsigned max, unsigned growth, unsigned limit)
{
	struct role *role = &g->roles[g->role_count++];

	*role = (struct role){.kind = &role_kinds[number],
	    .generation = g,
	    .pool = pool,
	    .slot = g->process_count,
	    .slot_count = with_spare(max + growth, limit),
	    .min = min,
	    .max = max,
	    .target = min};
	g->process_count += role->slot_count;
	supervise_init(role);
}

static void generation_plan(struct generation *g)
{
	const struct config *config = g->config;

	generation_add_role(g, ROLE_FRONTEND, 0, config->frontend.processes,
	    config->frontend.processes, 0, 2 * LIMIT_FRONTENDS);
	g->frontend_slots = (unsigned)g->roles[0].slot_count;
	for (unsigned i = 0; i < config->pool_count; i++)
		generation_add_role(g, ROLE_HASHER, i,
		    config_pool_least(config, &config->pools[i]),
		    config_pool_most(config, &config->pools[i]),
		    i == config->default_pool ? POOL_GROWTH : 0,
		    2 * LIMIT_POOL_PROCESSES);
}

static int generation_open_links(struct generation *g)
{
	size_t count = (size_t)g->frontend_slots * g->config->pool_count;
	int fds[2];

	/* one more than there are: a size of 0 may give NULL */
	g->link_frontend = calloc(count + 1, sizeof(int));
	g->link_hasher = calloc(count + 1, sizeof(int));
	if (g->link_frontend == NULL || g->link_hasher == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		g->link_frontend[i] = g->link_hasher[i] = -1;
	for (size_t i = 0; i < count; i++) {
		if (link_pair(fds) != 0)
			return -1;
		g->link_frontend[i] = fds[0];
		g->link_hasher[i] = fds[1];
	}
	return 0;
}

static int generation_open_processes(struct generation *g)
{
	g->processes = calloc(g->process_count, sizeof(*g->processes));
	if (g->processes == NULL)
		return -1;
	for (size_t r = 0; r < g->role_count; r++)
		for (size_t i = 0; i < g->roles[r].slot_count; i++)
			g->processes[g->roles[r].slot + i] =
			    (struct process){.role = &g->roles[r],
			        .index = (unsigned)i,
			        .slot = g->roles[r].slot + i,
			        .control = -1,
			        .sight = -1};
	return 0;
}

/* Stops waiting for processes that cannot be killed. SIGCONT is permitted within a
 * session even where KILL is not: a process that was stopped goes on, finds its control
 * socket closed, and leaves. */
static void generation_give_up(struct generation *g)
{
	char who[64];

	for (size_t i = 0; i < g->process_count; i++) {
		struct process *p = &g->processes[i];

		if (p->state == PROCESS_NONE || !p->unkillable)
			continue;
		log_error("%s (%d) is left behind: it cannot be killed",
		    process_name(p, who, sizeof(who)), (int)p->pid);
		(void)kill(p->pid, SIGCONT);
		p->state = PROCESS_NONE;
		if (g->master->stopping)
			g->master->exit_status = EXIT_FAILED;
	}
	generation_drain(g);
}

static void generation_limit(struct generation *g, uint64_t ms)
{
	ev_timer_stop(g->master->loop, &g->limit);
	ev_timer_set(&g->limit, (double)ms / 1000., 0.);
	ev_timer_start(g->master->loop, &g->limit);
}

static void generation_late(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct generation *g = w->data;

	(void)loop;
	(void)events;
	if (g->killed) {
		generation_give_up(g);
		return;
	}
	log_warn("shutdown_timeout has passed: killing %u processes of generation %u",
	    generation_alive(g), g->number);
	generation_kill(g);
}

static int generation_fill(
    struct generation *g, const struct generation *before, struct config_error *err)
{
	if (key_set_load(&g->keys, g->config, err) != 0 ||
	    config_read_tokens(g->config, &g->tokens, err) != 0)
		return -1;
	if (decoy_keys_derive(&g->decoys, g->config, &g->keys) != 0) {
		snprintf(err->text, sizeof(err->text), "no memory for keys: %s",
		    strerror(errno));
		return -1;
	}
	if (before != NULL)
		(void)key_set_warn(&g->keys, g->config, &before->keys, before->config);
	secret_wipe_stack(); /* processes begin with a copy of ours */
	if (listen_open(&g->listeners, g->config,
	        before != NULL ? &before->listeners : NULL, err) != 0)
		return -1;
	for (size_t i = 0; i < g->config->pool_count; i++)
		if (groups_pool(&g->master->groups, g->config, &g->config->pools[i]) !=
		    0) {
			snprintf(err->text, sizeof(err->text),
			    "cannot set control groups up");
			return -1;
		}
	if (generation_open_processes(g) == 0 && generation_open_links(g) == 0 &&
	    board_open(&g->board, g->process_count) == 0)
		return 0;
	snprintf(err->text, sizeof(err->text), "cannot make a generation: %s%s",
	    strerror(errno),
	    errno == EMFILE ? "; raise RLIMIT_NOFILE (ulimit -n), see -t" : "");
	return -1;
}

struct generation *generation_open(struct master *m, struct config *config,
    const struct generation *before, struct config_error *err)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (g == NULL) {
		snprintf(err->text, sizeof(err->text), "out of memory");
		config_free(config);
		return NULL;
	}
	g->master = m;
	g->config = config;
	g->number = m->numbers + 1;
	g->board = (struct board){.fd = -1};
	ev_timer_init(&g->limit, generation_late, 0., 0.);
	g->limit.data = g;
	generation_plan(g);
	TAILQ_INSERT_TAIL(&m->generations, g, entry);
	if (generation_fill(g, before, err) == 0) {
		m->numbers++;
		return g;
	}
	generation_close(g);
	return NULL;
}

/* One on trial has all its processes at once, or is given up: whoever waits for it has
 * another that serves. A first one that has some goes on and tries again. */
int generation_start(struct generation *g)
{
	for (size_t r = 0; r < g->role_count; r++)
		supervise_role(&g->roles[r]);
	for (size_t r = 0; r < g->role_count && master_generation_on_trial(g); r++)
		if (role_count(&g->roles[r], PROCESS_STARTING) < g->roles[r].min)
			return -1;
	return generation_alive(g) > 0 ? 0 : -1;
}

void generation_check_ready(struct generation *g)
{
	if (g->state != GENERATION_STARTING)
		return;
	for (size_t r = 0; r < g->role_count; r++)
		if (role_count(&g->roles[r], PROCESS_READY) < g->roles[r].min)
			return;
	g->state = GENERATION_SERVING;
	if (!ev_is_active(&g->watch)) /* it is, where the generation was resumed */
		watch_start(g);
	master_generation_ready(g);
}

unsigned generation_alive(const struct generation *g)
{
	unsigned n = 0;

	for (size_t i = 0; i < g->process_count; i++)
		n += g->processes[i].state != PROCESS_NONE;
	return n;
}

bool generation_is_crowded(const struct generation *g)
{
	unsigned planned = 0;

	for (size_t r = 0; r < g->role_count; r++)
		planned += g->roles[r].max;
	return g->resumed && generation_alive(g) > planned;
}

static unsigned role_alive(const struct role *role)
{
	return (unsigned)role->slot_count - role_count(role, PROCESS_NONE);
}

static void role_leave(const struct role *role)
{
	for (size_t i = 0; i < role->slot_count; i++)
		process_leave(&role->generation->processes[role->slot + i]);
}

static void generation_stop_timers(struct generation *g)
{
	for (size_t r = 0; r < g->role_count; r++) {
		ev_timer_stop(g->master->loop, &g->roles[r].retry);
		ev_timer_stop(g->master->loop, &g->roles[r].shrink);
	}
}

bool generation_is_done_with(const struct generation *g, const struct role *role)
{
	return g->state == GENERATION_DRAINING &&
	       (g->killed || role->kind->listens || role_alive(&g->roles[0]) == 0);
}

void generation_tell_leaving(struct generation *g, enum board_leaving leaving)
{
	atomic_store(&board_head(&g->board)->leaving, leaving);
}

/* The frontends first: while they drain, their jobs need the hashers. */
void generation_drain(struct generation *g)
{
	if (g->state != GENERATION_DRAINING) {
		g->state = GENERATION_DRAINING;
		if (atomic_load(&board_head(&g->board)->leaving) == BOARD_STAYS)
			generation_tell_leaving(g, BOARD_REPLACED);
		/* of throttled roles the next try stays: the frontends' jobs need
		 * hashers to the end */
		for (size_t r = 0; r < g->role_count; r++)
			ev_timer_stop(g->master->loop, &g->roles[r].shrink);
		generation_limit(
		    g, g->killed ? LADDER_KILL_GRACE_MS
		                 : g->config->shutdown_timeout_ms + LADDER_LEAVE_MS);
	}
	unlisten_begin(g);
	role_leave(&g->roles[0]);
	if (role_alive(&g->roles[0]) == 0)
		for (size_t r = 1; r < g->role_count; r++)
			role_leave(&g->roles[r]);
	if (generation_alive(g) == 0)
		master_generation_empty(g);
}

void generation_resume(struct generation *g)
{
	const struct config *config = g->config;

	ev_timer_stop(g->master->loop, &g->limit);
	g->state = GENERATION_STARTING;
	g->resumed = true;
	g->killed = false;
	generation_tell_leaving(g, BOARD_STAYS);
	for (size_t i = 0; i < config->pool_count; i++) /* logged where it fails */
		(void)groups_pool(&g->master->groups, config, &config->pools[i]);
	listen_settle(&g->listeners, config);
	for (size_t r = 0; r < g->role_count; r++)
		supervise_role(&g->roles[r]);
	generation_check_ready(g);
}

void generation_kill(struct generation *g)
{
	g->killed = true;
	if (g->state == GENERATION_DRAINING)
		generation_limit(g, LADDER_KILL_GRACE_MS);
	for (size_t i = 0; i < g->process_count; i++)
		process_kill(&g->processes[i], EXIT_CAUSE_LATE);
}

static void generation_close_links(struct generation *g)
{
	size_t count = (size_t)g->frontend_slots * g->config->pool_count;

	for (size_t i = 0;
	     i < count && g->link_frontend != NULL && g->link_hasher != NULL; i++) {
		if (g->link_frontend[i] >= 0)
			close(g->link_frontend[i]);
		if (g->link_hasher[i] >= 0)
			close(g->link_hasher[i]);
	}
}

void generation_close(struct generation *g)
{
	int saved = errno;

	generation_stop_timers(g);
	ev_timer_stop(g->master->loop, &g->limit);
	unlisten_stop(g);
	watch_stop(g);
	TAILQ_REMOVE(&g->master->generations, g, entry);
	generation_close_links(g);
	listen_close(&g->listeners);
	board_close(&g->board);
	sealed_close(&g->keys);
	sealed_close(&g->tokens);
	sealed_close(&g->decoys);
	config_free(g->config);
	free(g->link_frontend);
	free(g->link_hasher);
	free(g->processes);
	free(g);
	errno = saved;
}
