/*
 * A load of hash requests, driven by poll() in one thread: every password is unique and
 * every hash that comes back is checked with libargon2, so that an answer that belongs
 * to somebody else shows at once. Outcomes are counted by class.
 */
#ifndef TESTS_SYSTEM_LOAD_H
#define TESTS_SYSTEM_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/system/harness.h"

enum load_class {
	LOAD_OK,
	LOAD_WRONG,   /* not the answer to what was asked: the worst there is */
	LOAD_SHED,    /* 503 or 429 */
	LOAD_FAILED,  /* any other status */
	LOAD_REFUSED, /* connect() */
	LOAD_RESET,   /* closed or reset before a byte of the answer */
	LOAD_PARTIAL, /* closed or reset within the answer */
	LOAD_TIMEOUT,
	LOAD_CLASSES
};

struct load {
	const struct address *to;
	unsigned connections; /* at the same time, at most LOAD_CONNECTIONS */
	unsigned requests;    /* in all */
	bool reconnect;       /* a new connection for each request */
	bool rayon;           /* /hash_rayon/ instead of /hash/ */
	bool hello;           /* every fourth request says hello instead */
	unsigned fresh;       /* so many of the connections are new for each request */
	/* Called every tick_ms and told how far it is; false ends the load: what is
	 * under way is still awaited, nothing new is asked. May be NULL. */
	bool (*tick)(struct load *load, void *arg);
	void *arg;
	unsigned tick_ms;

	/* the outcome */
	unsigned asked, answered;
	unsigned count[LOAD_CLASSES];
	uint64_t slowest_ms;
};

enum { LOAD_CONNECTIONS = 128 };

/* Runs it to its end and fills the outcome in. */
void load_run(struct load *load);
/* Fails the test, with all counts, unless every request was answered well; shed ones
 * are allowed where `shedding`. */
void load_expect_ok(const struct load *load, bool shedding);
void load_print(const struct load *load, const char *title);
/* Is `hash` (a PHC string) that of the password? */
bool load_verify(const char *hash, const char *password);

#endif
