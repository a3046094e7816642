/*
 * The board: shared memory with one slot for each process of a generation. Each process
 * sees all of it, may write only its own slot (the rest is mapped read-only), and
 * treats what others wrote as hearsay: it is never followed as an index, a pointer or a
 * pid.
 *
 * A frontend's slot says which of its jobs are still wanted; a hasher's slot says which
 * jobs it has in hand (its claims). With these two, a job is neither lost when a hasher
 * dies nor worked at when nobody waits for it.
 */
#ifndef COMMON_BOARD_H
#define COMMON_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/contract.h"
#include "common/exit_cause.h"

enum {
	BOARD_PAGE = 4096,
	BOARD_ASKER = 64, /* what a client counts who asks one frontend only */
};

/* Written by a frontend. */
struct board_frontend {
	/* wanted[flight] is the id of the job with that flight number, or 0 */
	_Atomic uint64_t wanted[LIMIT_FLIGHTS];
	_Atomic uint32_t waiting[LIMIT_POOLS];   /* jobs queued, by pool */
	_Atomic uint32_t in_flight[LIMIT_POOLS]; /* jobs sent and unanswered, by pool */
	_Atomic uint64_t backlog[LIMIT_POOLS];   /* units of both (units.h) */
	/* of old formats, by pool: jobs under way, jobs queued, units of both; and
	 * until when those that have ended are paid for (old_share.h), CLOCK_MONOTONIC
	 * ns */
	_Atomic uint32_t old_running[LIMIT_POOLS], old_waiting[LIMIT_POOLS];
	_Atomic uint64_t old_backlog[LIMIT_POOLS], old_paid_ns[LIMIT_POOLS];
	/* clients with a job, by pool: which (a bit a bucket), and how many they count
	 */
	_Atomic uint64_t asking[LIMIT_POOLS][LIMIT_BUCKETS / 64];
	_Atomic uint32_t askers[LIMIT_POOLS];
	_Atomic uint64_t reserved; /* bytes for jobs that cost more than any profile */
	_Atomic uint32_t connections;
	_Atomic uint64_t requests; /* answered */
};

/* Written by a hasher. */
struct board_hasher {
	_Atomic uint64_t claim[LIMIT_STREAMS];       /* ids of the jobs in hand, or 0 */
	_Atomic uint64_t claim_since[LIMIT_STREAMS]; /* CLOCK_MONOTONIC ns */
	_Atomic uint32_t
	    taking; /* 1 + the frontend whose link is just being read, or 0 */
	_Atomic uint32_t busy;       /* claims in use */
	_Atomic uint64_t idle_since; /* ns, meaningful while busy is 0 */
	_Atomic uint64_t done;       /* jobs answered with a result */
	_Atomic uint64_t dropped;    /* jobs not worked at */
	_Atomic uint64_t units;      /* of work done (units.h), also in vain */
	_Atomic uint64_t busy_ns;    /* with any job in hand, while those were done */
};

/* Written by the master while no process has the slot, then by its process. */
struct board_slot {
	_Atomic uint32_t incarnation; /* 0: free */
	_Atomic uint32_t denied; /* 1 + the system call that its filter ends it for */
	union {
		struct board_frontend frontend;
		struct board_hasher hasher;
	};
};

enum {
	BOARD_SLOT_SIZE =
	    (sizeof(struct board_slot) + BOARD_PAGE - 1) / BOARD_PAGE * BOARD_PAGE
};

/* What became of the processes of a role since the daemon's start, also of those that
 * belonged to generations before. */
struct board_role {
	_Atomic uint64_t spawns;
	_Atomic uint64_t exits[EXIT_CAUSE_END];
};

enum { BOARD_FRONTENDS = 0, BOARD_POOLS = 1, BOARD_ROLES = BOARD_POOLS + LIMIT_POOLS };

/* Does a generation leave? Then each answer is the last on its connection. */
enum board_leaving {
	BOARD_STAYS = 0,
	BOARD_REPLACED = 1, /* another one serves at the same addresses */
	BOARD_STOPS = 2,    /* no one does: a health check is told so as well */
};

/* Written by the master only. */
struct board_head {
	struct board_role roles[BOARD_ROLES]; /* frontends, then pool by pool */
	_Atomic uint32_t alive[LIMIT_POOLS];  /* hashers that are READY, by pool */
	_Atomic uint32_t
	    most[LIMIT_POOLS];      /* hashers that there may be; 0: not said yet */
	_Atomic uint32_t frontends; /* frontends that are READY */
	_Atomic uint32_t leaving;   /* enum board_leaving */
	/* bit i: listener i of the generation ends: a frontend that drains accepts from
	 * it until the master has shut it down */
	_Atomic uint32_t ending;
	/* seconds between two tries of a role that dies before READY; 0: all is well */
	_Atomic uint32_t throttled[LIMIT_POOLS];
	/* random, and the same for all frontends of a generation, who tell each other
	 * by keyed hashes which clients they have */
	uint8_t client_key[LIMIT_CLIENT_KEY];
};

struct board {
	int fd;        /* of the memfd; -1 in a child that has its view */
	size_t slots;  /* how many there are */
	uint8_t *base; /* head, then the slots */
};

/* Makes a board of that many free slots, all writable by the caller (the master).
 * Returns 0, or -1 with errno. */
int board_open(struct board *board, size_t slots);

/* In a child: gives up the master's view and maps the board read-only but for slot
 * `own`; the memfd is closed. Returns 0, or -1 with errno. */
int board_attach(struct board *board, size_t own);

void board_close(struct board *board);

struct board_head *board_head(const struct board *board);
/* The slot of that number, or NULL where there is no such one. */
struct board_slot *board_slot(const struct board *board, size_t number);

/* Processes of a role (BOARD_FRONTENDS, or BOARD_POOLS + the pool's index) that were
 * forked, and that ended for that reason; 0 for what is no role or no cause. */
uint64_t board_spawns(const struct board *board, size_t role);
uint64_t board_exits(const struct board *board, size_t role, enum exit_cause cause);

/* For the master: one more of them; and what `from` has counted, on top of what `to`
 * has. What is no role or no cause is not counted. */
void board_count_spawn(const struct board *board, size_t role);
void board_count_exit(const struct board *board, size_t role, enum exit_cause cause);
void board_carry_counts(
    const struct board *to, size_t to_role, const struct board *from, size_t from_role);

/* Zeroes a slot that no living process has and gives it its incarnation (0: free). */
void board_slot_reset(struct board_slot *slot, uint32_t incarnation);

/* For a hasher: is the job of that flight still wanted by the frontend of `slot`? */
bool board_wanted(const struct board_slot *slot, uint32_t flight, uint64_t id);

/* For a frontend: is job `id` claimed in the hasher's slot? */
bool board_claimed(const struct board_slot *slot, uint64_t id);

#endif
