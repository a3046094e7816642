/*
 * What has become of the requests of a stream: their outcomes, in all and second by
 * second, and their times.
 */
#ifndef TESTS_BENCH_LOAD_TALLY_H
#define TESTS_BENCH_LOAD_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/load_histogram.h"

enum outcome {
	OUTCOME_OK,
	OUTCOME_LATE,         /* ok, after the deadline */
	OUTCOME_WRONG,        /* not the answer to what was asked: the worst there is */
	OUTCOME_SHED,         /* 503, 429 */
	OUTCOME_SERVER_ERROR, /* any other 5xx */
	OUTCOME_CLIENT_ERROR, /* 4xx, 3xx */
	OUTCOME_REFUSED,      /* the connection */
	OUTCOME_RESET_NEW,    /* ended before a byte of the first answer on it */
	OUTCOME_RESET_IDLE,   /* the same on a connection that has had an answer */
	OUTCOME_PARTIAL,      /* ended within the answer */
	OUTCOME_TIMEOUT,
	OUTCOME_DROPPED, /* the client has left, as it was told to */
	OUTCOME_UNSENT, /* waited too long for a connection of ours, or we had no socket
	                 */
	OUTCOMES
};

/* "ok", "late"... */
const char *outcome_name(enum outcome outcome);
/* Is it everything but ok, late, shed, dropped and unsent? */
bool outcome_is_lost(enum outcome outcome);

/* The times, in ns. */
enum timing {
	TIMING_OK, /* from the scheduled time to the end of an answer that is ok or late
	            */
	TIMING_SHED,    /* the same of 503 and 429 */
	TIMING_CONNECT, /* from connect() until it is connected */
	TIMING_WAIT, /* from the scheduled time until a connection of ours was free */
	TIMING_LAG,  /* from the scheduled time until the generator noticed: its own
	                fault */
	TIMINGS
};

const char *timing_name(enum timing timing);

struct tally {
	uint64_t count[OUTCOMES];
	struct histogram timing[TIMINGS];
	uint32_t (*series)[OUTCOMES]; /* by the second in which it ended */
	size_t seconds;   /* room in series; what comes later is put with the last */
	uint64_t unasked; /* bytes came on a connection that had asked for nothing */
	uint64_t idle_closed; /* connections that the server closed between requests */
	uint64_t queue_most;  /* requests that waited at the same time */
};

/* Returns 0, or -1 where there is no memory; tally_free() in both cases. */
int tally_init(struct tally *tally, size_t seconds);
void tally_free(struct tally *tally);

/* One request has ended, `second` after the start, `latency_ns` after its scheduled
 * time. */
void tally_add(
    struct tally *tally, enum outcome outcome, uint64_t latency_ns, uint64_t second);
/* Adds all of `from`. */
void tally_merge(struct tally *into, const struct tally *from);

/* Requests in all; those of them that the server could answer (neither unsent nor
 * dropped); those of these that it has lost. */
uint64_t tally_total(const struct tally *tally);
uint64_t tally_judged(const struct tally *tally);
uint64_t tally_lost(const struct tally *tally);

#endif
