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

/* A phc of that cost, whose salt is the first bytes of `salt` and whose tag is 0. */
static struct phc a_phc(const struct job_cost *cost, const char *salt)
{
	struct phc phc = {.cost = *cost};

	memcpy(phc.salt, salt, cost->salt_len);
	return phc;
}

/* Writes with libargon2 what phc_format() is to write from the same salt and tag. */
static void assert_as_libargon2(const struct job_cost *cost, const char *salt)
{
	struct phc phc = a_phc(cost, salt);
	char theirs[LIMIT_TEXT], ours[LIMIT_TEXT];
	size_t len;

	assert_int_equal(argon2_hash(cost->time, cost->memory_kib, cost->lanes, "x", 1,
	                     salt, cost->salt_len, phc.tag, cost->tag_len, theirs,
	                     sizeof(theirs), (argon2_type)cost->type, cost->version),
	    ARGON2_OK);
	len = strlen(theirs);
	assert_int_equal(phc_format(ours, sizeof(ours), &phc), len);
	assert_string_equal(ours, theirs);
	for (size_t cap = 0; cap <= len; cap++)
		assert_int_equal(phc_format(ours, cap, &phc), -1);
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

static void key_and_data_follow_the_costs(void **state)
{
	struct phc phc = a_phc(&(struct job_cost){2, 0x13, 64, 2, 1, 8, 4}, "saltsalt");
	char buf[LIMIT_TEXT];

	(void)state;
	memcpy(phc.key, "foobar", 6);
	phc.key_len = 6;
	assert_true(phc_format(buf, sizeof(buf), &phc) > 0);
	assert_string_equal(
	    buf, "$argon2id$v=19$m=64,t=2,p=1,keyid=Zm9vYmFy$c2FsdHNhbHQ$AAAAAA");
	memcpy(phc.data, "fo", 2);
	phc.data_len = 2;
	phc.version_missing = true;
	assert_true(phc_format(buf, sizeof(buf), &phc) > 0);
	assert_string_equal(
	    buf, "$argon2id$m=64,t=2,p=1,keyid=Zm9vYmFy,data=Zm8$c2FsdHNhbHQ$AAAAAA");
}

static void the_longest_string_fits_a_reply(void **state)
{
	const struct phc phc = {.cost = {2, UINT32_MAX, UINT32_MAX, UINT32_MAX,
	                            UINT32_MAX, LIMIT_SALT, LIMIT_TAG},
	    .key_len = PHC_KEY_MAX,
	    .data_len = PHC_DATA_MAX};
	char buf[LIMIT_TEXT];

	(void)state;
	assert_in_range(phc_format(buf, sizeof(buf), &phc), 1, PHC_TEXT_MAX);
}

static void what_is_no_phc_is_not_written(void **state)
{
	static const struct phc wrong[] = {
	    {.cost = {3, 0x13, 64, 2, 1, 8, 4}},
	    {.cost = {2, 0x13, 64, 2, 1, LIMIT_SALT + 1, 4}},
	    {.cost = {2, 0x13, 64, 2, 1, 8, LIMIT_TAG + 1}},
	    {.cost = {2, 0x13, 64, 2, 1, 8, 4}, .key_len = PHC_KEY_MAX + 1},
	    {.cost = {2, 0x13, 64, 2, 1, 8, 4}, .data_len = PHC_DATA_MAX + 1},
	};
	char buf[2 * LIMIT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(phc_format(buf, sizeof(buf), &wrong[i]), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(base64_is_that_of_the_rfc),
	    cmocka_unit_test(base64_of_too_much_is_refused),
	    cmocka_unit_test(strings_are_those_of_libargon2),
	    cmocka_unit_test(key_and_data_follow_the_costs),
	    cmocka_unit_test(the_longest_string_fits_a_reply),
	    cmocka_unit_test(what_is_no_phc_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
