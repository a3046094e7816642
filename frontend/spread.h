/*
 * In how many frontends does a client ask? One with many connections is a client of
 * several, and would have his turn in each. Frontends tell each other on the board
 * which clients have jobs with them, by a bucket of the client's hash, which is the
 * same in all of a generation; a client of two has half a turn in each. Of a client in
 * a network that has turns, it is the widest network (origin.h) and its hash: so a
 * crowd of clients is one, for this and for how much of the hashers a frontend is given
 * (window.c), and marks one bucket.
 *
 * What others say of themselves is hearsay: it makes a turn larger or smaller, and
 * nothing else.
 */
#ifndef FRONTEND_SPREAD_H
#define FRONTEND_SPREAD_H

#include <stdint.h>

#include "common/contract.h"

struct pool;

/* Of one pool. All zero at first. */
struct spread {
	uint32_t asking[LIMIT_BUCKETS]; /* our clients with a job, by bucket */
	uint32_t clients;               /* all of them; networks are one */
	uint64_t told_ns;               /* when the board was last told how many */
};

/* A client has got its first job with us, or has none any more. */
void spread_add(struct pool *pool, uint64_t hash);
void spread_remove(struct pool *pool, uint64_t hash);

/* Frontends in which a client of that hash asks, with us: at least 1. */
unsigned spread_of(const struct pool *pool, uint64_t hash);

/* Clients that ask us, each divided by the frontends that it asks: in units of
 * 1/BOARD_ASKER. Tells the board; what others have become meanwhile may be some
 * milliseconds old, and where nothing happens with us, older. */
unsigned spread_askers(struct pool *pool);

#endif
