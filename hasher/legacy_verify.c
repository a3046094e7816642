#include "hasher/legacy_verify.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bsd/string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "common/locked.h"
#include "common/log.h"

struct legacy_verifier {
	EVP_KDF *pbkdf2, *scrypt;
	struct legacy_hashes hashes;
};

static const char *const digest_names[LEGACY_DIGESTS] = {
    [LEGACY_SHA1] = "SHA1", [LEGACY_SHA256] = "SHA256", [LEGACY_SHA512] = "SHA512"};

/* ---- derive ---- */

enum { PARAMS = 8 };

/* OpenSSL's parameters are not const, but it reads these and no more. */
static OSSL_PARAM octets(const char *name, const void *bytes, size_t len)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes, len);
}

/* What a string says, in the widths that OpenSSL wants. */
struct numbers {
	uint64_t rounds, n, memory;
	uint32_t r, p;
	int plain; /* PKCS #5 has no lower bounds for a salt or for iterations */
};

static EVP_KDF *fill_pbkdf2(const struct legacy_verifier *verifier,
    const struct legacy *parsed, struct numbers *numbers, OSSL_PARAM *param)
{
	char *digest = (char *)(uintptr_t)digest_names[parsed->digest];

	*param++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	*param++ = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &numbers->rounds);
	*param++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &numbers->plain);
	*param = OSSL_PARAM_construct_end();
	return verifier->pbkdf2;
}

static EVP_KDF *fill_scrypt(
    const struct legacy_verifier *verifier, struct numbers *numbers, OSSL_PARAM *param)
{
	*param++ = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &numbers->n);
	*param++ = OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &numbers->r);
	*param++ = OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &numbers->p);
	*param++ =
	    OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &numbers->memory);
	*param = OSSL_PARAM_construct_end();
	return verifier->scrypt;
}

/* The functions were tried when they were opened, and the numbers have been read as
 * legal ones: it is memory that OpenSSL lacks, by whatever name, or none, it calls
 * that. */
static enum legacy_status derive_failed(void)
{
	ERR_clear_error();
	return LEGACY_NO_MEMORY;
}

/* LEGACY_MATCH: parsed->tag_len bytes are in tag. */
static enum legacy_status derive(const struct legacy_verifier *verifier,
    const struct legacy *parsed, const uint8_t *password, size_t password_len,
    uint8_t tag[LEGACY_TAG_MAX])
{
	struct numbers numbers = {.rounds = parsed->rounds,
	    .n = parsed->n,
	    .memory = legacy_cost(parsed, 0).memory,
	    .r = parsed->r,
	    .p = parsed->p,
	    .plain = 1};
	OSSL_PARAM params[PARAMS] = {
	    octets(OSSL_KDF_PARAM_PASSWORD, password_len > 0 ? password : tag,
	        password_len),
	    octets(OSSL_KDF_PARAM_SALT, parsed->salt, parsed->salt_len)};
	EVP_KDF *kdf = parsed->n == 0
	                   ? fill_pbkdf2(verifier, parsed, &numbers, params + 2)
	                   : fill_scrypt(verifier, &numbers, params + 2);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
	enum legacy_status status = LEGACY_MATCH;

	if (context == NULL ||
	    EVP_KDF_derive(context, tag, parsed->tag_len, params) <= 0)
		status = derive_failed();
	EVP_KDF_CTX_free(context);
	return status;
}

static enum legacy_status verify_derived(const struct legacy_verifier *verifier,
    const struct legacy *parsed, const uint8_t *password, size_t password_len)
{
	uint8_t tag[LEGACY_TAG_MAX] = {0};
	enum legacy_status status =
	    derive(verifier, parsed, password, password_len, tag);

	if (status == LEGACY_MATCH &&
	    CRYPTO_memcmp(tag, parsed->tag, parsed->tag_len) != 0)
		status = LEGACY_MISMATCH;
	explicit_bzero(tag, sizeof(tag));
	return status;
}

/* ---- verify ---- */

/* libxcrypt calls it an invalid argument, too, when scrypt or yescrypt get no memory.
 */
