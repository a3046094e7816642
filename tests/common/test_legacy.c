/* common/legacy.c and its readers, against what other programs have written. */
#include "tests/common/legacy_reading.h"
#include <stdio.h>

#include "tests/common/legacy_vectors.h"

static void each_string_is_of_its_kind(void **state)
{
	bool seen[LEGACY_KINDS] = {false};

	(void)state;
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const struct legacy_vector *v = &legacy_vectors[i];
		struct legacy parsed;

		assert_read(&parsed, v->text, strlen(v->text));
		assert_int_equal(parsed.kind, v->kind);
		assert_int_equal(legacy_identify(v->text, strlen(v->text)), v->kind);
		assert_true(legacy_within(&parsed, LEGACY_LONGEST, NULL));
		assert_true(strlen(v->text) <= LEGACY_TEXT_MAX);
		seen[v->kind] = true;
	}
	for (size_t kind = 0; kind < LEGACY_KINDS; kind++)
		if (!seen[kind])
			fail_msg("no vector of %s",
			    legacy_kind_name((enum legacy_kind)kind));
}

/* ---- what is in a string ---- */

#define HASH22 "5ag./01234567890abcde."
#define HASH31 "1234567890123456789012345678902"
#define HASH43 "T/k01A3dmAFET0Crg9rNVGQd3jtRVquYgIYRLsWiuc5"
#define SALT22 "abcdefghijklmnopqrstuu"
#define ZERO32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ZERO64                                                                         \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"A"                                                                            \
	"AAAAAAAAA"
#define HEX32 "9d15ba0e7f230969abfe252ae3f76d9cd65151ac0e2906b858c7a3be732c2a16"
#define HEX64                                                                          \
	"9d15ba0e7f230969abfe252ae3f76d9cd65151ac0e2906b858c7a3be732c2a16f44215df3d45" \
	"9cd"                                                                          \
	"85718fa82f476fe0d449dbf4709ac54d9d2ee4e8d38dcb2e0"

