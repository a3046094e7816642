/*
 * A connection: reads requests one at a time, has them answered in order, and goes when
 * its time is up. An idle one is this struct and nothing else: all buffers exist only
 * while they are needed, and are wiped when given up, for they may have held a
 * password.
 *
 *   IDLE ──► HEAD ──► BODY ──► WORKING ──► WRITING ──► IDLE, or PAUSED,
 *                                                          or LINGERING, or gone
 *
 * A request that comes in one piece and is answered at once passes through all of these
 * in one callback: epoll_wait, recv, send. At any time a connection waits for one thing
 * at most, so it has one deadline, which more bytes never extend, and one timer; the
 * timer is moved only when it would ring too late, and looks again when it rings too
 * early.
 */
#ifndef FRONTEND_CONN_H
#define FRONTEND_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <bsd/sys/queue.h>
#include <ev.h>

#include "common/secret.h"
#include "frontend/client.h"
#include "frontend/dispatch.h"
#include "frontend/http.h"
#include "frontend/problem.h"
#include "frontend/reply.h"

struct conn;
struct frontend;
struct route;

enum conn_state {
	CONN_IDLE,      /* between requests, or before the first */
	CONN_HEAD,      /* some of a head was received */
	CONN_BODY,      /* the head is complete, some of the body is missing */
	CONN_WORKING,   /* a job or a delay: an answer will come */
	CONN_WRITING,   /* the client has not taken all of the answer yet */
	CONN_PAUSED,    /* refused: as IDLE, but not read from for a while (pause.h) */
	CONN_LINGERING, /* answered and shut down; reads on so that the answer is not
	                   lost */
};

/* Whether it counts for max_connections; see conn_place.c. */
enum conn_place {
	CONN_PLACED,      /* it does */
	CONN_PLACED_IDLE, /* the same, and it is in client->idle */
	CONN_PLACED_SLOW, /* the same, and it is in client->slow */
	CONN_RESERVED,    /* it does not: let in to be told so, in frontend->reserve */
};

/* A job has ended; answer now. `context` is what conn_submit() was given. */
typedef void conn_done_fn(
    struct conn *conn, const struct task_result *result, void *context);
/* A delay has passed; answer now. */
typedef void conn_wake_fn(struct conn *conn);

/* What conn_submit() needs to know beside the job. `release`, or NULL, is called
 * exactly once with `context`: after `done`, or when the client has gone, or when the
 * job was not admitted. */
struct conn_work {
	conn_done_fn *done;
	void *context;
	void (*release)(void *context);
};

struct conn {
	TAILQ_ENTRY(conn) entry; /* in frontend->conns */
	TAILQ_ENTRY(conn) place_entry;
	struct frontend *frontend;
	struct ev_io io;
	struct ev_timer timer;
	uint64_t deadline; /* CLOCK_MONOTONIC ns; CONN_NEVER: none */
	uint64_t retry;    /* stalled: when its socket is tried again; or CONN_NEVER */
	uint64_t rings;    /* when the timer will, or CONN_NEVER */

	uint8_t state;        /* enum conn_state */
	uint8_t timed;        /* the state that the deadline was set for */
	uint8_t pool;         /* WORKING: the job's */
	uint16_t probe_ms;    /* WORKING, not read from: until the next look */
	uint16_t stall_ms;    /* of the last stall, or 0: the socket has worked since */
	uint8_t place;        /* enum conn_place */
	bool waits;           /* placed, and one of client's CLIENT_WAITS */
	uint8_t problem;      /* refused: enum problem */
	uint16_t retry_after; /* the same: seconds */
	bool busy;    /* one of its callbacks is running, and will free it if gone */
	bool gone;    /* to be freed */
	bool refused; /* this answer says that its job is */
	bool proven;  /* it has brought an answer, and was kept */
	bool close_after;  /* this answer is the last */
	bool linger_after; /* and the client may still be sending */
	bool half_closed;  /* the client has sent all it will send */
	bool delivers;     /* LINGERING: until it has taken a large answer */
	bool is_head;      /* HEAD: the answer has no body */
	bool is_old;       /* HTTP/1.0 */
	uint8_t method;    /* enum method, of the request being answered */
	uint16_t token;    /* that it showed where one is needed, or 0 */
	struct conn_peer peer;
	struct client *client; /* of that peer: one of its `connections` is this */

	const struct route *route; /* of the request being answered, or NULL */
	uint64_t began_ns;         /* when it was complete; only for the access log */
	uint64_t id_number;        /* of a request id that we made */
	struct text id;            /* of the client's: borrowed, or id_kept */
	char *id_kept;

	struct request *request; /* one that did not come in one piece, or NULL */
	struct secret rest;      /* received, not yet parsed: pipelined requests */
	size_t rest_at;          /* of rest: where the next request begins */

	char *out; /* what the client has not taken yet, or NULL */
	size_t out_len, out_at;

	size_t memory;   /* bytes that we hold for it, as last counted */
	uint32_t unsent; /* bytes that the kernel may hold of what was sent to it */
	uint32_t unread; /* and of what it has sent: while we do not read */

