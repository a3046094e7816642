/*
 * Clients with addresses of their own, each with some connections that ask the same
 * thing again as soon as they have their answer: who gets how much beside whom.
 */
#ifndef TESTS_SYSTEM_LANES_H
#define TESTS_SYSTEM_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/system/harness.h"

enum { LANES_MAX = 256 };

struct lanes {
	uint8_t address;     /* of the first client: 127.0.0.address; the next: + 1 */
	unsigned clients;    /* each with an address */
	unsigned conns;      /* of each client */
	const char *request; /* what all of them ask, whole */

	/* the outcome, added to what was there */
	uint64_t cpu_ms; /* of the first group: lanes_cpu_ms() when it was enough */
	unsigned good, shed,
	    other; /* answers of 200, of 503 and 429, of another status */
};

/* A request of POST path with that body, malloc'ed. */
char *lanes_post(const char *path, const char *body);

/* Runs groups[count] beside each other until the first of them has so many good answers
 * more; what is under way then is awaited and does not count. Fails where a connection
 * is closed. Who is shed asks again after 20 ms. */
void lanes_run(
    const struct daemon *d, struct lanes *groups, unsigned count, unsigned good);

/* CPU time, in milliseconds, that the daemon's children have used so far; those that
 * have gone do not count. */
uint64_t lanes_cpu_ms(const struct daemon *d);

#endif