static const struct content {
	const char *text;
	uint64_t rounds, n;
	uint32_t r, p, t;
	size_t skip;
	const char *salt;
	size_t tag_len;
} contents[] = {
    {"$2b$04$" SALT22 HASH31 "", 1 << 4, 0, 0, 0, 0, 0, "", 0},
    {"$2y$10$" SALT22 HASH31 "", 1 << 10, 0, 0, 0, 0, 0, "", 0},
    {"$2a$31$" SALT22 HASH31 "", UINT64_C(1) << 31, 0, 0, 0, 0, 0, "", 0},
    {"bcrypt$$2b$12$" SALT22 HASH31, 1 << 12, 0, 0, 0, 0, 7, "", 0},
    {"bcrypt_sha256$$2b$12$" SALT22 HASH31, 1 << 12, 0, 0, 0, 0, 14, "", 0},
    {"$5$salt$" HASH43, 5000, 0, 0, 0, 0, 0, "", 0},
    {"$5$rounds=999999999$salt$" HASH43, 999999999, 0, 0, 0, 0, 0, "", 0},
    {"$5$rounds=1000$~@#&'.,?$" HASH43, 1000, 0, 0, 0, 0, 0, "", 0},
    {"$1$12345678$" HASH22, 1000, 0, 0, 0, 0, 0, "", 0},
    {"$7$C6..../....SodiumChloride$" HASH43, 0, 1 << 14, 8, 1, 0, 0, "", 0},
    {"$7$00....zzzz.s$" HASH43, 0, 4, 2, 0xffffff, 0, 0, "", 0},
    {"$y$j9T$aa0.$" HASH43, 0, 1 << 12, 32, 1, 0, 0, "", 0},
    {"$gy$j75$aa0.$" HASH43, 0, 1 << 10, 8, 1, 0, 0, "", 0},
    {"$y$jD5.7$LdJMENpBABJJ3hIHjB1Bi.$" HASH43, 0, 1 << 16, 8, 11, 0, 0, "", 0},
    /* t alone, then p and t; the numbers of more than one digit that follow 48, 560 */
    {"$y$jD5/.$aaaa$" HASH43, 0, 1 << 16, 8, 1, 1, 0, "", 0},
    {"$y$jD50.1$aaaa$" HASH43, 0, 1 << 16, 8, 2, 4, 0, "", 0},
    {"$y$jDj$aaaa$" HASH43, 0, 1 << 16, 48, 1, 0, 0, "", 0},
    {"$y$jDk.$aaaa$" HASH43, 0, 1 << 16, 49, 1, 0, 0, "", 0},
    {"$y$jDrz$aaaa$" HASH43, 0, 1 << 16, 560, 1, 0, 0, "", 0},
    {"$y$jDs..$aaaa$" HASH43, 0, 1 << 16, 561, 1, 0, 0, "", 0},
    {"$y$jDvzz$aaaa$" HASH43, 0, 1 << 16, 561 + (4 << 12) - 1, 1, 0, 0, "", 0},
    {"$y$jDw...$aaaa$" HASH43, 0, 1 << 16, 561 + (4 << 12), 1, 0, 0, "", 0},
    {"pbkdf2_sha256$4294967295$a salt$" ZERO32 "=", UINT32_MAX, 0, 0, 0, 0, 0, "a salt",
        32},
    {"scrypt$16384$seasalt$8$5$" ZERO64 "==", 0, 16384, 8, 5, 0, 0, "seasalt", 64},
    {"$pbkdf2-sha512$1$./..$" ZERO64, 1, 0, 0, 0, 0, 0, "\xfb\xff\xbe", 64},
    {"$scrypt$ln=16,r=8,p=1$+/+Y$" ZERO32, 0, 65536, 8, 1, 0, 0, "\xfb\xff\x98", 32},
    {"$scrypt$ln=63,r=4,p=1$Zg$" ZERO32, 0, UINT64_C(1) << 63, 4, 1, 0, 0, "f", 32},
    {"$scrypt$ln=1,r=1,p=1073741823$Zm8$" ZERO32, 0, 2, 1, 1073741823, 0, 0, "fo", 32},
    {"$wp$2y$12$" SALT22 HASH31, 1 << 12, 0, 0, 0, 0, 3, "", 0},
    {"$P$5abcdefgh" HASH22, 1 << 7, 0, 0, 0, 0, 0, "abcdefgh", 16},
    {"$H$Sabcdefgh" HASH22, 1 << 30, 0, 0, 0, 0, 0, "abcdefgh", 16},
    {"$apr1$ab$" HASH22, 1000, 0, 0, 0, 0, 0, "ab", 16},
    {"{pbkdf2}6162636465666768" HEX32, 185000, 0, 0, 0, 0, 0, "abcdefgh", 32},
    {"{pbkdf2@SpringSecurity_v5_8}61626364656667686162636465666768" HEX32, 310000, 0, 0,
        0, 0, 0, "abcdefghabcdefgh", 32},
    {"{scrypt}$e0801$Zm8=$" ZERO32 "=", 0, 1 << 14, 8, 1, 0, 0, "fo", 32},
    {"{scrypt@SpringSecurity_v5_8}$100801$Zm9v$" ZERO32 "=", 0, 1 << 16, 8, 1, 0, 0,
        "foo", 32},
    {"{scrypt}$3fffff$Zg==$" ZERO32 "=", 0, UINT64_C(1) << 63, 255, 255, 0, 0, "f", 32},
    {"scrypt:32768:8:1$tDZHopoVI7QGLYRQ$" HEX64, 0, 32768, 8, 1, 0, 0,
        "tDZHopoVI7QGLYRQ", 64},
};

