/*
 * Hashers that do not get on: one that is stopped with a job in hand is replaced, and
 * its job goes to another; so is one that is stopped while jobs wait in its pool, and
 * one with a job far past its deadline (an engine that cannot be interrupted, a
 * database that hangs), and one that goes on with what nobody waits for any more. A
 * slow but living one is left alone: one that would run, but is given no time by a busy
 * machine, has not looked at the clock or the board yet either. A child's entry in
 * /proc is out of the master's sight under hidepid=2 (and the unit's
 * ProtectProc=invisible), so the child opens it at birth and hands it over.
 * What a slot says is hearsay: a hasher's can only bring the end of the process whose
 * slot it is, and frontends that want nothing the end of a few.
 */
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/job.h"
#include "common/log.h"
#include "master/master.h"
#include "master/relisten.h"

enum {
	/* CPU time, in milliseconds: enough to see that a deadline has passed */
	WATCH_NOTICE_MS = 1000,
	/* without /proc: no CPU time for so long, and it is asleep */
	WATCH_ASLEEP_MS = 2000,
	/* no look for so long: we were stopped ourselves */
	WATCH_AWAY_MS = 2 * LADDER_WATCH_MS,
};

/* Of each pool so many may be killed because clients have left, at once and in a
 * second: a process costs more than a connection, so leaving must be no weapon. */
static const double CANCELS_MAX = 4., CANCELS_PER_SECOND = 1.;

struct watch_sight {
	bool stopped;    /* by a signal, not by a debugger */
	bool runnable;   /* it runs, or would if it were given a CPU */
	uint64_t cpu_ms; /* used so far */
};

/* The state stays visible to the next call: WNOWAIT takes nothing away. */
static bool watch_is_stopped(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

/* Needs no /proc. Returns 0, or -1 where there is no such process. */
static int watch_cpu(pid_t pid, uint64_t *ns)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
		return -1;
	*ns = (uint64_t)used.tv_sec * NS_PER_SEC + (uint64_t)used.tv_nsec;
	return 0;
}

/* The letter of proc(5), or 0 where it cannot be read. */
static char watch_state(const struct process *p)
{
	char text[512], *end;
	ssize_t n = p->sight >= 0 ? pread(p->sight, text, sizeof(text) - 1, 0) : -1;

	text[n > 0 ? n : 0] = '\0';
	end = strrchr(text, ')'); /* the name before it may hold anything */
	return end != NULL && end[1] == ' ' ? end[2] : 0;
}

/* Without /proc, a process that uses no CPU time for WATCH_ASLEEP_MS counts as asleep.
 */
static bool watch_has_moved(struct process *p, uint64_t cpu_ns)
{
	uint64_t now = clock_ns();

	if (p->cpu_seen_ns == 0 || p->cpu_ns != cpu_ns)
		p->cpu_seen_ns = now;
	p->cpu_ns = cpu_ns;
	return now - p->cpu_seen_ns < WATCH_ASLEEP_MS * NS_PER_MS;
}

/* Returns 0, or -1 where the process has gone. */
static int watch_see(struct process *p, struct watch_sight *sight)
{
	const char state = watch_state(p);
	uint64_t cpu_ns;
	bool moved;

	if (watch_cpu(p->pid, &cpu_ns) != 0)
		return -1;
	moved = watch_has_moved(p, cpu_ns);
	*sight = (struct watch_sight){.stopped = watch_is_stopped(p->pid),
	    .runnable = state != 0 ? state == 'R' : moved,
	    .cpu_ms = cpu_ns / NS_PER_MS};
	return 0;
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
	return !sight->runnable || sight->cpu_ms - since >= WATCH_NOTICE_MS;
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

/* A stopped hasher without a job takes none, but counts as ready. It is replaced when
 * its pool has had jobs for LADDER_STOPPED_MS that others have not done either. */
static void watch_idle(struct process *p)
{
	const uint64_t now = clock_ns();

	if (p->state != PROCESS_READY || sizing_demand(p->role) == 0 ||
	    !watch_is_stopped(p->pid)) {
		p->stopped_ns = 0;
		return;
	}
	if (p->stopped_ns == 0 || p->stopped_ns < p->role->generation->watch_from_ns)
		p->stopped_ns = now;
	if (now - p->stopped_ns < LADDER_STOPPED_MS * NS_PER_MS)
		return;
	process_kill(p, EXIT_CAUSE_STOPPED);
	if (p->unkillable)
		supervise_role(p->role); /* another one takes its place */
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
		p->cpu_seen_ns = 0;
		if (age == 0 && p->condemned == EXIT_CAUSE_LEFT)
			watch_idle(p);
		return;
	}
	if (watch_see(p, &sight) != 0)
		return;
	if (age >= LADDER_STOPPED_MS && sight.stopped)
		process_kill(p, EXIT_CAUSE_STOPPED);
	else if (watch_is_overdue(p, age, &sight))
		process_kill(p, EXIT_CAUSE_DEADLINE);
	else if (watch_is_abandoned(p, &sight) && watch_may_cancel(p->role))
		process_kill(p, EXIT_CAUSE_CANCELLED);
	if (p->unkillable)
		supervise_role(p->role); /* another one takes its place */
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
	relisten_look(g);
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
