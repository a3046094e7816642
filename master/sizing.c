/*
 * How many processes a pool should have: more while jobs wait, fewer when they idle,
 * and what the administrator says by TTIN and TTOU. What frontends say of their jobs is
 * hearsay: it moves the target between the pool's own bounds and nothing else.
 */
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "master/master.h"

enum { SHRINK_MIN_MS = 50, SHRINK_MAX_MS = 5000 };

uint64_t sizing_demand(const struct role *role)
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

void sizing_want(struct role *role)
{
	uint64_t demand = sizing_demand(role);

	if (role->generation->state == GENERATION_DRAINING || demand <= role->target)
		return;
	role->target = demand < role->max ? (unsigned)demand : role->max;
	supervise_role(role);
}

static void sizing_leave_one(struct role *role)
{
	for (size_t i = role->slot_count; i-- > 0;) {
		struct process *p = &role->generation->processes[role->slot + i];

		if (p->state == PROCESS_READY || p->state == PROCESS_STARTING) {
			process_leave_in_time(p);
			return;
		}
	}
}

/* May the pool have so many? There must be places, and memory in two generations. From
 * then on that is what the config says, too: a reload counts with it. Returns NULL, or
 * why not. */
static const char *sizing_refuse(struct role *role, unsigned max)
{
	struct config *config = role->generation->config;
	struct config_pool *pool = &config->pools[role->pool];
	const unsigned before = pool->max_processes;
	const char *why = NULL;

	if (max < 1 || max > role->slot_count / 2)
		return max < 1 ? "one is the least" : "there is no place for another";
	pool->max_processes = max;
	if (max > before && config_memory_need(config, NULL) > config->memory_budget)
		why = "memory_budget has no more";
	else if (groups_pool(&role->generation->master->groups, config, pool) != 0)
		why = "its control group cannot be changed";
	if (why != NULL)
		pool->max_processes = before;
	return why;
}

void sizing_resize(struct role *role, int by)
{
	const char *why = sizing_refuse(role, role->max + (unsigned)by);
	char label[64];
	int min;

	if (why != NULL) {
		log_warn("%s: %u processes and no %s: %s",
		    role_label(role, label, sizeof(label)), role->max,
		    by > 0 ? "more" : "fewer", why);
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
		sizing_leave_one(role);
	}
	log_info("%s: %u to %u processes", role_label(role, label, sizeof(label)),
	    role->min, role->max);
	supervise_publish(role);
	supervise_role(role);
}

/* Idle processes over min leave, those with the highest numbers first. */
static void sizing_shrink(struct ev_loop *loop, struct ev_timer *w, int events)
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
		process_leave_in_time(p);
	}
	supervise_publish(role);
	if (role->target <= role->min)
		ev_timer_stop(loop, w);
}

void sizing_init(struct role *role)
{
	double period = SHRINK_MAX_MS;

	role->first_min = role->min;
	if (!role->kind->listens)
		period = (double)role->generation->config->pools[role->pool]
		             .idle_timeout_ms /
		         4.;
	if (period < SHRINK_MIN_MS)
		period = SHRINK_MIN_MS;
	if (period > SHRINK_MAX_MS)
		period = SHRINK_MAX_MS;
	ev_timer_init(&role->shrink, sizing_shrink, 0., period / 1000.);
	role->shrink.data = role;
}
