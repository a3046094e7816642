/*
 * Percent-encoding in the path of a target (RFC 3986 section 2.1).
 */
#ifndef FRONTEND_PERCENT_H
#define FRONTEND_PERCENT_H

#include <stddef.h>

#include "common/secret.h"

/* Appends the bytes that in[len] stands for to `out`: each %HH becomes one byte, NUL
 * included, and everything else, '+' too, stays as it is. Returns 0, or -1 with errno
 * EINVAL (a bad escape) or ENOMEM; `out` is then unchanged. */
int percent_decode(struct secret *out, const char *in, size_t len);

#endif
