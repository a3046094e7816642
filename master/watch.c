/*
 * Hashers that do not get on: one that is stopped with a job in hand is replaced, and
 * its job goes to another; so is one with a job far past its deadline (an engine that
 * cannot be interrupted, a database that hangs), and one that goes on with what nobody
 * waits for any more. A slow but living one is left alone: one that would run, but is
 * given no time by a busy machine, has not looked at the clock or the board yet either.
 * What a slot says is hearsay: a hasher's can only bring the end of the process whose
 * slot it is, and frontends that want nothing the end of a few.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/job.h"
#include "common/log.h"
#include "master/master.h"

enum {
	/* CPU time, in milliseconds: enough to see that a deadline has passed */
	WATCH_NOTICE_MS = 1000,
	/* no look for so long: we were stopped ourselves */
	WATCH_AWAY_MS = 2 * LADDER_WATCH_MS,
};

/* Of each pool so many may be killed because clients have left, at once and in a
 * second: a process costs more than a connection, so leaving must be no weapon. */
static const double CANCELS_MAX = 4., CANCELS_PER_SECOND = 1.;

/* A process as in proc(5): 'T' is stopped by a signal (a debugger's is 't'), 'R' would
 * run. */
struct watch_sight {
	char state;
	uint64_t cpu_ms; /* used so far */
};

static struct watch_sight watch_see(pid_t pid)
{
	struct watch_sight sight = {.state = '?'};
	unsigned long user = 0, system = 0;
	char path[48], text[512], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sight;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	end = strrchr(text, ')'); /* the name before it may hold anything */
	if (end != NULL &&
	    sscanf(end + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
	        &sight.state, &user, &system) == 3)
		sight.cpu_ms =
		    (uint64_t)(user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	return sight;
}

/* Age of the oldest claim in milliseconds, 0 where there is none. What was before
 * `from` does not count. */
static uint64_t watch_age_ms(const struct board_hasher *hasher, uint64_t from)
{
	uint64_t now = clock_ns(), oldest = 0;

	for (unsigned i = 0; i < LIMIT_STREAMS; i++) {
		/* in this order: a hand is free before it is dated anew */
		uint64_t claim = atomic_load(&hasher->claim[i]);
		uint64_t since = atomic_load(&hasher->claim_since[i]);

		if (since < from)
			since = from;
		if (claim != 0 && since < now && now - since > oldest)
			oldest = now - since;
	}
	return oldest / NS_PER_MS;
}

/* Does the frontend that the job came from still want it? */
static bool watch_is_wanted(const struct generation *g, uint64_t id)
{
	for (size_t i = 0; i < g->roles[0].slot_count; i++) {
		const struct board_slot *slot = board_slot(&g->board, i);

		if (atomic_load(&slot->incarnation) != job_id_incarnation(id))
			continue;
		for (unsigned flight = 0; flight < LIMIT_FLIGHTS; flight++)
			if (board_wanted(slot, flight, id))
				return true;
	}
	return false;
}

/* One of the jobs in hand, where there is any and nobody wants one of them; else 0. */
static uint64_t watch_unwanted(
    const struct generation *g, const struct board_hasher *hasher)
{
	uint64_t unwanted = 0;

	for (unsigned i = 0; i < LIMIT_STREAMS; i++) {
		uint64_t id = atomic_load(&hasher->claim[i]);

		if (id != 0 && watch_is_wanted(g, id))
			return 0;
		if (id != 0)
			unwanted = id;
	}
	return unwanted;
}

/* May one more be killed for it? */
static bool watch_may_cancel(struct role *role)
{
	uint64_t now = clock_ns();

	role->cancels +=
	    (double)(now - role->cancels_ns) / (double)NS_PER_SEC * CANCELS_PER_SECOND;
	if (role->cancels > CANCELS_MAX || role->cancels_ns == 0)
		role->cancels = CANCELS_MAX;
	role->cancels_ns = now;
	if (role->cancels < 1)
		return false;
	role->cancels -= 1;
	return true;
}

/* Past its time and asleep, or at work for as long as it takes to notice? `since` is
 * the CPU time that it had used when its time was over. */
static bool watch_is_stuck(const struct watch_sight *sight, uint64_t since)
{
	return sight->state != 'R' || sight->cpu_ms - since >= WATCH_NOTICE_MS;
}

/* Past its deadline for too long? */
static bool watch_is_overdue(
    struct process *p, uint64_t age_ms, const struct watch_sight *sight)
{
	const struct generation *g = p->role->generation;

	if (age_ms <=
	    g->config->pools[p->role->pool].deadline_ms + LADDER_KILL_GRACE_MS) {
		p->overdue = false;
		return false;
	}
	if (!p->overdue)
		p->overdue_cpu_ms = sight->cpu_ms;
	p->overdue = true;
	return watch_is_stuck(sight, p->overdue_cpu_ms);
}

/* At work for nobody for too long? */
static bool watch_is_abandoned(struct process *p, const struct watch_sight *sight)
{
	const struct generation *g = p->role->generation;
	uint64_t claim = watch_unwanted(g, &board_slot(&g->board, p->slot)->hasher);
	uint64_t now = clock_ns();

	if (claim == 0 || claim != p->abandoned_claim) {
		p->abandoned_claim = claim;
		p->abandoned_ns = now;
		p->abandoned_cpu_ms = sight->cpu_ms;
		return false;
	}
	return now - p->abandoned_ns >= LADDER_CANCEL_MS * NS_PER_MS &&
	       watch_is_stuck(sight, p->abandoned_cpu_ms);
}

static void watch_process(struct process *p)
{
	const struct generation *g = p->role->generation;
	uint64_t age =
	    watch_age_ms(&board_slot(&g->board, p->slot)->hasher, g->watch_from_ns);
	struct watch_sight sight;

	if (age < LADDER_WATCH_MS || p->condemned != EXIT_CAUSE_LEFT) {
		p->overdue = false;
		p->abandoned_claim = 0;
		return;
	}
	sight = watch_see(p->pid);
	if (sight.state == '?')
		return; /* we are short of fds, or it is gone */
	if (age >= LADDER_STOPPED_MS && sight.state == 'T')
		process_kill(p, EXIT_CAUSE_STOPPED);
	else if (watch_is_overdue(p, age, &sight))
		process_kill(p, EXIT_CAUSE_DEADLINE);
	else if (watch_is_abandoned(p, &sight) && watch_may_cancel(p->role))
		process_kill(p, EXIT_CAUSE_CANCELLED);
}

static void watch_look(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct generation *g = w->data;
	uint64_t now = clock_ns();

	(void)loop;
	(void)events;
	/* the whole machine, or all of us, stood still: nobody is to blame for that */
	if (now - g->watched_ns > WATCH_AWAY_MS * NS_PER_MS)
		g->watch_from_ns = now;
	g->watched_ns = now;
	for (size_t i = g->roles[1].slot; i < g->process_count; i++)
		if (g->processes[i].state == PROCESS_READY ||
		    g->processes[i].state == PROCESS_LEAVING)
			watch_process(&g->processes[i]);
}

void watch_start(struct generation *g)
{
	ev_timer_init(&g->watch, watch_look, 0., LADDER_WATCH_MS / 1000.);
	g->watch.data = g;
	g->watched_ns = clock_ns();
	ev_timer_again(g->master->loop, &g->watch);
}

void watch_stop(struct generation *g)
{
	ev_timer_stop(g->master->loop, &g->watch);
}
