/*
 * A load of requests, driven by poll() in one thread: every password and every request
 * id is unique, the id must come back, and every hash is checked with libargon2, so
 * that an answer that belongs to somebody else shows at once. Outcomes are counted by
 * class.
 */
#ifndef TESTS_SYSTEM_LOAD_H
#define TESTS_SYSTEM_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/system/harness.h"
#include "tests/system/load_question.h"

enum load_class {
	LOAD_OK,
	LOAD_WRONG,   /* not the answer to what was asked: the worst there is */
	LOAD_SHED,    /* 503 or 429 */
	LOAD_FAILED,  /* any other status */
	LOAD_REFUSED, /* connect() */
	LOAD_RESET, /* closed or reset before a byte of the answer, a new connection */
	LOAD_RESET_IDLE, /* the same, one that had been kept alive after an answer */
	LOAD_PARTIAL,    /* closed or reset within the answer */
	LOAD_TIMEOUT,
	LOAD_CLASSES
};

enum { LOAD_CONNECTIONS = 128, LOAD_MS = 1024 };

struct load {
	const struct address *to;
	unsigned connections; /* at the same time, at most LOAD_CONNECTIONS */
	unsigned requests;    /* in all */
	bool reconnect;       /* a new connection for each request */
	bool rayon;           /* /hash_rayon/ instead of /hash/ */
	bool hello;           /* every fourth request says hello instead */
	bool mixed;           /* all kinds in turn instead */
	unsigned fresh;       /* so many of the connections are new for each request */
	bool trusting; /* no hash is computed again: that takes the load's time */
	bool apart;    /* each comes from an address of its own: 127.0.1.x */
	/* Called every tick_ms and told how far it is; false ends the load: what is
	 * under way is still awaited, nothing new is asked. May be NULL. */
	bool (*tick)(struct load *load, void *arg);
	void *arg;
	unsigned tick_ms;

	/* the outcome */
	unsigned asked, answered;
	unsigned count[LOAD_CLASSES];
	int failed_status; /* of the last that LOAD_FAILED counts, or 0 */
	uint64_t slowest_ms;
	unsigned took[LOAD_MS]; /* answers by milliseconds, the last: that or more */
};

/* What every row of the faults is done beside: 32 connections that are kept alive and
 * 4 that connect anew for each request, until its tick says that it is enough. */
#define LOAD_OF_A_ROW(d)                                                               \
	.to = &(d)->tcp, .connections = 36, .fresh = 4, .requests = 1U << 30

/* Runs it to its end and fills the outcome in. */
void load_run(struct load *load);
/* Fails the test, with all counts, unless every request was answered well; shed ones
 * are allowed where `shedding`. */
void load_expect_ok(const struct load *load, bool shedding);
/* What was neither answered well nor shed. */
unsigned load_lost(const struct load *load);
/* The time within which so many percent were answered, in ms (at most LOAD_MS - 1). */
unsigned load_percentile(const struct load *load, unsigned percent);
/* Prints all counts; where nothing was lost, with the bound that this proves. */
void load_print(const struct load *load, const char *title);

#endif
