/*
 * Config and token files as other systems write them: byte order marks, line ends,
 * encodings.
 */
#include "common/sealed.h"
#include "common/token.h"
#include "tests/common/config_world.h"

#include <sys/mman.h>

#define BOM "\xef\xbb\xbf"

static void line_ends_are_of_any_kind(void **state)
{
	static const char *const texts[] = {
	    "user = a\ngroup = b\npool elastic {\n\tbatch = 2\n}\n",
	    "user = a\r\ngroup = b\r\npool elastic {\r\n\tbatch = 2\r\n}\r\n",
	    "user = a\r\n\r\ngroup = 'b'\r\n# end\r\npool elastic { batch = 2 }\r\n",
	    "/* one\r\ntwo */ user = a // c\r\ngroup = b # d\r\n"
	    "pool elastic { jobs = {hash,\r\nverify}\r\nbatch = 2 }",
	    "user = a\r\ngroup = b\r\npool elastic { batch = 2 }\r",
	    BOM "user = a\ngroup = b pool elastic { batch = 2 }",
	    BOM "\r\nuser = a\r\ngroup = b\r\npool elastic { batch = 2 }",
	    BOM "# comment\nuser = a\ngroup = b\npool elastic { batch = 2 }",
	    BOM "/* comment */user = a\ngroup = b\npool elastic { batch = 2 }",
	    BOM "\"user\" = a\ngroup = b\npool elastic { batch = 2 }",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct config *config = load_good(*state, texts[i]);

		assert_string_equal(config->user, "a");
		assert_string_equal(config->group, "b");
		assert_true(config_is_set(config, &config->pools[0].batch));
		config_free(config);
	}
}

static void a_mark_alone_is_an_empty_file(void **state)
{
	config_free(load_good(*state, BOM));
	config_free(load_good(*state, BOM "\r\n"));
	config_free(load_good(*state, ""));
}

/* Lines are counted as before. */
static void mistakes_keep_their_lines(void **state)
{
	static const struct mistake mistakes[] = {
	    {BOM "lisetn = a", "1: lisetn: an unknown directive; allowed: listen"},
	    {BOM "user = a\r\nlisetn = a", "2: lisetn: an unknown directive;"},
	    {BOM BOM "user = a", "1: "}, /* a mark is a mark at the start only */
	    {"user = a\n" BOM "group = b", "2: "},
	    {BOM "user = \"a", "1: a string that does not end on its line"},
	    {"\xef\xbb", "1: "},
	    {"user = a\r\rgroup = b", "1: a control byte; allowed: printable text"},
	};

	refuse_file(*state, mistakes, COUNT(mistakes));
}

struct bytes {
	const char *bytes;
	size_t len;
};

#define BYTES(text)                                                                    \
	{                                                                              \
		text, sizeof(text) - 1                                                 \
	}

/* With a mark or without, either order, and UTF-32 as well. */
static const struct bytes wide[] = {
    BYTES("\xff\xfeu\0s\0e\0r\0"),
    BYTES("\xfe\xff\0u\0s\0e\0r"),
    BYTES("u\0s\0e\0r\0 \0=\0 \0a\0"),
    BYTES("\0u\0s\0e\0r"),
    BYTES("\xff\xfe\0\0u\0\0\0"),
    BYTES("\0\0\xfe\xff\0\0\0u"),
    BYTES("\xff\xfe"),
};

static void other_encodings_are_named(void **state)
{
	const struct place *place = *state;

	for (size_t i = 0; i < COUNT(wide); i++) {
		struct config_error err = {{0}};

		file_write(place, wide[i].bytes, wide[i].len);
		assert_null(config_load(place->file, NULL, 0, &err));
		if (strstr(err.text, "argond.conf:1: text in UTF-16; allowed: UTF-8") ==
		    NULL)
			fail_msg("%zu: %s", i, err.text);
	}
}

static const char *tokens_load(
    const struct place *place, const char *text, size_t len, struct sealed *set)
{
	const char *why = NULL;

	file_write(place, text, len);
	assert_int_equal(chmod(place->file, 0600), 0);
	if (token_set_load(set, place->file, NULL, &why) == 0)
		assert_null(why);
	return why;
}

/* The first token is the one that a mark would spoil. */
static void a_mark_is_no_part_of_a_token(void **state)
{
	static const struct bytes texts[] = {BYTES(BOM "first\nsecond"),
	    BYTES(BOM "first\r\nsecond\r\n"), BYTES(BOM "# c\r\nfirst\r\nsecond\r"),
	    BYTES("first\r\n\r\nsecond"), BYTES("\r\nfirst\nsecond\n")};
	static const struct bytes wrong[] = {BYTES(BOM BOM "first\n"), BYTES(BOM),
	    BYTES("first\n" BOM "second"), BYTES("first\0\nsecond"),
	    BYTES("first\rsecond")};
	struct sealed set;

	for (size_t i = 0; i < COUNT(texts); i++) {
		const struct token_set *tokens;
		const char *why =
		    tokens_load(*state, texts[i].bytes, texts[i].len, &set);

		if (why != NULL)
			fail_msg("%zu: %s", i, why);
		tokens = token_set_map(&set);
		assert_non_null(tokens);
		assert_int_equal(token_set_find(tokens, "first", 5), 1);
		assert_int_equal(token_set_find(tokens, "second", 6), 2);
		assert_int_equal(token_set_find(tokens, BOM "first", 8), 0);
		munmap((void *)(uintptr_t)tokens, set.bytes);
		sealed_close(&set);
	}
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_non_null(
		    tokens_load(*state, wrong[i].bytes, wrong[i].len, &set));
	for (size_t i = 0; i < COUNT(wide); i++)
		assert_string_equal(
		    tokens_load(*state, wide[i].bytes, wide[i].len, &set),
		    "is text in UTF-16, not in UTF-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(line_ends_are_of_any_kind),
	    cmocka_unit_test(a_mark_alone_is_an_empty_file),
	    cmocka_unit_test(mistakes_keep_their_lines),
	    cmocka_unit_test(other_encodings_are_named),
	    cmocka_unit_test(a_mark_is_no_part_of_a_token),
	};

	return cmocka_run_group_tests_name(
	    "config_encoding", tests, place_make, place_remove);
}
