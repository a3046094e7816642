/*
 * A hash that a caller has brought: what it is, and whether it may be verified here.
 * All of it is decided before anything is queued.
 */
#ifndef FRONTEND_V1_GIVEN_H
#define FRONTEND_V1_GIVEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/phc.h"
#include "frontend/problem.h"

struct v1_given {
	struct phc phc;
	unsigned reasons;   /* to make it anew: enum rehash_reason, or-ed */
	bool within_limits; /* verifying it costs no more than the ceilings */
	bool key_known;     /* it needs no key, or one that there is */
};

/* Takes text[len] apart. Returns PROBLEM_NONE, or PROBLEM_BAD_HASH or
 * PROBLEM_UNSUPPORTED_HASH with *detail a constant string. To be wiped. */
enum problem v1_given_read(struct v1_given *given, const struct config *config,
    const struct config_profile *profile, const char *text, size_t len,
    const char **detail);

/* May it be verified? PROBLEM_NONE, PROBLEM_COST_TOO_HIGH or PROBLEM_UNKNOWN_KEY. */
enum problem v1_given_check(const struct v1_given *given, const char **detail);

#endif
