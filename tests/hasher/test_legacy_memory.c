/*
 * Every allocation that a verification makes fails once, ours and OpenSSL's: it says
 * so, or does without, but never says that a password is right which is not, and the
 * next verification works. The sources are compiled into this program with an allocator
 * that can be told to fail, and OpenSSL is given the same one. (Not while it is opened:
 * OpenSSL 3.0 crashes when it gets no memory to begin with. That hasher begins anew.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "common/locked.h"
#include "tests/common/legacy_vectors.h"

/* The number of the last allocation; of the one to fail. */
static unsigned allocation, failing;

static void *failing_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return ++allocation == failing ? NULL : malloc(size);
}

static void *failing_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return ++allocation == failing ? NULL : realloc(old, size);
}

static void plain_free(void *old, const char *file, int line)
{
	(void)file;
	(void)line;
	free(old);
}

static void *failing_calloc(size_t count, size_t size)
{
	return ++allocation == failing ? NULL : calloc(count, size);
}

/* What OpenSSL answers when it is asked for MD5: as it does where it is told to be FIPS
 * 140's, and as it does where it gets no memory for it. */
static enum { MD5_THERE, MD5_MISSING, MD5_NO_MEMORY } library_md5;

static EVP_MD *fetch_digest(OSSL_LIB_CTX *library, const char *name, const char *which)
{
	if (library_md5 == MD5_THERE || strcmp(name, "MD5") != 0)
		return EVP_MD_fetch(library, name, which);
	if (library_md5 == MD5_MISSING)
		return EVP_MD_fetch(library, "no such digest", which);
	ERR_raise(ERR_LIB_EVP, ERR_R_FETCH_FAILED);
	return NULL;
}

static void *failing_zalloc(size_t size)
{
	return failing_calloc(1, size);
}

/* OpenSSL's are those above already. */
static int functions_stay(
    CRYPTO_malloc_fn of, CRYPTO_realloc_fn again, CRYPTO_free_fn end)
{
	(void)of;
	(void)again;
	(void)end;
	return 0;
}

#define calloc failing_calloc
#define locked_zalloc failing_zalloc
#define locked_free free
#define CRYPTO_set_mem_functions functions_stay
#define EVP_MD_fetch fetch_digest
#include "hasher/legacy_crypt.c"
#include "hasher/legacy_md5.c"
#include "hasher/legacy_prehash.c"
#include "hasher/legacy_verify.c"
#undef EVP_MD_fetch
#undef CRYPTO_set_mem_functions
#undef locked_free
#undef locked_zalloc
#undef calloc

/* Estimated. OpenSSL's PBKDF2 allocates in each iteration: the first ones fail in turn,
 * of the others some. */
enum { CHEAP_US = 5000, EACH = 40 };

static enum legacy_status verify(const struct legacy_verifier *verifier,
    const struct legacy_vector *v, const char *password, unsigned fail)
{
	enum legacy_status status;
	struct legacy parsed;
	const char *why;

	assert_int_equal(legacy_parse(&parsed, v->text, strlen(v->text), &why), 0);
	allocation = 0;
	failing = fail;
	status = legacy_verify(verifier, &parsed, v->text, strlen(v->text),
	    (const uint8_t *)password, v->password_len);
	failing = 0;
	return status;
}

static bool is_cheap(const struct legacy_vector *v)
{
	struct legacy parsed;
	const char *why;

	return legacy_parse(&parsed, v->text, strlen(v->text), &why) == 0 &&
	       legacy_cost(&parsed, LEGACY_LONGEST).work_us <= CHEAP_US;
}

static void fail_each(
    const struct legacy_verifier *verifier, const struct legacy_vector *v)
{
	char wrong[LEGACY_CRYPT_PASSWORD_MAX];
	unsigned last;

	memcpy(wrong, v->password, v->password_len);
	if (v->password_len > 0)
		wrong[0] ^= 1;
	assert_int_equal(verify(verifier, v, v->password, 0), LEGACY_MATCH);
	last = allocation;
	assert_true(last > 0);
	for (unsigned i = 1; i <= last; i += i < EACH ? 1 : 1 + last / EACH) {
		const enum legacy_status right = verify(verifier, v, v->password, i);

		if (right != LEGACY_NO_MEMORY && right != LEGACY_MATCH)
			fail_msg("%s: allocation %u: status %d", v->text, i, right);
		if (v->password_len > 0)
			assert_int_not_equal(
			    verify(verifier, v, wrong, i), LEGACY_MATCH);
		assert_int_equal(verify(verifier, v, v->password, 0), LEGACY_MATCH);
	}
	assert_int_equal(verify(verifier, v, v->password, 1), LEGACY_NO_MEMORY);
}

static void an_allocation_that_fails_is_said(void **state)
{
	for (size_t i = 0; i < LEGACY_VECTORS; i++)
		if (is_cheap(&legacy_vectors[i]))
			fail_each(*state, &legacy_vectors[i]);
}

/* The formats that need it fail, and all others work. */
static void without_md5_the_others_work(void **state)
{
	struct legacy_verifier *verifier = NULL, *refused;

	(void)state;
	library_md5 = MD5_NO_MEMORY;
	assert_int_equal(legacy_open(&refused), -1);
	legacy_close(refused);
	library_md5 = MD5_MISSING;
	if (legacy_open(&verifier) != 0 || verifier == NULL) {
		fail();
		return;
	}
	library_md5 = MD5_THERE;
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const struct legacy_vector *v = &legacy_vectors[i];
		const bool uses_md5 =
		    v->kind == LEGACY_PHPASS || v->kind == LEGACY_APR1;

		if (is_cheap(v))
			assert_int_equal(verify(verifier, v, v->password, 0),
			    uses_md5 ? LEGACY_FAILED : LEGACY_MATCH);
	}
	legacy_close(verifier);
}

static int setup(void **state)
{
	struct legacy_verifier *verifier;

	if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free) !=
	        1 ||
	    legacy_open(&verifier) != 0)
		return -1;
	*state = verifier;
	return 0;
}

static int teardown(void **state)
{
	legacy_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_allocation_that_fails_is_said),
	    cmocka_unit_test(without_md5_the_others_work),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
