/*
 * The strings of WordPress, of phpass (the "portable" hashes of WordPress and phpBB)
 * and of Apache's htpasswd. Of the two made with MD5 the salt and the tag come out as
 * bytes.
 */
#include "common/legacy_reader.h"

#include <string.h>

enum {
	MD5_TAG = 16,
	PHPASS_SALT = 8,
	PHPASS_LOG2_MIN = 7,
	PHPASS_LOG2_MAX = 30,
	APR1_ROUNDS = 1000,
	APR1_SALT = 8,
};

static const char wrong_salt[] = "the salt is not as it must be";
static const char wrong_cost[] = "the cost is not as it must be";
static const char wrong_tag[] = "the hash is not of its length and alphabet";

/* $wp before a string that PHP's password_hash() has made with bcrypt. */
const char *legacy_read_wordpress(struct legacy *out, struct legacy_span *rest)
{
	if (!legacy_scan_literal(rest, "2y$"))
		return "no bcrypt string follows";
	return legacy_read_bcrypt(out, rest);
}

/* All that is left: 16 bytes in 22 digits. */
static bool read_md5(uint8_t tag[MD5_TAG], const struct legacy_span *rest)
{
	size_t len;

	return legacy_decode(&legacy_base64_crypt, *rest, tag, MD5_TAG, &len) &&
	       len == MD5_TAG;
}

static void keep_salt(struct legacy *out, const struct legacy_span *salt)
{
	memcpy(out->salt, salt->at, salt->len);
	out->salt_len = salt->len;
}

/* One digit for log2 of the rounds, 8 digits of salt and 22 of hash directly behind. */
const char *legacy_read_phpass(struct legacy *out, struct legacy_span *rest)
{
	const struct legacy_alphabet *alphabet = &legacy_base64_crypt;
	struct legacy_span digit, salt;
	int log2;

	if (!legacy_scan_digits(rest, alphabet, 1, 1, &digit))
		return wrong_cost;
	log2 = legacy_digit(alphabet, digit.at[0]);
	if (log2 < PHPASS_LOG2_MIN || log2 > PHPASS_LOG2_MAX)
		return wrong_cost;
	if (!legacy_scan_digits(rest, alphabet, PHPASS_SALT, PHPASS_SALT, &salt))
		return wrong_salt;
	if (!read_md5(out->tag, rest))
		return wrong_tag;
	out->rounds = UINT64_C(1) << log2;
	out->tag_len = MD5_TAG;
	keep_salt(out, &salt);
	return NULL;
}

/* salt$hash. The bytes of the hash are in the order that md5crypt gives them. */
const char *legacy_read_apr1(struct legacy *out, struct legacy_span *rest)
{
	static const uint8_t order[MD5_TAG] = {
	    12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11};
	uint8_t shuffled[MD5_TAG];
	struct legacy_span salt;

	if (!legacy_read_crypt_salt(rest, APR1_SALT, &salt))
		return wrong_salt;
	if (!read_md5(shuffled, rest))
		return wrong_tag;
	for (size_t i = 0; i < MD5_TAG; i++)
		out->tag[order[i]] = shuffled[i];
	out->rounds = APR1_ROUNDS;
	out->tag_len = MD5_TAG;
	keep_salt(out, &salt);
	return NULL;
}
