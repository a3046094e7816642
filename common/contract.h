/*
 * What the parts of argond have agreed on and what no config can change:
 * exit codes, hard limits, and the ladder of timeouts.
 */
#ifndef COMMON_CONTRACT_H
#define COMMON_CONTRACT_H

#include <stdint.h>

#define ARGOND_VERSION "0.1.0"

/* Exit status of the program. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/*
 * Exit status of a child. The master turns each into words and advice
 * (master/supervise.c); a child never exits with another one by itself.
 */
enum child_exit {
	CHILD_EXIT_DONE = 0,         /* drained, as it was told to */
	CHILD_EXIT_FATAL = 70,       /* an error it has logged itself */
	CHILD_EXIT_MASTER_GONE = 71, /* the control socket read EOF */
	CHILD_EXIT_SETUP = 72,       /* could not set itself up: never was READY */
	CHILD_EXIT_STORE = 73,       /* a look-up's database cannot be opened */
	CHILD_EXIT_RETIRED = 74,     /* has done its max_jobs */
};

/* Hard limits: what tables and messages are laid out for. */
enum {
	LIMIT_FRONTENDS = 64,       /* frontends of a generation */
	LIMIT_POOLS = 16,           /* pools of a config */
	LIMIT_POOL_PROCESSES = 256, /* hashers of one pool */
	LIMIT_LISTENERS = 32,
	LIMIT_STREAMS = 16,        /* jobs that one hasher works at (batch) */
	LIMIT_FLIGHTS = 512,       /* jobs of one frontend sent and unanswered */
	LIMIT_SEND_BUFFER = 65536, /* bytes: SO_SNDBUF of a connection */
	LIMIT_RESERVE = 32,    /* connections of one frontend beyond max_connections */
	LIMIT_PASSWORD = 4096, /* bytes; max_password cannot exceed it */
	LIMIT_SALT = 64,       /* bytes */
	LIMIT_TAG = 512,       /* bytes */
	LIMIT_NAME = 32, /* bytes of a pool's, profile's or key's name, NUL included */
	LIMIT_CLIENT_KEY = 16, /* bytes of the key of clients' hashes */
	LIMIT_BUCKETS = 1024,  /* of clients' hashes; a power of two, and of 64 */
	LIMIT_TEXT = 1024,     /* bytes of the text in a reply: a PHC string, a user */
};

/*
 * The ladder: each layer waits longer than the one inside it, so that the
 * innermost one that can say what happened is the one that says it.
 *
 *   what a client asks for (timeout_ms)  <=  the pool's deadline
 *     a job is refused, dropped or stopped between two blocks by then: 503, 504
 *   <  the look of the master, which notices a process that did not stop
 *   <  the kill of a process that is stopped, that nobody waits for any more, or that
 *      works on past the deadline
 *   <  the frontend's search for jobs of which nobody knows
 *
 *   shutdown_timeout in a frontend  <  the kill of the whole generation
 *   ready_timeout of a child  <  that of a program that shall take over
 */
enum {
	LADDER_WATCH_MS = 250,   /* how often the master looks at claims */
	LADDER_STOPPED_MS = 500, /* a claim so old: is its process stopped? */
	LADDER_CANCEL_MS = 500,  /* nobody wants what it does: its process is killed */
	LADDER_KILL_GRACE_MS = 2000, /* past its deadline: its process is killed */
	LADDER_LOST_MS = 2500,       /* unwanted and in nobody's hand: it is lost */

	LADDER_RETRY_MS = 2000,      /* a role that died before READY: first wait */
	LADDER_RETRY_SOON_MS = 100,  /* the same where others of it are READY */
	LADDER_RETRY_MAX_MS = 60000, /* and the longest, doubled each time */
	LADDER_LEAVE_MS = 500, /* past shutdown_timeout: what has not left is killed */
	LADDER_TAKE_OVER_MS = 2000, /* more than ready_timeout for a new program */
	/* Idle connections of a frontend that drains stay for so long. A client that
	 * uses its connections reuses each within a pause between two requests, and
	 * is told `Connection: close` then. A second reload or a restart waits for the
	 * end of the drain, and so for this time. */
	LADDER_IDLE_MS = 2000,
	LADDER_HANDSHAKE_MS = 100, /* begun TCP handshakes end before a listener does */
	LADDER_EMPTY_MS = 5000,    /* a listener ends although connections wait in it */
};

_Static_assert(
    LADDER_WATCH_MS < LADDER_STOPPED_MS && LADDER_WATCH_MS < LADDER_CANCEL_MS,
    "who is to be killed was looked at twice");
_Static_assert(
    LADDER_STOPPED_MS < LADDER_KILL_GRACE_MS && LADDER_CANCEL_MS < LADDER_KILL_GRACE_MS,
    "what can be told earlier is not left to the deadline");
_Static_assert(LADDER_KILL_GRACE_MS + LADDER_WATCH_MS < LADDER_LOST_MS,
    "a job is not lost before its process had to be killed");
_Static_assert(
    LADDER_RETRY_SOON_MS < LADDER_RETRY_MS && LADDER_RETRY_MS < LADDER_RETRY_MAX_MS,
    "backoff must grow");

#endif
