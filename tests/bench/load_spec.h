/*
 * One stream of traffic as it is asked for:
 * "rate=500,conns=64,path=/hash/%u,name=hash".
 */
#ifndef TESTS_BENCH_LOAD_SPEC_H
#define TESTS_BENCH_LOAD_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/load_target.h"

enum { SPEC_HEADERS = 8, SPEC_ERROR = 160 };

struct spec {
	char name[32];  /* of letters, digits, '_' and '-' */
	double rate;    /* requests a second; 0: closed loop */
	unsigned conns; /* connections that carry requests */
	unsigned idle;  /* connections that carry one, and then are idle */
	unsigned queue; /* requests that may wait for a connection */

	const char *method, *path, *body, *type; /* type: of the body */
	const char *idle_path;                   /* what an idle connection asks once */
	const char *header[SPEC_HEADERS];        /* "Name: value" */
	unsigned header_count;
	bool keepalive; /* else a new connection for each request */
	bool id;        /* an X-Request-Id is sent and must come back */

	unsigned status;    /* what counts as ok; 0: 200 to 299 */
	const char *expect; /* what the body of an ok answer begins with */

	unsigned pieces;   /* bytes that are sent at a time; 0: all */
	uint64_t pause_ns; /* between two pieces */
	double drop;       /* percent of the requests that the client leaves */
	uint64_t drop_after_ns;
	struct target_sources src;
	uint64_t deadline_ns; /* since the scheduled time; 0: none */
	uint64_t timeout_ns;
	uint64_t start_ns, stop_ns; /* since the start of the run; stop 0: its end */

	char *text; /* holds the strings */
};

/* Reads `text`; the stream is called "sNUMBER" unless it says. Returns 0, or -1 with
 * the mistake in error[SPEC_ERROR]. spec_free() in both cases. */
int spec_parse(struct spec *spec, const char *text, unsigned number, char *error);
void spec_free(struct spec *spec);

/* "10s", "250ms", "1.5m", "1h"; a bare number is in ms where `bare`. Returns 0, or -1.
 */
int spec_time_parse(uint64_t *ns, const char *text, bool bare);

/* The keys, one a line, for `load -h`. */
void spec_print_keys(void);

#endif
