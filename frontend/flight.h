/*
 * Inside dispatch: the jobs that are under way on the links. What is known of one by
 * its flight number, how replies find it, and what becomes of it when its hasher dies.
 *
 * A flight ends by a reply (JOB_DROPPED where nobody worked at it), or by the news that
 * the process which claimed it is gone. Only then its number is free again, whether
 * anybody still waits for it or not: what is reserved is freed when the work really
 * ends. Where reply or news got lost, a sweep sees some time after the deadline that
 * nobody has it.
 */
#ifndef FRONTEND_FLIGHT_H
#define FRONTEND_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>
#include <ev.h>

#include "frontend/admission.h"
#include "frontend/client.h"
#include "frontend/dispatch.h"
#include "frontend/fair.h"
#include "frontend/forecast.h"
#include "frontend/old_share.h"
#include "frontend/origin.h"
#include "frontend/spread.h"

struct task {
	TAILQ_ENTRY(task) entry; /* in its pool's queue, or among the shed */
	struct dispatch *dispatch;
	struct pool *pool;
	struct flight *flight;  /* under way; or NULL: it waits */
	struct origin origin;   /* who asks, for the queue (fair.h) */
	enum fair_class class;  /* for the queue as well */
	struct fair_node *node; /* waiting: its client's; NULL: ahead of all */
	struct fair_node *turn; /* under way: by whose turn; a flight has it then */
	unsigned place;         /* in it, when it came; the first is 1 */
	unsigned spread;        /* taken: by which its units counted; 0: not at all */
	bool shed;              /* taken off the queue for another's sake */
	struct charge charge;
	uint64_t units;   /* of work (units.h) */
	uint64_t wait_ns; /* as it was foreseen when it asked */
	struct ev_timer deadline;
	uint64_t deadline_ns, submitted_ns;
	enum job_kind kind;
	struct job_cost cost;
	uint8_t profile;
	bool rehash, nobody;
	int64_t user;
	struct secret password; /* behind hash_len bytes of a hash */
	size_t hash_len;
	unsigned crashes, kills; /* hashers that died with it in hand */
	task_done_fn *done;
	void *owner;
};

struct flight {
	uint64_t id;       /* 0: free */
	struct task *task; /* NULL: nobody waits for it any more */
	struct pool *pool;
	struct charge charge;   /* of a task that is gone */
	struct fair_node *turn; /* as the task had it */
	uint64_t units;
	uint64_t left_ns; /* since when nobody waits */
	bool old;         /* counted as of an old format (old_share.h) */
	uint64_t sent_ns; /* where it is */
	uint64_t work_ns; /* as its hasher says; 0: it has not said anything */
	bool unclaimed;   /* the sweep has found no hasher that has it */
};

/* A pool as this frontend sees it. */
struct pool {
	struct dispatch *dispatch;
	const struct config_pool *config;
	unsigned index;
	int link;
	struct ev_io link_watcher;
	struct fair queue;
	struct spread spread;
	struct task_queue shed; /* to be told so when the loop comes round */
	unsigned in_flight;     /* flights in use */
	uint64_t flight_units;  /* of all flights */
	struct old_share old_share;
	struct forecast forecast;
	uint64_t wanted_ns;    /* when we last asked the master for hashers */
	struct ev_timer nudge; /* active: jobs wait for hashers, or the link rests */
	bool
	    rests; /* there was no memory to read from the link: not before the nudge */
	struct ev_timer
	    sweep; /* active: some job may be in nobody's hand; nothing is sent */
	uint64_t taking_ns; /* the sweep: since when it waits for who is just taking */
	bool looked;        /* the sweep: has seen who is unclaimed, and hears on */
	struct ev_timer
	    overdue; /* active: flights that nobody waits for have not ended yet */
};

struct dispatch {
	struct ev_loop *loop;
	struct child *child;
	struct board_frontend *board; /* our own slot */
	struct pool pools[LIMIT_POOLS];
	struct flight flights[LIMIT_FLIGHTS];
	unsigned free_flights[LIMIT_FLIGHTS]; /* a stack */
	unsigned free_count;
	uint64_t next_id;
	uint64_t profile_bytes; /* memory of the costliest profile's job */
	unsigned pending;       /* tasks */
};

/* Opens the link of each pool for replies. */
void flight_open(struct dispatch *d);
void flight_close(struct dispatch *d);

/* Sends the task's job. LINK_OK: it flies; LINK_AGAIN and LINK_SHORT: no flight, no
 * room or no memory now. On LINK_ERROR the task cannot be sent at all. */
enum link_result flight_send(struct task *task);

/* Nobody waits for the flight's job any more: the board says so. */
void flight_abandon(struct flight *flight);

enum { FLIGHT_REPLIES_MAX = 4096 }; /* for one death; a flood is no reason to stay */

/* Reads replies on the pool's link, at most so many. False where there was no memory to
 * read on: some may lie there. */
bool flight_read(struct pool *pool, unsigned most);

/* The flight's hasher has died with it in hand: its task is tried again, or told. */
void flight_bereaved(
    struct dispatch *d, struct flight *flight, enum control_cause cause);

/* dispatch.c: what flights make happen. */
void dispatch_finish(
    struct task *task, const struct task_result *result); /* frees it */
void dispatch_again(struct task *task);                   /* to the head of its queue */
void dispatch_pump(struct pool *pool);                    /* sends what may be sent */
void dispatch_publish(struct pool *pool); /* our numbers, for all to see */

#endif
