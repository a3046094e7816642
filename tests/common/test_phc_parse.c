/* common/phc.c, reading: what is taken is written back byte for byte, and nothing else
 * is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/phc.h"

/* Parses from memory that ends where the text does, so that a checker of memory sees a
 * byte too many. */
static enum phc_result parse(struct phc *phc, const char *text, size_t len)
{
	char *exact = malloc(len > 0 ? len : 1);
	const char *why = "unset";
	enum phc_result result;

	assert_non_null(exact);
	memcpy(exact, text, len);
	result = phc_parse(phc, exact, len, &why);
	free(exact);
	assert_int_equal(why == NULL, result == PHC_OK);
	return result;
}

static void assert_taken(const char *text, size_t len)
{
	char back[LIMIT_TEXT];
	struct phc phc;

	if (parse(&phc, text, len) != PHC_OK)
		fail_msg("refused: %s", text);
	assert_int_equal(phc_format(back, sizeof(back), &phc), len);
	assert_memory_equal(back, text, len);
}

static void assert_result(const char *text, size_t len, enum phc_result expected)
{
	static const struct phc nothing;
	struct phc phc;
	enum phc_result result;

	memset(&phc, 0xff, sizeof(phc));
	result = parse(&phc, text, len);
	if (result != expected)
		fail_msg("%d, not %d: %.200s", result, expected, text);
	assert_memory_equal(&phc, &nothing, sizeof(phc));
}

static void what_others_write_is_taken(void **state)
{
	/* argon2(1), the reference's test vectors, and what is legal and rare */
	static const char *const texts[] = {
	    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$"
	    "9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
	    "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$"
	    "9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
	    "$argon2d$v=16$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAA",
	    "$argon2id$v=19$m=4294967295,t=4294967295,p=16777215$c29tZXNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=1024,p=2,t=3$c29tZXNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=1024,p=2,t=3,data=ZGF0YQ$c29tZXNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=64,t=1,p=8,keyid=Zg$c29tZXNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=64,t=1,p=8,data=Zg$c29tZXNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=64,t=1,p=8,keyid=Zm8,data=+/+/$c29tZXNhbHQ$AAAAAA",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_taken(texts[i], strlen(texts[i]));
}

static void every_part_is_told(void **state)
{
	static const char text[] = "$argon2i$v=16$m=256,t=3,p=32,keyid=Zm9vYmFy,"
	                           "data=Zm8$c2FsdHNhbHQ$AQIDBAU";
	struct phc phc;

	(void)state;
	assert_int_equal(parse(&phc, text, strlen(text)), PHC_OK);
	assert_int_equal(phc.cost.type, 1);
	assert_int_equal(phc.cost.version, 16);
	assert_false(phc.version_missing);
	assert_int_equal(phc.cost.memory_kib, 256);
	assert_int_equal(phc.cost.time, 3);
	assert_int_equal(phc.cost.lanes, 32);
	assert_int_equal(phc.key_len, 6);
	assert_memory_equal(phc.key, "foobar", 6);
	assert_int_equal(phc.data_len, 2);
	assert_memory_equal(phc.data, "fo", 2);
	assert_int_equal(phc.cost.salt_len, 8);
	assert_memory_equal(phc.salt, "saltsalt", 8);
	assert_int_equal(phc.cost.tag_len, 5);
	assert_memory_equal(phc.tag, "\1\2\3\4\5", 5);
}

#define SALT "$c29tZXNhbHQ"
#define TAG "$AAAAAA"
#define END SALT TAG
#define COST "$m=64,t=1,p=1"
#define START "$argon2id$v=19"

static void what_is_not_argon2_is_told_apart(void **state)
{
	static const char *const texts[] = {"", "$", "$$", "argon2id" COST END,
	    "$argon2" COST END, "$argon2x" COST END, "$argon2idd" COST END,
	    "$Argon2id" COST END, "$argon2id", " " START COST END,
	    "$2b$12$abcdefghijklmnopqrstuv", "$y$j9T$", "$scrypt$ln=1$"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i], "$argon2id") != 0)
			assert_result(texts[i], strlen(texts[i]), PHC_OTHER);
	assert_result("$argon2id", 9, PHC_MALFORMED);
}

