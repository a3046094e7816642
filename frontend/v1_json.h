/*
 * One flat JSON object (RFC 8259), read as its bytes come: no member holds an object or
 * a list. Nothing is allocated, and no more than a few bytes are kept. Each part is
 * given to a handler at once, and the handler may stop the reading: so a text costs no
 * more than what its reader is ready to take, however long it is. (A library that
 * builds a tree first, or that wants the whole text, cannot promise that.)
 */
#ifndef FRONTEND_V1_JSON_H
#define FRONTEND_V1_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Or-ed where several will do. */
enum value_kind {
	VALUE_TEXT = 1,
	VALUE_NUMBER = 2,
	VALUE_TRUE = 4,
	VALUE_FALSE = 8,
	VALUE_NULL = 16,
};

/* Each returns false to stop the reading. */
struct json_handler {
	/* A piece of a member's name, decoded to UTF-8; none for an empty name. */
	bool (*name)(void *to, const char *bytes, size_t len);
	/* The name is complete, and a value begins. */
	bool (*value)(void *to, enum value_kind kind);
	/* A piece of a text's value, decoded to UTF-8, or of a number as it is written:
	 * of the grammar of numbers only the set of bytes has been checked. */
	bool (*piece)(void *to, const char *bytes, size_t len);
	/* The value is complete. */
	bool (*end)(void *to);
};

struct json_reader {
	const struct json_handler *handler;
	void *to;
	const char
	    *wrong; /* a constant sentence; NULL: nothing, or the handler stopped */
	const char *word; /* what is left of true, false or null */
	uint8_t state, text_state;
	bool is_name;         /* the text that is being read */
	uint8_t left;         /* bytes of a UTF-8 sequence, or digits of a \u */
	uint8_t low, high;    /* the bounds of the next byte of that sequence */
	uint16_t unit, first; /* of \u: the UTF-16 unit, and a pair's first one or 0 */
	uint8_t held_len;
	char held[32]; /* decoded, and not yet given to the handler */
};

void v1_json_begin(
    struct json_reader *reader, const struct json_handler *handler, void *to);

/* Reads on. False: `wrong` says why, or the handler has stopped; not to be called again
 * then. */
bool v1_json_feed(struct json_reader *reader, const char *data, size_t len);

/* Is the object complete? */
bool v1_json_is_complete(const struct json_reader *reader);

#endif
