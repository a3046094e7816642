/*
 * A look at a running daemon's board, so that a test knows what a hasher has in hand
 * without asking it.
 */
#ifndef TESTS_SYSTEM_PEEK_H
#define TESTS_SYSTEM_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/board.h"
#include "tests/system/harness.h"

enum { PEEK_ELASTIC, PEEK_FIXED, PEEK_LOOKUP, PEEK_POOLS };

struct peek {
	struct board board; /* read-only */
	size_t bytes;
	size_t pool_slot[PEEK_POOLS]; /* of hasher 0; the others follow */
};

/* Maps the board of a daemon that has just become ready. False where that is not
 * permitted or titles cannot be seen. */
bool peek_open(struct peek *peek, const struct daemon *d);
void peek_close(struct peek *peek);

/* A job in the hand of a hasher in that slot, or 0. */
uint64_t peek_claim(const struct peek *peek, size_t slot);
/* Waits until the hasher of that slot has a job in hand; returns its id. */
uint64_t peek_wait_claim(const struct peek *peek, size_t slot);
/* Jobs waiting and under way in pool `pool`, as `frontends` frontends say. */
unsigned peek_jobs(const struct peek *peek, size_t frontends, size_t pool);
/* Waits until there are at least `n`. */
void peek_wait_jobs(const struct peek *peek, size_t frontends, size_t pool, unsigned n);

/* Waits until no frontend wants a job and no hasher has one in hand. */
void peek_wait_idle(const struct peek *peek, size_t frontends);

/*
 * Waits until the hasher of that slot works and has stopped it (SIGSTOP) while it still
 * has the job in hand. Returns the job's id.
 */
uint64_t peek_freeze(const struct peek *peek, size_t slot, pid_t pid);

#endif
