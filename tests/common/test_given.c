/* common/given.c: what a hash is that somebody has brought, and what may be done with
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/given.h"
#include "common/rehash.h"

#define ARGON2                                                                         \
	"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$"                       \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define BCRYPT(cost)                                                                   \
	"$2b$" cost "$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"
#define BCRYPT_Y "$2y$10$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"
/* passlib's; ln=16 and r=8 are 64 MiB */
#define SCRYPT                                                                         \
	"$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$"                                \
	"nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"

static const struct config config = {.max_password = LIMIT_PASSWORD,
    .verify_max_memory = 32 << 20,
    .verify_max_time = 2,
    .verify_max_lanes = 1};
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
	assert_true(given_within(&given, &config, 8));
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
		assert_int_equal(given_within(&given, &config, 8), rows[i].within);
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
	assert_true(given_within(&given, &config, 8));
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
	assert_false(given_within(&given, &config, 8)); /* too long */
	assert_int_equal(parse(&given, SCRYPT), GIVEN_OK);
	assert_in_range(given_cost(&given).memory_kib, 65536, 80000);
	assert_false(given_within(&given, &config, 8)); /* over verify_max_memory */
	wide.verify_max_memory = 128 << 20;
	assert_true(given_within(&given, &wide, 8));
}

/* With the password that has come; and where none is known, with the longest that may
 * come: of max_password bytes, or of as many as the format takes. */
static void an_old_format_is_priced_with_its_password(void **state)
{
	static const char sha512[] =
	    "$6$rounds=1250000$s$00000000000000000000000000000000000000000000000000000"
	    "000000000000000000000000000000000";
	struct config narrow = config;
	struct given given;
	size_t most;

	(void)state;
	narrow.max_password = 64;
	assert_int_equal(parse(&given, sha512), GIVEN_OK);
	assert_true(given_within(&given, &config, 8));
	assert_false(given_within(&given, &config, LEGACY_CRYPT_PASSWORD_MAX));
	assert_false(given_within(&given, &config, LIMIT_PASSWORD));
	assert_false(given_within(&given, &config, GIVEN_ANY_PASSWORD));
	assert_true(given_within(&given, &narrow, GIVEN_ANY_PASSWORD));
	/* what has come counts, whatever may come */
	assert_false(given_within(&given, &narrow, LEGACY_CRYPT_PASSWORD_MAX));
	/* what can be paid for of a long password is the most that can be */
	most = given_password_of_old(&given.legacy, &config, LIMIT_PASSWORD);
	assert_in_range(most, 8, LEGACY_CRYPT_PASSWORD_MAX - 1);
	assert_true(given_within(&given, &config, most));
	assert_false(given_within(&given, &config, most + 1));
	assert_int_equal(given_password_of_old(&given.legacy, &config, most), most);
	assert_int_equal(given_password_of_old(&given.legacy, &config, 8), 8);
	assert_int_equal(given_password_of_old(&given.legacy, &config, 0), 0);
	assert_true(given_units(&given, ENGINE_AUTO, LEGACY_CRYPT_PASSWORD_MAX) >
	            5 * given_units(&given, ENGINE_AUTO, 8));
	/* to libargon2 a block is five times as much: of its blocks there are fewer */
	assert_true(given_units(&given, ENGINE_LIBARGON2, 8) <=
	            given_units(&given, ENGINE_AUTO, 8));
}

static void units_are_for_the_costliest(void **state)
{
	struct given given = {
	    .old = true, .legacy = {.kind = LEGACY_BCRYPT, .rounds = UINT64_MAX}};

	(void)state;
	assert_true(given_units(&given, ENGINE_AUTO, 8) < UINT64_MAX / 65536);
}

/* What the software of a scheme verifies under its name is taken, and no more. Made by
 * doveadm pw, slappasswd, Spring Security and PHP (Nextcloud); legacy_vectors.h says
 * how. `kind`: -1 for Argon2. */
#define OPENLDAP                                                                       \
	"$argon2id$v=19$m=64,t=1,p=1$zdc2o2ACtuWAWFfacxN4ZA$"                          \
	"1dRq0Z6kvjnytNGK/VUB93vJMhdDm4B9D1k6w1UFziw"
#define ARGON2I                                                                        \
	"$argon2i$v=19$m=64,t=1,p=1$QUF1QXpqNjhIbDJVbks2Yg$"                           \
	"NDNAnghy74z3/gozSMTuRMKCfQurSpZpUajVHOLVyOY"
