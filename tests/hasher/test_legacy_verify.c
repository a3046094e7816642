/* hasher/legacy_verify.c: what other programs have hashed matches here, and nothing
 * that differs from it in any one place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hasher/legacy_verify.h"
#include "tests/common/legacy_reading.h"
#include "tests/common/legacy_vectors.h"

/* What a change is tried on again and again must not take long; estimated. */
enum { CHEAP_US = 5000 };

static int setup(void **state)
{
	struct legacy_verifier *verifier;

	if (legacy_open(&verifier) != 0)
		return -1;
	*state = verifier;
	return 0;
}

static int teardown(void **state)
{
	legacy_close(*state);
	return 0;
}

/* Verifies copies that are as long as they say and no longer. */
static enum legacy_status verify(const struct legacy_verifier *verifier,
    const struct legacy *parsed, const char *text, size_t len, const char *password,
    size_t password_len)
{
	char *exact = malloc(len);
	uint8_t *word = password_len > 0 ? malloc(password_len) : NULL;
	enum legacy_status status;

	assert_non_null(exact);
	memcpy(exact, text, len);
	if (password_len > 0) {
		assert_non_null(word);
		memcpy(word, password, password_len);
	}
	status = legacy_verify(verifier, parsed, exact, len, word, password_len);
	free(word);
	free(exact);
	return status;
}

static enum legacy_status verify_text(const struct legacy_verifier *verifier,
    const char *text, size_t len, const char *password, size_t password_len)
{
	struct legacy parsed;
	const char *why;

	assert_int_equal(legacy_parse(&parsed, text, len, &why), 0);
	return verify(verifier, &parsed, text, len, password, password_len);
}

static bool is_cheap(const struct legacy *parsed)
{
	return legacy_cost(parsed, 0).work_us <= CHEAP_US;
}

static void the_right_password_matches(void **state)
{
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const struct legacy_vector *v = &legacy_vectors[i];

		if (verify_text(*state, v->text, strlen(v->text), v->password,
		        v->password_len) != LEGACY_MATCH)
			fail_msg("no match: %s", v->text);
	}
}

/* Where it has to be wrong, it is, whatever the password is. */
static void a_mismatch_is_none_with_the_right_password(void **state)
{
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const struct legacy_vector *v = &legacy_vectors[i];
		const size_t len = strlen(v->text);
		struct legacy parsed;
		const char *why;

		assert_int_equal(legacy_parse(&parsed, v->text, len, &why), 0);
		if (!is_cheap(&parsed))
			continue;
		assert_int_equal(legacy_mismatch(*state, &parsed, v->text, len,
		                     (const uint8_t *)v->password, v->password_len),
		    LEGACY_MISMATCH);
	}
}

static void each_kind_has_a_cheap_vector(void **state)
{
	bool seen[LEGACY_KINDS] = {false};

	(void)state;
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const struct legacy_vector *v = &legacy_vectors[i];
		struct legacy parsed;
		const char *why;

		assert_int_equal(
		    legacy_parse(&parsed, v->text, strlen(v->text), &why), 0);
		if (is_cheap(&parsed))
			seen[v->kind] = true;
	}
	/* its cost is always the same; it is computed as the other PBKDF2s are */
	seen[LEGACY_SPRING_PBKDF2] = true;
	for (size_t kind = 0; kind < LEGACY_KINDS; kind++)
		if (!seen[kind])
			fail_msg(
			    "none of %s", legacy_kind_name((enum legacy_kind)kind));
}

/* Each byte of the string is another one: of prefix, cost, salt and hash. */
static void another_string_does_not(void **state)
{
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const struct legacy_vector *v = &legacy_vectors[i];
		const size_t len = strlen(v->text);
		char text[LEGACY_TEXT_MAX + 1];

		for (size_t at = 0; at < len; at++) {
			struct legacy parsed;
			const char *why;

			memcpy(text, v->text, len);
			text[at] = (char)(text[at] ^ (at % 2 == 0 ? 1 : 2));
			if (legacy_parse(&parsed, text, len, &why) != 0 ||
			    !is_cheap(&parsed))
				continue;
			assert_int_not_equal(verify(*state, &parsed, text, len,
			                         v->password, v->password_len),
			    LEGACY_MATCH);
		}
	}
}

static void mismatch(const struct legacy_verifier *verifier,
    const struct legacy_vector *v, const char *password, size_t len)
{
	if (verify_text(verifier, v->text, strlen(v->text), password, len) !=
	    LEGACY_MISMATCH)
		fail_msg("%zu bytes for %s", len, v->text);
}

