/* hasher/legacy_verify.c as a hasher runs it: behind the filter of system calls, with
 * nothing of a password left behind, and without OpenSSL's config. */
#include "tests/common/sandbox_fixture.h"

#include <stdint.h>
#include <sys/mman.h>

#include "hasher/legacy_verify.h"
#include "tests/common/legacy_vectors.h"

static bool matches(const struct legacy_verifier *verifier, const char *text,
    const uint8_t *password, size_t len)
{
	struct legacy parsed;
	const char *why;

	return legacy_parse(&parsed, text, strlen(text), &why) == 0 &&
	       legacy_verify(verifier, &parsed, text, strlen(text), password, len) ==
	           LEGACY_MATCH;
}

/* `arg`: is the verifier opened behind the filter too? */
static int verify_behind_the_filter(struct place *place, const void *arg)
{
	const bool opened_late = *(const bool *)arg;
	struct sandbox_spec spec = spec_of(place, SANDBOX_HASHER);
	struct legacy_verifier *verifier = NULL;

	if (!opened_late && legacy_open(&verifier) != 0)
		return 1;
	if (confine(place, &spec) != 0)
		return 2;
	if (opened_late && legacy_open(&verifier) != 0)
		return 3;
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const struct legacy_vector *v = &legacy_vectors[i];

		if (!matches(verifier, v->text, (const uint8_t *)v->password,
		        v->password_len))
			return 10 + (int)i;
	}
	legacy_close(verifier);
	return 0;
}

static void the_filter_allows_what_it_takes(void **state)
{
	static const bool orders[] = {false, true};
	struct place *place = *state;

	for (size_t i = 0; i < 2; i++) {
		const int status =
		    in_child(place, verify_behind_the_filter, &orders[i]);
		const uint32_t denied =
		    atomic_load(&board_slot(&place->board, 0)->denied);
		char words[64];

		if (denied != 0)
			fail_msg("denied: %s",
			    sandbox_denied_words(denied, words, sizeof(words)));
		assert_left(status, orders[i] ? "opened late" : "opened early");
	}
}

/* ---- OpenSSL's config ---- */

static int open_with_a_config(struct place *place, const void *arg)
{
	struct legacy_verifier *verifier;

	(void)place;
	/* one that would take all algorithms away */
	if (setenv("OPENSSL_CONF", arg, 1) != 0)
		return 1;
	if (legacy_open(&verifier) != 0)
		return 2;
	legacy_close(verifier);
	return 0;
}

static void no_config_is_read(void **state)
{
	static const char config[] =
	    "openssl_conf = init\n[init]\nproviders = list\n"
	    "[list]\nnull = nothing\n[nothing]\nactivate = 1\n";
	struct place *place = *state;
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/openssl.cnf", place->folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(config, file) >= 0 && fclose(file) == 0);
	assert_left(in_child(place, open_with_a_config, path), "with a config");
	unlink(path);
}

/* ---- what is left behind ---- */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED /* a sanitizer has terabytes of its own to search */

/* what is slow is no other code than what is quick (estimated) */
enum { MARK = 24, REGIONS = 256, SEARCH_US = 100000 };

/* In no program and no string: it is made anew wherever it is needed. */
static void make_mark(uint8_t mark[MARK])
{
	for (unsigned i = 0; i < MARK; i++)
		mark[i] = (uint8_t)(0x21 + (i * 37 + 11) % 90);
}

struct region {
	uintptr_t from, to;
};

static size_t writable_regions(struct region *regions, size_t cap)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	size_t n = 0;

	while (maps != NULL && n < cap && fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to;
		char access[5];

		if (sscanf(line, "%lx-%lx %4s", &from, &to, access) == 3 &&
		    strncmp(access, "rw", 2) == 0)
			regions[n++] = (struct region){from, to};
	}
	if (maps != NULL)
		fclose(maps);
	return n;
}

/* How often `want` is in memory that can be written to, itself not counted: it is given
 * with each bit turned over. */
static size_t count_left(const uint8_t *inverse, size_t len)
{
	struct region regions[REGIONS];
	const size_t n = writable_regions(regions, REGIONS);
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		for (uintptr_t at = regions[i].from; at + len <= regions[i].to; at++) {
			size_t same = 0;

			while (same < len &&
			       (((const uint8_t *)at)[same] ^ inverse[same]) == 0xff)
				same++;
			found += same == len;
		}
	return found;
}

/* A wrong password, which is the same work. */
static enum legacy_status verify_mark(
    const struct legacy_verifier *verifier, const char *text)
{
	enum legacy_status status = LEGACY_FAILED;
	struct legacy parsed;
	const char *why;
	uint8_t mark[MARK];

	make_mark(mark);
	if (legacy_parse(&parsed, text, strlen(text), &why) == 0)
		status = legacy_verify(
		    verifier, &parsed, text, strlen(text), mark, sizeof(mark));
	explicit_bzero(mark, sizeof(mark));
	return status;
}

static int search_after(struct place *place, const void *arg)
{
	const struct legacy_vector *v = arg;
	struct legacy_verifier *verifier;
	uint8_t inverse[MARK];
	volatile uint8_t *kept;

	(void)place;
	make_mark(inverse);
	for (unsigned i = 0; i < MARK; i++)
		inverse[i] = (uint8_t)(inverse[i] ^ 0xff);
	if (legacy_open(&verifier) != 0 || count_left(inverse, MARK) != 0)
		return 1;
	if (verify_mark(verifier, v->text) != LEGACY_MISMATCH)
		return 2;
	if (count_left(inverse, MARK) != 0)
		return 3;
	/* the search finds what is there */
	kept = malloc(MARK);
	for (unsigned i = 0; kept != NULL && i < MARK; i++)
		kept[i] = (uint8_t)(inverse[i] ^ 0xff);
	return count_left(inverse, MARK) == 1 ? 0 : 4;
}

static void nothing_of_a_password_is_left(void **state)
{
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const struct legacy_vector *v = &legacy_vectors[i];
		struct legacy parsed;
		const char *why;

		assert_int_equal(
		    legacy_parse(&parsed, v->text, strlen(v->text), &why), 0);
		if (legacy_cost(&parsed, v->password_len).work_us <= SEARCH_US)
			assert_left(in_child(*state, search_after, v), v->text);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_filter_allows_what_it_takes),
	    cmocka_unit_test(no_config_is_read),
#ifndef SANITIZED
	    cmocka_unit_test(nothing_of_a_password_is_left),
#endif
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