#define ARGON2D "$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAA"
#define MD5 "$1$ZuUGG.9i$arbXlWmX3cwMIY2a72HMb1"
#define SHA512                                                                         \
	"$6$rounds=1000$kT37Jxoy$6e8IISZ.LKuHlDfGEV6e/p5XmXNDodNei3blClBYoTqSey3NRnHy" \
	"E7SRK37XHmwsUcK0GVHKMf9U2Xk/0seMd0"
#define DES "6GHff5taX.X/Y"

static const struct framed {
	const char *name, *hash;
	enum given_result result;
	int kind;
} framed[] = {
    {"{bcrypt}", BCRYPT("10"), GIVEN_OK, LEGACY_BCRYPT},
    {"{bcrypt}", SHA512, GIVEN_MALFORMED, 0},
    {"{bcrypt}", ARGON2, GIVEN_MALFORMED, 0},
    {"{Bcrypt}", BCRYPT("10"), GIVEN_UNSUPPORTED, 0},
    {"{BCRYPT}", BCRYPT("10"), GIVEN_UNSUPPORTED, 0},
    {"{argon2}", OPENLDAP, GIVEN_OK, -1},
    {"{argon2}", ARGON2D, GIVEN_OK, -1},
    {"{argon2@SpringSecurity_v5_8}", OPENLDAP, GIVEN_OK, -1},
    {"{ARGON2@SPRINGSECURITY_V5_8}", OPENLDAP, GIVEN_UNSUPPORTED, 0},
    {"{argon2@SpringSecurity_v5_9}", OPENLDAP, GIVEN_UNSUPPORTED, 0},
    {"{ARGON2}", OPENLDAP, GIVEN_OK, -1},
    {"{Argon2}", ARGON2I, GIVEN_OK, -1},
    {"{ARGON2}", SHA512, GIVEN_MALFORMED, 0},
    {"{ARGON2ID}", ARGON2, GIVEN_OK, -1},
    {"{ARGON2ID}", ARGON2I, GIVEN_OK, -1},
    {"{ARGON2ID}", ARGON2D, GIVEN_MALFORMED, 0},
    {"{argon2i}", ARGON2I, GIVEN_OK, -1},
    {"{ARGON2D}", ARGON2D, GIVEN_UNSUPPORTED, 0},
    {"{CRYPT}", BCRYPT("10"), GIVEN_OK, LEGACY_BCRYPT},
    {"{CRYPT}", SHA512, GIVEN_OK, LEGACY_SHA512CRYPT},
    {"{crypt}", MD5, GIVEN_OK, LEGACY_MD5CRYPT},
    {"{Crypt}", DES, GIVEN_UNSUPPORTED, 0},
    {"{CRYPT}", ARGON2, GIVEN_MALFORMED, 0},
    {"{CRYPT}", "$apr1$vS64J5vE$UcLMnJzFRN3z2tDOlnzwr/", GIVEN_MALFORMED, 0},
    {"{CRYPT}", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", GIVEN_MALFORMED, 0},
    {"{CRYPT}", "bcrypt$" BCRYPT("10"), GIVEN_MALFORMED, 0},
    {"{CRYPT}", "{CRYPT}" SHA512, GIVEN_UNSUPPORTED, 0},
    {"{CRYPT}", "{ARGON2}" ARGON2, GIVEN_UNSUPPORTED, 0},
    {"{CRYPT}",
        "{pbkdf2}5c252097ad2501eccd65dd90f2269bfc76f0eba4fb14e56464da9b432eed4f"
        "3e62597133a06b4041",
        GIVEN_MALFORMED, 0},
    {"{CRYPT}", SHA512 "x", GIVEN_MALFORMED, 0},
    {"{CRYPT}", " " SHA512, GIVEN_UNSUPPORTED, 0},
    {"{CRYPT}", "!" SHA512, GIVEN_UNSUPPORTED, 0},
    {"{CRYPT}", "", GIVEN_UNSUPPORTED, 0},
    {" {CRYPT}", SHA512, GIVEN_UNSUPPORTED, 0},
    {"{CRYPT", SHA512, GIVEN_UNSUPPORTED, 0},
    {"{}", SHA512, GIVEN_UNSUPPORTED, 0},
    {"{CRYPT.B64}", SHA512, GIVEN_UNSUPPORTED, 0},
    {"{BLF-CRYPT}", BCRYPT("05"), GIVEN_OK, LEGACY_BCRYPT},
    {"{blf-crypt}", BCRYPT("05"), GIVEN_OK, LEGACY_BCRYPT},
    {"{BLF-CRYPT}", SHA512, GIVEN_MALFORMED, 0},
    {"{SHA512-CRYPT}", SHA512, GIVEN_OK, LEGACY_SHA512CRYPT},
    {"{SHA512-CRYPT}", MD5, GIVEN_OK, LEGACY_MD5CRYPT},
    {"{sha256-crypt}",
        "$5$.D89MoxucgJMGxn4$Q42CrbQZUlKxxLzhTXD2eFgZPQAn3YIk2TcLJ8qYhR0", GIVEN_OK,
        LEGACY_SHA256CRYPT},
    {"{MD5-CRYPT}", MD5, GIVEN_OK, LEGACY_MD5CRYPT},
    {"{MD5}", MD5, GIVEN_OK, LEGACY_MD5CRYPT},
    {"{MD5}", SHA512, GIVEN_MALFORMED, 0},
    {"{MD5}", "X03MO1qnZdYdgyfeuILPmQ==", GIVEN_UNSUPPORTED, 0},
    {"{SSHA}", "W6ph5Mm5Pz8GgiULbPgzG37mj9g=", GIVEN_UNSUPPORTED, 0},
    {"{noop}", "hunter2", GIVEN_UNSUPPORTED, 0},
    {"3|", OPENLDAP, GIVEN_OK, -1},
    {"2|", ARGON2I, GIVEN_OK, -1},
    {"1|", BCRYPT("10"), GIVEN_OK, LEGACY_BCRYPT},
    {"1|", ARGON2I, GIVEN_OK, -1},
    {"3|", ARGON2D, GIVEN_MALFORMED, 0},
    {"3|", SHA512, GIVEN_MALFORMED, 0},
    {"3|", "3|" ARGON2, GIVEN_UNSUPPORTED, 0},
    {"3|", "argon2" ARGON2, GIVEN_UNSUPPORTED, 0},
    {"3|", "{ARGON2}" ARGON2, GIVEN_UNSUPPORTED, 0},
    {"4|", ARGON2, GIVEN_UNSUPPORTED, 0},
    {"0|", ARGON2, GIVEN_UNSUPPORTED, 0},
    {"03|", ARGON2, GIVEN_UNSUPPORTED, 0},
    {"3 |", ARGON2, GIVEN_UNSUPPORTED, 0},
    {"argon2", "{ARGON2}" ARGON2, GIVEN_UNSUPPORTED, 0},
};

static void a_scheme_may_be_named_before_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(framed) / sizeof(framed[0]); i++) {
		const struct framed *f = &framed[i];
		struct given given;
		char text[LIMIT_TEXT];

		snprintf(text, sizeof(text), "%s%s", f->name, f->hash);
		if (parse(&given, text) != f->result)
			fail_msg("%s: not %d", text, f->result);
		assert_int_equal(given.framed, f->result == GIVEN_OK);
		if (f->result != GIVEN_OK)
			continue;
		assert_int_equal(given.old ? (int)given.legacy.kind : -1, f->kind);
		assert_int_equal(given.skip, strlen(f->name));
		assert_int_equal(given.len, strlen(f->hash));
	}
}

