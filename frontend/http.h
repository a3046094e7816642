/*
 * From bytes to a request. llhttp splits the head into its parts; which of what it
 * finds we accept is decided here and in http_policy.c (RFC 9110, RFC 9112). The body
 * is read by http_body.c. The verdict must not depend on the version of llhttp.
 *
 * The head (request line and header section) is parsed where it lies: in the reader's
 * buffer where it came in one piece, else in a copy that the request keeps. All parts
 * of it are therefore offsets into the head, and a request that fits into one read is
 * parsed without an allocation.
 */
#ifndef FRONTEND_HTTP_H
#define FRONTEND_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llhttp.h>

#include "common/secret.h"
#include "frontend/problem.h"

enum {
	HTTP_HEAD_MAX = 8192,   /* bytes of request line and header section */
	HTTP_TARGET_MAX = 6144, /* bytes of the target */
	HTTP_HEADERS_MAX = 100, /* header lines */
	HTTP_EMPTY_MAX = 16,    /* bytes of empty lines before a request line */
	HTTP_HOST_MAX = 1024,   /* bytes of a host with its port */
	HTTP_OPTIONS_MAX = 64,  /* options in Connection */
	HTTP_TABS_MAX = 64,     /* tabs in the fields that llhttp gets in pieces */
	/* bytes of a chunked body that are not data: a fixed part for extensions,
	 * trailers and small chunks, and so many for each byte of data. A chunk of one
	 * byte has 5, so a body may come in 500 of them, and not in 8,000: each costs
	 * as much as many bytes of data. */
	HTTP_FRAMING_MAX = 2048,
	HTTP_FRAMING_PER_BYTE = 1,
};

/* Bytes somewhere else; not NUL-terminated. */
struct text {
	const char *at;
	size_t len;
};

/* True where the text is exactly the string (text_is) or so without regard to the case
 * of ASCII letters (text_is_nocase). */
bool text_is(struct text text, const char *string);
bool text_is_nocase(struct text text, const char *string);

/* Bytes of the text before the first of `stops`, which are few. */
size_t text_until(struct text text, const char *stops);

/* Without the spaces and tabs at both ends. */
struct text text_trim(struct text text);

/* The methods that we know; all others are 501. */
enum method {
	METHOD_NONE = 0,
	METHOD_GET = 1,
	METHOD_HEAD = 2,
	METHOD_POST = 4,
	METHOD_PUT = 8,
	METHOD_DELETE = 16,
	METHOD_PATCH = 32,
	METHOD_OPTIONS = 64,
	METHOD_TRACE = 128,
};

/* "GET"; "-" for METHOD_NONE. */
const char *method_name(enum method method);

/* The header fields that somebody asks for. All others are counted and skipped. */
enum header {
	HEADER_HOST,
	HEADER_CONTENT_LENGTH,
	HEADER_TRANSFER_ENCODING,
	HEADER_EXPECT,
	HEADER_CONTENT_TYPE,
	HEADER_AUTHORIZATION,
	HEADER_X_REQUEST_ID,
	HEADER_END
};

/* A part of the head. */
struct part {
	uint16_t at, len;
};

struct field {
	struct part value;
	uint16_t count; /* lines with this name */
};

/* How far a body was read; see http_body.c. */
struct body_reader {
	bool chunked;
	uint8_t state;    /* chunked: enum chunk_state */
	uint8_t name_len; /* chunked: of a trailer field's name, as far as it is kept */
	char name[18];    /* longer than each name that we know */
	uint64_t left;    /* bytes of data that are still to come */
};

/* Where a body goes as it comes; all NULL: its bytes are counted and dropped. */
struct body_sink {
	/* Takes the next bytes. Returns PROBLEM_NONE, or why the request is refused,
	 * with *detail a constant sentence or NULL. */
	enum problem (*take)(
	    void *context, const char *data, size_t len, const char **detail);
	size_t (*bytes)(const void *context); /* of memory that it has */
	void (*drop)(void *context);          /* wipes and frees it */
	void *context;
};

enum request_state {
	REQUEST_HEAD, /* the head is not complete */
	REQUEST_BODY, /* the head is, the body is not */
	REQUEST_DONE,
	REQUEST_BAD, /* see problem and detail: answer, and close */
};

