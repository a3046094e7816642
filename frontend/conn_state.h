/*
 * What conn.c (reading, time, life and death) and conn_answer.c (answering) share.
 */
#ifndef FRONTEND_CONN_STATE_H
#define FRONTEND_CONN_STATE_H

#include "frontend/conn.h"

enum { CONN_UNTIMED = UINT8_MAX };

/* Takes on a new state; its deadline is set when the running callback ends. */
void conn_enter(struct conn *conn, enum conn_state state);

/* Ends what a callback did, which had set conn->busy: parses on where more requests
 * wait, keeps what is incomplete, sets interest and deadline by the state, frees it if
 * gone. */
void conn_settle(struct conn *conn);

/* Answers a request that could not be parsed, or not in time; the last answer, for
 * nobody knows where the next request would begin. */
void conn_reject(
    struct conn *conn, enum problem problem, const char *detail, size_t linger);

/* Sends on what the client has not taken yet. */
void conn_write(struct conn *conn);

/* Gives up what the answer in the making needed: the job, the request's id, the bytes.
 */
void conn_drop_answer(struct conn *conn);

#endif
