/*
 * What streams of requests come to, good and hostile ones: the same as a whole and in
 * pieces, and the same with every version of llhttp. tests/llhttp.sh runs this with
 * each; with HTTP_VERDICTS=file the verdicts over all mutations of the streams are
 * written there, to be compared.
 */
#include "tests/frontend/http_judge.h"

#include "tests/frontend/http_streams.h"

enum { VERDICT_MAX = 128 };

/* How the stream reaches the parser. */
enum split { WHOLE, TWO_PIECES, BYTES };

/* A stream is read as a connection reads it: request after request, until one is bad,
 * incomplete, or the last. */
struct reader {
	const char *stream;
	size_t len, cut; /* TWO_PIECES: the first one has `cut` bytes */
	enum split split;
	size_t at;
};

/* The end of the piece that the next byte is in. */
static size_t piece_end(const struct reader *reader)
{
	if (reader->split == BYTES)
		return reader->at + 1;
	return reader->split == TWO_PIECES && reader->at < reader->cut ? reader->cut
	                                                               : reader->len;
}

static bool wants_more(const struct request *request)
{
	return request->state == REQUEST_HEAD || request->state == REQUEST_BODY;
}

/* Reads one request. A piece lies in memory that is gone when the next one comes. */
static void read_request(struct reader *reader, struct request *request)
{
	request_begin(request, BODY_MAX);
	while (wants_more(request) && reader->at < reader->len) {
		size_t len = piece_end(reader) - reader->at;
		char *piece = malloc(len);

		assert_non_null(piece);
		memcpy(piece, reader->stream + reader->at, len);
		reader->at += feed(request, piece, len);
		assert_int_equal(request_keep(request), 0);
		memset(piece, '?', len);
		free(piece);
	}
}

/* "POST+3" for one with 3 bytes of body, "GET!" for one that closes, a problem's
 * status, "..." for one that is incomplete. */
static int put_request(char *out, size_t room, const struct request *request)
{
	if (request->state == REQUEST_BAD)
		return snprintf(out, room, "%u", problem_row(request->problem)->status);
	if (request->state != REQUEST_DONE)
		return snprintf(out, room, "...");
	if (request->body_len > 0)
		return snprintf(out, room, "%s%s+%zu", method_name(request->method),
		    request->keep_alive ? "" : "!", (size_t)request->body_len);
	return snprintf(out, room, "%s%s", method_name(request->method),
	    request->keep_alive ? "" : "!");
}

static void judge(struct reader *reader, char verdict[VERDICT_MAX])
{
	int len = 0;
	bool ends = false;

	reader->at = 0;
	verdict[0] = '\0';
	while (!ends && reader->at < reader->len && len < VERDICT_MAX - 32) {
		struct request request;

		read_request(reader, &request);
		if (!request_started(&request) && request.state == REQUEST_HEAD) {
			request_free(&request);
			break;
		}
		if (len > 0)
			verdict[len++] = ' ';
		len +=
		    put_request(verdict + len, (size_t)(VERDICT_MAX - len), &request);
		ends = request.state != REQUEST_DONE || !request.keep_alive;
		request_free(&request);
	}
}

static void streams_come_to_what_is_written_beside_them(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < STREAMS; i++) {
		struct reader reader = {
		    .stream = streams[i].text, .len = streams[i].len};
		char whole[VERDICT_MAX], bytes[VERDICT_MAX];

		judge(&reader, whole);
		reader.split = BYTES;
		judge(&reader, bytes);
		if (strcmp(whole, streams[i].verdict) == 0 && strcmp(whole, bytes) == 0)
			continue;
		print_error("%s instead of %s, in bytes %s: %s\n", whole,
		    streams[i].verdict, bytes, streams[i].text);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* --- mutations */

static const char bytes[] = "\0\t\n\r \";:,=\\\x7f\x80"
                            "0xC";

enum { BYTES_COUNT = sizeof(bytes) - 1, STREAM_MAX = 1024 };

enum mutation { REPLACED, INSERTED, DELETED };

static size_t mutate(char *out, size_t stream, size_t at, enum mutation how, char byte)
{
	const char *text = streams[stream].text;
	size_t len = streams[stream].len, skip = how == INSERTED ? 0 : 1, n = at;

	memcpy(out, text, at);
	if (how != DELETED)
		out[n++] = byte;
	memcpy(out + n, text + at + skip, len - at - skip);
	return n + len - at - skip;
}

static void judge_mutation(
    FILE *out, size_t stream, size_t at, enum mutation how, char byte)
{
	char text[STREAM_MAX], whole[VERDICT_MAX], pieces[VERDICT_MAX];
	struct reader reader = {.stream = text};

	reader.len = mutate(text, stream, at, how, byte);
	judge(&reader, whole);
	reader.split = TWO_PIECES;
	reader.cut = at + (how != DELETED);
	judge(&reader, pieces);
	if (strcmp(whole, pieces) != 0)
		fail_msg("%s, in pieces %s: stream %zu, %d of byte %zu, 0x%02x", whole,
		    pieces, stream, (int)how, at, (unsigned char)byte);
	if (out != NULL)
		fprintf(out, " %s,", whole);
}

static void mutate_byte(FILE *out, size_t stream, size_t at)
{
	for (enum mutation how = REPLACED; how <= INSERTED; how++) {
		if (out != NULL)
			fprintf(out, "%zu %zu %d:", stream, at, (int)how);
		for (size_t i = 0; i < BYTES_COUNT; i++)
			judge_mutation(out, stream, at, how, bytes[i]);
		if (how == REPLACED)
			judge_mutation(out, stream, at, DELETED, '\0');
		if (out != NULL)
			fputc('\n', out);
	}
}

static void mutations_are_judged_alike_in_pieces(void **state)
{
	const char *name = getenv("HTTP_VERDICTS");
	FILE *out = name != NULL ? fopen(name, "w") : NULL;

	(void)state;
	assert_int_equal(out != NULL, name != NULL);
	for (size_t i = 0; i < STREAMS; i++)
		for (size_t at = 0; at < streams[i].len; at++)
			mutate_byte(out, i, at);
	if (out != NULL)
		assert_int_equal(fclose(out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(streams_come_to_what_is_written_beside_them),
	    cmocka_unit_test(mutations_are_judged_alike_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
