/*
 * The master: its root struct, and what its rooms offer one another. It opens, forks,
 * watches and buries; it never reads a client's byte.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <bsd/sys/queue.h>
#include <ev.h>

#include "common/board.h"
#include "common/child.h"
#include "common/config.h"
#include "common/exit_cause.h"
#include "common/loop.h"
#include "master/groups.h"
#include "master/listen.h"
#include "master/lockfile.h"
#include "master/oom.h"
#include "master/options.h"
#include "master/reload.h"
#include "master/roles.h"
#include "master/shortage.h"
#include "master/upgrade.h"

enum process_state {
	PROCESS_NONE,     /* the slot is free */
	PROCESS_STARTING, /* forked, not READY yet */
	PROCESS_READY,
	PROCESS_LEAVING, /* told to drain */
};

/* One child, or the place for one: as many as the board has slots, at the same index.
 */
struct process {
	enum process_state state;
	struct role *role;
	unsigned index; /* within its role */
	size_t slot;    /* on the board */
	pid_t pid;
	uint32_t incarnation;
	int control;         /* the master's end */
	struct relay *relay; /* its lines for the log, or NULL */
	int sight;           /* its /proc/PID/stat, or -1 where it has none to show */
	uint64_t born_ns;
	struct ev_io control_watcher;
	struct loop_rest control_rest;
	struct ev_timer ready_timer; /* kills what does not become READY */
	uint64_t abandoned_claim;    /* a job of it, while nobody wants any of them */
	uint64_t abandoned_ns;       /* since when; meaningful with the former */
	uint64_t abandoned_cpu_ms;   /* CPU time used by then */
	bool greeted;                /* its first message has been read */
	bool reaped; /* it has no pid any more: nothing may be sent to it */
	enum exit_cause condemned; /* what we have killed it for; LEFT: we have not */
	bool unkillable;           /* KILL was not permitted */
	uint64_t cpu_ns;         /* CPU time at the last look that found more of it, */
	uint64_t cpu_seen_ns;    /* and when that was; 0: not looked yet */
	bool overdue;            /* seen with a job far past its deadline */
	uint64_t overdue_cpu_ms; /* the CPU time that it had used by then */
	uint64_t stopped_ns;     /* seen stopped without a job since; 0: not */
};

/* A row of process_kinds at work in a generation: the frontends, or one pool's hashers.
 */
struct role {
	const struct role_kind *kind;
	struct generation *generation;
	unsigned pool; /* of a hasher role: index into config->pools */
	size_t slot;   /* its slots on the board: slot .. slot + slot_count - 1 */
	size_t slot_count;
	unsigned min, max;      /* processes */
	unsigned first_min;     /* as the config says */
	int steps;              /* more or fewer since, by hand */
	unsigned target;        /* how many there should be now, min..max */
	unsigned backoff_ms;    /* 0: not throttled */
	double tokens;          /* replacements left before the role is throttled */
	uint64_t tokens_ns;     /* when they were counted */
	struct ev_timer retry;  /* throttled: the next try */
	struct ev_timer shrink; /* looks for idle processes over min */
	double cancels;         /* processes that may be killed because clients left */
	uint64_t cancels_ns;    /* when they were counted */
	uint64_t
	    suspected_ns; /* when a process was last replaced on a frontend's word */
};

/* Where a generation stands. It only ever goes downwards, but for one whose successor's
 * master has died: it is resumed. */
enum generation_state {
	GENERATION_STARTING, /* its first processes are not all READY */
	GENERATION_SERVING,
	GENERATION_DRAINING, /* frontends leave, then the hashers */
};

/* One config with its listeners, links and processes. */
struct generation {
	TAILQ_ENTRY(generation) entry; /* in master.generations, oldest first */
	struct master *master;
	enum generation_state state;
	unsigned number;
	struct config *config;
	struct board board;
	struct process *processes; /* by slot */
	size_t process_count;
	unsigned frontend_slots;
	int *link_frontend; /* [frontend * pools + pool]: the frontend's end */
	int *link_hasher;   /* the same, the hashers' end */
	struct role roles[1 + LIMIT_POOLS]; /* frontends, then pool by pool */
	size_t role_count;
	bool killed;  /* its processes have been: none is replaced */
	bool resumed; /* it drained, and was wanted again */
	struct listener_set listeners;
	struct sealed keys, tokens, decoys; /* as they were when it was opened */
	struct ev_timer limit;              /* DRAINING: shutdown_timeout */
	struct ev_timer unlisten; /* DRAINING: its sockets end, see unlisten.c */
	uint64_t unlisten_ns;     /* since when */
	struct ev_timer watch;    /* hashers that do not get on */
	uint64_t watched_ns;      /* when it last looked */
	uint64_t watch_from_ns;   /* what was before does not count: we were stopped */
	uint64_t mended_ns;       /* when a listener was; 0: none */
};

TAILQ_HEAD(generation_list, generation);

