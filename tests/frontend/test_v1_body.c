/* frontend/v1_body.c: which JSON texts are bodies, and that none of them is left in
 * memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/v1_body.h"

enum { PASSWORD_MAX = 64 };

static const struct v1_form form = {.required = V1_PASSWORD | V1_HASH_OR_NULL,
    .allowed = V1_PROFILE | V1_POOL | V1_TIMEOUT | V1_REHASH | V1_USER};

/* In pieces of so many bytes, each of which is gone when the next one comes. The body
 * is to be closed. */
static enum problem read_pieces(
    struct v1_body **body, const char *text, size_t len, size_t piece)
{
	enum problem problem = PROBLEM_NONE;
	const char *detail;

	*body = v1_body_open(&form, PASSWORD_MAX);
	assert_non_null(*body);
	for (size_t at = 0; at < len && problem == PROBLEM_NONE; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		char *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, text + at, n);
		problem = v1_body_feed(*body, copy, n, &detail);
		free(copy);
	}
	return problem != PROBLEM_NONE ? problem : v1_body_end(*body, &detail);
}

/* The pieces make no difference. */
static enum problem read_bytes(struct v1_body **body, const char *text, size_t len)
{
	const enum problem problem = read_pieces(body, text, len, len > 0 ? len : 1);

	for (size_t piece = 1; piece <= 3; piece++) {
		struct v1_body *other;

		assert_int_equal(read_pieces(&other, text, len, piece), problem);
		if (problem == PROBLEM_NONE) {
			assert_int_equal(other->password.len, (*body)->password.len);
			assert_int_equal(other->hash.len, (*body)->hash.len);
			assert_int_equal(other->timeout_ms, (*body)->timeout_ms);
		}
		v1_body_close(other);
	}
	return problem;
}

static void assert_taken(struct v1_body **body, const char *text)
{
	if (read_bytes(body, text, strlen(text)) != PROBLEM_NONE)
		fail_msg("refused: %s", text);
}

static void every_member_is_read(void **state)
{
	struct v1_body *body;

	(void)state;
	assert_taken(&body,
	    " {\"password\" : \"p\\u0000\\u00fc\\n\", \"hash\": \"$h\",\r\n"
	    "\"profile\":\"a\",\"pool\":\"b\",\"timeout_ms\":1500,"
	    "\"rehash\":true,\"user\":\"a\\u0000b\"}\n");
	assert_int_equal(body->user.len, 3);
	assert_memory_equal(body->user.at, "a\0b", 3);
	assert_int_equal(body->password.len, 5);
	assert_memory_equal(body->password.data, "p\0\xc3\xbc\n", 5);
	assert_true(text_is(body->hash, "$h"));
	assert_true(text_is(body->profile, "a"));
	assert_true(text_is(body->pool, "b"));
	assert_int_equal(body->timeout_ms, 1500);
	assert_true(body->rehash);
	v1_body_close(body);
}

static void what_is_not_said_is_told_apart(void **state)
{
	struct v1_body *body;

	(void)state;
	assert_taken(&body, "{\"hash\":null,\"password\":\"\",\"rehash\":false}");
	assert_int_equal(body->password.len, 0);
	assert_null(body->hash.at);
	assert_null(body->profile.at);
	assert_null(body->pool.at);
	assert_int_equal(body->timeout_ms, 0);
	assert_false(body->rehash);
	v1_body_close(body);
}

static void any_bytes_come_as_base64(void **state)
{
	static const struct {
		const char *text, *bytes;
		size_t len;
	} rows[] = {{"", "", 0}, {"AA==", "\0", 1}, {"AA", "\0", 1},
	    {"/v8=", "\xfe\xff", 2}, {"/v8", "\xfe\xff", 2}, {"AP8A", "\0\xff\0", 3},
	    {"AP8AAA==", "\0\xff\0\0", 4}};
	struct v1_body *body;
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "{\"hash\":null,\"password_b64\":\"%s\"}",
		    rows[i].text);
		assert_taken(&body, text);
		assert_int_equal(body->password.len, rows[i].len);
		if (rows[i].len > 0)
			assert_memory_equal(
			    body->password.data, rows[i].bytes, rows[i].len);
		v1_body_close(body);
	}
}

