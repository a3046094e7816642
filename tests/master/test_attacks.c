/*
 * The table of attacks in tests/README.md, from which `make check-attacks` takes its
 * programs: each one is there, and no test of an attack is missing. It is run where the
 * sources are.
 */
#include <bsd/string.h>
#include <glob.h>

#include "tests/master/documents.h"

static const char prefix[] = "`tests/";

/* Programs are named in the table's last column, without the suffix of C. */
static void every_program_of_the_table_is_there(void **state)
{
	char *text = file_text("tests/README.md"), path[80];
	unsigned checked = 0;

	(void)state;
	for (const char *at = text; (at = strstr(at, prefix)) != NULL; at++) {
		size_t len = word_copy(at + 1, LOWER "0123456789_./", path);

		if (at[1 + len] != '`')
			continue;
		if (strchr(path, '.') == NULL)
			strlcat(path, ".c", sizeof(path));
		if (access(path, F_OK) != 0)
			fail_msg("tests/README.md: %s: %s", path, strerror(errno));
		checked++;
	}
	assert_true(checked > 10);
	free(text);
}

static void every_test_of_a_wall_is_in_the_table(void **state)
{
	char *text = file_text("tests/README.md"), name[80];
	glob_t files;

	(void)state;
	assert_int_equal(glob("tests/*/test_wall_*", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		const char *path = files.gl_pathv[i], *c = strstr(path, ".c");
		const size_t len = c != NULL ? (size_t)(c - path) : strlen(path);

		snprintf(name, sizeof(name), "`%.*s`", (int)len, path);
		if (strstr(text, name) == NULL)
			fail_msg("tests/README.md has no row for %s", path);
	}
	globfree(&files);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_program_of_the_table_is_there),
	    cmocka_unit_test(every_test_of_a_wall_is_in_the_table),
	};

	return cmocka_run_group_tests_name("attacks", tests, NULL, NULL);
}
