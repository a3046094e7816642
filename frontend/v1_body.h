/*
 * The JSON body of a request under /v1 (RFC 8259): one object of members that the route
 * knows, each of its type, none twice, and nothing behind it. Whatever is allocated for
 * it is wiped, for a password is in it.
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

struct v1_body {
	unsigned there; /* enum v1_member, or-ed */
	struct secret password;
	/* Parts of what is wiped with the body; `at` is NULL where they were not given,
	 * and the hash's where it was null. */
	struct text hash, profile, pool, user;
	uint64_t timeout_ms; /* 0: not given */
	bool rehash;
	struct json_t *root;
};

/* Reads text[len]; members are `required`, or `allowed` too. Returns PROBLEM_NONE,
 * PROBLEM_BAD_JSON or PROBLEM_MEMORY_BUDGET with *detail a constant string. The body is
 * to be freed in any case. */
enum problem v1_body_read(struct v1_body *body, const void *text, size_t len,
    unsigned required, unsigned allowed, const char **detail);

void v1_body_free(struct v1_body *body);

#endif