#define WITH(member) "{\"password\":\"x\",\"hash\":null," member "}"

static void what_is_no_body_is_refused(void **state)
{
	static const char *const texts[] = {"", " ", "null", "1", "\"x\"", "[]", "[{}]",
	    "{", "}", "{}",
	    /* missing, unknown, twice */
	    "{\"password\":\"x\"}", "{\"hash\":null}", WITH("\"x\":1"),
	    WITH("\"Password\":\"x\""), WITH("\"password\":\"x\""),
	    WITH("\"hash\":null"), WITH("\"password_b64\":\"eA==\""), WITH("\"\":1"),
	    WITH("\"pass\\u0000\":1"),
	    /* of another type */
	    "{\"password\":1,\"hash\":null}", "{\"password\":null,\"hash\":null}",
	    "{\"password\":[],\"hash\":null}", "{\"password\":\"x\",\"hash\":1}",
	    "{\"password\":\"x\",\"hash\":false}", "{\"password_b64\":1,\"hash\":null}",
	    WITH("\"user\":null"), WITH("\"user\":7"), WITH("\"profile\":null"),
	    WITH("\"pool\":1"), WITH("\"rehash\":1"), WITH("\"rehash\":\"true\""),
	    WITH("\"rehash\":null"), WITH("\"timeout_ms\":\"1\""),
	    WITH("\"timeout_ms\":1.0"), WITH("\"timeout_ms\":0"),
	    WITH("\"timeout_ms\":-1"), WITH("\"timeout_ms\":1e3"),
	    WITH("\"timeout_ms\":99999999999999999999"), WITH("\"timeout_ms\":null"),
	    /* base64 that is none */
	    "{\"password_b64\":\"A\",\"hash\":null}",
	    "{\"password_b64\":\"AB==\",\"hash\":null}",
	    "{\"password_b64\":\"A===\",\"hash\":null}",
	    "{\"password_b64\":\"====\",\"hash\":null}",
	    "{\"password_b64\":\"AAA==\",\"hash\":null}",
	    "{\"password_b64\":\"AA=\",\"hash\":null}",
	    "{\"password_b64\":\"-_8=\",\"hash\":null}",
	    "{\"password_b64\":\"AA ==\",\"hash\":null}",
	    "{\"password_b64\":\"AA==AA==\",\"hash\":null}",
	    /* no JSON, or more than one text */
	    "{\"password\":\"x\",\"hash\":null} x",
	    "{\"password\":\"x\",\"hash\":null}{}",
	    "{\"password\":\"x\",\"hash\":null,}", "{password:\"x\",\"hash\":null}",
	    "{'password':\"x\",\"hash\":null}", "{\"password\":\"x\" \"hash\":null}",
	    "{\"password\":\"a\nb\",\"hash\":null}",
	    "{\"password\":\"\\x\",\"hash\":null}",
	    "{\"password\":\"\\ud800\",\"hash\":null}",
	    "{\"password\":\"\xff\",\"hash\":null}",
	    "{\"password\":\"\xc0\x80\",\"hash\":null}",
	    "{\"password\":\"\xed\xa0\x80\",\"hash\":null}",
	    "{\"password\":\"\xf4\x90\x80\x80\",\"hash\":null}",
	    "\xef\xbb\xbf{\"password\":\"x\",\"hash\":null}",
	    "{\"password\":\"x\",\"hash\":null}/* */",
	    /* deep */
	    WITH("\"x\":{}"), WITH("\"x\":[[[[]]]]")};
	struct v1_body *body;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (read_bytes(&body, texts[i], strlen(texts[i])) != PROBLEM_BAD_JSON)
			fail_msg("taken: %s", texts[i]);
		v1_body_close(body);
	}
	assert_int_equal(read_bytes(&body, WITH("\"rehash\":true") "\0",
	                     sizeof(WITH("\"rehash\":true"))),
	    PROBLEM_BAD_JSON);
	v1_body_close(body);
}

