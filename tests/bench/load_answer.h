/*
 * The answer to one request, judged while its bytes arrive; none of them is kept.
 */
#ifndef TESTS_BENCH_LOAD_ANSWER_H
#define TESTS_BENCH_LOAD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llhttp.h>

#include "tests/bench/load_spec.h"
#include "tests/bench/load_tally.h"

enum { ANSWER_ID_MAX = 64 };

enum answer_state {
	ANSWER_MORE, /* is to come */
	ANSWER_DONE,
	ANSWER_BAD, /* not HTTP */
};

struct answer {
	llhttp_t parser;
	const struct spec *spec;
	char id[ANSWER_ID_MAX]; /* the X-Request-Id that was sent */

	bool started; /* a byte of it has come */
	bool complete;
	bool keep_alive;  /* the connection, as the server wishes */
	unsigned status;  /* 200..599; interim answers (1xx) are passed over */
	unsigned ids;     /* lines with an X-Request-Id */
	bool id_wrong;    /* one of them is not ours */
	size_t id_seen;   /* bytes of the one being parsed */
	size_t name_seen; /* bytes of the field's name; SIZE_MAX: it is another one */
	size_t body_seen; /* bytes of the body, as far as they are compared */
	bool body_wrong;
};

/* Begins the answer to request `id` of the stream. */
void answer_begin(struct answer *answer, const struct spec *spec, const char *id);

/* Takes what has come; *used is how much of it belongs to this answer. */
enum answer_state answer_feed(
    struct answer *answer, const char *data, size_t len, size_t *used);

/* The connection has ended. True where that is the end of a complete answer. */
bool answer_finish(struct answer *answer);

/* The outcome of a complete answer. `late`: after its deadline. */
enum outcome answer_judge(const struct answer *answer, bool late);

#endif
