/*
 * The two hashes around Argon2's memory (RFC 9106, sections 3.2 and 3.3), by
 * libb2's BLAKE2b. All intermediate state is wiped.
 */
#ifndef HASHER_BLAKE_H
#define HASHER_BLAKE_H

#include <stddef.h>
#include <stdint.h>

#include "hasher/engine.h"

#define BLAKE_H0_BYTES 64u

/* H0 of params and input. Returns -1 where libb2 refuses. */
int blake_h0(uint8_t h0[BLAKE_H0_BYTES], const struct engine_params *params,
    const struct engine_input *input);

/* H'^out_len(in), the hash of variable length; out_len > 0. Returns -1 where
 * libb2 refuses. */
int blake_long(uint8_t *out, uint32_t out_len, const uint8_t *in, size_t in_len);

#endif