static void numbers_salt_and_tag_are_those_of_the_string(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		const struct content *c = &contents[i];
		struct legacy parsed;

		assert_read(&parsed, c->text, strlen(c->text));
		assert_int_equal(parsed.rounds, c->rounds);
		assert_int_equal(parsed.n, c->n);
		assert_int_equal(parsed.r, c->r);
		assert_int_equal(parsed.p, c->p);
		assert_int_equal(parsed.t, c->t);
		assert_int_equal(parsed.skip, c->skip);
		assert_int_equal(parsed.salt_len, strlen(c->salt));
		assert_memory_equal(parsed.salt, c->salt, parsed.salt_len);
		assert_int_equal(parsed.tag_len, c->tag_len);
	}
}

static void a_tag_is_read_in_each_alphabet(void **state)
{
	/* 0xfb 0xef 0xbe is "++++", and in passlib's PBKDF2 "...." */
	static const uint8_t tag[20] = {0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff, 0x00, 0x10,
	    0x83, 0x10, 0x51, 0x87, 0x20, 0x92, 0x8b, 0x30, 0xd3, 0x8f, 0x01, 0x02};
	static const char *const texts[] = {
	    "pbkdf2_sha1$1$s$++++////ABCDEFGHIJKLMNOPAQI=",
	    "$pbkdf2$1$Zg$....////ABCDEFGHIJKLMNOPAQI",
	    "pbkdf2:sha1:1$s$fbefbeffffff00108310518720928b30d38f0102"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct legacy parsed;

		assert_read(&parsed, texts[i], strlen(texts[i]));
		assert_int_equal(parsed.digest, LEGACY_SHA1);
		assert_int_equal(parsed.tag_len, sizeof(tag));
		assert_memory_equal(parsed.tag, tag, sizeof(tag));
	}
}

/* ---- what it costs ---- */

/* crypt(3)'s digits hold the lowest bits first; and Apache has an order of its own. */
static void a_tag_of_md5_is_read(void **state)
{
	static const uint8_t phpass[16] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
	    0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0xff};
	static const uint8_t apr1[16] = {0x02, 0x05, 0x08, 0x0b, 0x0e, 0x0c, 0x01, 0x04,
	    0x07, 0x0a, 0x0d, 0xff, 0x00, 0x03, 0x06, 0x09};
	static const char digits[] =
	    ".2U.1EE/4Q.07ck0AoU1z1"; /* by phpass's encode64() */
	char text[64];
	struct legacy parsed;

	(void)state;
	snprintf(text, sizeof(text), "$P$9abcdefgh%s", digits);
	assert_read(&parsed, text, strlen(text));
	assert_memory_equal(parsed.tag, phpass, sizeof(phpass));
	snprintf(text, sizeof(text), "$apr1$s$%s", digits);
	assert_read(&parsed, text, strlen(text));
	assert_memory_equal(parsed.tag, apr1, sizeof(apr1));
}

#define DOTS43 "..........................................."
#define HASH86 DOTS43 DOTS43

/* Is it within the ceiling with a password of 8 bytes, and with the longest? Some
 * distance from the ceilings, for those of PBKDF2 depend on the CPU. */