struct request {
	llhttp_t parser;
	enum request_state state;
	enum problem problem; /* REQUEST_BAD */
	const char *detail;   /* REQUEST_BAD: for people */
	enum problem refused; /* see request_refuse(); PROBLEM_NONE: it is not */
	const char *refused_detail;
	uint64_t body_max; /* bytes; more is PROBLEM_TOO_LARGE */

	const char *base;   /* start of the head: the reader's or head.data */
	struct secret head; /* the copy, once kept */
	size_t head_len;    /* bytes of the head seen so far */
	struct part target, path, query;
	struct part authority; /* of a target in absolute form */
	struct part name;      /* of the field being parsed */
	struct field fields[HEADER_END];
	unsigned field_count;
	unsigned field_now; /* being parsed; HEADER_END: one that nobody asks for */
	uint8_t tabs;       /* in fields that say how long the body is */
	uint16_t line_at;   /* where the request line begins */
	bool line_complete; /* it has come */
	bool started;       /* more than empty lines was seen */
	enum method method;
	bool old;        /* HTTP/1.0 */
	bool keep_alive; /* as the client wishes */
	bool has_body;   /* a body of at least one byte, or a chunked one */
	bool expects;    /* Expect: 100-continue that deserves an answer */

	struct body_sink sink;
	uint64_t body_len; /* bytes of data so far */
	struct body_reader reader;
	uint64_t framing; /* bytes of the body's coding that were not data */
};

/* Begins a request. Nothing is allocated until request_keep(). */
void request_begin(struct request *request, uint64_t body_max);

/*
 * Parses what the client sent next, and returns how many of data[len] belong to this
 * request. It stops, with bytes perhaps left over, when the head is complete (so that
 * the caller can refuse the body or send 100 Continue), when the request is DONE, and
 * when it is BAD. Between two calls the bytes of a head must stay where they are or
 * request_keep() must have been called.
 */
size_t request_feed(struct request *request, const char *data, size_t len);

/* Copies what is borrowed from the reader's buffer, which may then be used for
 * something else. Returns 0, or -1 where there is no memory. */
int request_keep(struct request *request);

/* Its answer is known: a problem, with `detail` or NULL. What is left of the body is
 * dropped as it comes. */
void request_refuse(struct request *request, enum problem problem, const char *detail);

/* Wipes and frees what the request owns. */
void request_free(struct request *request);

/* Has any byte of a request arrived but empty lines? */
bool request_started(const struct request *request);

/* Parts of the request; empty where absent. Valid while the request is. The path is as
 * the client sent it, undecoded, and begins with '/' (or is "*"); the query is what
 * follows '?'. */
struct text request_path(const struct request *request);
struct text request_query(const struct request *request);
struct text request_header(const struct request *request, enum header header);
/* The host that is meant, with its port: the target's where it has one, else that of
 * Host (RFC 9112 section 3.3); empty in HTTP/1.0 without both. */
struct text request_authority(const struct request *request);

/* The field of that name, or HEADER_END. */
enum header header_find(struct text name);

/* http_body.c: the head is complete, and a body follows: chunked, or of that length. */
void body_begin(struct request *request, bool chunked, uint64_t length);

/* Takes from data[len] what belongs to the body, and returns how much that was. The
 * request is DONE or BAD then, or it has used all. */
size_t body_feed(struct request *request, const char *data, size_t len);

/*
 * http_line.c: reads the request line in the first `len` bytes of the head. Sets
 * started and line_at; where the line is complete also line_complete, method, target
 * and old. Returns PROBLEM_NONE, or the problem with *detail set.
 */
enum problem line_read(struct request *request, size_t len, const char **detail);

/* Splits the target (RFC 9112 section 3.2) into path and query. Returns as line_read().
 */
enum problem line_split_target(struct request *request, const char **detail);

/*
 * http_policy.c: what a complete head must be. Sets path, query, keep_alive, has_body,
 * expects. Returns PROBLEM_NONE, or the problem with *detail set.
 */
enum problem policy_check_head(struct request *request, const char **detail);

/* May the byte stand in a token (RFC 9110 section 5.6.2)? */
bool policy_is_token(char c);

/* Is `host` a host with an optional port (RFC 9110 section 7.2)? */
bool policy_host_valid(struct text host);

#endif
