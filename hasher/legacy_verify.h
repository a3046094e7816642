/*
 * Is this the password of that old hash? The formats of crypt(3) are asked of
 * libxcrypt; those with PBKDF2, scrypt, HMAC and MD5 are computed with OpenSSL's
 * libcrypto.
 *
 * In each process that verifies, after the fork: legacy_open(), legacy_verify() as
 * often as wanted, legacy_close(). All that OpenSSL would load late is loaded when it
 * is opened, and neither then nor later is more asked of the kernel than memory and the
 * locks of libraries: a hasher may open it before its filter of system calls or behind
 * it.
 *
 * A verification runs to its end, or to that of its process, which the master kills
 * where nobody waits for it any more. What it may cost has been checked before, by the
 * caller, with legacy_within().
 */
#ifndef HASHER_LEGACY_VERIFY_H
#define HASHER_LEGACY_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "common/legacy.h"

struct legacy_verifier;

enum legacy_status {
	LEGACY_MATCH,
	LEGACY_MISMATCH,
	LEGACY_REFUSED,   /* a text that is shorter than what was read from it */
	LEGACY_NO_MEMORY, /* another time, perhaps */
	LEGACY_FAILED,    /* the library refuses what was read as correct */
};

/*
 * OpenSSL's config file is not read, whatever the environment says, and its own
 * clean-up at exit is left out. Each function is tried with a published vector. Returns
 * 0 with *out to be given to legacy_close(); or -1 (logged), with *out NULL.
 */
int legacy_open(struct legacy_verifier **out);
void legacy_close(struct legacy_verifier *verifier); /* NULL is fine */

/*
 * `parsed` is what legacy_parse() has read from text[len], the password at most
 * LIMIT_PASSWORD bytes. The time depends on the costs and the lengths, and not on where
 * the hashes differ. A password that the format cannot take whole
 * (legacy_password_refused()) is a mismatch that takes as long as another: were it told
 * sooner, the time would tell the format. All copies of the password, and all that was
 * derived from it, are wiped.
 */
enum legacy_status legacy_verify(const struct legacy_verifier *verifier,
    const struct legacy *parsed, const char *text, size_t len, const uint8_t *password,
    size_t password_len);

/* The same work, and LEGACY_MISMATCH even where it is the password. */
enum legacy_status legacy_mismatch(const struct legacy_verifier *verifier,
    const struct legacy *parsed, const char *text, size_t len, const uint8_t *password,
    size_t password_len);

/* ---- parts of it ---- */

/* Kept so that OpenSSL, which looks them up by name, finds them in memory. */
struct legacy_hashes {
	EVP_MD *digests[LEGACY_DIGESTS];
	EVP_MD *sha384;
	EVP_MD *md5; /* NULL: OpenSSL has none */
	EVP_MAC *hmac;
};

enum { LEGACY_PREHASH_MAX = 2 * EVP_MAX_MD_SIZE + 1 };

/* legacy_prehash.c: the kinds in which bcrypt is given a digest of the password. */
enum legacy_status legacy_prehash_verify(const struct legacy_hashes *hashes,
    const struct legacy *parsed, const char *setting, size_t len,
    const uint8_t *password, size_t password_len);

/* legacy_md5.c: LEGACY_PHPASS and LEGACY_APR1. Without md5 it is LEGACY_FAILED. */
enum legacy_status legacy_md5_verify(const EVP_MD *md5, const struct legacy *parsed,
    const uint8_t *password, size_t password_len);

/* legacy_crypt.c: setting[len] is a whole string of crypt(3), at most LEGACY_TEXT_MAX
 * bytes, and the password at most LEGACY_CRYPT_PASSWORD_MAX, without a NUL in either.
 */
enum legacy_status legacy_crypt_verify(
    const char *setting, size_t len, const uint8_t *password, size_t password_len);

#endif
