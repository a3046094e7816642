/*
 * Reading a hash string from left to right, without a copy and without a step back:
 * each function takes from the front what it was asked for, or takes nothing and says
 * no. Private to the readers of old formats.
 */
#ifndef COMMON_LEGACY_SCAN_H
#define COMMON_LEGACY_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/legacy.h"

/* What is left to be read; and a part of it. */
struct legacy_span {
	const char *at;
	size_t len;
};

/* The digits of a base64, by their value, and how their bits fill bytes. */
struct legacy_alphabet {
	const char *digits;
	bool low_first; /* crypt(3): the first digit holds the lowest bits */
	bool padded;    /* ends in '=' where its bytes are no multiple of three */
};

extern const struct legacy_alphabet legacy_base64;        /* RFC 4648 section 4 */
extern const struct legacy_alphabet legacy_base64_bare;   /* without its padding */
extern const struct legacy_alphabet legacy_base64_ab;     /* and '.' for its '+' */
extern const struct legacy_alphabet legacy_base64_crypt;  /* ./0-9A-Za-z */
extern const struct legacy_alphabet legacy_base64_bcrypt; /* ./A-Za-z0-9 */

/* All that is left must have been read. */
bool legacy_scan_end(const struct legacy_span *from);
bool legacy_scan_literal(struct legacy_span *from, const char *literal);
/* Decimal, without sign or leading zero; min..max. */
bool legacy_scan_number(
    struct legacy_span *from, uint64_t min, uint64_t max, uint64_t *value);
bool legacy_scan_number32(
    struct legacy_span *from, uint32_t min, uint32_t max, uint32_t *value);
/* Hex in lower case, without leading zero. */
bool legacy_scan_hex32(struct legacy_span *from, uint32_t *value);
/* min..max digits of the alphabet (padding is none). */
bool legacy_scan_digits(struct legacy_span *from,
    const struct legacy_alphabet *alphabet, size_t min, size_t max,
    struct legacy_span *part);
/* All before the next `stop`, which is taken too: min..max printable characters. */
bool legacy_scan_until(struct legacy_span *from, char stop, size_t min, size_t max,
    struct legacy_span *part);

/* A digit's value, or -1. */
int legacy_digit(const struct legacy_alphabet *alphabet, char digit);

/* Does the last digit leave the bits clear that no byte needs? Of unpadded digits. */
bool legacy_digits_canonical(
    const struct legacy_alphabet *alphabet, const struct legacy_span *digits);

/* These read the whole of `part`: 1..cap bytes. */
bool legacy_decode(const struct legacy_alphabet *alphabet, struct legacy_span part,
    uint8_t *out, size_t cap, size_t *len);
/* Lower case, exactly `len` bytes. */
bool legacy_decode_hex(struct legacy_span part, uint8_t *out, size_t len);

#endif