/* The string that is stored is not the one that is written here. */
static void a_frame_is_a_reason_to_make_it_anew(void **state)
{
	static const char *const texts[] = {
	    "{ARGON2ID}" ARGON2, "3|" ARGON2, ARGON2 "\n", ARGON2 "\r\n"};
	struct config_profile weaker = profile;
	struct given given;

	(void)state;
	weaker.rehash = CONFIG_REHASH_ONLY_WEAKER;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse(&given, texts[i]), GIVEN_OK);
		assert_int_equal(
		    given_reasons(&given, &config, &profile), REHASH_FORMAT);
		assert_int_equal(given_reasons(&given, &config, &weaker), 0);
	}
}

static void what_stands_in_a_frame_has_its_own_price(void **state)
{
	struct given given;

	(void)state;
	assert_int_equal(parse(&given, "{bcrypt}" BCRYPT("31") "\n"), GIVEN_OK);
	assert_true(given_accepted(&given, &profile));
	assert_false(given_within(&given, &config, 8));
	assert_int_equal(parse(&given, "{CRYPT}" SHA512), GIVEN_OK);
	assert_false(given_accepted(&given, &profile));
	assert_int_equal(
	    parse(&given, "{ARGON2}$argon2d$m=32769,t=2,p=1$c2FsdHNhbHQ$AAAAAA"),
	    GIVEN_OK);
	assert_false(given_within(&given, &config, 8));
}

