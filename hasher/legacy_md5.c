/*
 * The two formats that go round and round with MD5 and that libxcrypt does not know:
 * phpass's portable hashes (https://www.openwall.com/phpass/) and Apache's variant of
 * md5crypt (https://httpd.apache.org/docs/2.4/misc/password_encryptions.html).
 */
#include <string.h>

#include <bsd/string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "hasher/legacy_verify.h"

enum { MD5_BYTES = 16 };

static const char apr1_name[] = "$apr1$";

/* A digest in the making. Once a step has failed, the later ones are left out: OpenSSL
 * crashes when it goes on with a context that it could not set up. */
struct digest {
	EVP_MD_CTX *context;
	const EVP_MD *md5;
	bool failed;
};

/* What goes into each of the digests. */
struct input {
	const uint8_t *password, *salt;
	size_t password_len, salt_len;
};

static void digest_begin(struct digest *digest)
{
	if (!digest->failed &&
	    EVP_DigestInit_ex2(digest->context, digest->md5, NULL) != 1)
		digest->failed = true;
}

static void digest_add(struct digest *digest, const void *bytes, size_t len)
{
	if (!digest->failed && len > 0 &&
	    EVP_DigestUpdate(digest->context, bytes, len) != 1)
		digest->failed = true;
}

static void digest_end(struct digest *digest, uint8_t out[MD5_BYTES])
{
	if (!digest->failed && EVP_DigestFinal_ex(digest->context, out, NULL) != 1)
		digest->failed = true;
}

/* The first digest is of salt and password, each further one of the last digest and the
 * password. */
static void phpass_compute(struct digest *digest, const struct input *in,
    uint64_t rounds, uint8_t tag[MD5_BYTES])
{
	digest_begin(digest);
	digest_add(digest, in->salt, in->salt_len);
	digest_add(digest, in->password, in->password_len);
	digest_end(digest, tag);
	for (uint64_t i = 0; i < rounds && !digest->failed; i++) {
		digest_begin(digest);
		digest_add(digest, tag, MD5_BYTES);
		digest_add(digest, in->password, in->password_len);
		digest_end(digest, tag);
	}
}

/* The digest that the rounds begin with. Into it go password, name and salt; then as
 * many bytes of another digest as the password has; then a byte for each bit of the
 * password's length, lowest first: NUL for 1, the password's first byte for 0. */
static void apr1_first(
    struct digest *digest, const struct input *in, uint8_t tag[MD5_BYTES])
{
	const uint8_t nul = 0;

	digest_begin(digest);
	digest_add(digest, in->password, in->password_len);
	digest_add(digest, in->salt, in->salt_len);
	digest_add(digest, in->password, in->password_len);
	digest_end(digest, tag);

	digest_begin(digest);
	digest_add(digest, in->password, in->password_len);
	digest_add(digest, apr1_name, sizeof(apr1_name) - 1);
	digest_add(digest, in->salt, in->salt_len);
	for (size_t left = in->password_len; left > 0;) {
		const size_t part = left < MD5_BYTES ? left : MD5_BYTES;

		digest_add(digest, tag, part);
		left -= part;
	}
	for (size_t bits = in->password_len; bits > 0; bits >>= 1)
		digest_add(digest, (bits & 1) != 0 ? &nul : in->password, 1);
	digest_end(digest, tag);
}

/* Each round is of the password and the last digest, in an order that changes, and in
 * some rounds of the salt and the password once more between them. */
static void apr1_compute(struct digest *digest, const struct input *in, uint64_t rounds,
    uint8_t tag[MD5_BYTES])
{
	apr1_first(digest, in, tag);
	for (uint64_t i = 0; i < rounds && !digest->failed; i++) {
		const bool odd = (i & 1) != 0;

		digest_begin(digest);
		digest_add(digest, odd ? in->password : tag,
		    odd ? in->password_len : MD5_BYTES);
		if (i % 3 != 0)
			digest_add(digest, in->salt, in->salt_len);
		if (i % 7 != 0)
			digest_add(digest, in->password, in->password_len);
		digest_add(digest, odd ? tag : in->password,
		    odd ? MD5_BYTES : in->password_len);
		digest_end(digest, tag);
	}
}

static enum legacy_status compare(
    const struct digest *digest, const struct legacy *parsed, const uint8_t *tag)
{
	if (digest->failed) {
		ERR_clear_error();
		return LEGACY_NO_MEMORY;
	}
	return CRYPTO_memcmp(tag, parsed->tag, MD5_BYTES) == 0 ? LEGACY_MATCH
	                                                       : LEGACY_MISMATCH;
}

enum legacy_status legacy_md5_verify(const EVP_MD *md5, const struct legacy *parsed,
    const uint8_t *password, size_t password_len)
{
	const struct input in = {.password = password,
	    .salt = parsed->salt,
	    .password_len = password_len,
	    .salt_len = parsed->salt_len};
	struct digest digest = {.md5 = md5};
	uint8_t tag[MD5_BYTES] = {0};
	enum legacy_status status;

	if (md5 == NULL || parsed->tag_len != MD5_BYTES)
		return LEGACY_FAILED;
	digest.context = EVP_MD_CTX_new();
	if (digest.context == NULL)
		digest.failed = true;
	else if (parsed->kind == LEGACY_PHPASS)
		phpass_compute(&digest, &in, parsed->rounds, tag);
	else
		apr1_compute(&digest, &in, parsed->rounds, tag);
	status = compare(&digest, parsed, tag);
	EVP_MD_CTX_free(digest.context);
	explicit_bzero(tag, sizeof(tag));
	return status;
}
