/* common/token.c: which files hold tokens, and who has one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/token.h"

/* What is wrong with a file of these bytes, or NULL: then they are in `sealed`. */
static const char *load_bytes(
    struct sealed *sealed, const char *text, size_t len, mode_t mode)
{
	char path[] = "/tmp/argond-token-XXXXXX";
	int fd = mkstemp(path), rc;
	const char *why;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	rc = token_set_load(sealed, path, NULL, &why);
	unlink(path);
	assert_int_equal(rc, why == NULL ? 0 : -1);
	assert_int_equal(sealed->bytes == 0, why != NULL);
	return why;
}

static const char *load(struct sealed *sealed, const char *text)
{
	return load_bytes(sealed, text, strlen(text), 0600);
}

static unsigned find_bytes(const struct sealed *sealed, const char *token, size_t len)
{
	const struct token_set *set = token_set_map(sealed);
	unsigned number;

	assert_non_null(set);
	number = token_set_find(set, token, len);
	munmap((void *)(uintptr_t)set, sealed->bytes);
	return number;
}

static unsigned find(const struct sealed *sealed, const char *token)
{
	return find_bytes(sealed, token, strlen(token));
}

static void each_line_is_one(void **state)
{
	struct sealed set;

	(void)state;
	assert_null(load(&set, "# those of June\n\nAz09-._~+/==\r\nb\n\n#c\nlast"));
	assert_int_equal(find(&set, "Az09-._~+/=="), 1);
	assert_int_equal(find(&set, "b"), 2);
	assert_int_equal(find(&set, "last"), 3);
	assert_int_equal(find(&set, ""), 0);
	assert_int_equal(find(&set, "#c"), 0);
	assert_int_equal(find(&set, "B"), 0);
	assert_int_equal(find(&set, "bb"), 0);
	assert_int_equal(find(&set, "las"), 0);
	assert_int_equal(find(&set, "last\n"), 0);
	assert_int_equal(find_bytes(&set, "b\0", 2), 0);
	sealed_close(&set);
}

static void what_is_no_token_is_refused(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# only\n", "a b\n", " a\n",
	    "a \n", "=\n", "a=b\n", "a,b\n", "\"a\"\n", "\xc3\xa4\n", "good\nb\\ad\n",
	    "Bearer a\n"};
	char longest[TOKEN_MAX + 2];
	struct sealed set;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (load(&set, texts[i]) == NULL)
			fail_msg("taken: %s", texts[i]);
	memset(longest, 'a', sizeof(longest));
	longest[TOKEN_MAX + 1] = '\0';
	assert_non_null(load(&set, longest));
	longest[TOKEN_MAX] = '\0';
	assert_null(load(&set, longest));
	assert_int_equal(find(&set, longest), 1);
	sealed_close(&set);
}

static void a_nul_is_no_token(void **state)
{
	struct sealed set;

	(void)state;
	assert_string_equal(load_bytes(&set, "a\0b\n", 4, 0600), "a line is no token");
}

static void files_are_bounded(void **state)
{
	enum { MUCH = TOKEN_FILE_MAX + 1 };
	char *text = malloc(MUCH);
	struct sealed set;

	(void)state;
	assert_non_null(text);
	memset(text, '\n', MUCH);
	text[0] = 'a';
	assert_string_equal(load_bytes(&set, text, MUCH, 0600), "too long");
	assert_null(load_bytes(&set, text, MUCH - 1, 0600));
	assert_int_equal(find(&set, "a"), 1);
	sealed_close(&set);
	for (size_t i = 0; i < MUCH; i++)
		text[i] = i % 2 == 0 ? 'a' : '\n';
	assert_string_equal(
	    load_bytes(&set, text, 2 * (TOKEN_COUNT_MAX + 1), 0600), "too many tokens");
	assert_null(load_bytes(&set, text, 2 * TOKEN_COUNT_MAX, 0600));
	assert_int_equal(find(&set, "a"), TOKEN_COUNT_MAX);
	sealed_close(&set);
	free(text);
}

