/*
 * Where a client is: the networks around it as keyed hashes, the widest first and the
 * client itself last. Of an IPv6 client these are its /48, its /56 and its /64; all
 * other clients are in no network. Whoever has the key of the generation has the same
 * hashes (client.h).
 */
#ifndef FRONTEND_ORIGIN_H
#define FRONTEND_ORIGIN_H

#include <stdint.h>

enum { ORIGIN_LEVELS = 3 };

struct origin {
	uint64_t hash[ORIGIN_LEVELS];
	unsigned depth; /* hashes in use, 1..ORIGIN_LEVELS */
};

#endif
