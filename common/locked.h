/*
 * Memory for secrets: a heap of its own that is never swapped out nor dumped. A process
 * opens it once, before it touches a secret; whatever holds one afterwards (struct
 * secret, jansson's and OpenSSL's blocks, the buffers of roles) is allocated here. The
 * part of the stack that a role's functions use is locked with it.
 *
 * RLIMIT_MEMLOCK bounds it, and so does the size that is asked for. What does not fit
 * comes from malloc(), which may be swapped out: this is counted, and logged once.
 *
 * Blocks are powers of two (a buddy system: D. E. Knuth, The Art of Computer
 * Programming, volume 1, section 2.5). What is known of them is kept outside of the
 * heap, which is between two pages that cannot be touched. A block is wiped when it is
 * given back; one that was written past its end, or is given back twice, ends the
 * process.
 */
#ifndef COMMON_LOCKED_H
#define COMMON_LOCKED_H

#include <stddef.h>

enum {
	LOCKED_UNIT = 64,          /* bytes of the smallest block */
	LOCKED_LEAST = 16 * 1024,  /* bytes of the smallest heap */
	LOCKED_STACK = 128 * 1024, /* bytes of the stack, or half of the heap's */
};

/* Opens the heap with `want` bytes, or as many as the system allows; 0: with none. It
 * is called once. Returns how many bytes it has; 0 where it has none. */
size_t locked_open(size_t want);

/* What is opened for `want`, with the stack: what RLIMIT_MEMLOCK should be. */
size_t locked_need(size_t want);
/* What memory the heap takes when all of it has been used once, with what is known of
 * its blocks: none of it is given back. */
size_t locked_bytes(size_t want);

/* Returns n bytes, not zeroed and aligned to LOCKED_UNIT, or NULL (ENOMEM). From the
 * heap where it is open and has room, else from malloc(). */
void *locked_alloc(size_t n);
/* The same, from malloc() always, or where n is more than a small part of the heap: for
 * a library that also allocates what holds no password. That does not count as missed.
 */
void *locked_alloc_outside(size_t n);
void *locked_alloc_small(size_t n);
/* Zeroed. */
void *locked_zalloc(size_t n);
/* Wipes it and gives it back. NULL is fine. */
void locked_free(void *bytes);
/* How many bytes were asked for. */
size_t locked_size(const void *bytes);

/* Allocations that there was no room for. */
size_t locked_missed(void);

/* For tests: without it nothing is open, and all blocks have to be given back. */
void locked_close(void);

#endif