static const struct priced {
	const char *text;
	bool within, always;
} priced[] = {
    {"$2b$15$" SALT22 HASH31, true, true},
    {"$2b$16$" SALT22 HASH31, false, false},
    {"bcrypt$$2b$15$" SALT22 HASH31, true, true},
    {"bcrypt$$2b$31$" SALT22 HASH31, false, false},
    {"bcrypt_sha256$$2b$15$" SALT22 HASH31, true, true},
    {"bcrypt_sha256$$2b$16$" SALT22 HASH31, false, false},
    {"$5$rounds=535000$s$" HASH43, true, true},
    {"$5$rounds=1400000$s$" HASH43, true, false},
    {"$5$rounds=6000000$s$" HASH43, false, false},
    {"$6$rounds=656000$s$" HASH86, true, true},
    {"$6$rounds=1250000$s$" HASH86, true, false},
    {"$6$rounds=7000000$s$" HASH86, false, false},
    {"$1$s$" HASH22, true, true},
    /* N = 2^18 with r = 8 is 256 MiB; 2^19 is not, nor is 2^18 with p = 3 */
    {"$scrypt$ln=18,r=8,p=1$Zg$" ZERO32, true, true},
    {"$scrypt$ln=19,r=8,p=1$Zg$" ZERO32, false, false},
    {"$scrypt$ln=18,r=8,p=2$Zg$" ZERO32, true, true},
    {"$scrypt$ln=18,r=8,p=3$Zg$" ZERO32, false, false},
    {"$scrypt$ln=1,r=1,p=1073741823$Zg$" ZERO32, false, false},
    {"$scrypt$ln=1,r=1073741823,p=1$Zg$" ZERO32, false, false},
    {"$scrypt$ln=63,r=1073741823,p=1$Zg$" ZERO32, false, false},
    {"$scrypt$ln=63,r=4,p=268435455$Zg$" ZERO32, false, false},
    /* N = 2, r p = 2 million: mixing is nothing, but 256 MiB go through PBKDF2 */
    {"$scrypt$ln=1,r=8,p=250000$Zg$" ZERO32, false, false},
    {"$7$G6..../....s$" HASH43, true, true},
    {"$7$H6..../....s$" HASH43, false, false},
    {"$7$z6..../....s$" HASH43, false, false},
    {"$y$jDT$aaaa$" HASH43, true, true}, /* N = 2^16, r = 32: 256 MiB */
    {"$y$jET$aaaa$" HASH43, false, false},
    {"$y$jDT.7$aaaa$" HASH43, true, true},     /* its eleven lanes share the N */
    {"$7$F6....9....s$" HASH43, false, false}, /* here they do not */
    {"$y$jD5/j$aaaa$" HASH43, true, true},     /* t = 46 */
    {"$y$jD5/l.$aaaa$" HASH43, false, false},  /* t = 113 */
    {"$gy$jFT$aaaa$" HASH43, false, false},
    {"scrypt$9223372036854775808$s$1073741823$1$" ZERO64 "==", false, false},
    {"scrypt:9223372036854775808:4:268435455$s$" HEX64, false, false},
    {"pbkdf2_sha256$3000000$s$" ZERO32 "=", true, true},
    {"pbkdf2_sha256$15000000$s$" ZERO32 "=", false, false},
    {"$pbkdf2-sha512$2500000$Zg$" ZERO64, true, true},
    {"$pbkdf2-sha512$4294967295$Zg$" ZERO64, false, false},
    {"pbkdf2:sha512:5100000$s$" HEX64, false, false},
    {"$wp$2y$15$" SALT22 HASH31, true, true},
    {"$wp$2y$16$" SALT22 HASH31, false, false},
    {"$P$Gabcdefgh" HASH22, true, true}, /* 2^18 */
    {"$P$Habcdefgh" HASH22, true, false},
    {"$P$Labcdefgh" HASH22, true, false}, /* 2^23 */
    {"$P$Nabcdefgh" HASH22, false, false},
    {"$H$Sabcdefgh" HASH22, false, false}, /* 2^30 */
    {"$apr1$s$" HASH22, true, true},
    {"{pbkdf2}6162636465666768" HEX32, true, true},
    {"{scrypt}$120801$Zg==$" ZERO32 "=", true, true},
    {"{scrypt}$130801$Zg==$" ZERO32 "=", false, false},
    {"{scrypt}$3fffff$Zg==$" ZERO32 "=", false, false},
};

static void what_costs_too_much_is_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(priced) / sizeof(priced[0]); i++) {
		const struct priced *at = &priced[i];
		struct legacy parsed;

		assert_read(&parsed, at->text, strlen(at->text));
		if (legacy_within(&parsed, 8, NULL) != at->within ||
		    legacy_within(&parsed, LEGACY_LONGEST, NULL) != at->always)
			fail_msg("%s: %llu bytes, %llu us, %llu us at most", at->text,
			    (unsigned long long)legacy_cost(&parsed, 8).memory,
			    (unsigned long long)legacy_cost(&parsed, 8).work_us,
			    (unsigned long long)legacy_cost(&parsed, LEGACY_LONGEST)
			        .work_us);
	}
}