static bool memory_is_short(const struct legacy *parsed)
{
	const size_t bytes = legacy_cost(parsed, 0).memory;
	void *probe = mmap(
	    NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (probe == MAP_FAILED)
		return true;
	munmap(probe, bytes);
	return false;
}

static enum legacy_status verify_crypt(const struct legacy *parsed, const char *setting,
    size_t len, const uint8_t *password, size_t password_len)
{
	enum legacy_status status =
	    legacy_crypt_verify(setting, len, password, password_len);

	if (status == LEGACY_FAILED && parsed->n != 0 && memory_is_short(parsed))
		status = LEGACY_NO_MEMORY;
	return status;
}

static enum legacy_status verify_fit(const struct legacy_verifier *verifier,
    const struct legacy *parsed, const char *setting, size_t len,
    const uint8_t *password, size_t password_len)
{
	if (parsed->kind == LEGACY_DJANGO_BCRYPT_SHA256 ||
	    parsed->kind == LEGACY_WORDPRESS_BCRYPT)
		return legacy_prehash_verify(
		    &verifier->hashes, parsed, setting, len, password, password_len);
	if (parsed->kind == LEGACY_PHPASS || parsed->kind == LEGACY_APR1)
		return legacy_md5_verify(
		    verifier->hashes.md5, parsed, password, password_len);
	if (legacy_is_crypt(parsed->kind))
		return verify_crypt(parsed, setting, len, password, password_len);
	return verify_derived(verifier, parsed, password, password_len);
}

enum legacy_status legacy_mismatch(const struct legacy_verifier *verifier,
    const struct legacy *parsed, const char *text, size_t len, const uint8_t *password,
    size_t password_len)
{
	uint8_t instead[LIMIT_PASSWORD];
	const size_t instead_len =
	    legacy_password_instead(parsed->kind, password, password_len, instead);
	enum legacy_status status = LEGACY_REFUSED;

	if (len > parsed->skip)
		status = verify_fit(verifier, parsed, text + parsed->skip,
		    len - parsed->skip, instead, instead_len);
	explicit_bzero(instead, sizeof(instead));
	return status == LEGACY_MATCH ? LEGACY_MISMATCH : status;
}

enum legacy_status legacy_verify(const struct legacy_verifier *verifier,
    const struct legacy *parsed, const char *text, size_t len, const uint8_t *password,
    size_t password_len)
{
	if (legacy_password_refused(parsed->kind, password, password_len) != NULL)
		return legacy_mismatch(
		    verifier, parsed, text, len, password, password_len);
	if (len <= parsed->skip)
		return LEGACY_REFUSED;
	return verify_fit(verifier, parsed, text + parsed->skip, len - parsed->skip,
	    password, password_len);
}

/* ---- open ---- */

/*
 * Beside saying whether this library can be trusted they make it load whatever it loads
 * late. The first is of RFC 6070, the second the first half of RFC 7914 section 11; for
 * SHA-512 there is no RFC and for scrypt none that is both short and salted: Python's
 * hashlib and Werkzeug 3.1 have made them.
 */
static const struct known {
	const char *name, *text, *password;
} known[] = {
    {"PBKDF2 with SHA-1", "pbkdf2:sha1:2$salt$ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957",
        "password"},
    {"PBKDF2 with SHA-256",
        "pbkdf2:sha256:1$salt$55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57"
        "c20dacbc",
        "passwd"},
    {"PBKDF2 with SHA-512",
        "pbkdf2:sha512:1$salt$867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e"
        "1c8cf252c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce",
        "password"},
    {"scrypt",
        "scrypt:256:4:2$IRcHmSEKs7iaupuu$49db9ccca40aa5e011fe644543e63c1281dfb80ff3596d"
        "8e74092fc1657214b359123a8bc451e81ed52edb229b4ea47093811de15b74dbc46e6e5e2f6bc1"
        "fd0f",
        "hunter2"},
    /* WordPress 6.8: wp_hash_password() with cost 4 */
    {"HMAC with SHA-384",
        "$wp$2y$04$ay7SSZjDqReIMCyn06wOXeuWK.eUmr.JFSdp0e0dy/wo5RW50YWX6", "hunter2"},
};

/* Of phpass 0.5, test.php, and of htpasswd. */
static const struct known known_md5[] = {
    {"phpass", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "test12345"},
    {"Apache's MD5", "$apr1$vS64J5vE$UcLMnJzFRN3z2tDOlnzwr/", "hunter2"},
};

static bool try_known(
    const struct legacy_verifier *verifier, const struct known *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const size_t len = strlen(rows[i].text);
		struct legacy parsed;
		const char *why;

		if (legacy_parse(&parsed, rows[i].text, len, &why) == 0 &&
		    legacy_verify(verifier, &parsed, rows[i].text, len,
		        (const uint8_t *)rows[i].password,
		        strlen(rows[i].password)) == LEGACY_MATCH)
			continue;
		log_error("%s does not work as published", rows[i].name);
		return false;
	}
	return true;
}