/* One byte more, one less, and each byte another one. */
static void another_password_does_not(void **state)
{
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const struct legacy_vector *v = &legacy_vectors[i];
		const size_t len = v->password_len;
		struct legacy parsed;
		const char *why;
		char password[LEGACY_CRYPT_PASSWORD_MAX] = {0};

		assert_int_equal(
		    legacy_parse(&parsed, v->text, strlen(v->text), &why), 0);
		memcpy(password, v->password, len);
		password[len] = '!';
		if (legacy_password_refused(
		        v->kind, (const uint8_t *)password, len + 1) == NULL)
			mismatch(*state, v, password, len + 1);
		if (len > 0 && is_cheap(&parsed))
			mismatch(*state, v, password, len - 1);
		for (size_t at = 0; is_cheap(&parsed) && at < len; at++) {
			password[at] = (char)(password[at] ^ 1);
			mismatch(*state, v, password, len);
			password[at] = (char)(password[at] ^ 1);
		}
	}
}

/* Whatever its bytes and its length are: it is wrong, and nothing else. */
static void a_password_that_does_not_fit_is_wrong(void **state)
{
	static const size_t lens[] = {73, 511, 512, LIMIT_PASSWORD};
	static char word[LIMIT_PASSWORD];

	memset(word, 'x', sizeof(word));
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const struct legacy_vector *v = &legacy_vectors[i];
		const size_t len = strlen(v->text);
		struct legacy parsed;
		const char *why;

		assert_int_equal(legacy_parse(&parsed, v->text, len, &why), 0);
		if (!is_cheap(&parsed))
			continue;
		for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++)
			assert_int_equal(
			    verify_text(*state, v->text, len, word, lens[n]),
			    LEGACY_MISMATCH);
		assert_int_equal(verify_text(*state, v->text, len, "hunter2\0x", 9),
		    LEGACY_MISMATCH);
		assert_int_equal(
		    verify_text(*state, v->text, len, "\0x", 2), LEGACY_MISMATCH);
	}
}

/* What 72 bytes are cut off from must not be taken for it. */
static void bcrypt_does_not_take_a_beginning(void **state)
{
	static const char text[] =
	    "$2b$04$M5PC3bUnlC7KJD2rIYPvUOdl0jSN4PFVIMdytXJ9neSwN0kTNxeJC";
	char word[100];

	memset(word, 'x', sizeof(word));
	assert_int_equal(
	    verify_text(*state, text, sizeof(text) - 1, word, 72), LEGACY_MATCH);
	assert_int_equal(
	    verify_text(*state, text, sizeof(text) - 1, word, 73), LEGACY_MISMATCH);
}

/* HMAC fills its key up with NULs: in Django, passlib and Werkzeug it is the same. */
static void a_nul_at_the_end_is_none_to_pbkdf2(void **state)
{
	static const char text[] =
	    "pbkdf2:sha1:1$salt$0c60c80f961f0e71f3a9b524af6012062fe037a6";

	assert_int_equal(
	    verify_text(*state, text, sizeof(text) - 1, "password\0", 9), LEGACY_MATCH);
}

