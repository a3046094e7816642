/* common/given.c: what a hash is that somebody has brought, and what may be done with
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/given.h"
#include "common/rehash.h"

#define ARGON2                                                                         \
	"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$"                       \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define BCRYPT(cost)                                                                   \
	"$2b$" cost "$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"
/* passlib's; ln=16 and r=8 are 64 MiB */
#define SCRYPT                                                                         \
	"$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$"                                \
	"nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"

static const struct config config = {
    .verify_max_memory = 32 << 20, .verify_max_time = 2, .verify_max_lanes = 1};
static const struct config_profile profile = {.memory_kib = 19456,
    .time = 2,
    .lanes = 1,
    .salt = 16,
    .tag = 32,
    .accept = 1U << LEGACY_BCRYPT};

static enum given_result parse(struct given *given, const char *text)
{
	const char *why = NULL;
	enum given_result result = given_parse(given, text, strlen(text), &why);

	assert_int_equal(why != NULL, result != GIVEN_OK);
	return result;
}

static void argon2_is_always_accepted(void **state)
{
	struct given given;

	(void)state;
	assert_int_equal(parse(&given, ARGON2), GIVEN_OK);
	assert_false(given.old);
	assert_string_equal(given_name(&given), "argon2id");
	assert_true(given_accepted(&given, &profile));
	assert_true(given_within(&given, &config));
	assert_int_equal(given_cost(&given).memory_kib, 19456);
	assert_int_equal(given_reasons(&given, &config, &profile), 0);
}

static void its_ceilings_are_those_of_the_config(void **state)
{
	static const struct {
		const char *text;
		bool within;
	} rows[] = {{"$argon2d$m=32768,t=2,p=1$c2FsdHNhbHQ$AAAAAA", true},
	    {"$argon2d$m=32769,t=2,p=1$c2FsdHNhbHQ$AAAAAA", false},
	    {"$argon2d$m=64,t=3,p=1$c2FsdHNhbHQ$AAAAAA", false},
	    {"$argon2d$m=64,t=1,p=2$c2FsdHNhbHQ$AAAAAA", false},
	    {"$argon2d$m=4294967295,t=1,p=1$c2FsdHNhbHQ$AAAAAA", false}};
	struct given given;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(&given, rows[i].text), GIVEN_OK);
		assert_int_equal(given_within(&given, &config), rows[i].within);
	}
}

static void django_writes_a_word_before_it(void **state)
{
	struct config_profile weaker = profile;
	struct given given;

	(void)state;
	weaker.rehash = CONFIG_REHASH_ONLY_WEAKER;
	assert_int_equal(parse(&given, "argon2" ARGON2), GIVEN_OK);
	assert_false(given.old);
	assert_true(given_accepted(&given, &profile));
	assert_int_equal(given_reasons(&given, &config, &profile), REHASH_FORMAT);
	assert_int_equal(given_reasons(&given, &config, &weaker), 0);
	assert_int_equal(parse(&given, "argon2" ARGON2 "="), GIVEN_MALFORMED);
	assert_int_equal(parse(&given, "argon2argon2" ARGON2), GIVEN_UNSUPPORTED);
}

static void old_formats_are_accepted_one_by_one(void **state)
{
	struct given given;

	(void)state;
	assert_int_equal(parse(&given, BCRYPT("10")), GIVEN_OK);
	assert_true(given.old);
	assert_string_equal(given_name(&given), "bcrypt");
	assert_true(given_accepted(&given, &profile));
	assert_true(given_within(&given, &config));
	assert_int_equal(given_reasons(&given, &config, &profile), REHASH_FORMAT);
	assert_in_range(given_cost(&given).memory_kib, 1, 1024);
	assert_int_equal(parse(&given, SCRYPT), GIVEN_OK);
	assert_string_equal(given_name(&given), "passlib-scrypt");
	assert_false(given_accepted(&given, &profile));
}

static void old_formats_have_two_ceilings(void **state)
{
	struct config wide = config;
	struct given given;

	(void)state;
	assert_int_equal(parse(&given, BCRYPT("31")), GIVEN_OK);
	assert_false(given_within(&given, &config)); /* too long */
	assert_int_equal(parse(&given, SCRYPT), GIVEN_OK);
	assert_in_range(given_cost(&given).memory_kib, 65536, 80000);
	assert_false(given_within(&given, &config)); /* over verify_max_memory */
	wide.verify_max_memory = 128 << 20;
	assert_true(given_within(&given, &wide));
}

static void what_nobody_writes_is_unsupported(void **state)
{
	static const char *const texts[] = {
	    "", "x", "$", "$3$", "$argon2x$", "argon2", "{SHA}x"};
	struct given given;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(parse(&given, texts[i]), GIVEN_UNSUPPORTED);
	assert_int_equal(parse(&given, "$2b$10$"), GIVEN_MALFORMED);
	assert_int_equal(parse(&given, "$argon2id$"), GIVEN_MALFORMED);
	assert_int_equal(parse(&given, " " ARGON2), GIVEN_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(argon2_is_always_accepted),
	    cmocka_unit_test(its_ceilings_are_those_of_the_config),
	    cmocka_unit_test(django_writes_a_word_before_it),
	    cmocka_unit_test(old_formats_are_accepted_one_by_one),
	    cmocka_unit_test(old_formats_have_two_ceilings),
	    cmocka_unit_test(what_nobody_writes_is_unsupported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
