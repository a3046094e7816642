/*
 * Everything the master and a child have agreed on: what a child is handed at birth,
 * what the two say to each other, and where a role's life begins.
 *
 * A child is born by fork. Before its role's function is called it has closed every fd
 * but those listed here, mapped its view of the board, and has all signals of
 * `signal_fd` blocked. The function returns an exit status (enum child_exit).
 */
#ifndef COMMON_CHILD_H
#define COMMON_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/board.h"
#include "common/config.h"
#include "common/contract.h"
#include "common/decoy.h"
#include "common/key.h"
#include "common/link.h"
#include "common/token.h"

struct child {
	const struct config *config;
	struct board board;
	struct board_slot *slot; /* its own, writable */
	uint32_t incarnation;    /* of this process: 1..JOB_INCARNATION_MAX (job.h) */
	unsigned index;       /* frontend: its number; hasher: its number in the pool */
	unsigned pool;        /* hasher: index of its pool */
	int control;          /* to the master; end of file: the master is gone */
	int signal_fd;        /* signalfd: TERM and QUIT (drain), INT (leave) */
	const int *listeners; /* frontend: listening sockets, shared by all frontends */
	size_t listener_count;
	const int *links; /* frontend: by pool; hasher: by frontend */
	size_t link_count;
	struct legacy_verifier *legacy; /* hasher: what hasher_prepare() has loaded */
	const struct key_set *keys;     /* hasher that hashes: the peppers (key.h) */
	const struct token_set
	    *tokens; /* frontend: what opens /v1 (token.h), or NULL */
	const struct decoy_key
	    *decoys; /* frontend: by profile (decoy.h), or NULL where none is needed */
	const char
	    *store; /* hasher: the database of look-ups, as this process sees it */
	unsigned frontends; /* frontends of this generation: slots 0..frontends-1 */
	/* slots of the hashers of pool p: pool_slot[p] .. pool_slot[p + 1] - 1 */
	unsigned pool_slot[LIMIT_POOLS + 1];
};

int frontend_run(struct child *child);
int hasher_run(struct child *child);

/* Loads what libraries would otherwise look for later, when nothing can be opened any
 * more. Called with the process's final user, before its system calls are limited.
 * Returns 0, or -1 (logged). */
int hasher_prepare(struct child *child);
/* What they say. A message of another length or kind is a BUG of its sender. */
enum control_kind {
	CONTROL_READY = 1, /* child: set up, can work */
	CONTROL_WANT = 2,  /* frontend: jobs wait in `pool` and every hasher is busy */
	CONTROL_SUSPECT =
	    3, /* frontend: process `pid` sent nonsense on the link of `pool` */
	CONTROL_GONE =
	    4, /* to a frontend: a hasher of `pool` died with these jobs in hand */
	CONTROL_RETIRE = 5, /* hasher: has done its max_jobs and takes no more */
	CONTROL_SERVE = 6, /* to a frontend: it may accept, its generation takes over */
	CONTROL_LEAVE = 7, /* to a child: drain and leave, as on TERM */
	CONTROL_SIGHT = 8, /* child: its /proc/self/stat is attached, for watch.c */
	CONTROL_KIND_END
};

/* How a hasher went, as a frontend needs to know it. */
enum control_cause {
	CONTROL_CAUSE_LEFT = 0,    /* by itself, in order */
	CONTROL_CAUSE_KILLED = 1,  /* by somebody's SIGKILL: not the job's fault */
	CONTROL_CAUSE_CRASHED = 2, /* anything else: perhaps the job's fault */
};

/* Fixed size; what a kind does not use is zero. */
struct control_message {
	uint32_t kind;
	uint32_t pool;
	int32_t pid;
	uint32_t cause;  /* GONE: enum control_cause */
	uint32_t taking; /* GONE: 1 + the frontend whose link it was reading, or 0 */
	uint32_t claims; /* GONE: how many of claim[] are set */
	uint64_t claim[LIMIT_STREAMS];
};

/* As link_send(). */
enum link_result control_send(int fd, const struct control_message *message);
/* CONTROL_SIGHT with a descriptor. */
enum link_result control_send_fd(int fd, enum control_kind kind, int attached);

/* As link_recv(); LINK_BAD also for a message that is not well-formed or has a
 * descriptor. End of file and an empty message are LINK_CLOSED. */
enum link_result control_recv(int fd, struct control_message *message);
/* In the master while the child has not begun its work: the same; *attached is the
 * descriptor that came with CONTROL_SIGHT (now the caller's), else -1. */
enum link_result control_recv_fd(
    int fd, struct control_message *message, int *attached);

#endif