static void brackets_in_texts_are_no_depth(void **state)
{
	struct v1_body *body;

	(void)state;
	assert_taken(&body, "{\"password\":\"{[\\\"[{\\\\\",\"hash\":null}");
	assert_int_equal(body->password.len, 6);
	assert_memory_equal(body->password.data, "{[\"[{\\", 6);
	v1_body_close(body);
}

/* A million of brackets is neither deep nor slow. */
static void depth_costs_nothing(void **state)
{
	enum { MANY = 1 << 20 };
	char *text = malloc(MANY);
	struct v1_body *body;

	(void)state;
	assert_non_null(text);
	memset(text, '[', MANY);
	assert_int_equal(read_bytes(&body, text, MANY), PROBLEM_BAD_JSON);
	v1_body_close(body);
	free(text);
}

/* What is longer than its member may be is refused before it is complete. */
static void too_long_texts_are_refused_early(void **state)
{
	static const struct {
		const char *lead;
		enum problem problem;
		size_t room;
	} rows[] = {{"{\"password\":\"", PROBLEM_PASSWORD_LENGTH, PASSWORD_MAX},
	    {"{\"password_b64\":\"", PROBLEM_PASSWORD_LENGTH,
	        (PASSWORD_MAX + 2) / 3 * 4},
	    {"{\"hash\":\"", PROBLEM_BAD_HASH, 2048},
	    {"{\"profile\":\"", PROBLEM_UNKNOWN_PROFILE, 32},
	    {"{\"pool\":\"", PROBLEM_UNKNOWN_POOL, 32}, {"{\"", PROBLEM_BAD_JSON, 16},
	    {"{\"timeout_ms\":1", PROBLEM_BAD_JSON, 18}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct v1_body *body = v1_body_open(&form, PASSWORD_MAX);
		const char *detail;
		size_t n = 0;

		assert_int_equal(
		    v1_body_feed(body, rows[i].lead, strlen(rows[i].lead), &detail),
		    PROBLEM_NONE);
		while (v1_body_feed(body, "1", 1, &detail) == PROBLEM_NONE)
			assert_in_range(++n, 1, rows[i].room + 64);
		assert_int_equal(body->problem, rows[i].problem);
		assert_in_range(n, rows[i].room, rows[i].room + 64);
		v1_body_close(body);
	}
}

/* The first member too many ends the reading, whatever follows. */
/* Of two things that are wrong the one that comes first is told, whatever the pieces
 * are. */
static void the_first_fault_is_told(void **state)
{
#define TOO_LONG "{\"pool\":\"123456789012345678901234567890123"
	static const char *const texts[] = {TOO_LONG "\x01\"", TOO_LONG "\xff\"",
	    TOO_LONG "\\x\"", TOO_LONG "\\ud800\"", TOO_LONG};
	struct v1_body *body;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(read_bytes(&body, texts[i], strlen(texts[i])),
		    PROBLEM_UNKNOWN_POOL);
		v1_body_close(body);
	}
}

static void the_first_wrong_byte_ends_it(void **state)
{
	static const char *const texts[] = {"{\"x\":", "{\"password\":1",
	    "{\"password\":\"a\",\"password\":", "{\"rehash\":n", "{\"hash\":{", "[",
	    "{\"timeout_ms\":0", "{\"timeout_ms\":1.", "{\"password\":\"\xff"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct v1_body *body = v1_body_open(&form, PASSWORD_MAX);
		enum problem problem = PROBLEM_NONE;
		const char *detail;
		size_t at = 0;

		for (; texts[i][at] != '\0' && problem == PROBLEM_NONE; at++)
			problem = v1_body_feed(body, texts[i] + at, 1, &detail);
		if (problem == PROBLEM_NONE) /* a number ends with what follows */
			problem = v1_body_feed(body, "0", 1, &detail);
		if (problem != PROBLEM_BAD_JSON || texts[i][at] != '\0')
			fail_msg("read on: %s", texts[i]);
		v1_body_close(body);
	}
}