static void one_end_of_a_line_may_follow(void **state)
{
	static const char *const hashes[] = {
	    ARGON2, BCRYPT("10"), "{CRYPT}" SHA512, "3|" ARGON2, "argon2" ARGON2};
	static const struct {
		const char *end;
		bool taken;
	} rows[] = {{"", true}, {"\n", true}, {"\r\n", true}, {"\r", false},
	    {"\n\n", false}, {"\n\r", false}, {"\r\r\n", false}, {" \n", false},
	    {"\n ", false}, {"\t", false}};
	struct given given;

	(void)state;
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++) {
			char text[LIMIT_TEXT];

			snprintf(text, sizeof(text), "%s%s", hashes[i], rows[j].end);
			if ((parse(&given, text) == GIVEN_OK) != rows[j].taken)
				fail_msg("%zu, %zu", i, j);
		}
	assert_int_equal(parse(&given, "\n"), GIVEN_UNSUPPORTED);
	assert_int_equal(parse(&given, "\r\n"), GIVEN_UNSUPPORTED);
	assert_int_equal(parse(&given, "\n" ARGON2), GIVEN_UNSUPPORTED);
}

/* libsodium, crypto_pwhash_str(): its string and as many NULs as make 128 bytes. */
static void libsodiums_buffer_is_taken_whole(void **state)
{
	static const char hash[] = "$argon2id$v=19$m=8,t=1,p=1$rCpWEKB4OhuPoEGJLS5vRg$"
	                           "13jzPujEzIwRDlDEH7/iaOwCZhKLQmfFllA9crelW20";
	const size_t len = sizeof(hash) - 1;
	struct given given;
	char text[130] = {0};
	const char *why;

	(void)state;
	memcpy(text, hash, len);
	for (size_t n = len + 1; n <= sizeof(text); n++)
		assert_int_equal(given_parse(&given, text, n, &why),
		    n == 128 ? GIVEN_OK : GIVEN_MALFORMED);
	assert_int_equal(given_parse(&given, text, 128, &why), GIVEN_OK);
	assert_int_equal(given.len, len);
	assert_true(given.framed);
	assert_int_equal(
	    given_reasons(&given, &config, &profile) & REHASH_FORMAT, REHASH_FORMAT);
	text[len] = '\n';
	assert_int_equal(given_parse(&given, text, 128, &why), GIVEN_MALFORMED);
	text[len] = '\0';
	text[127] = '\n';
	assert_int_equal(given_parse(&given, text, 128, &why), GIVEN_MALFORMED);
	text[127] = '\0';
	text[40] = '\0';
	assert_int_equal(given_parse(&given, text, 128, &why), GIVEN_MALFORMED);
}

static void no_other_hash_has_a_nul(void **state)
{
	static const char bcrypt[] = BCRYPT("10");
	struct given given;
	char text[128] = {0};
	const char *why;

	(void)state;
	assert_int_equal(given_parse(&given, text, 0, &why), GIVEN_UNSUPPORTED);
	assert_int_equal(given_parse(&given, text, 1, &why), GIVEN_MALFORMED);
	assert_int_equal(given_parse(&given, text, 128, &why), GIVEN_MALFORMED);
	memcpy(text, bcrypt, sizeof(bcrypt));
	for (size_t n = sizeof(bcrypt); n <= sizeof(text); n++)
		assert_int_equal(given_parse(&given, text, n, &why), GIVEN_MALFORMED);
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
	    cmocka_unit_test(an_old_format_is_priced_with_its_password),
	    cmocka_unit_test(units_are_for_the_costliest),
	    cmocka_unit_test(a_scheme_may_be_named_before_it),
	    cmocka_unit_test(a_frame_is_a_reason_to_make_it_anew),
	    cmocka_unit_test(what_stands_in_a_frame_has_its_own_price),
	    cmocka_unit_test(one_end_of_a_line_may_follow),
	    cmocka_unit_test(libsodiums_buffer_is_taken_whole),
	    cmocka_unit_test(no_other_hash_has_a_nul),
	    cmocka_unit_test(what_nobody_writes_is_unsupported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
