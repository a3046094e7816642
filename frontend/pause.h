/*
 * Who is refused and asks again at once, in spite of Retry-After: a few hundred of them
 * can take all the CPU time there is, and nothing is hashed any more. A frontend that
 * spends too much on refusals reads from a connection that it has refused only after a
 * pause. The pause grows until the refusals cost what they may, and at most to the
 * shortest Retry-After that we give. Who has not been refused is not held up.
 */
#ifndef FRONTEND_PAUSE_H
#define FRONTEND_PAUSE_H

#include <stdint.h>

enum {
	PAUSE_MAX_MS = 1000, /* Retry-After is a second or more */
	PAUSE_LOOK_MS = 100, /* between two looks at what refusals have cost */
	/* of one CPU, in hundredths: above the one pauses grow, below the other they
	 * shrink */
	PAUSE_DEAR = 25,
	PAUSE_CHEAP = 12,
};

struct frontend;

/* Zeroed at the start. */
struct pause {
	unsigned ms; /* 0: there is none */
	/* since the last look */
	uint64_t looked_ns, cpu_ns, requests;
	uint64_t refused;
};

/* What follows `ms` where refusals take so many hundredths of a CPU. */
unsigned pause_next(unsigned ms, unsigned hundredths);

/* One has been refused. */
void pause_refused(struct frontend *fe);

#endif