/* WordPress trims a password before it hashes it, at a log-in as well. */
static void wordpress_trims_a_password(void **state)
{
	static const char text[] =
	    "$wp$2y$04$ay7SSZjDqReIMCyn06wOXeuWK.eUmr.JFSdp0e0dy/wo5RW50YWX6";
	static const struct {
		const char *password;
		size_t len;
		enum legacy_status status;
	} rows[] = {{" hunter2", 8, LEGACY_MATCH}, {"hunter2\n", 8, LEGACY_MATCH},
	    {"\r\n\t hunter2\0\v ", 14, LEGACY_MATCH},
	    {"hunter2\f", 8, LEGACY_MISMATCH}, {"\xa0hunter2", 8, LEGACY_MISMATCH},
	    {"hun ter2", 8, LEGACY_MISMATCH}, {" ", 1, LEGACY_MISMATCH},
	    {" \0\n", 3, LEGACY_MISMATCH}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(verify_text(*state, text, sizeof(text) - 1,
		                     rows[i].password, rows[i].len),
		    rows[i].status);
}

/* A parsed string with another's text: nothing is read past it. */
static void a_text_too_short_is_refused(void **state)
{
	const struct legacy parsed = {.kind = LEGACY_DJANGO_BCRYPT, .skip = 7};

	for (size_t len = 1; len <= 7; len++)
		assert_int_equal(
		    verify(*state, &parsed, "bcrypt$", len, "x", 1), LEGACY_REFUSED);
	assert_int_equal(verify(*state, &parsed, "bcrypt$$", 8, "x", 1), LEGACY_FAILED);
}

/* ---- without memory ---- */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED
static const char *const large[] = {
    "$y$jBT$aaaa$T/k01A3dmAFET0Crg9rNVGQd3jtRVquYgIYRLsWiuc5",
    "$gy$jBT$aaaa$T/k01A3dmAFET0Crg9rNVGQd3jtRVquYgIYRLsWiuc5",
    "$7$E6..../....s$T/k01A3dmAFET0Crg9rNVGQd3jtRVquYgIYRLsWiuc5",
    "$scrypt$ln=16,r=8,p=1$Zg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
};

/* As a hasher is that has got as much memory as its config allows, and no more. */
static int verify_in_little_memory(const struct legacy_verifier *verifier)
{
	const struct rlimit little = {48 << 20, 48 << 20};
	int failed = 0;

	if (setrlimit(RLIMIT_DATA, &little) != 0)
		return 100;
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
		if (verify_text(verifier, large[i], strlen(large[i]), "hunter2", 7) !=
		    LEGACY_NO_MEMORY)
			failed = (int)i + 1;
	/* what is small is verified afterwards */
	if (verify_text(verifier, legacy_vectors[0].text,
	        strlen(legacy_vectors[0].text), legacy_vectors[0].password,
	        legacy_vectors[0].password_len) != LEGACY_MATCH)
		failed = 101;
	return failed;
}

static void too_little_memory_is_said(void **state)
{
	int status = -1;
	const pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0)
		_exit(verify_in_little_memory(*state));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* No more is asked of the kernel than the cost says, or a hasher's limit is too low. */
static int measure(const struct legacy_verifier *verifier, const struct legacy *parsed,
    const char *text)
{
	const uint64_t slack = 1 << 20; /* what the process itself may fault in */
	struct rusage before, after;
	uint64_t grown;

	getrusage(RUSAGE_SELF, &before);
	verify(verifier, parsed, text, strlen(text), "hunter2", 7);
	getrusage(RUSAGE_SELF, &after);
	grown = (uint64_t)(after.ru_maxrss - before.ru_maxrss) * 1024;
	return grown <= legacy_cost(parsed, 0).memory + slack ? 0 : 1;
}

static void the_memory_is_what_the_cost_says(void **state)
{
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		struct legacy parsed;
		const char *why;
		int status = -1;
		pid_t pid;

		assert_int_equal(
		    legacy_parse(&parsed, large[i], strlen(large[i]), &why), 0);
		pid = fork();
		assert_return_code(pid, errno);
		if (pid == 0)
			_exit(measure(*state, &parsed, large[i]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("%s: wait status %d", large[i], status);
	}
}
#endif

static void a_verifier_can_be_opened_again(void **state)
{
	const struct legacy_vector *v = &legacy_vectors[LEGACY_VECTORS - 1];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct legacy_verifier *verifier = NULL;

		assert_int_equal(legacy_open(&verifier), 0);
		assert_int_equal(verify_text(verifier, v->text, strlen(v->text),
		                     v->password, v->password_len),
		    LEGACY_MATCH);
		legacy_close(verifier);
	}
	legacy_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_right_password_matches),
	    cmocka_unit_test(a_mismatch_is_none_with_the_right_password),
	    cmocka_unit_test(each_kind_has_a_cheap_vector),
	    cmocka_unit_test(another_string_does_not),
	    cmocka_unit_test(another_password_does_not),
	    cmocka_unit_test(a_password_that_does_not_fit_is_wrong),
	    cmocka_unit_test(bcrypt_does_not_take_a_beginning),
	    cmocka_unit_test(a_nul_at_the_end_is_none_to_pbkdf2),
	    cmocka_unit_test(wordpress_trims_a_password),
	    cmocka_unit_test(a_text_too_short_is_refused),
#ifndef SANITIZED
	    cmocka_unit_test(too_little_memory_is_said),
	    cmocka_unit_test(the_memory_is_what_the_cost_says),
#endif
	    cmocka_unit_test(a_verifier_can_be_opened_again),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
