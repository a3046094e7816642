/* common/token.c: which files hold tokens, and who has one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/token.h"

static struct token_set *load_bytes(
    const char *text, size_t len, mode_t mode, const char **why)
{
	char path[] = "/tmp/argond-token-XXXXXX";
	int fd = mkstemp(path);
	struct token_set *set;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	set = token_set_load(path, why);
	unlink(path);
	assert_int_equal(set == NULL, *why != NULL);
	return set;
}

static struct token_set *load(const char *text)
{
	const char *why;

	return load_bytes(text, strlen(text), 0600, &why);
}

static bool has(const struct token_set *set, const char *token)
{
	return token_set_has(set, token, strlen(token));
}

static void each_line_is_one(void **state)
{
	struct token_set *set =
	    load("# those of June\n\nAz09-._~+/==\r\nb\n\n#c\nlast");

	(void)state;
	assert_non_null(set);
	assert_true(has(set, "Az09-._~+/=="));
	assert_true(has(set, "b"));
	assert_true(has(set, "last"));
	assert_false(has(set, ""));
	assert_false(has(set, "#c"));
	assert_false(has(set, "B"));
	assert_false(has(set, "bb"));
	assert_false(has(set, "las"));
	assert_false(has(set, "last\n"));
	assert_false(token_set_has(set, "b\0", 2));
	token_set_free(set);
}

static void what_is_no_token_is_refused(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# only\n", "a b\n", " a\n",
	    "a \n", "=\n", "a=b\n", "a,b\n", "\"a\"\n", "\xc3\xa4\n", "good\nb\\ad\n",
	    "Bearer a\n"};
	char longest[TOKEN_MAX + 2];
	struct token_set *set;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (load(texts[i]) != NULL)
			fail_msg("taken: %s", texts[i]);
	memset(longest, 'a', sizeof(longest));
	longest[TOKEN_MAX + 1] = '\0';
	assert_null(load(longest));
	longest[TOKEN_MAX] = '\0';
	set = load(longest);
	assert_true(has(set, longest));
	token_set_free(set);
}

static void a_nul_is_no_token(void **state)
{
	const char *why;

	(void)state;
	assert_null(load_bytes("a\0b\n", 4, 0600, &why));
}

static void files_are_bounded(void **state)
{
	enum { MUCH = TOKEN_FILE_MAX + 1 };
	char *text = malloc(MUCH);
	const char *why;
	struct token_set *set;

	(void)state;
	assert_non_null(text);
	memset(text, '\n', MUCH);
	text[0] = 'a';
	assert_null(load_bytes(text, MUCH, 0600, &why));
	assert_string_equal(why, "too long");
	set = load_bytes(text, MUCH - 1, 0600, &why);
	assert_true(has(set, "a"));
	token_set_free(set);
	for (size_t i = 0; i < MUCH; i++)
		text[i] = i % 2 == 0 ? 'a' : '\n';
	assert_null(load_bytes(text, 2 * (TOKEN_COUNT_MAX + 1), 0600, &why));
	set = load_bytes(text, 2 * TOKEN_COUNT_MAX, 0600, &why);
	assert_non_null(set);
	token_set_free(set);
	free(text);
}

static void nobody_else_may_add_one(void **state)
{
	const char *why;
	struct token_set *set;

	(void)state;
	assert_null(load_bytes("a\n", 2, 0620, &why));
	assert_null(load_bytes("a\n", 2, 0602, &why));
	set = load_bytes("a\n", 2, 0640, &why);
	assert_non_null(set);
	token_set_free(set);
	assert_null(token_set_load("/nowhere", &why));
	assert_string_equal(why, "No such file or directory");
	assert_null(token_set_load("/dev/zero", &why));
	assert_string_equal(why, "not a regular file");
	token_set_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_line_is_one),
	    cmocka_unit_test(what_is_no_token_is_refused),
	    cmocka_unit_test(a_nul_is_no_token),
	    cmocka_unit_test(files_are_bounded),
	    cmocka_unit_test(nobody_else_may_add_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
