/* common/phc.c, against RFC 4648's vectors and libargon2's own encoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <argon2.h>

#include "common/phc.h"

static void base64_is_that_of_the_rfc(void **state)
{
	static const struct {
		const char *bytes, *text;
	} vectors[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"},
	    {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"},
	    {"\xff\xff\xff", "////"}, {"\xfb\xef\xbe", "++++"}};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		size_t len = strlen(vectors[i].bytes), out = strlen(vectors[i].text);
		const uint8_t *bytes = (const uint8_t *)vectors[i].bytes;

		assert_int_equal(phc_base64(buf, sizeof(buf), bytes, len), out);
		assert_string_equal(buf, vectors[i].text);
		assert_int_equal(phc_base64(buf, out + 1, bytes, len), out);
		assert_int_equal(phc_base64(buf, out, bytes, len), -1);
	}
}

static void base64_of_too_much_is_refused(void **state)
{
	static const uint8_t bytes[LIMIT_TEXT + 1];
	char buf[2 * LIMIT_TEXT];

	(void)state;
	assert_int_equal(phc_base64(buf, sizeof(buf), bytes, sizeof(bytes)), -1);
	assert_true(phc_base64(buf, sizeof(buf), bytes, LIMIT_TAG) > LIMIT_TAG);
}

/* Writes with libargon2 what phc_format() is to write from the same salt and tag. */
static void assert_as_libargon2(const struct job_cost *cost, const char *salt)
{
	uint8_t tag[LIMIT_TAG];
	char theirs[LIMIT_TEXT], ours[LIMIT_TEXT];
	size_t len;

	assert_int_equal(argon2_hash(cost->time, cost->memory_kib, cost->lanes, "x", 1,
	                     salt, cost->salt_len, tag, cost->tag_len, theirs,
	                     sizeof(theirs), (argon2_type)cost->type, cost->version),
	    ARGON2_OK);
	len = strlen(theirs);
	assert_int_equal(
	    phc_format(ours, sizeof(ours), cost, (const uint8_t *)salt, tag), len);
	assert_string_equal(ours, theirs);
	for (size_t cap = 0; cap <= len; cap++)
		assert_int_equal(
		    phc_format(ours, cap, cost, (const uint8_t *)salt, tag), -1);
}

static void strings_are_those_of_libargon2(void **state)
{
	static const struct job_cost costs[] = {{2, 0x13, 64, 2, 1, 16, 32},
	    {1, 0x13, 32, 1, 2, 8, 4}, {0, 0x10, 100, 3, 1, 13, 64},
	    {2, 0x13, 8, 1, 1, 48, 63}};

	(void)state;
	for (size_t i = 0; i < sizeof(costs) / sizeof(*costs); i++)
		assert_as_libargon2(&costs[i],
		    "a salt of which each case takes as many bytes as it needs");
}

static void the_longest_string_fits_a_reply(void **state)
{
	static const uint8_t salt[LIMIT_SALT], tag[LIMIT_TAG];
	const struct job_cost cost = {
	    2, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, LIMIT_SALT, LIMIT_TAG};
	char buf[LIMIT_TEXT];

	(void)state;
	assert_true(phc_format(buf, sizeof(buf), &cost, salt, tag) > 0);
}

static void an_unknown_type_is_refused(void **state)
{
	const struct job_cost cost = {3, 0x13, 64, 2, 1, 8, 4};
	const uint8_t bytes[8] = {0};
	char buf[LIMIT_TEXT];

	(void)state;
	assert_int_equal(phc_format(buf, sizeof(buf), &cost, bytes, bytes), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(base64_is_that_of_the_rfc),
	    cmocka_unit_test(base64_of_too_much_is_refused),
	    cmocka_unit_test(strings_are_those_of_libargon2),
	    cmocka_unit_test(the_longest_string_fits_a_reply),
	    cmocka_unit_test(an_unknown_type_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
