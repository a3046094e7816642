/*
 * Every way in which a request can be refused, and how it is said: as
 * application/problem+json (RFC 9457) with type urn:argond:problem:NAME.
 */
#ifndef FRONTEND_PROBLEM_H
#define FRONTEND_PROBLEM_H

#include <stddef.h>

enum problem {
	PROBLEM_NONE,
	PROBLEM_BAD_REQUEST,
	PROBLEM_BAD_JSON,
	PROBLEM_UNAUTHORIZED,
	PROBLEM_NOT_FOUND,
	PROBLEM_METHOD_NOT_ALLOWED,
	PROBLEM_REQUEST_TIMEOUT,
	PROBLEM_TOO_LARGE,
	PROBLEM_TARGET_TOO_LONG,
	PROBLEM_UNSUPPORTED_MEDIA_TYPE,
	PROBLEM_EXPECTATION_FAILED,
	PROBLEM_MISDIRECTED,
	PROBLEM_PASSWORD_LENGTH,
	PROBLEM_BAD_HASH,
	PROBLEM_UNSUPPORTED_HASH,
	PROBLEM_COST_TOO_HIGH,
	PROBLEM_UNKNOWN_POOL,
	PROBLEM_UNKNOWN_PROFILE,
	PROBLEM_UNKNOWN_KEY,
	PROBLEM_CLIENT_LIMIT,
	PROBLEM_HEADER_TOO_LARGE,
	PROBLEM_INTERNAL,
	PROBLEM_HASHER_CRASHED,
	PROBLEM_NOT_IMPLEMENTED,
	PROBLEM_QUEUE_FULL,
	PROBLEM_WOULD_EXCEED_DEADLINE,
	PROBLEM_MEMORY_BUDGET,
	PROBLEM_SHUTTING_DOWN,
	PROBLEM_DEADLINE_EXCEEDED,
	PROBLEM_VERSION_NOT_SUPPORTED,
	PROBLEM_END
};

struct problem_row {
	const char *name; /* last part of the type's URN: stable */
	unsigned status;
	const char *title; /* one for each name */
};

/* The row of a problem; that of PROBLEM_INTERNAL where there is no such one. */
const struct problem_row *problem_row(enum problem problem);

enum { PROBLEM_TEXT_MAX = 512 };

/* Writes the problem's JSON document into buf[PROBLEM_TEXT_MAX] and returns its length.
 * `detail` says what was wrong with this request, or NULL. It is a string of ours that
 * needs no escaping in JSON: nothing a client sent is ever repeated to it. */
size_t problem_write(char *buf, enum problem problem, const char *detail);

#endif
