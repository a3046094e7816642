/*
 * What bcrypt is given instead of a password, which may so be of any length and have
 * any bytes: a digest of it, in text.
 */
#include <string.h>

#include <bsd/string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "common/phc.h"
#include "hasher/legacy_verify.h"

enum { SHA384_BYTES = 48 };

/* Django's: the SHA-256 in lower-case hex. */
static size_t prehash_sha256(const struct legacy_hashes *hashes,
    const uint8_t *password, size_t len, char text[LEGACY_PREHASH_MAX])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(len > 0 ? (const void *)password : "", len, hash, &n,
	        hashes->digests[LEGACY_SHA256], NULL) != 1)
		n = 0;
	for (unsigned i = 0; i < n; i++) {
		text[2 * i] = digits[hash[i] >> 4];
		text[2 * i + 1] = digits[hash[i] & 15];
	}
	explicit_bzero(hash, sizeof(hash));
	return 2 * (size_t)n;
}

static bool hmac_compute(EVP_MAC_CTX *context, const uint8_t *password, size_t len,
    uint8_t out[SHA384_BYTES])
{
	static const unsigned char key[] = "wp-sha384";
	char digest[] = "SHA384";
	const OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end()};
	size_t n = 0;

	return EVP_MAC_init(context, key, sizeof(key) - 1, params) == 1 &&
	       (len == 0 || EVP_MAC_update(context, password, len) == 1) &&
	       EVP_MAC_final(context, out, &n, SHA384_BYTES) == 1 && n == SHA384_BYTES;
}

/* What PHP's trim() takes off at both ends: WordPress does so before it hashes. */
static bool is_trimmed(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' ||
	       byte == '\v' || byte == '\0';
}

/* WordPress's: the HMAC with SHA-384 of the trimmed password, in base64. */
static size_t prehash_wordpress(const struct legacy_hashes *hashes,
    const uint8_t *password, size_t len, char text[LEGACY_PREHASH_MAX])
{
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(hashes->hmac);
	uint8_t hash[SHA384_BYTES];
	ssize_t n = 0;

	while (len > 0 && is_trimmed(password[len - 1]))
		len--;
	for (; len > 0 && is_trimmed(*password); len--)
		password++;
	if (context != NULL && hmac_compute(context, password, len, hash))
		n = phc_base64(text, LEGACY_PREHASH_MAX, hash, sizeof(hash));
	EVP_MAC_CTX_free(context);
	explicit_bzero(hash, sizeof(hash));
	return n > 0 ? (size_t)n : 0;
}

enum legacy_status legacy_prehash_verify(const struct legacy_hashes *hashes,
    const struct legacy *parsed, const char *setting, size_t len,
    const uint8_t *password, size_t password_len)
{
	enum legacy_status status = LEGACY_NO_MEMORY;
	char text[LEGACY_PREHASH_MAX];
	size_t n = parsed->kind == LEGACY_WORDPRESS_BCRYPT
	               ? prehash_wordpress(hashes, password, password_len, text)
	               : prehash_sha256(hashes, password, password_len, text);

	if (n > 0)
		status = legacy_crypt_verify(setting, len, (const uint8_t *)text, n);
	else
		ERR_clear_error();
	explicit_bzero(text, sizeof(text));
	return status;
}