struct master {
	struct ev_loop *loop;
	const struct options *options;
	struct generation_list generations;
	struct generation *current;   /* in charge */
	struct generation *candidate; /* STARTING, to be the next; or NULL */
	struct reload reload;
	struct upgrade upgrade;
	struct lockfile lockfile;
	struct command_server *command; /* NULL: there is none (yet) */
	struct groups groups;
	struct oom oom;
	struct listener_set handed; /* by the one before us: held until he has gone */
	struct listener_set
	    activated; /* by systemd: what we listen on whatever the config says */
	int signal_fd;
	struct ev_io signals;
	struct ev_timer drain_delay, watchdog;
	struct ev_timer relog; /* syslog is lost: the next try (relog.h) */
	bool relog_wanted;
	struct shortage shortage;
	uint32_t incarnations; /* the last one given out; they come round */
	unsigned numbers;      /* the last generation's */
	bool in_charge;    /* some generation has got READY, and no one is before us */
	bool quitting;     /* told to */
	bool stopping;     /* every generation drains */
	bool told_to_wait; /* the log says that a reload or an upgrade waits */
	int exit_status;
	int ready_fd; /* detached: the launcher waits on it for a byte; else -1 */
};

/* run.c: runs the daemon with that config (taken over). ready_fd: see detach.h, or -1.
 * Returns the exit status. */
int master_run(struct config *config, const struct options *options, int ready_fd);

/* master.c */
int master_open_loop(struct master *m); /* 0, or -1 with errno */
void master_title(const struct master *m);
/* A generation has got all its processes READY; has lost one before that, on trial; has
 * no process left: what follows from it. */
void master_generation_ready(struct generation *g);
bool master_generation_on_trial(const struct generation *g);
/* May its frontends accept? What is on trial, or waits for GO, may be killed yet, and
 * must have nobody's request in hand. */
bool master_generation_serves(const struct generation *g);
void master_generation_failed(struct generation *g, const char *why);
void master_generation_empty(struct generation *g);
void master_signal(struct master *m, int signo); /* as if somebody had sent it */
int master_reopen(struct master *m);     /* the log; 0, or -1 with errno (logged) */
void master_in_charge(struct master *m); /* it is us: log, service manager, launcher */
void master_go_on(
    struct master *m); /* the upgrade or reload that waits, if it may begin */
void master_stop(struct master *m);   /* now */
void master_retire(struct master *m); /* a successor is in charge */
void master_return(struct master *m); /* and has died */

/* generation.c */
/* Opens all that the config needs beside its processes; listeners are shared with
 * `before` (or NULL). The config is taken over in any case. Returns NULL with *err
 * filled on failure. */
struct generation *generation_open(struct master *m, struct config *config,
    const struct generation *before, struct config_error *err);
/* Forks the first processes. 0, or -1 where there are none, or, on trial, too few. */
int generation_start(struct generation *g);
void generation_check_ready(struct generation *g);
/* Its frontends see it at once: each answer is the last on its connection. */
void generation_tell_leaving(struct generation *g, enum board_leaving leaving);
void generation_drain(struct generation *g); /* frontends leave; then the hashers */
/* It drains, but is wanted again: what has been told to leave leaves, and beside that
 * its processes are started anew, with the config that it has. */
void generation_resume(struct generation *g);
/* Does the generation drain, and need no more processes of that role? Hashers are
 * needed as long as a frontend has requests to answer. */
bool generation_is_done_with(const struct generation *g, const struct role *role);
void generation_kill(struct generation *g);
unsigned generation_alive(const struct generation *g); /* processes of any state */
/* Has it more processes than its plan counts, because it was resumed while others of
 * its own left? master_go_on() is to be called when one of them is gone. */
bool generation_is_crowded(const struct generation *g);
void generation_close(struct generation *g);

/* unlisten.c: the generation drains, or has become the last one that could serve: ends
 * the sockets that nobody serves any more. Called before its frontends are told to
 * leave; may be called again. */
void unlisten_begin(struct generation *g);
void unlisten_stop(struct generation *g);

/* spawn.c: how a child is born and reaped */
int spawn_process(struct process *p);  /* 0, or -1 (logged) */
void spawn_reap(struct master *m);     /* every child that has died */
void process_leave(struct process *p); /* TERM: drain and leave */
/* The same, while its generation stays: it is killed where it has not left within
 * shutdown_timeout, for others need its place. */
void process_leave_in_time(struct process *p);
void process_kill(struct process *p, enum exit_cause why);
const char *process_name(const struct process *p, char *buf, size_t cap);

/* watch.c: hashers that do not get on */
void watch_start(struct generation *g);
void watch_stop(struct generation *g);

/* supervise.c: whether one should be */
void supervise_init(struct role *role);
void supervise_role(struct role *role); /* forks up to the target */
void supervise_ready(struct process *p);
void supervise_serve(struct role *role); /* the frontends: they may accept */
void supervise_exit(struct process *p, int status);
/* A frontend says that jobs wait; that process `pid` sent it nonsense; a hasher that it
 * has done its share. Nothing of it is believed beyond what the role's own rows allow.
 */
void supervise_suspect(struct role *role, pid_t pid);
void supervise_retire(struct process *p);
/* Those that were born before leave, and others take their places at once. Does nothing
 * where there are none, or where some of the role leave already: to be called again. */
void supervise_replace(struct role *role, uint64_t before_ns);
void supervise_publish(struct role *role); /* tells the board how many are READY */
unsigned role_count(const struct role *role, enum process_state state);
const char *role_label(
    const struct role *role, char *buf, size_t cap); /* for the log */
struct role *role_of_pool(struct generation *g, unsigned pool);

/* sizing.c: how many processes a pool should have */
void sizing_init(struct role *role);
/* Jobs that frontends have for the pool, by what their slots say. */
uint64_t sizing_demand(const struct role *role);
void sizing_want(struct role *role);           /* a frontend says that jobs wait */
void sizing_resize(struct role *role, int by); /* one process more or less */

#endif