	struct task *task; /* WORKING: the job, or NULL */
	struct conn_work work;
	conn_wake_fn *wake; /* WORKING: a delay, or NULL */
	size_t linger_left; /* LINGERING: bytes */
};

#define CONN_NEVER UINT64_MAX

enum {
	CONN_READ_SIZE = 16384, /* of one recv, and the most that is kept for later */
	CONN_WRITE_SIZE = 4096, /* answers up to this need no memory of their own */
	CONN_BURST = 32, /* requests of one connection before others have their turn */
	CONN_LINGER_MS = 2000,
	CONN_FAREWELL_MS = 500, /* the same where no answer can be lost */
	/* how often to look after a client that is not read from: soon at first, for
	 * the answer to the question whether it is there, then each time twice as late
	 */
	CONN_PROBE_MS = 1,
	CONN_PROBE_MAX_MS = 1000,
	/* the same for a socket that is ready and does not work: see conn_stall() */
	CONN_STALL_MS = 10,
	CONN_STALL_MAX_MS = 1000,
	CONN_LINGER_HEAD = 256 * 1024,       /* bytes read on after a bad head */
	CONN_LINGER_BODY = 16 * 1024 * 1024, /* and after a body that was refused */
};

/* What all connections of a frontend hold in buffers (conn_memory.c): part of struct
 * frontend, zeroed at the start. */
struct conn_memory {
	uint64_t ours, kernel; /* bytes; the latter as estimated */
	struct ev_timer look;
};

/* What all connections of a frontend use, one at a time: part of struct frontend,
 * zeroed at the start. */
struct conn_scratch {
	char in[CONN_READ_SIZE];
	char out[CONN_WRITE_SIZE];
	struct request request;
	struct reply_date date;
};

/*
 * For frontend.c. It zeroes struct frontend and does conn_init(), sets config, loop,
 * dispatch and request_prefix; conns, reserve, their counts, clients, waiting and
 * request_counter are kept here, and so are `connections` and `requests` of the slot on
 * the board.
 */

/* Begins without a connection. */
void conn_init(struct frontend *fe);

/* Takes over an accepted, non-blocking, close-on-exec socket. Returns 0, or -1 where
 * there was no memory: the socket is closed then. `addr` is what accept4() said. */
int conn_accept(
    struct frontend *fe, int fd, const struct sockaddr *addr, socklen_t len);

/* Closes it now: its job is cancelled, an answer half written is cut off, everything is
 * wiped and freed. Calls frontend_conn_gone() last. */
void conn_close(struct conn *conn);

/* Closes all of them: for the end of a frontend. To drain, set fe->draining: each
 * answer then says `Connection: close`. */
void conn_close_all(struct frontend *fe);

/* Closes a connection so that there is room for one of the client: of whoever has more
 * of those for which the server waits, that which has been idle for the longest, else
 * the one for whose client it waits longest; of the client itself only an idle one.
 * Returns whether there was one. */
bool conn_make_room(struct client *client);

/* The same for who has not been taken over yet. */
bool conn_make_room_at(
    struct frontend *fe, int fd, const struct sockaddr *addr, socklen_t len);

/* Are there as many connections as there may be, without those in the reserve? */
bool conn_places_taken(const struct frontend *fe);

/* Is it between requests, and has not sent a byte of the next one? */
bool conn_is_unasked(const struct conn *conn);

/* conn_drain.c: for a frontend that drains. Does any connection send a request, or wait
 * for an answer? */
bool conn_any_asks(const struct frontend *fe);

/* Closes the connections that are between two requests, but for those on which the next
 * one lies already. No reset: what the client sends meanwhile is read and dropped. */
void conn_end_idle(struct frontend *fe);

/* Who waits for the refusal of a job has it now: for a frontend that drains. */
void conn_refuse_sleepers(struct frontend *fe);

/* Tells whoever is at that fd that there is no place (503), and closes it. */
void conn_turn_away(struct frontend *fe, int fd);

/*
 * For handlers: exactly one of these for each request, in the handler or later in the
 * function that it named.
 */

/* Answers. Body and strings are copied. */
void conn_reply(struct conn *conn, const struct reply *reply);

/* Answers in text/plain. */
void conn_reply_text(struct conn *conn, unsigned status, const char *text);

/* Answers that something is wrong: problem+json, and on a seed route `detail`, or the
 * problem's title, in text/plain. See problem_write() for `detail`. */
void conn_problem(struct conn *conn, enum problem problem, const char *detail);

/* Has a job done: `work` says what follows. Where the job is not admitted the client is
 * told so (503 or 429 with Retry-After). Sets done, owner and client of `spec`: whose
 * token the request showed, or who is at the other end. */
void conn_submit(
    struct conn *conn, struct task_spec *spec, const struct conn_work *work);

/* Calls `wake` after so many milliseconds, unless the client has gone by then. */
void conn_delay(struct conn *conn, uint64_t ms, conn_wake_fn *wake);

/* Answers a job that ended in anything but TASK_OK and TASK_NOT_FOUND. `detail`, or
 * NULL, is for the answers with status 500. */
void conn_reply_failure(
    struct conn *conn, const struct task_result *result, const char *detail);

#endif
