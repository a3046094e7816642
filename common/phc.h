/*
 * PHC strings: how an Argon2 hash is written down with its parameters
 * (https://github.com/P-H-C/phc-string-format, and the Argon2 reference code's
 * encoding):
 *
 *   $argon2id$v=19$m=19456,t=2,p=1[,keyid=<id>][,data=<data>]$<salt>$<tag>
 *
 * Id, data, salt and tag are base64 without padding. `v` may be missing: then it is 16.
 * `keyid` names the key (pepper) that went in as Argon2's secret, `data` is its
 * associated data; both are optional, and never empty where they are there.
 *
 * There is exactly one string for each struct phc: what phc_parse() takes is what
 * phc_format() writes, byte for byte. Beyond the format itself that means numbers
 * without sign and leading zeros, base64 whose unused bits are 0, and nothing before,
 * between or after.
 */
#ifndef COMMON_PHC_H
#define COMMON_PHC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/job.h"

enum {
	PHC_TEXT_MAX = LIMIT_TEXT - 1, /* bytes of a string */
	PHC_KEY_MAX = LIMIT_NAME - 1,  /* bytes of a key's id: a name of the config */
	PHC_DATA_MAX = 32,             /* bytes of data, as the format has it */
	PHC_SALT_MIN = 8,              /* RFC 9106 has none; the reference code has 8 */
	PHC_TAG_MIN = 4,               /* RFC 9106 section 3.1 */
};

/* A hash apart. Salt and tag belong to somebody: to be wiped after use. */
struct phc {
	struct job_cost cost; /* with the lengths of salt and tag */
	bool lanes_first;     /* p stands before t: not the format's order, but that of
	                         hashes     which Node's argon2 has made for years */
	bool version_missing; /* cost.version is 16 because nothing was said */
	uint8_t key[PHC_KEY_MAX]; /* any bytes */
	uint8_t data[PHC_DATA_MAX];
	uint32_t key_len, data_len; /* 0: none */
	uint8_t salt[LIMIT_SALT];
	uint8_t tag[LIMIT_TAG];
};

enum phc_result {
	PHC_OK,
	PHC_OTHER,       /* not an Argon2 hash at all */
	PHC_MALFORMED,   /* one of Argon2, and not well-formed or out of Argon2's ranges
	                  */
	PHC_UNSUPPORTED, /* legal, but with a version, salt or tag that is beyond ours
	                  */
};

/* Takes text[len] apart. No cost is too high here: what may be spent is the caller's
 * to decide before it is spent. Where the result is not PHC_OK, *why is a constant
 * sentence for people that repeats nothing of the text, and *phc is all zero. */
enum phc_result phc_parse(
    struct phc *phc, const char *text, size_t len, const char **why);

/* Writes the string, NUL-terminated, into buf[cap]. Returns its length, or -1 where it
 * does not fit, the type is unknown or a length is beyond its array. */
ssize_t phc_format(char *buf, size_t cap, const struct phc *phc);

/* "argon2id"; NULL where there is no such type. */
const char *phc_type_name(uint32_t type);

/* Standard base64 without padding (RFC 4648 section 4, section 3.2), NUL-terminated.
 * Returns its length, or -1 where it does not fit. */
ssize_t phc_base64(char *buf, size_t cap, const uint8_t *bytes, size_t len);

/* Reads it back into buf[cap]. Returns how many bytes that are, or -1: a letter that is
 * not base64's, a length that cannot be, bits set that stand for nothing, or more than
 * cap bytes. What was written to buf is then wiped. */
ssize_t phc_unbase64(uint8_t *buf, size_t cap, const char *text, size_t len);

#endif