static void what_is_not_well_formed_is_refused(void **state)
{
	static const char *const texts[] = {
	    /* parts that are missing, empty, repeated or out of order */
	    START, START "$", START COST, START COST "$", START COST "$$" TAG,
	    START COST SALT, START COST SALT "$", START END, "$argon2id" START COST END,
	    "$argon2id$v=$m=64,t=1,p=1" END, "$argon2id" COST "$v=19" END,
	    START "$t=1,m=64,p=1" END, START "$m=64,p=1,t=1,p=1" END,
	    START "$m=64,p=1" END, START "$p=1,m=64,t=1" END,
	    START "$m=64,p=1,t=01" END, START "$m=64,p=1,t=0" END,
	    START "$m=64,t=1" END, START "$m=64,t=1,p=1,p=1" END,
	    START "$m=64,t=1,p=1," END, START "$m=64,t=1,p=1,x=1" END,
	    START "$m=,t=1,p=1" END, START "$m=64,t=,p=1" END, START "$m=64,t=1,p=" END,
	    START COST ",keyid=" END, START COST ",data=" END,
	    START COST ",data=Zg,keyid=Zg" END, START COST ",keyid=Zg,keyid=Zg" END,
	    START COST END "$", START COST END ",", START COST END "=",
	    /* numbers that one would not write so */
	    START "$m=064,t=1,p=1" END, START "$m=64,t=01,p=1" END,
	    START "$m=64,t=1,p=01" END, "$argon2id$v=019$m=64,t=1,p=1" END,
	    START "$m=+64,t=1,p=1" END, START "$m=-64,t=1,p=1" END,
	    START "$m=64,t=-1,p=1" END, START "$m= 64,t=1,p=1" END,
	    START "$m=64 ,t=1,p=1" END, START "$m=0x40,t=1,p=1" END,
	    START "$m=64.0,t=1,p=1" END, START "$m=6e1,t=1,p=1" END,
	    START "$m=64, t=1,p=1" END, START "$m=64K,t=1,p=1" END,
	    /* numbers out of range */
	    START "$m=4294967296,t=1,p=1" END, START "$m=64,t=4294967296,p=1" END,
	    START "$m=64,t=1,p=4294967297" END,
	    START "$m=18446744073709551680,t=1,p=1" END,
	    START "$m=99999999999999999999999999999999,t=1,p=1" END,
	    START "$m=64,t=0,p=1" END, START "$m=64,t=1,p=0" END,
	    START "$m=7,t=1,p=1" END, START "$m=63,t=1,p=8" END,
	    START "$m=0,t=1,p=1" END, START "$m=4294967295,t=1,p=16777216" END,
	    START "$m=64,t=1,p=536870913" END,
	    /* salts and tags that are too short, or no base64 of that form */
	    START COST "$YQ" TAG, START COST "$AAAAAAAAA" TAG,
	    START COST "$AAAAAAAAAB" TAG, START COST "$AAAAAAAAAAB" TAG,
	    START COST "$AAAAAAAAAAA=" TAG, START COST "$AAAAAAAAAAAAA" TAG,
	    START COST "$AAAAAAAA-AA" TAG, START COST "$AAAAAAAA_AA" TAG,
	    START COST "$AAAA AAAAAAA" TAG, START COST "$AAAAAAAA\n\n" TAG,
	    START COST "$AAAAAAAA\xc3\xa4Q" TAG, START COST SALT "$AAAA",
	    START COST SALT "$AAAAAB", START COST SALT "$AAAAAAA=",
	    START COST SALT "$AAAAAA==", START COST END "\n", START COST END " ",
	    START COST ",keyid=Z" END, START COST ",keyid=Zh" END,
	    START COST ",keyid=Z_" END, START COST ",keyid=Zg==" END};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_result(texts[i], strlen(texts[i]), PHC_MALFORMED);
}