/* Formats that hash the whole password in each round cost in proportion to its length,
 * up to the longest that they take; the others do not. */
static void a_longer_password_costs_more_where_it_does(void **state)
{
	static const struct {
		const char *text;
		unsigned times; /* of what 8 bytes cost, at least, with the longest */
		size_t longest;
	} rows[] = {
	    {"$5$rounds=100000$s$" HASH43, 8, LEGACY_CRYPT_PASSWORD_MAX},
	    {"$6$rounds=100000$s$" HASH86, 7, LEGACY_CRYPT_PASSWORD_MAX},
	    {"$1$s$" HASH22, 9, LEGACY_CRYPT_PASSWORD_MAX},
	    {"$apr1$s$" HASH22, 40, LIMIT_PASSWORD},
	    {"$P$Gabcdefgh" HASH22, 30, LIMIT_PASSWORD},
	    {"$2b$10$" SALT22 HASH31, 1, 8},
	    {"$wp$2y$10$" SALT22 HASH31, 1, 8},
	    {"$y$j9T$aaaa$" HASH43, 1, 8},
	    {"$scrypt$ln=14,r=8,p=1$Zg$" ZERO32, 1, 8},
	    {"pbkdf2_sha256$300000$s$" ZERO32 "=", 1, 8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct legacy parsed;
		uint64_t usual, most;

		assert_read(&parsed, rows[i].text, strlen(rows[i].text));
		usual = legacy_cost(&parsed, 8).work_us;
		most = legacy_cost(&parsed, rows[i].longest).work_us;
		assert_true(most >= rows[i].times * usual);
		assert_true(rows[i].times > 1 || most == usual);
		assert_true(legacy_cost(&parsed, SIZE_MAX).work_us == most);
		assert_true(legacy_cost(&parsed, rows[i].longest / 2).work_us <= most);
	}
}

static void costs_beyond_64_bits_are_the_largest(void **state)
{
	const struct legacy huge = {.rounds = UINT64_MAX,
	    .n = UINT64_C(1) << 63,
	    .r = UINT32_MAX,
	    .p = UINT32_MAX,
	    .t = UINT32_MAX,
	    .tag_len = LEGACY_TAG_MAX};

	(void)state;
	for (unsigned kind = 0; kind < LEGACY_KINDS; kind++) {
		struct legacy parsed = huge;
		struct legacy_cost cost;

		parsed.kind = (enum legacy_kind)kind;
		cost = legacy_cost(&parsed, LEGACY_LONGEST);
		assert_true(cost.memory == UINT64_MAX);
		assert_true(cost.work_us > UINT64_MAX / 1000000);
		assert_false(legacy_within(&parsed, 0, NULL));
	}
}

static void a_ceiling_can_be_ones_own(void **state)
{
	static const char text[] = "$scrypt$ln=14,r=8,p=1$Zg$" ZERO32;
	struct legacy parsed;
	struct legacy_cost cost;

	(void)state;
	assert_read(&parsed, text, sizeof(text) - 1);
	cost = legacy_cost(&parsed, 8);
	assert_true(
	    cost.memory > UINT64_C(16) << 20 && cost.memory < UINT64_C(20) << 20);
	assert_true(legacy_within(
	    &parsed, 8, &(struct legacy_ceiling){cost.memory, cost.work_us}));
	assert_false(legacy_within(
	    &parsed, 8, &(struct legacy_ceiling){cost.memory - 1, cost.work_us}));
	assert_false(legacy_within(
	    &parsed, 8, &(struct legacy_ceiling){cost.memory, cost.work_us - 1}));
}

/* ---- what is said of a kind ---- */

static void kinds_have_names(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < LEGACY_KINDS; kind++)
		assert_int_equal(
		    legacy_kind_find(legacy_kind_name((enum legacy_kind)kind)), kind);
	assert_int_equal(legacy_kind_find("bcrypt"), LEGACY_BCRYPT);
	assert_int_equal(legacy_kind_find("werkzeug-scrypt"), LEGACY_WERKZEUG_SCRYPT);
	assert_int_equal(legacy_kind_find("Bcrypt"), -1);
	assert_int_equal(legacy_kind_find("bcryp"), -1);
	assert_int_equal(legacy_kind_find(""), -1);
}