static void the_file_is_its_owners(void **state)
{
	static const mode_t modes[] = {0620, 0602, 0660, 0604, 0610, 0601};
	struct sealed set;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		assert_string_equal(load_bytes(&set, "a\n", 2, modes[i]),
		    "others may read or write it");
	assert_null(load_bytes(&set, "a\n", 2, 0400));
	sealed_close(&set);
	assert_int_equal(token_set_load(&set, "/nowhere", NULL, &why), -1);
	assert_string_equal(why, "No such file or directory");
	assert_int_equal(token_set_load(&set, "/dev/zero", NULL, &why), -1);
	assert_string_equal(why, "not a regular file");
}

/* So many tokens, "tokenN" in the order of N. */
static void load_many(struct sealed *set, unsigned count)
{
	char *text = malloc(16 * (size_t)count + 1);
	size_t len = 0;

	assert_non_null(text);
	for (unsigned i = 1; i <= count; i++)
		len += (size_t)sprintf(text + len, "token%u\n", i);
	assert_null(load_bytes(set, text, len, 0600));
	free(text);
}

static void each_of_many_is_found(void **state)
{
	static const unsigned counts[] = {
	    1, 2, 3, 4, 5, 7, 8, 9, 1000, TOKEN_COUNT_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const struct token_set *map;
		struct sealed set;
		char token[32];

		load_many(&set, counts[i]);
		map = token_set_map(&set);
		assert_non_null(map);
		for (unsigned n = 0; n <= counts[i] + 1; n++) {
			size_t len = (size_t)sprintf(token, "token%u", n);

			assert_int_equal(
			    token_set_find(map, token, len), n <= counts[i] ? n : 0);
			token[0] = 'x';
			assert_int_equal(token_set_find(map, token, len), 0);
		}
		munmap((void *)(uintptr_t)map, set.bytes);
		sealed_close(&set);
	}
}

static void of_equal_ones_the_last_counts(void **state)
{
	struct sealed set;

	(void)state;
	assert_null(load(&set, "a\nb\na\nc\na\nb\n"));
	assert_int_equal(find(&set, "a"), 5);
	assert_int_equal(find(&set, "b"), 6);
	assert_int_equal(find(&set, "c"), 4);
	sealed_close(&set);
}

/* Nanoseconds for one look-up of what is no token: the least of some rounds. */
static uint64_t cost_of_a_wrong_one(const struct token_set *set)
{
	enum { ROUNDS = 20, EACH = 500 };
	uint64_t least = UINT64_MAX;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t since = clock_ns(), cost;

		for (unsigned i = 0; i < EACH; i++)
			assert_int_equal(token_set_find(set, "wrong", 5), 0);
		cost = (clock_ns() - since) / EACH;
		least = cost < least ? cost : least;
	}
	return least;
}

static void many_tokens_cost_little_more_than_one(void **state)
{
	struct sealed one, many;
	const struct token_set *few_map, *many_map;
	uint64_t few_ns, many_ns;

	(void)state;
	load_many(&one, 1);
	load_many(&many, TOKEN_COUNT_MAX);
	few_map = token_set_map(&one);
	many_map = token_set_map(&many);
	few_ns = cost_of_a_wrong_one(few_map);
	many_ns = cost_of_a_wrong_one(many_map);
	if (many_ns > 5 * few_ns)
		fail_msg("%llu ns with one, %llu with %d", (unsigned long long)few_ns,
		    (unsigned long long)many_ns, TOKEN_COUNT_MAX);
	munmap((void *)(uintptr_t)few_map, one.bytes);
	munmap((void *)(uintptr_t)many_map, many.bytes);
	sealed_close(&one);
	sealed_close(&many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_line_is_one),
	    cmocka_unit_test(what_is_no_token_is_refused),
	    cmocka_unit_test(a_nul_is_no_token),
	    cmocka_unit_test(files_are_bounded),
	    cmocka_unit_test(the_file_is_its_owners),
	    cmocka_unit_test(each_of_many_is_found),
	    cmocka_unit_test(of_equal_ones_the_last_counts),
	    cmocka_unit_test(many_tokens_cost_little_more_than_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