static void a_nul_is_a_byte_like_others(void **state)
{
	static const char whole[] = START COST END;
	char text[sizeof(whole)];

	(void)state;
	assert_result(whole, sizeof(whole), PHC_MALFORMED);
	for (size_t i = 0; i < strlen(whole); i++) {
		struct phc phc;

		memcpy(text, whole, sizeof(whole));
		text[i] = '\0';
		assert_int_not_equal(parse(&phc, text, strlen(whole)), PHC_OK);
	}
}

static void other_versions_are_unsupported(void **state)
{
	static const char *const versions[] = {
	    "0", "15", "17", "18", "20", "4294967295"};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		int n = snprintf(
		    text, sizeof(text), "$argon2id$v=%s%s", versions[i], COST END);

		assert_result(text, (size_t)n, PHC_UNSUPPORTED);
	}
	assert_result("$argon2id$v=4294967315" COST END,
	    strlen("$argon2id$v=4294967315" COST END), PHC_MALFORMED);
}

/* A string with a salt and a tag of so many bytes, a key and data too. */
static size_t build(
    char *buf, size_t cap, size_t key, size_t data, size_t salt, size_t tag)
{
	static const uint8_t zeros[LIMIT_TEXT];
	size_t n = (size_t)snprintf(buf, cap, "%s%s", START, COST);

	if (key > 0) {
		n += (size_t)snprintf(buf + n, cap - n, ",keyid=");
		n += (size_t)phc_base64(buf + n, cap - n, zeros, key);
	}
	if (data > 0) {
		n += (size_t)snprintf(buf + n, cap - n, ",data=");
		n += (size_t)phc_base64(buf + n, cap - n, zeros, data);
	}
	buf[n++] = '$';
	n += (size_t)phc_base64(buf + n, cap - n, zeros, salt);
	buf[n++] = '$';
	return n + (size_t)phc_base64(buf + n, cap - n, zeros, tag);
}

static void parts_are_bounded_before_they_are_read(void **state)
{
	char text[4 * LIMIT_TEXT] = "";

	(void)state;
	assert_taken(text, build(text, sizeof(text), PHC_KEY_MAX, PHC_DATA_MAX,
	                       LIMIT_SALT, LIMIT_TAG));
	assert_taken(text, build(text, sizeof(text), 1, 1, PHC_SALT_MIN, PHC_TAG_MIN));
	assert_result(text, build(text, sizeof(text), PHC_KEY_MAX + 1, 0, 16, 32),
	    PHC_UNSUPPORTED);
	assert_result(text, build(text, sizeof(text), 0, PHC_DATA_MAX + 1, 16, 32),
	    PHC_UNSUPPORTED);
	assert_result(
	    text, build(text, sizeof(text), 0, 0, LIMIT_SALT + 1, 32), PHC_UNSUPPORTED);
	assert_result(
	    text, build(text, sizeof(text), 0, 0, 16, LIMIT_TAG + 1), PHC_UNSUPPORTED);
	for (size_t salt = 0; salt < PHC_SALT_MIN; salt++)
		assert_result(
		    text, build(text, sizeof(text), 0, 0, salt, 32), PHC_MALFORMED);
	for (size_t tag = 0; tag < PHC_TAG_MIN; tag++)
		assert_result(
		    text, build(text, sizeof(text), 0, 0, 16, tag), PHC_MALFORMED);
}

static void ten_kilobytes_are_refused(void **state)
{
	enum { MUCH = 10240 };
	static const char starts[][64] = {START COST, START COST SALT,
	    START "$m=", "$argon2id$v=", START COST ",keyid="};
	char *text = malloc(MUCH);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		memset(text, 'A', MUCH);
		memcpy(text, starts[i], strlen(starts[i]));
		assert_result(text, MUCH, PHC_MALFORMED);
		memset(text + strlen(starts[i]), '1', MUCH - strlen(starts[i]));
		assert_result(text, MUCH, PHC_MALFORMED);
	}
	memset(text, '$', MUCH);
	assert_result(text, MUCH, PHC_OTHER);
	free(text);
}

/* Every string that ends early, and every one with one byte changed, is refused or is
 * written back as it was. */
