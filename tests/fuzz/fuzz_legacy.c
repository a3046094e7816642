/*
 * Old password hashes (common/legacy.h): whatever the input, it is refused with a
 * reason and nothing else, or
 *   - a naive writer, or libxcrypt where the work is small, writes the same string
 * again: one hash has one spelling;
 *   - its cost is one that can be compared, and its lengths are those of its arrays.
 * And as somebody brings it (common/given.h), with a scheme's name before it and a
 * line's end behind it, it is read as it is read without them.
 */
#include <crypt.h>
#include <inttypes.h>

#include "common/given.h"
#include "common/legacy.h"
#include "tests/fuzz/fuzz.h"

enum { SMALL_US = 1000, SMALL_BYTES = 8 << 20, TEXT_ROOM = 2 * LEGACY_TEXT_MAX };

/* --- a naive writer */

static const char plain[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Bit by bit; '.' stands for '+' where it says so, and '=' fills up. */
static void put_base64(char *to, const uint8_t *bytes, size_t len, bool dots, bool pad)
{
	size_t n = 0;

	for (size_t bit = 0; bit < 8 * len; bit += 6) {
		unsigned value = 0;

		for (size_t i = bit; i < bit + 6; i++)
			value =
			    value << 1 |
			    (i < 8 * len ? (unsigned)bytes[i / 8] >> (7 - i % 8) & 1U
			                 : 0U);
		to[n++] = dots && value == 62 ? '.' : plain[value];
	}
	while (pad && n % 4 != 0)
		to[n++] = '=';
	to[n] = '\0';
}

static void put_hex(char *to, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sprintf(to + 2 * i, "%02x", bytes[i]);
}

static void put_passlib(char *to, const struct legacy *parsed, const char *salt)
{
	static const char *const names[] = {"pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512"};
	const bool dots = parsed->kind == LEGACY_PASSLIB_PBKDF2;
	char tag[TEXT_ROOM];

	put_base64(tag, parsed->tag, parsed->tag_len, dots, false);
	if (dots)
		sprintf(to, "$%s$%" PRIu64 "$%s$%s", names[parsed->digest],
		    parsed->rounds, salt, tag);
	else
		sprintf(to, "$scrypt$ln=%d,r=%" PRIu32 ",p=%" PRIu32 "$%s$%s",
		    __builtin_ctzll(parsed->n), parsed->r, parsed->p, salt, tag);
}

static void put_django(char *to, const struct legacy *parsed, const char *salt)
{
	char tag[TEXT_ROOM];

	put_base64(tag, parsed->tag, parsed->tag_len, false, true);
	if (parsed->kind == LEGACY_DJANGO_PBKDF2)
		sprintf(to, "pbkdf2_%s$%" PRIu64 "$%s$%s",
		    parsed->digest == LEGACY_SHA1 ? "sha1" : "sha256", parsed->rounds,
		    salt, tag);
	else
		sprintf(to, "scrypt$%" PRIu64 "$%s$%" PRIu32 "$%" PRIu32 "$%s",
		    parsed->n, salt, parsed->r, parsed->p, tag);
}

static void put_werkzeug(char *to, const struct legacy *parsed, const char *salt)
{
	static const char *const names[] = {"sha1", "sha256", "sha512"};
	char tag[TEXT_ROOM];

	put_hex(tag, parsed->tag, parsed->tag_len);
	if (parsed->kind == LEGACY_WERKZEUG_PBKDF2)
		sprintf(to, "pbkdf2:%s:%" PRIu64 "$%s$%s", names[parsed->digest],
		    parsed->rounds, salt, tag);
	else
		sprintf(to, "scrypt:%" PRIu64 ":%" PRIu32 ":%" PRIu32 "$%s$%s",
		    parsed->n, parsed->r, parsed->p, salt, tag);
}

/* The tag and a salt of bytes in one run of hex, or as Django's scrypt has them. */
static void put_spring(char *to, const struct legacy *parsed, const char *text)
{
	const char *name = strchr(text, '@') != NULL ? "@SpringSecurity_v5_8" : "";
	char salt[TEXT_ROOM], tag[TEXT_ROOM];

	if (parsed->kind == LEGACY_SPRING_PBKDF2) {
		put_hex(salt, parsed->salt, parsed->salt_len);
		put_hex(tag, parsed->tag, parsed->tag_len);
		sprintf(to, "{pbkdf2%s}%s%s", name, salt, tag);
		return;
	}
	put_base64(salt, parsed->salt, parsed->salt_len, false, true);
	put_base64(tag, parsed->tag, parsed->tag_len, false, true);
	sprintf(to, "{scrypt%s}$%x$%s$%s", name,
	    (unsigned)__builtin_ctzll(parsed->n) << 16 | parsed->r << 8 | parsed->p,
	    salt, tag);
}

/* Three bytes at a time, the lowest bits first. */
static void put_crypt64(char *to, const uint8_t *bytes, size_t len)
{
	static const char digits[] =
	    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	for (size_t i = 0; i < len; i += 3) {
		unsigned value = 0;

		for (size_t j = 0; j < 3 && i + j < len; j++)
			value |= (unsigned)bytes[i + j] << (8 * j);
		for (size_t j = 0; j <= 3 && j <= len - i; j++, value >>= 6)
			*to++ = digits[value & 63];
	}
	*to = '\0';
}

/* The letter of phpass is whichever the text has. */
static void put_md5(
    char *to, const struct legacy *parsed, const char *salt, const char *text)
{
	static const char costs[] = "./0123456789ABCDEFGHIJKLMNOPQRS";
	static const uint8_t order[16] = {
	    12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11};
	char tag[TEXT_ROOM];
	uint8_t shuffled[16];

	if (parsed->kind == LEGACY_PHPASS) {
		put_crypt64(tag, parsed->tag, 16);
		sprintf(to, "$%c$%c%s%s", text[1],
		    costs[__builtin_ctzll(parsed->rounds)], salt, tag);
		return;
	}
	for (size_t i = 0; i < 16; i++)
		shuffled[i] = parsed->tag[order[i]];
	put_crypt64(tag, shuffled, 16);
	sprintf(to, "$apr1$%s$%s", salt, tag);
}

static void check_written(const struct legacy *parsed, const char *text, size_t len)
{
	char ours[4 * TEXT_ROOM], salt[TEXT_ROOM];

	snprintf(salt, sizeof(salt), "%.*s", (int)parsed->salt_len,
	    (const char *)parsed->salt);
	if (parsed->kind == LEGACY_PASSLIB_PBKDF2 ||
	    parsed->kind == LEGACY_PASSLIB_SCRYPT) {
		put_base64(salt, parsed->salt, parsed->salt_len,
		    parsed->kind == LEGACY_PASSLIB_PBKDF2, false);
		put_passlib(ours, parsed, salt);
	} else if (parsed->kind == LEGACY_DJANGO_PBKDF2 ||
	           parsed->kind == LEGACY_DJANGO_SCRYPT) {
		put_django(ours, parsed, salt);
	} else if (parsed->kind == LEGACY_SPRING_PBKDF2 ||
	           parsed->kind == LEGACY_SPRING_SCRYPT) {
		snprintf(salt, sizeof(salt), "%.*s", (int)len, text);
		put_spring(ours, parsed, salt);
	} else if (parsed->kind == LEGACY_PHPASS || parsed->kind == LEGACY_APR1) {
		put_md5(ours, parsed, salt, text);
	} else {
		put_werkzeug(ours, parsed, salt);
	}
	CHECK(strlen(ours) == len && memcmp(ours, text, len) == 0);
}

/* --- libxcrypt's writer */

static bool is_bcrypt(enum legacy_kind kind)
{
	return kind == LEGACY_BCRYPT || kind == LEGACY_DJANGO_BCRYPT ||
	       kind == LEGACY_DJANGO_BCRYPT_SHA256 || kind == LEGACY_WORDPRESS_BCRYPT;
}

/* But for the hash itself, 31 digits or what follows the last `$`. */
static void check_crypt(const struct legacy *parsed, const char *text, size_t len)
{
	static struct crypt_data data;
	const struct legacy_cost cost = legacy_cost(parsed, 1);
	char setting[LEGACY_TEXT_MAX + 1];
	size_t same = len - 31;
	const char *ours;

	CHECK(parsed->salt_len == 0 && parsed->tag_len == 0 && parsed->skip < len);
	if (cost.work_us > SMALL_US || cost.memory > SMALL_BYTES)
		return;
	memcpy(setting, text, len);
	setting[len] = '\0';
	ours = crypt_rn("x", setting, &data, sizeof(data));
	CHECK(ours != NULL && strlen(ours) == len);
	if (!is_bcrypt(parsed->kind))
		same = (size_t)(strrchr(setting, '$') - setting) + 1;
	CHECK(memcmp(ours, setting, same) == 0);
}

/* --- both */

static void check_taken(const struct legacy *parsed, const char *text, size_t len)
{
	const struct legacy_cost cost = legacy_cost(parsed, LEGACY_LONGEST);

	CHECK(len <= LEGACY_TEXT_MAX && memchr(text, '\0', len) == NULL);
	CHECK(parsed->kind < LEGACY_KINDS && parsed->digest < LEGACY_DIGESTS);
	CHECK((parsed->rounds == 0) == (parsed->n != 0));
	CHECK(parsed->salt_len <= LIMIT_SALT && parsed->tag_len <= LEGACY_TAG_MAX);
	CHECK(cost.memory >= 65536);
	CHECK(!legacy_within(parsed, 0, NULL) || cost.memory <= 264 << 20);
	if (legacy_is_crypt(parsed->kind))
		check_crypt(parsed, text + parsed->skip, len - parsed->skip);
	else
		check_written(parsed, text, len);
}

static void check_given(const char *text, size_t size)
{
	const char *why = NULL;
	struct given given, bare;

	if (given_parse(&given, text, size, &why) != GIVEN_OK) {
		CHECK(why != NULL && given.skip == 0 && given.len == 0);
		return;
	}
	CHECK(why == NULL && given.len > 0 && size <= LIMIT_TEXT);
	CHECK(given.skip <= size && given.len <= size - given.skip);
	CHECK(given.framed == (given.len != size));
	CHECK(memchr(text + given.skip, '\0', given.len) == NULL);
	/* the same without its frame, and a frame is no part of another */
	CHECK(given_parse(&bare, text + given.skip, given.len, &why) == GIVEN_OK);
	CHECK(!bare.framed && bare.old == given.old);
	CHECK(bare.legacy.kind == given.legacy.kind);
	CHECK(bare.phc.cost.type == given.phc.cost.type);
	CHECK(given_units(&bare, ENGINE_AUTO, size) ==
	      given_units(&given, ENGINE_AUTO, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *why = NULL;
	const int kind = legacy_identify(text, size);
	struct legacy parsed;

	if (legacy_parse(&parsed, text, size, &why) == 0) {
		CHECK(kind == (int)parsed.kind && why == NULL);
		check_taken(&parsed, text, size);
	} else {
		CHECK(why != NULL && parsed.rounds == 0 && parsed.n == 0 &&
		      parsed.salt_len == 0 && parsed.tag_len == 0);
	}
	check_given(text, size);
	CHECK(legacy_argon2_prefix(text, size) == 0 || kind == -1);
	return 0;
}
