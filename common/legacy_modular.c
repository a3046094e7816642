/*
 * The strings of crypt(3). libxcrypt reads them again when it verifies, and writes the
 * whole string anew: here it is told what the work costs, and that a string which it
 * would write differently never gets there.
 */
#include "common/legacy_reader.h"

#include <string.h>

static const char wrong_digits[] = "the hash is no base64 of its length";
static const char wrong_salt[] = "the salt is not as it must be";
static const char wrong_cost[] = "the cost is not as it must be";

/* The last part: exactly n digits. */
static const char *read_digits(
    struct legacy_span *rest, const struct legacy_alphabet *alphabet, size_t n)
{
	struct legacy_span digits;

	if (!legacy_scan_digits(rest, alphabet, n, n, &digits) ||
	    !legacy_digits_canonical(alphabet, &digits))
		return wrong_digits;
	return legacy_scan_end(rest) ? NULL : "the hash is too long";
}

/* ---- bcrypt: 12$ and without a border 22 digits of salt and 31 of hash ---- */

enum { BCRYPT_COST_MIN = 4, BCRYPT_COST_MAX = 31, BCRYPT_SALT = 22, BCRYPT_HASH = 31 };

const char *legacy_read_bcrypt(struct legacy *out, struct legacy_span *rest)
{
	const struct legacy_alphabet *alphabet = &legacy_base64_bcrypt;
	struct legacy_span salt;
	uint32_t cost;

	/* two digits, of which the first is 0 below 10 */
	if (rest->len < 3 || rest->at[2] != '$')
		return wrong_cost;
	legacy_scan_literal(rest, "0");
	if (!legacy_scan_number32(rest, BCRYPT_COST_MIN, BCRYPT_COST_MAX, &cost) ||
	    !legacy_scan_literal(rest, "$"))
		return wrong_cost;
	if (!legacy_scan_digits(rest, alphabet, BCRYPT_SALT, BCRYPT_SALT, &salt) ||
	    !legacy_digits_canonical(alphabet, &salt))
		return wrong_salt;
	out->rounds = UINT64_C(1) << cost;
	return read_digits(rest, alphabet, BCRYPT_HASH);
}

/* ---- sha512crypt, sha256crypt, md5crypt: rounds=656000$salt$hash ---- */

enum {
	SHA_ROUNDS = 5000,
	SHA_ROUNDS_MIN = 1000,
	SHA_ROUNDS_MAX = 999999999,
	SHA_SALT = 16,
	SHA512_HASH = 86,
	SHA256_HASH = 43,
	MD5_ROUNDS = 1000,
	MD5_SALT = 8,
	MD5_HASH = 22,
};

/* Any characters but those that crypt(3) keeps for files like /etc/shadow. */
bool legacy_read_crypt_salt(
    struct legacy_span *rest, size_t max, struct legacy_span *salt)
{
	if (!legacy_scan_until(rest, '$', 1, max, salt))
		return false;
	for (size_t i = 0; i < salt->len; i++)
		if (strchr(" !*:;\\", salt->at[i]) != NULL)
			return false;
	return true;
}

static const char *read_salt_and_hash(struct legacy_span *rest, size_t max, size_t hash)
{
	struct legacy_span salt;

	if (!legacy_read_crypt_salt(rest, max, &salt))
		return wrong_salt;
	return read_digits(rest, &legacy_base64_crypt, hash);
}

static const char *read_rounds(struct legacy *out, struct legacy_span *rest)
{
	out->rounds = SHA_ROUNDS;
	if (!legacy_scan_literal(rest, "rounds="))
		return NULL;
	if (!legacy_scan_number(rest, SHA_ROUNDS_MIN, SHA_ROUNDS_MAX, &out->rounds) ||
	    !legacy_scan_literal(rest, "$"))
		return wrong_cost;
	return NULL;
}

const char *legacy_read_sha512crypt(struct legacy *out, struct legacy_span *rest)
{
	const char *why = read_rounds(out, rest);

	return why != NULL ? why : read_salt_and_hash(rest, SHA_SALT, SHA512_HASH);
}

const char *legacy_read_sha256crypt(struct legacy *out, struct legacy_span *rest)
{
	const char *why = read_rounds(out, rest);

	return why != NULL ? why : read_salt_and_hash(rest, SHA_SALT, SHA256_HASH);
}

const char *legacy_read_md5crypt(struct legacy *out, struct legacy_span *rest)
{
	out->rounds = MD5_ROUNDS;
	return read_salt_and_hash(rest, MD5_SALT, MD5_HASH);
}

/* ---- scrypt: N, r and p in 1, 5 and 5 digits, then salt$hash ---- */

enum { KDF_SALT = 86, KDF_HASH = 43, LOG2_MIN = 2, LOG2_MAX = 63, FIXED_DIGITS = 5 };

