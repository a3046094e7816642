/*
 * From bytes to a body, where the head says that there is one. llhttp has no part in
 * it: what its versions accept around the data of chunks differs too much.
 *
 * The grammar is that of RFC 9112 section 7.1, and no wider. Chunk extensions and
 * trailer fields are checked and dropped.
 */
#include "frontend/http.h"

#include <string.h>

/* What the byte that comes next may be. The states of data have no row in the table. */
enum chunk_state {
	CHUNK_START, /* the first digit of a size */
	CHUNK_SIZE,
	CHUNK_BLANK,       /* white space behind a size or a value: a ';' must come */
	EXTENSION_START,   /* behind a ';' */
	EXTENSION_NAME,    /* in a name */
	EXTENSION_NAMED,   /* white space behind a name */
	EXTENSION_EQUALS,  /* behind a '=' */
	EXTENSION_VALUE,   /* in a token */
	EXTENSION_QUOTED,  /* in a quoted string */
	EXTENSION_ESCAPED, /* behind a backslash in it */
	EXTENSION_END,     /* behind it */
	CHUNK_LF,          /* behind the CR of a chunk's line */
	DATA_CR,           /* behind the data */
	DATA_LF,
	TRAILER_START, /* of a line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	CHUNK_DATA,
	CHUNK_END,
};

/* Sets of bytes. */
enum byte_set {
	HEX = 1,
	TOKEN = 2,
	BLANK = 4,
	TEXT = 8, /* all that may stand in a quoted string or a field's value */
	CR = 16,
	LF = 32,
	SEMICOLON = 64,
	EQUALS = 128,
	QUOTE = 256,
	BACKSLASH = 512,
	COLON = 1024,
};

enum { WAYS_MAX = 5 };

/* Where bytes lead from a state; the first row that has the byte counts. */
static const struct way {
	uint16_t bytes; /* enum byte_set, or-ed; 0: the last row */
	uint8_t to;     /* enum chunk_state */
} ways[CHUNK_DATA][WAYS_MAX + 1] = {
    [CHUNK_START] = {{HEX, CHUNK_SIZE}},
    [CHUNK_SIZE] = {{HEX, CHUNK_SIZE}, {CR, CHUNK_LF}, {SEMICOLON, EXTENSION_START},
        {BLANK, CHUNK_BLANK}},
    [CHUNK_BLANK] = {{BLANK, CHUNK_BLANK}, {SEMICOLON, EXTENSION_START}},
    [EXTENSION_START] = {{BLANK, EXTENSION_START}, {TOKEN, EXTENSION_NAME}},
    [EXTENSION_NAME] = {{TOKEN, EXTENSION_NAME}, {CR, CHUNK_LF},
        {EQUALS, EXTENSION_EQUALS}, {SEMICOLON, EXTENSION_START},
        {BLANK, EXTENSION_NAMED}},
    [EXTENSION_NAMED] = {{BLANK, EXTENSION_NAMED}, {EQUALS, EXTENSION_EQUALS},
        {SEMICOLON, EXTENSION_START}},
    [EXTENSION_EQUALS] = {{BLANK, EXTENSION_EQUALS}, {QUOTE, EXTENSION_QUOTED},
        {TOKEN, EXTENSION_VALUE}},
    [EXTENSION_VALUE] = {{TOKEN, EXTENSION_VALUE}, {CR, CHUNK_LF},
        {SEMICOLON, EXTENSION_START}, {BLANK, CHUNK_BLANK}},
    [EXTENSION_QUOTED] = {{QUOTE, EXTENSION_END}, {BACKSLASH, EXTENSION_ESCAPED},
        {TEXT, EXTENSION_QUOTED}},
    [EXTENSION_ESCAPED] = {{TEXT, EXTENSION_QUOTED}},
    [EXTENSION_END] = {{CR, CHUNK_LF}, {SEMICOLON, EXTENSION_START},
        {BLANK, CHUNK_BLANK}},
    [CHUNK_LF] = {{LF, CHUNK_DATA}},
    [DATA_CR] = {{CR, DATA_LF}},
    [DATA_LF] = {{LF, CHUNK_START}},
    [TRAILER_START] = {{TOKEN, TRAILER_NAME}, {CR, END_LF}},
    [TRAILER_NAME] = {{TOKEN, TRAILER_NAME}, {COLON, TRAILER_VALUE}},
    [TRAILER_VALUE] = {{TEXT, TRAILER_VALUE}, {CR, TRAILER_LF}},
    [TRAILER_LF] = {{LF, TRAILER_START}},
    [END_LF] = {{LF, CHUNK_END}},
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* The sets that a byte is in. One look: a chunk costs as little as it can. */
static unsigned byte_sets(char c)
{
	/* clang-format off */
	enum { X = TEXT, T = TEXT | TOKEN, H = TEXT | TOKEN | HEX, B = TEXT | BLANK };
	static const uint16_t ascii[128] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, B, LF, 0, 0, CR, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		/*  !"#$%&'()*+,-./ */
		B, T, X | QUOTE, T, T, T, T, T, X, X, T, T, X, T, T, X,
		/* 0123456789:;<=>? */
		H, H, H, H, H, H, H, H, H, H, X | COLON, X | SEMICOLON, X, X | EQUALS, X, X,
		/* @A-O, P-Z[\]^_ */
		X, H, H, H, H, H, H, T, T, T, T, T, T, T, T, T,
		T, T, T, T, T, T, T, T, T, T, T, X, X | BACKSLASH, X, T, T,
		/* `a-o, p-z{|}~ */
		T, H, H, H, H, H, H, T, T, T, T, T, T, T, T, T,
		T, T, T, T, T, T, T, T, T, T, T, X, T, X, T, 0,
	};
	/* clang-format on */

	return (unsigned char)c < 128 ? ascii[(unsigned char)c] : TEXT;
}

static bool body_fail(struct request *request, enum problem problem, const char *detail)
{
	request->state = REQUEST_BAD;
	request->problem = problem;
	request->detail = detail;
	return false;
}

/* Takes data of the body; false where it is more than a body may have. */
static bool body_take(struct request *request, const char *data, size_t len)
{
	enum problem problem = PROBLEM_NONE;
	const char *detail = NULL;

	if (len > request->body_max - request->body_len)
		return body_fail(request, PROBLEM_TOO_LARGE, NULL);
	request->body_len += len;
	if (request->sink.take != NULL)
		problem = request->sink.take(request->sink.context, data, len, &detail);
	if (problem != PROBLEM_NONE)
		request_refuse(request, problem, detail);
	return true;
}

/* A digit more of a chunk's size. */
static bool size_extend(struct request *request, char digit)
{
	struct body_reader *reader = &request->reader;

	if (reader->left > UINT64_MAX >> 4)
		return body_fail(
		    request, PROBLEM_BAD_REQUEST, "a chunk size out of range");
	reader->left = reader->left << 4 | (unsigned)hex_digit(digit);
	return true;
}

/* The line of a chunk is complete. */
static bool size_complete(struct request *request)
{
	struct body_reader *reader = &request->reader;

	if (reader->left > request->body_max - request->body_len)
		return body_fail(request, PROBLEM_TOO_LARGE, NULL);
	if (reader->left == 0)
		reader->state = TRAILER_START;
	return true;
}

/* Keeps so much of a trailer's name as tells whether it is a field that we read. */
static void trailer_extend(struct body_reader *reader, char c)
{
	if (reader->name_len < sizeof(reader->name))
		reader->name[reader->name_len++] = c;
}

/* A field that would have changed the meaning of the request in its head (framing,
 * routing, authentication) must not be sent in a trailer (RFC 9110 section 6.5.1). It
 * is too late to obey it, and dropping it would hide that another server may have. */
static bool trailer_named(struct request *request)
{
	struct body_reader *reader = &request->reader;
	enum header header = header_find((struct text){reader->name, reader->name_len});

	reader->name_len = 0;
	if (header != HEADER_END && header != HEADER_X_REQUEST_ID)
		return body_fail(request, PROBLEM_BAD_REQUEST,
		    "a trailer with a field that belongs into the header");
	return true;
}

/* What entering a state does. */
static bool chunk_enter(struct request *request, enum chunk_state from, char c)
{
	struct body_reader *reader = &request->reader;

	switch ((enum chunk_state)reader->state) {
	case CHUNK_SIZE:
		return size_extend(request, c);
	case CHUNK_DATA:
		return size_complete(request);
	case TRAILER_NAME:
		trailer_extend(reader, c);
		return true;
	case TRAILER_VALUE:
		return from == TRAILER_VALUE || trailer_named(request);
	case CHUNK_END:
		request->state = REQUEST_DONE;
		return true;
	default:
		return true;
	}
}

/* Takes one byte that is not data. */
static bool chunk_step(struct request *request, char c)
{
	struct body_reader *reader = &request->reader;
	const enum chunk_state from = reader->state;
	const unsigned sets = byte_sets(c);
	const struct way *way = ways[from];

	if (++request->framing >
	    HTTP_FRAMING_MAX + HTTP_FRAMING_PER_BYTE * request->body_len)
		return body_fail(request, PROBLEM_BAD_REQUEST,
		    "too much around the data of the chunks");
	while (way->bytes != 0 && (way->bytes & sets) == 0)
		way++;
	if (way->bytes == 0)
		return body_fail(request, PROBLEM_BAD_REQUEST,
		    from < DATA_CR         ? "not the line of a chunk"
		    : from < TRAILER_START ? "a chunk is longer than its size"
		                           : "not a trailer");
	reader->state = way->to;
	return chunk_enter(request, from, c);
}

/* Takes data of a chunk, or of a body whose length is known. Returns how much. */
static size_t data_feed(struct request *request, const char *data, size_t len)
{
	struct body_reader *reader = &request->reader;

	if (len > reader->left)
		len = (size_t)reader->left;
	if (!body_take(request, data, len))
		return 0;
	reader->left -= len;
	return len;
}

static size_t chunked_feed(struct request *request, const char *data, size_t len)
{
	struct body_reader *reader = &request->reader;
	size_t used = 0;

	while (used < len && request->state == REQUEST_BODY) {
		if (reader->state != CHUNK_DATA) {
			chunk_step(request, data[used++]);
			continue;
		}
		used += data_feed(request, data + used, len - used);
		if (reader->left == 0)
			reader->state = DATA_CR;
	}
	return used;
}

void body_begin(struct request *request, bool chunked, uint64_t length)
{
	request->reader = (struct body_reader){
	    .chunked = chunked, .state = CHUNK_START, .left = chunked ? 0 : length};
}

size_t body_feed(struct request *request, const char *data, size_t len)
{
	size_t used;

	if (request->reader.chunked)
		return chunked_feed(request, data, len);
	used = data_feed(request, data, len);
	if (request->state == REQUEST_BODY && request->reader.left == 0)
		request->state = REQUEST_DONE;
	return used;
}
