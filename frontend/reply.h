/*
 * An answer as text: status line and header section. The body follows them in the same
 * buffer where it is small, so that an answer is one send().
 */
#ifndef FRONTEND_REPLY_H
#define FRONTEND_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "frontend/dispatch.h"
#include "frontend/http.h"

/* Content-Types. */
#define REPLY_TEXT "text/plain; charset=utf-8"
#define REPLY_JSON "application/json"
#define REPLY_PROBLEM "application/problem+json"

/* What a handler decides. Strings are ours, free of CR and LF. */
struct reply {
	unsigned status;
	const char *type; /* Content-Type */
	const void *body;
	size_t len;
	const char *allow;             /* of a 405 and of OPTIONS, else NULL */
	unsigned retry_after;          /* seconds; 0: none */
	bool no_store;                 /* Cache-Control: no-store */
	const struct task_result *job; /* answered by a job: Server-Timing; or NULL */
};

/* The Date header, formatted once a second (RFC 9110 section 6.6.1). */
struct reply_date {
	time_t second;
	char text[40]; /* "Date: ... GMT" CR LF */
	size_t len;
};

/* What the connection adds. */
struct reply_frame {
	const struct reply_date *date;
	struct text request_id;
	bool close;      /* Connection: close */
	bool keep_alive; /* Connection: keep-alive, as HTTP/1.0 needs to hear it */
};

enum { REPLY_HEAD_MAX = 1024, REPLY_ID_MAX = 128 };

/* Brings the date up to `now`, wall clock. */
void reply_date_set(struct reply_date *date, time_t now);

/* Writes status line, header section and the empty line into buf[REPLY_HEAD_MAX], and
 * returns the length. */
size_t reply_head(
    char *buf, const struct reply *reply, const struct reply_frame *frame);

/* Reason phrase of a status that argond uses, "Unknown" for any other. */
const char *reply_reason(unsigned status);

/* Is it a request id that may be taken over: 1..128 of A-Za-z0-9._- ? */
bool reply_id_valid(struct text id);

/* Writes an id of 32 hex digits, prefix and number, into buf; returns its length. */
size_t reply_id_make(char *buf, uint64_t prefix, uint64_t number);

#endif