static bool takes(enum legacy_kind kind, const char *password, size_t len)
{
	return legacy_password_refused(kind, (const uint8_t *)password, len) == NULL;
}

static void a_password_is_refused_rather_than_cut(void **state)
{
	static char word[LIMIT_PASSWORD];

	(void)state;
	memset(word, 'x', sizeof(word));
	for (unsigned k = 0; k < LEGACY_KINDS; k++) {
		const enum legacy_kind kind = (enum legacy_kind)k;
		const bool bcrypt = cuts_at_72(kind), any = takes_any(kind);
		const bool long_ones = any || kind == LEGACY_APR1;

		assert_true(takes(kind, NULL, 0));
		assert_true(takes(kind, word, 72));
		assert_int_equal(takes(kind, word, 73), !bcrypt);
		assert_int_equal(takes(kind, word, 511), !bcrypt);
		assert_int_equal(takes(kind, word, 512), long_ones);
		assert_int_equal(takes(kind, word, sizeof(word)), long_ones);
		assert_int_equal(takes(kind, "a\0b", 3), any);
		assert_int_equal(takes(kind, "ab\0", 3), any);
		assert_int_equal(takes(kind, "\0", 1), any);
	}
}

/* Only where bcrypt itself sees the password, and only where that is wanted. */
static void a_password_is_cut_where_that_is_wanted(void **state)
{
	(void)state;
	for (unsigned k = 0; k < LEGACY_KINDS; k++) {
		const enum legacy_kind kind = (enum legacy_kind)k;

		for (size_t len = 0; len <= 72; len += 72)
			assert_int_equal(legacy_password_len(kind, len, true), len);
		assert_int_equal(legacy_password_len(kind, 73, false), 73);
		assert_int_equal(
		    legacy_password_len(kind, 73, true), cuts_at_72(kind) ? 72 : 73);
		assert_int_equal(legacy_password_len(kind, LIMIT_PASSWORD, true),
		    cuts_at_72(kind) ? 72 : LIMIT_PASSWORD);
	}
}

static void argon2_in_djangos_words_is_pointed_at(void **state)
{
	static const char text[] =
	    "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdA$aGFzaA";
	static const char *const others[] = {"argon2$", "argon2$argon2x$v=19$",
	    "argon2id$argon2id$", "$argon2id$v=19$m=16,t=2,p=1$c2FsdA$aGFzaA", "argon2",
	    "", "argon2$$argon2id$"};

	(void)state;
	assert_int_equal(legacy_argon2_prefix(text, sizeof(text) - 1), 6);
	assert_int_equal(legacy_argon2_prefix(text, 15), 0);
	assert_int_equal(legacy_argon2_prefix(text, 16), 6);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(legacy_argon2_prefix(others[i], strlen(others[i])), 0);
	assert_int_equal(legacy_identify(text, sizeof(text) - 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_string_is_of_its_kind),
	    cmocka_unit_test(numbers_salt_and_tag_are_those_of_the_string),
	    cmocka_unit_test(a_tag_is_read_in_each_alphabet),
	    cmocka_unit_test(a_tag_of_md5_is_read),
	    cmocka_unit_test(what_costs_too_much_is_seen),
	    cmocka_unit_test(a_longer_password_costs_more_where_it_does),
	    cmocka_unit_test(costs_beyond_64_bits_are_the_largest),
	    cmocka_unit_test(a_ceiling_can_be_ones_own),
	    cmocka_unit_test(kinds_have_names),
	    cmocka_unit_test(a_password_is_refused_rather_than_cut),
	    cmocka_unit_test(a_password_is_cut_where_that_is_wanted),
	    cmocka_unit_test(argon2_in_djangos_words_is_pointed_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
