#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/percent.h"

struct row {
	const char *in;
	const char *out;
	size_t len;
};

static void test_decodes(void **state)
{
	static const struct row rows[] = {
	    {"", "", 0},
	    {"hunter2", "hunter2", 7},
	    {"%41%5a", "AZ", 2},
	    {"%2F%2f", "//", 2},
	    {"a%00b", "a\0b", 3},
	    {"%ff%C3%A4", "\xff\xc3\xa4", 3},
	    {"a+b;c=d", "a+b;c=d", 7},
	    {"%2541", "%41", 3}, /* once, not twice */
	    {"%25", "%", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct secret out = {0};

		assert_int_equal(
		    percent_decode(&out, rows[i].in, strlen(rows[i].in)), 0);
		assert_int_equal(out.len, rows[i].len);
		if (out.len > 0)
			assert_memory_equal(out.data, rows[i].out, out.len);
		secret_free(&out);
	}
}

static void test_every_byte(void **state)
{
	static const char digits[] = "0123456789ABCDEF";
	struct secret out = {0};

	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		char in[3] = {'%', digits[byte >> 4], digits[byte & 15]};

		assert_int_equal(percent_decode(&out, in, sizeof(in)), 0);
		assert_int_equal(out.data[byte], byte);
	}
	assert_int_equal(out.len, 256);
	secret_free(&out);
}

static void test_bad_escapes(void **state)
{
	static const char *const rows[] = {
	    "%", "a%", "%4", "%g1", "%1g", "%%41", "% 1", "%-1", "ok%2", "%u0041"};
	struct secret out = {0};

	(void)state;
	assert_int_equal(secret_append(&out, "kept", 4), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		errno = 0;
		assert_int_equal(percent_decode(&out, rows[i], strlen(rows[i])), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(out.len, 4);
	}
	secret_free(&out);
}

/* Nothing behind the given length is looked at: "%4|1" is a bad escape. */
static void test_length_bounds(void **state)
{
	struct secret out = {0};

	(void)state;
	assert_int_equal(percent_decode(&out, "%41", 2), -1);
	assert_int_equal(percent_decode(&out, "x%41", 1), 0);
	assert_int_equal(out.len, 1);
	secret_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_decodes),
	    cmocka_unit_test(test_every_byte),
	    cmocka_unit_test(test_bad_escapes),
	    cmocka_unit_test(test_length_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
