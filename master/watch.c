/*
 * Hashers that do not get on: one that is stopped with a job in hand is replaced, and
 * its job goes to another; so is one with a job far past its deadline (an engine that
 * cannot be interrupted, a database that hangs). A slow but living one is left alone:
 * one that would run, but is given no time by a busy machine, has not looked at the
 * clock yet either.
 * What a slot says of ages is hearsay: it can only bring the end of the process whose
 * slot it is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "master/master.h"

enum {
	WATCH_MS = 250, /* how often is looked */
	WATCH_STOPPED_MS =
	    500, /* a claim as old as this, and its process is asked after */
	WATCH_NOTICE_MS =
	    1000, /* of CPU time: enough to see that a deadline has passed */
	WATCH_AWAY_MS =
	    2 * WATCH_MS, /* no look for so long: we were stopped ourselves */
};

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
		uint64_t since = atomic_load(&hasher->claim_since[i]);

		if (since < from)
			since = from;
		if (atomic_load(&hasher->claim[i]) != 0 && since < now &&
		    now - since > oldest)
			oldest = now - since;
	}
	return oldest / NS_PER_MS;
}

/* Past its deadline and asleep, or at work for as long as it takes to notice? */
static bool watch_is_stuck(struct process *p, const struct watch_sight *sight)
{
	if (!p->overdue) {
		p->overdue = true;
		p->overdue_cpu_ms = sight->cpu_ms;
	}
	return sight->state != 'R' ||
	       sight->cpu_ms - p->overdue_cpu_ms >= WATCH_NOTICE_MS;
}

static void watch_process(struct process *p)
{
	const struct generation *g = p->role->generation;
	uint64_t age =
	    watch_age_ms(&board_slot(&g->board, p->slot)->hasher, g->watch_from_ns);
	uint64_t limit =
	    g->config->pools[p->role->pool].deadline_ms + LADDER_KILL_GRACE_MS;
	struct watch_sight sight;

	if (age <= limit)
		p->overdue = false;
	if (age < WATCH_STOPPED_MS || p->condemned != EXIT_CAUSE_LEFT)
		return;
	sight = watch_see(p->pid);
	if (sight.state == 'T')
		process_kill(p, EXIT_CAUSE_STOPPED);
	else if (age > limit && watch_is_stuck(p, &sight))
		process_kill(p, EXIT_CAUSE_DEADLINE);
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
	ev_timer_init(&g->watch, watch_look, 0., WATCH_MS / 1000.);
	g->watch.data = g;
	g->watched_ns = clock_ns();
	ev_timer_again(g->master->loop, &g->watch);
}

void watch_stop(struct generation *g)
{
	ev_timer_stop(g->master->loop, &g->watch);
}
