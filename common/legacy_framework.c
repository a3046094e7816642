/*
 * The strings of Django (django.contrib.auth.hashers), passlib (passlib.hash), Werkzeug
 * (werkzeug.security) and Spring Security (its crypto module). Of each its salt and tag
 * come out as bytes.
 */
#include "common/legacy_reader.h"

#include <string.h>

enum {
	DJANGO_SCRYPT_TAG = 64,
	PASSLIB_SCRYPT_TAG = 32,
	WERKZEUG_SCRYPT_TAG = 64,
	SPRING_TAG = 32,
	LOG2_MAX = 63,
	BASE64_MAX = 88, /* digits of LIMIT_SALT or LEGACY_TAG_MAX bytes */
};

static const char wrong_salt[] = "the salt is not as it must be";
static const char wrong_cost[] = "the cost is not as it must be";
static const char wrong_tag[] = "the hash is not of its length and alphabet";

size_t legacy_digest_len(enum legacy_digest digest)
{
	static const size_t lengths[LEGACY_DIGESTS] = {
	    [LEGACY_SHA1] = 20, [LEGACY_SHA256] = 32, [LEGACY_SHA512] = 64};

	return lengths[digest];
}

bool legacy_scrypt_legal(const struct legacy *parsed)
{
	const uint64_t rp_max = (UINT64_C(1) << 30) - 1;

	return parsed->n > 1 && (parsed->n & (parsed->n - 1)) == 0 && parsed->r > 0 &&
	       parsed->p > 0 && (uint64_t)parsed->r * parsed->p <= rp_max;
}

/* The frameworks have it made by OpenSSL, which insists on N < 2^(128 * r / 8) as RFC
 * 7914 section 2 does; libxcrypt does not. */
static bool framework_scrypt_legal(const struct legacy *parsed)
{
	return legacy_scrypt_legal(parsed) &&
	       (parsed->r >= 4 || parsed->n >> (16 * parsed->r) == 0);
}

/* Iterations and a `$`. */
static bool read_iterations(struct legacy *out, struct legacy_span *rest)
{
	return legacy_scan_number(rest, 1, UINT32_MAX, &out->rounds) &&
	       legacy_scan_literal(rest, "$");
}

/* A salt whose characters are its bytes, and a `$`. */
static bool read_salt(struct legacy *out, struct legacy_span *rest)
{
	struct legacy_span salt;

	if (!legacy_scan_until(rest, '$', 1, sizeof(out->salt), &salt))
		return false;
	memcpy(out->salt, salt.at, salt.len);
	out->salt_len = salt.len;
	return true;
}

/* All that is left, of exactly `want` bytes. */
static const char *read_tag(struct legacy *out, struct legacy_span *rest,
    const struct legacy_alphabet *alphabet, size_t want)
{
	if (!legacy_decode(
	        alphabet, *rest, out->tag, sizeof(out->tag), &out->tag_len) ||
	    out->tag_len != want)
		return wrong_tag;
	return NULL;
}

/* salt$tag, both in base64. */
static const char *read_salt_and_tag(struct legacy *out, struct legacy_span *rest,
    const struct legacy_alphabet *alphabet, size_t want)
{
	struct legacy_span salt;

	if (!legacy_scan_until(rest, '$', 1, BASE64_MAX, &salt) ||
	    !legacy_decode(
	        alphabet, salt, out->salt, sizeof(out->salt), &out->salt_len))
		return wrong_salt;
	return read_tag(out, rest, alphabet, want);
}

/* All that is left, in hex. */
static const char *read_tag_hex(
    struct legacy *out, const struct legacy_span *rest, size_t want)
{
	if (!legacy_decode_hex(*rest, out->tag, want))
		return wrong_tag;
	out->tag_len = want;
	return NULL;
}

/* pbkdf2_sha256$1000000$salt$tag */
const char *legacy_read_django_pbkdf2(struct legacy *out, struct legacy_span *rest)
{
	if (!read_iterations(out, rest))
		return wrong_cost;
	if (!read_salt(out, rest))
		return wrong_salt;
	return read_tag(out, rest, &legacy_base64, legacy_digest_len(out->digest));
}

/* scrypt$16384$salt$8$5$tag */
const char *legacy_read_django_scrypt(struct legacy *out, struct legacy_span *rest)
{
	if (!legacy_scan_number(rest, 2, UINT64_MAX, &out->n) ||
	    !legacy_scan_literal(rest, "$"))
		return wrong_cost;
	if (!read_salt(out, rest))
		return wrong_salt;
	if (!legacy_scan_number32(rest, 1, UINT32_MAX, &out->r) ||
	    !legacy_scan_literal(rest, "$") ||
	    !legacy_scan_number32(rest, 1, UINT32_MAX, &out->p) ||
	    !legacy_scan_literal(rest, "$") || !framework_scrypt_legal(out))
		return wrong_cost;
	return read_tag(out, rest, &legacy_base64, DJANGO_SCRYPT_TAG);
}

