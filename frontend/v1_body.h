/*
 * The JSON body of a request under /v1 (v1_json.h): one object of members that the
 * route knows, each of its type, none twice, and nothing behind it. It is read as it
 * comes; the first byte that cannot be right ends the reading. Nothing is kept but what
 * the members may hold, so neither time nor memory follow from the body's length.
 * Whatever was kept is wiped, for a password is in it.
 *
 * A password is a text (`password`, which goes in as UTF-8; \u0000 in it is a byte like
 * others) or any bytes (`password_b64`, base64 with or without padding).
 */
#ifndef FRONTEND_V1_BODY_H
#define FRONTEND_V1_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/secret.h"
#include "frontend/http.h"
#include "frontend/problem.h"
#include "frontend/v1_json.h"

/* Or-ed. */
enum v1_member {
	V1_PASSWORD = 1, /* one of its two forms */
	V1_HASH = 2,
	V1_HASH_OR_NULL = 4,
	V1_PROFILE = 8,
	V1_POOL = 16,
	V1_TIMEOUT = 32,
	V1_REHASH = 64,
	V1_USER = 128,
};

enum { V1_USER_MAX = 512 }; /* bytes of a user's name */

/* What a route's body may hold: enum v1_member, or-ed. */
struct v1_form {
	unsigned required, allowed;
};

struct v1_body {
	unsigned there; /* enum v1_member, or-ed */
	struct secret password;
	/* `at` is NULL where they were not given, and the hash's where it was null */
	struct text hash, profile, pool, user;
	uint64_t timeout_ms; /* 0: not given */
	bool rehash;

	/* how far it was read: for v1_body.c alone */
	const struct v1_form *form;
	size_t password_max;
	struct json_reader reader;
	char name[16]; /* of the member that is being read; longer than each of ours */
	uint8_t name_len;
	const struct v1_member_row *member; /* whose value is being read */
	struct secret texts[5];             /* enum v1_text */
	enum problem problem;
	const char *detail;
};

/* Begins a body of that form, which must stay. Passwords over `password_max` bytes are
 * PROBLEM_PASSWORD_LENGTH before they are complete. NULL: no memory. */
struct v1_body *v1_body_open(const struct v1_form *form, size_t password_max);

/* Reads on. Returns PROBLEM_NONE, or what is wrong with *detail, a constant sentence or
 * NULL; the reading has ended then. */
enum problem v1_body_feed(
    struct v1_body *body, const char *data, size_t len, const char **detail);

/* That was all. Returns as v1_body_feed(). */
enum problem v1_body_end(struct v1_body *body, const char **detail);

/* Bytes of memory that it has. */
size_t v1_body_bytes(const struct v1_body *body);

/* Wipes and frees; NULL is fine. */
void v1_body_close(struct v1_body *body);

#endif
