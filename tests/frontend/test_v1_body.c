/* frontend/v1_body.c: which JSON texts are bodies, and that none of them is left in
 * memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "frontend/v1_body.h"

enum {
	REQUIRED = V1_PASSWORD | V1_HASH_OR_NULL,
	ALLOWED = V1_PROFILE | V1_POOL | V1_TIMEOUT | V1_REHASH | V1_USER,
};

static enum problem read_bytes(struct v1_body *body, const char *text, size_t len)
{
	const char *detail = "unset";
	enum problem problem =
	    v1_body_read(body, text, len, REQUIRED, ALLOWED, &detail);

	assert_int_equal(detail == NULL, problem == PROBLEM_NONE);
	return problem;
}

static void assert_taken(struct v1_body *body, const char *text)
{
	if (read_bytes(body, text, strlen(text)) != PROBLEM_NONE)
		fail_msg("refused: %s", text);
}

static void every_member_is_read(void **state)
{
	struct v1_body body;

	(void)state;
	assert_taken(&body,
	    " {\"password\" : \"p\\u0000\\u00fc\\n\", \"hash\": \"$h\",\r\n"
	    "\"profile\":\"a\",\"pool\":\"b\",\"timeout_ms\":1500,"
	    "\"rehash\":true,\"user\":\"a\\u0000b\"}\n");
	assert_int_equal(body.user.len, 3);
	assert_memory_equal(body.user.at, "a\0b", 3);
	assert_int_equal(body.password.len, 5);
	assert_memory_equal(body.password.data, "p\0\xc3\xbc\n", 5);
	assert_true(text_is(body.hash, "$h"));
	assert_true(text_is(body.profile, "a"));
	assert_true(text_is(body.pool, "b"));
	assert_int_equal(body.timeout_ms, 1500);
	assert_true(body.rehash);
	v1_body_free(&body);
	assert_null(body.password.data);
}

static void what_is_not_said_is_told_apart(void **state)
{
	struct v1_body body;

	(void)state;
	assert_taken(&body, "{\"hash\":null,\"password\":\"\",\"rehash\":false}");
	assert_int_equal(body.password.len, 0);
	assert_null(body.hash.at);
	assert_null(body.profile.at);
	assert_null(body.pool.at);
	assert_int_equal(body.timeout_ms, 0);
	assert_false(body.rehash);
	v1_body_free(&body);
}

static void any_bytes_come_as_base64(void **state)
{
	static const struct {
		const char *text, *bytes;
		size_t len;
	} rows[] = {{"", "", 0}, {"AA==", "\0", 1}, {"AA", "\0", 1},
	    {"/v8=", "\xfe\xff", 2}, {"/v8", "\xfe\xff", 2}, {"AP8A", "\0\xff\0", 3},
	    {"AP8AAA==", "\0\xff\0\0", 4}};
	struct v1_body body;
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "{\"hash\":null,\"password_b64\":\"%s\"}",
		    rows[i].text);
		assert_taken(&body, text);
		assert_int_equal(body.password.len, rows[i].len);
		if (rows[i].len > 0)
			assert_memory_equal(
			    body.password.data, rows[i].bytes, rows[i].len);
		v1_body_free(&body);
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
	struct v1_body body;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (read_bytes(&body, texts[i], strlen(texts[i])) != PROBLEM_BAD_JSON)
			fail_msg("taken: %s", texts[i]);
		v1_body_free(&body);
	}
	assert_int_equal(read_bytes(&body, WITH("\"rehash\":true") "\0",
	                     sizeof(WITH("\"rehash\":true"))),
	    PROBLEM_BAD_JSON);
	v1_body_free(&body);
}

static void brackets_in_texts_are_no_depth(void **state)
{
	struct v1_body body;

	(void)state;
	assert_taken(&body, "{\"password\":\"{[\\\"[{\\\\\",\"hash\":null}");
	assert_int_equal(body.password.len, 6);
	assert_memory_equal(body.password.data, "{[\"[{\\", 6);
	v1_body_free(&body);
}

/* A million of brackets is neither deep nor slow. */
static void depth_costs_nothing(void **state)
{
	enum { MANY = 1 << 20 };
	char *text = test_malloc(MANY);
	struct v1_body body;

	(void)state;
	memset(text, '[', MANY);
	assert_int_equal(read_bytes(&body, text, MANY), PROBLEM_BAD_JSON);
	v1_body_free(&body);
	test_free(text);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