static void mutations_are_refused_or_kept(void **state)
{
	static const char whole[] =
	    "$argon2id$v=19$m=64,t=1,p=8,keyid=Zm8,data=+/+/$c29tZXNhbHQ$AAAAAA";
	char text[sizeof(whole)], back[LIMIT_TEXT];
	struct phc phc;

	(void)state;
	for (size_t len = 0; len < strlen(whole); len++)
		assert_int_not_equal(parse(&phc, whole, len), PHC_OK);
	for (size_t i = 0; i < strlen(whole); i++)
		for (int byte = 0; byte < 256; byte++) {
			memcpy(text, whole, sizeof(whole));
			text[i] = (char)byte;
			if (parse(&phc, text, strlen(whole)) != PHC_OK)
				continue;
			assert_int_equal(
			    phc_format(back, sizeof(back), &phc), strlen(whole));
			assert_memory_equal(back, text, strlen(whole));
		}
}

static uint32_t random_from(uint32_t low, uint32_t high)
{
	return low + (uint32_t)random() % (high - low + 1);
}

static void random_bytes(uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)random();
}

static void what_is_written_is_read_back(void **state)
{
	char text[LIMIT_TEXT];
	struct phc phc, back;
	ssize_t len;

	(void)state;
	srandom(1);
	for (int i = 0; i < 2000; i++) {
		phc = (struct phc){
		    .cost = {random_from(0, 2), random() % 2 ? 0x13 : 0x10, 0,
		        random_from(1, 1u << random_from(0, 30)), random_from(1, 255),
		        random_from(PHC_SALT_MIN, LIMIT_SALT),
		        random_from(PHC_TAG_MIN, LIMIT_TAG)},
		    .key_len = random_from(0, PHC_KEY_MAX),
		    .data_len = random_from(0, PHC_DATA_MAX)};
		phc.cost.memory_kib = random_from(8 * phc.cost.lanes, 1u << 30);
		phc.lanes_first = random() % 2;
		phc.version_missing = phc.cost.version == 0x10 && random() % 2;
		random_bytes(phc.key, phc.key_len);
		random_bytes(phc.data, phc.data_len);
		random_bytes(phc.salt, phc.cost.salt_len);
		random_bytes(phc.tag, phc.cost.tag_len);
		len = phc_format(text, sizeof(text), &phc);
		assert_true(len > 0);
		assert_int_equal(parse(&back, text, (size_t)len), PHC_OK);
		assert_memory_equal(&back, &phc, sizeof(phc));
	}
}

static void base64_has_one_form(void **state)
{
	static const struct {
		const char *text;
		ssize_t len;
	} rows[] = {{"", 0}, {"Zg", 1}, {"Zm8", 2}, {"Zm9v", 3}, {"////", 3}, {"Z", -1},
	    {"Zh", -1}, {"Zm9", -1}, {"Zm9vY", -1}, {"Zg==", -1}, {"Zm9 ", -1},
	    {"Zm9-", -1}, {"Zm9_", -1}, {"Zm9@", -1}, {"Zm9[", -1}, {"Zm9`", -1},
	    {"Zm9{", -1}, {"Zm9:", -1}, {"Zm9,", -1}};
	uint8_t buf[4];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    phc_unbase64(buf, sizeof(buf), rows[i].text, strlen(rows[i].text)),
		    rows[i].len);
	assert_int_equal(phc_unbase64(buf, 2, "Zm9v", 4), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_others_write_is_taken),
	    cmocka_unit_test(every_part_is_told),
	    cmocka_unit_test(what_is_not_argon2_is_told_apart),
	    cmocka_unit_test(what_is_not_well_formed_is_refused),
	    cmocka_unit_test(a_nul_is_a_byte_like_others),
	    cmocka_unit_test(other_versions_are_unsupported),
	    cmocka_unit_test(parts_are_bounded_before_they_are_read),
	    cmocka_unit_test(ten_kilobytes_are_refused),
	    cmocka_unit_test(mutations_are_refused_or_kept),
	    cmocka_unit_test(what_is_written_is_read_back),
	    cmocka_unit_test(base64_has_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
