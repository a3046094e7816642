/*
 * PHC strings: how a password hash is written down with its parameters
 * (https://github.com/P-H-C/phc-string-format, and the Argon2 reference code's
 * encoding): $argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>      (base64 without padding)
 */
#ifndef COMMON_PHC_H
#define COMMON_PHC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/job.h"

/* Writes the string, NUL-terminated, into buf[cap]. salt_len and tag_len are those of
 * `cost`. Returns its length, or -1 where it does not fit or the type is unknown. */
ssize_t phc_format(char *buf, size_t cap, const struct job_cost *cost,
    const uint8_t *salt, const uint8_t *tag);

/* Standard base64 without padding (RFC 4648 section 4, section 3.2), NUL-terminated.
 * Returns its length, or -1 where it does not fit. */
ssize_t phc_base64(char *buf, size_t cap, const uint8_t *bytes, size_t len);

#endif
