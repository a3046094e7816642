/*
 * What the files of a connection share: conn.c (life, the loop's callbacks),
 * conn_place.c, conn_read.c, conn_time.c, conn_answer.c, conn_drain.c and
 * conn_refuse.c.
 */
#ifndef FRONTEND_CONN_STATE_H
#define FRONTEND_CONN_STATE_H

#include "frontend/conn.h"

enum { CONN_UNTIMED = UINT8_MAX };

/* Bytes that came while it was not the client's turn. */
static inline size_t conn_rest_len(const struct conn *conn)
{
	return conn->rest.len - conn->rest_at;
}

/* Is it the client's turn? */
static inline bool conn_is_receiving(const struct conn *conn)
{
	return conn->state <= CONN_BODY && !conn->gone;
}

/* Takes on a new state; its deadline is set when the running callback ends. */
void conn_enter(struct conn *conn, enum conn_state state);

/* Ends what a callback did, which had set conn->busy: parses on where more requests
 * wait, keeps what is incomplete, sets interest and deadline by the state, frees it if
 * gone. */
void conn_settle(struct conn *conn);

/* Nothing more is to be done for its client: closes it, or, where the kernel still has
 * a large part of an answer, waits until the client has taken that. */
void conn_finish(struct conn *conn);

/* --- conn_memory.c --- */

/* The first connection of a frontend has come; one is gone, and no longer counted. */
void conn_memory_begin(struct frontend *fe);
void conn_memory_end(struct conn *conn);

/* Counts what we hold for it. Where all of them have too much, those that have most are
 * closed when the loop comes round. */
void conn_memory_count(struct conn *conn);

/* Notes that the socket has taken so much of an answer; that it is read from, or not.
 */
void conn_memory_sent(struct conn *conn, size_t len);
void conn_memory_reads(struct conn *conn, bool reads);

/* Is much of what was sent still in the kernel? */
bool conn_has_unsent(struct conn *conn);

/* A client that does not take its answer: what the kernel holds for it goes too. */
void conn_cut(struct conn *conn);

/* --- conn_place.c --- */

/* A new connection finds its place, or goes to the reserve. */
void conn_place_enter(struct conn *conn);

/* It leaves the list that it is in, because its state changes or it is closed. */
void conn_place_leave(struct conn *conn);

/* A callback has ended: where the server waits for the client, the connection is listed
 * with that, after those that have been for longer. */
void conn_place_settle(struct conn *conn);

/* It is closed: nothing of its client's is counted for it any more. */
void conn_place_end(struct conn *conn);

/* Why the request cannot be answered where its connection is, with *detail, or
 * PROBLEM_NONE. */
enum problem conn_place_refuses(
    struct conn *conn, const struct request *request, const char **detail);

/* --- conn_read.c --- */

/* Receives once, and parses and answers what that was. */
void conn_read(struct conn *conn);

/* A stall has passed: says what could not be said; else the loop tells what is ready.
 */
void conn_resume(struct conn *conn);

/* Parses on in what was kept while the client had to wait. */
void conn_consume_rest(struct conn *conn);

/* Frees a request that is conn->request or lives in the scratch. */
void conn_drop_request(struct conn *conn, struct request *request);

/* --- conn_time.c --- */

/* Sets the deadline of a new state, and sees to it that the timer rings in time. */
void conn_set_deadline(struct conn *conn);

/* The deadline has passed. */
void conn_expire(struct conn *conn);

/*
 * Its socket was said to be ready, and takes or gives nothing: the kernel has no memory
 * now (ENOBUFS, ENOMEM; TCP also says EAGAIN). It stays ready all the while, so for
 * some time it is not waited for. That is no reason to give up the client; its deadline
 * stays as it is.
 */
void conn_stall(struct conn *conn);

/* The socket has worked. */
static inline void conn_unstall(struct conn *conn)
{
	conn->retry = CONN_NEVER;
	conn->stall_ms = 0;
}

/* For how long its client has been waited for. */
uint64_t conn_waits_ns(const struct conn *conn, uint64_t now);

/* --- conn_answer.c --- */

/* Answers a request that could not be parsed, or not in time; the last answer, for
 * nobody knows where the next request would begin. */
void conn_reject(
    struct conn *conn, enum problem problem, const char *detail, size_t linger);

/* Answers that something is wrong, with the header lines of `more`. */
void conn_reply_problem(struct conn *conn, enum problem problem, const char *detail,
    const struct reply *more);

/* Sends on what the client has not taken yet. */
void conn_write(struct conn *conn);

/* Gives up what the answer in the making needed: the job, the request's id, the bytes.
 */
void conn_drop_answer(struct conn *conn);

/* --- conn_refuse.c --- */

/* Its job is not taken on; retry_after in seconds. */
void conn_refuse(struct conn *conn, enum admission admission, unsigned retry_after);

/* It does not wait for an answer any more. */
void conn_drop_refusal(struct conn *conn);

#endif