/* bcrypt$ or bcrypt_sha256$ before one of bcrypt's own strings */
const char *legacy_read_django_bcrypt(struct legacy *out, struct legacy_span *rest)
{
	if (!legacy_scan_literal(rest, "$2b$") && !legacy_scan_literal(rest, "$2a$") &&
	    !legacy_scan_literal(rest, "$2y$"))
		return "no bcrypt string follows";
	return legacy_read_bcrypt(out, rest);
}

/* $pbkdf2-sha256$29000$salt$tag */
const char *legacy_read_passlib_pbkdf2(struct legacy *out, struct legacy_span *rest)
{
	if (!read_iterations(out, rest))
		return wrong_cost;
	return read_salt_and_tag(
	    out, rest, &legacy_base64_ab, legacy_digest_len(out->digest));
}

/* $scrypt$ln=16,r=8,p=1$salt$tag */
const char *legacy_read_passlib_scrypt(struct legacy *out, struct legacy_span *rest)
{
	uint32_t log2;

	if (!legacy_scan_literal(rest, "ln=") ||
	    !legacy_scan_number32(rest, 1, LOG2_MAX, &log2) ||
	    !legacy_scan_literal(rest, ",r=") ||
	    !legacy_scan_number32(rest, 1, UINT32_MAX, &out->r) ||
	    !legacy_scan_literal(rest, ",p=") ||
	    !legacy_scan_number32(rest, 1, UINT32_MAX, &out->p) ||
	    !legacy_scan_literal(rest, "$"))
		return wrong_cost;
	out->n = UINT64_C(1) << log2;
	if (!framework_scrypt_legal(out))
		return wrong_cost;
	return read_salt_and_tag(out, rest, &legacy_base64_bare, PASSLIB_SCRYPT_TAG);
}

/* pbkdf2:sha256:1000000$salt$tag */
const char *legacy_read_werkzeug_pbkdf2(struct legacy *out, struct legacy_span *rest)
{
	if (!read_iterations(out, rest))
		return wrong_cost;
	if (!read_salt(out, rest))
		return wrong_salt;
	return read_tag_hex(out, rest, legacy_digest_len(out->digest));
}

/* scrypt:32768:8:1$salt$tag */
const char *legacy_read_werkzeug_scrypt(struct legacy *out, struct legacy_span *rest)
{
	if (!legacy_scan_number(rest, 2, UINT64_MAX, &out->n) ||
	    !legacy_scan_literal(rest, ":") ||
	    !legacy_scan_number32(rest, 1, UINT32_MAX, &out->r) ||
	    !legacy_scan_literal(rest, ":") ||
	    !legacy_scan_number32(rest, 1, UINT32_MAX, &out->p) ||
	    !legacy_scan_literal(rest, "$") || !framework_scrypt_legal(out))
		return wrong_cost;
	if (!read_salt(out, rest))
		return wrong_salt;
	return read_tag_hex(out, rest, WERKZEUG_SCRYPT_TAG);
}

/*
 * {pbkdf2}SALT TAG, both in one run of hex: the iterations and lengths are those of the
 * name, Pbkdf2PasswordEncoder.defaultsForSpringSecurity_v5_5() and v5_8().
 */
const char *legacy_read_spring_pbkdf2(struct legacy *out, struct legacy_span *rest)
{
	const bool old = out->digest == LEGACY_SHA1;
	const size_t salt_len = old ? 8 : 16;

	out->rounds = old ? 185000 : 310000;
	if (rest->len != 2 * (salt_len + SPRING_TAG))
		return wrong_tag;
	if (!legacy_decode_hex(
	        (struct legacy_span){rest->at, 2 * salt_len}, out->salt, salt_len))
		return wrong_salt;
	out->salt_len = salt_len;
	return read_tag_hex(out,
	    &(struct legacy_span){rest->at + 2 * salt_len, 2 * (size_t)SPRING_TAG},
	    SPRING_TAG);
}

/* {scrypt}$e0801$salt$tag: a byte of p, one of r, and above them log2 of N. */
const char *legacy_read_spring_scrypt(struct legacy *out, struct legacy_span *rest)
{
	uint32_t costs;

	if (!legacy_scan_literal(rest, "$") || !legacy_scan_hex32(rest, &costs) ||
	    !legacy_scan_literal(rest, "$") || costs >> 16 > LOG2_MAX)
		return wrong_cost;
	out->n = UINT64_C(1) << (costs >> 16);
	out->r = costs >> 8 & 0xff;
	out->p = costs & 0xff;
	if (!framework_scrypt_legal(out))
		return wrong_cost;
	return read_salt_and_tag(out, rest, &legacy_base64, SPRING_TAG);
}