/* The lowest bits first. */
static bool read_fixed(struct legacy_span *rest, uint32_t *value)
{
	const struct legacy_alphabet *alphabet = &legacy_base64_crypt;
	struct legacy_span digits;

	if (!legacy_scan_digits(rest, alphabet, FIXED_DIGITS, FIXED_DIGITS, &digits))
		return false;
	*value = 0;
	for (unsigned i = 0; i < FIXED_DIGITS; i++)
		*value |= (uint32_t)legacy_digit(alphabet, digits.at[i]) << (6 * i);
	return true;
}

/* libxcrypt has no N below 4. */
static bool read_log2(struct legacy *out, uint64_t log2)
{
	if (log2 < LOG2_MIN || log2 > LOG2_MAX)
		return false;
	out->n = UINT64_C(1) << log2;
	return true;
}

const char *legacy_read_scrypt(struct legacy *out, struct legacy_span *rest)
{
	const struct legacy_alphabet *alphabet = &legacy_base64_crypt;
	struct legacy_span log2, salt;

	if (!legacy_scan_digits(rest, alphabet, 1, 1, &log2) ||
	    !read_log2(out, (uint64_t)legacy_digit(alphabet, log2.at[0])) ||
	    !read_fixed(rest, &out->r) || !read_fixed(rest, &out->p) ||
	    !legacy_scrypt_legal(out))
		return wrong_cost;
	/* here the salt's digits are the salt: no bits are left over */
	if (!legacy_scan_digits(rest, alphabet, 1, KDF_SALT, &salt) ||
	    !legacy_scan_literal(rest, "$"))
		return wrong_salt;
	return read_digits(rest, alphabet, KDF_HASH);
}

/* ---- yescrypt: flavour, N, r and what else is not as usual, then $salt$hash ---- */

enum { HAVE_P = 1, HAVE_T = 2 };

/*
 * A number of one to six digits, the highest first. The first digit tells how many
 * there are: of its 64 values 48 stand for one digit, 8 for two, and so on; and numbers
 * of more digits begin where those of fewer end. `min` is what 0 stands for.
 */
static bool read_varying(struct legacy_span *rest, uint32_t min, uint64_t *value)
{
	static const unsigned firsts[] = {48, 8, 4, 2, 1, 1};
	const struct legacy_alphabet *alphabet = &legacy_base64_crypt;
	struct legacy_span digits;
	uint64_t high, base = min;
	unsigned more = 0;

	if (!legacy_scan_digits(rest, alphabet, 1, 1, &digits))
		return false;
	high = (uint64_t)legacy_digit(alphabet, digits.at[0]);
	for (; high >= firsts[more]; more++) {
		base += (uint64_t)firsts[more] << (6 * more);
		high -= firsts[more];
	}
	if (!legacy_scan_digits(rest, alphabet, more, more, &digits))
		return false;
	for (unsigned i = 0; i < more; i++)
		high = high << 6 | (uint64_t)legacy_digit(alphabet, digits.at[i]);
	*value = base + high;
	return *value <= UINT32_MAX;
}

/* What crypt(3) leaves out where it is the usual: p, t. A ROM or upgrades we have not.
 */
static bool read_further(struct legacy *out, struct legacy_span *rest)
{
	uint64_t have, p = 1, t = 0;

	if (legacy_scan_literal(rest, "$"))
		return true;
	if (!read_varying(rest, 1, &have) || have > (HAVE_P | HAVE_T) ||
	    ((have & HAVE_P) != 0 && !read_varying(rest, 2, &p)) ||
	    ((have & HAVE_T) != 0 && !read_varying(rest, 1, &t)))
		return false;
	out->p = (uint32_t)p;
	out->t = (uint32_t)t;
	return legacy_scan_literal(rest, "$");
}

const char *legacy_read_yescrypt(struct legacy *out, struct legacy_span *rest)
{
	const struct legacy_alphabet *alphabet = &legacy_base64_crypt;
	struct legacy_span salt;
	uint64_t log2, r;

	/* flavour j is the one that is in use */
	if (!legacy_scan_literal(rest, "j") || !read_varying(rest, 1, &log2) ||
	    !read_log2(out, log2) || !read_varying(rest, 1, &r))
		return wrong_cost;
	out->r = (uint32_t)r;
	out->p = 1;
	if (!read_further(out, rest) || !legacy_scrypt_legal(out) ||
	    out->n / out->p <= 1)
		return wrong_cost;
	if (!legacy_scan_digits(rest, alphabet, 1, KDF_SALT, &salt) ||
	    !legacy_digits_canonical(alphabet, &salt) ||
	    !legacy_scan_literal(rest, "$"))
		return wrong_salt;
	return read_digits(rest, alphabet, KDF_HASH);
}
