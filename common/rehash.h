/*
 * Whether a hash that verifies should be made anew, by what a profile says now, and
 * why.
 */
#ifndef COMMON_REHASH_H
#define COMMON_REHASH_H

#include "common/config.h"
#include "common/phc.h"

/* Or-ed. In this order in answers. */
enum rehash_reason {
	REHASH_TYPE = 1,    /* not Argon2id */
	REHASH_VERSION = 2, /* not 19 */
	REHASH_MEMORY = 4,
	REHASH_TIME = 8,
	REHASH_LANES = 16,
	REHASH_SALT = 32,    /* its length */
	REHASH_TAG = 64,     /* its length */
	REHASH_KEY = 128,    /* another pepper, or none */
	REHASH_FORMAT = 256, /* not Argon2, or as we do not write it */
	REHASH_END = 512
};

/* The reasons to replace a hash of Argon2; 0: none. With `rehash = any-difference` all
 * that differs from the profile is one, with `only-weaker` what is less than the
 * profile's, an older type or version, and a key that the profile's has replaced: one
 * that is missing or verify_only. */
unsigned rehash_reasons(const struct config *config,
    const struct config_profile *profile, const struct phc *phc);

/* "type", "version", ... of one reason. */
const char *rehash_reason_name(enum rehash_reason reason);

#endif
