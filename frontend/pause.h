/*
 * Who is refused and asks again at once, in spite of Retry-After: a few hundred of them
 * can take all the CPU time there is, and nothing is hashed any more. A frontend that
 * spends too much on refusals reads from a connection that it has refused only after a
 * pause; where the next request may come on another connection (this was the first, or
 * is the last), the refusal waits instead. The pause grows until the refusals cost what
 * they may, and at most to the shortest Retry-After that we give. A connection on which
 * nothing was refused is not held up; who shares one with others, as behind a proxy,
 * shares its pauses.
 */
#ifndef FRONTEND_PAUSE_H
#define FRONTEND_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PAUSE_MAX_MS = 1000, /* Retry-After is a second or more */
	PAUSE_LOOK_MS = 100, /* between two looks at what refusals have cost */
	/* of one CPU, in hundredths: from the one on pauses grow, below the other they
	 * shrink */
	PAUSE_DEAR = 25,
	PAUSE_CHEAP = 12,
	/* the same where there are so many refusals for each other answer: a machine
	 * that has much else to do gives us no quarter of a CPU */
	PAUSE_MANY = 40,
	PAUSE_MANY_DEAR = 5,
	PAUSE_MANY_CHEAP = 2,
	PAUSE_SLEEPERS = 4, /* one of so many connections may wait for its refusal */
};

struct frontend;

/* Zeroed at the start. */
struct pause {
	unsigned ms;       /* 0: there is none */
	unsigned sleepers; /* connections that wait for their refusal; conn keeps it */
	/* since the last look */
	uint64_t looked_ns, cpu_ns, requests;
	uint64_t refused;
};

/* What follows `ms` where refusals take so many hundredths of a CPU. `many`: there are
 * PAUSE_MANY of them for each other answer. */
unsigned pause_next(unsigned ms, unsigned hundredths, bool many);

/* One has been refused. */
void pause_refused(struct frontend *fe);

#endif