/* ---- beside another reader ---- */

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* A text of pieces that matter to readers of JSON. */
static size_t make_text(uint64_t *seed, char *text, size_t cap)
{
	static const char *const pieces[] = {"{", "}", "\"password\"", "\"hash\"",
	    "\"rehash\"", "\"profile\"", "\"timeout_ms\"", ":", ",", "null", "true",
	    "false", "1", "10", "01", "-1", "1.5", "1e3", "\"\"", "\"a\"",
	    "\"\\u0000\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\ude00\\ud83d\"",
	    "\"\\u00e9\\n\"", "\"\\x\"", "\"\\u00g0\"", "\"\xc3\xa9\"", "\"\xc3\"",
	    "\"\xed\xa0\x80\"", "\"\xf0\x9f\x98\x80\"", "\"\xf4\x90\x80\x80\"", " ",
	    "\t\r\n", "\"", "\\", "[", "]", "\"\x1f\"", "\"\x7f\"", "\xef\xbb\xbf"};
	static const char *const usual[] = {"{\"password\":\"p\",\"hash\":",
	    "{\"hash\":null,\"password\":", "{\"password\":\"p\",\"hash\":null,"};
	size_t len = 0;

	if (random_next(seed) % 4 != 0)
		len = (size_t)snprintf(text, cap, "%s", usual[random_next(seed) % 3]);
	for (uint64_t n = random_next(seed) % 7; n > 0; n--)
		len += (size_t)snprintf(text + len, cap - len, "%s",
		    pieces[random_next(seed) % (sizeof(pieces) / sizeof(pieces[0]))]);
	if (random_next(seed) % 2 == 0)
		len += (size_t)snprintf(text + len, cap - len, "}");
	return len;
}

static bool is_text(const json_t *value, const struct text *text)
{
	return json_is_string(value) && json_string_length(value) == text->len &&
	       (text->len == 0 ||
	           memcmp(json_string_value(value), text->at, text->len) == 0);
}

/* What we take is JSON to jansson too, and it finds the same in it. What it takes and
 * we do not has members of another form. */
static void it_reads_what_jansson_reads(void **state)
{
	enum { TEXTS = 50000 };
	uint64_t seed = 88172645463325252;
	unsigned taken = 0;

	(void)state;
	for (unsigned i = 0; i < TEXTS; i++) {
		struct v1_body *body;
		char text[512];
		const size_t len = make_text(&seed, text, sizeof(text));
		const enum problem problem =
		    read_pieces(&body, text, len, 1 + random_next(&seed) % 40);
		json_t *json = json_loadb(
		    text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

		if (problem == PROBLEM_NONE) {
			const struct text password = {
			    (const char *)body->password.data, body->password.len};
			const json_t *hash = json_object_get(json, "hash");

			if (!json_is_object(json) ||
			    !is_text(json_object_get(json, "password"), &password) ||
			    (body->hash.at == NULL ? !json_is_null(hash)
			                           : !is_text(hash, &body->hash)))
				fail_msg("read otherwise: %s", text);
			assert_int_equal(body->rehash,
			    json_is_true(json_object_get(json, "rehash")));
			assert_int_equal(body->timeout_ms,
			    json_integer_value(json_object_get(json, "timeout_ms")));
			taken++;
		} else if (body->reader.wrong != NULL && json_is_object(json) &&
		           strchr(text, '[') == NULL && strchr(text + 1, '{') == NULL) {
			fail_msg("refused: %s", text);
		}
		json_decref(json);
		v1_body_close(body);
	}
	assert_in_range(taken, TEXTS / 1000, TEXTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_member_is_read),
	    cmocka_unit_test(what_is_not_said_is_told_apart),
	    cmocka_unit_test(any_bytes_come_as_base64),
	    cmocka_unit_test(what_is_no_body_is_refused),
	    cmocka_unit_test(brackets_in_texts_are_no_depth),
	    cmocka_unit_test(depth_costs_nothing),
	    cmocka_unit_test(too_long_texts_are_refused_early),
	    cmocka_unit_test(the_first_fault_is_told),
	    cmocka_unit_test(the_first_wrong_byte_ends_it),
	    cmocka_unit_test(it_reads_what_jansson_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