/* MD5 is missing where OpenSSL is told to allow FIPS 140's algorithms alone. That is no
 * reason to do without the others. */
static bool try_all(const struct legacy_verifier *verifier)
{
	if (!try_known(verifier, known, sizeof(known) / sizeof(known[0])))
		return false;
	if (verifier->hashes.md5 != NULL)
		return try_known(
		    verifier, known_md5, sizeof(known_md5) / sizeof(known_md5[0]));
	log_info("OpenSSL has no MD5, perhaps because of FIPS mode: hashes of the "
	         "formats phpass and apr1 cannot be verified");
	return true;
}

/* Returns true also where OpenSSL does not have it; not where memory is short. */
static bool fetch_md5(struct legacy_hashes *hashes)
{
	bool fine = true;

	ERR_clear_error();
	hashes->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	if (hashes->md5 == NULL)
		fine = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_UNSUPPORTED;
	ERR_clear_error();
	return fine;
}

static bool fetch(struct legacy_verifier *verifier)
{
	struct legacy_hashes *hashes = &verifier->hashes;

	verifier->pbkdf2 = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_PBKDF2, NULL);
	verifier->scrypt = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_SCRYPT, NULL);
	for (size_t i = 0; i < LEGACY_DIGESTS; i++) {
		hashes->digests[i] = EVP_MD_fetch(NULL, digest_names[i], NULL);
		if (hashes->digests[i] == NULL)
			return false;
	}
	hashes->sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
	hashes->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	return verifier->pbkdf2 != NULL && verifier->scrypt != NULL &&
	       hashes->sha384 != NULL && hashes->hmac != NULL && fetch_md5(hashes);
}

/* What is loaded when it is opened is no secret; what is allocated for a job is. */
static bool openssl_at_work;

static void *openssl_alloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n == 0)
		return NULL;
	return openssl_at_work ? locked_alloc_small(n) : locked_alloc_outside(n);
}

static void openssl_free(void *bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	locked_free(bytes);
}

static void *openssl_realloc(void *bytes, size_t n, const char *file, int line)
{
	void *other = openssl_alloc(n, file, line);

	if (bytes != NULL && other != NULL)
		memcpy(other, bytes, locked_size(bytes) < n ? locked_size(bytes) : n);
	if (other != NULL || n == 0)
		locked_free(bytes);
	return other;
}

int legacy_open(struct legacy_verifier **out)
{
	const uint64_t options = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT;
	struct legacy_verifier *verifier = calloc(1, sizeof(*verifier));

	*out = NULL;
	/* refused where OpenSSL has allocated something already, as in tests */
	(void)CRYPTO_set_mem_functions(openssl_alloc, openssl_realloc, openssl_free);
	openssl_at_work = false;
	if (verifier == NULL || OPENSSL_init_crypto(options, NULL) != 1 ||
	    !fetch(verifier)) {
		log_error("OpenSSL has not what old password hashes need");
	} else if (try_all(verifier)) {
		*out = verifier;
		openssl_at_work = true;
		return 0;
	}
	ERR_clear_error();
	legacy_close(verifier);
	return -1;
}

void legacy_close(struct legacy_verifier *verifier)
{
	if (verifier == NULL)
		return;
	for (size_t i = 0; i < LEGACY_DIGESTS; i++)
		EVP_MD_free(verifier->hashes.digests[i]);
	EVP_MD_free(verifier->hashes.sha384);
	EVP_MD_free(verifier->hashes.md5);
	EVP_MAC_free(verifier->hashes.hmac);
	EVP_KDF_free(verifier->scrypt);
	EVP_KDF_free(verifier->pbkdf2);
	free(verifier);
}
