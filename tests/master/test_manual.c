/*
 * The manual says what the program does: the directives of the parser's table, those of
 * argond.conf(5) and those of the commented argond.conf are the same ones with the same
 * defaults and ranges, the options and signals are those of argond(8). It is run where
 * the sources are.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/config_table.h"
#include "master/options.h"
#include "master/signals.h"

enum { DIRECTIVES = 256 };

static char *file_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (file == NULL)
		fail_msg(
		    "%s: %s; run this where the sources are", path, strerror(errno));
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	assert_int_equal(fclose(file), 0);
	return text;
}

/* The next line of *at, cut off; NULL at the end. */
static char *line_next(char **at)
{
	char *line = *at, *end = line + strcspn(line, "\n");

	if (*line == '\0')
		return NULL;
	*at = end + (*end == '\n');
	*end = '\0';
	return line;
}

static bool line_begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* The word that begins at `at`, of letters, digits and _. */
static char *word_copy(const char *at, char *word, size_t cap)
{
	size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");

	snprintf(word, cap, "%.*s", (int)len, at);
	return word;
}

/* ---- argond.conf(5) ---- */

/* What the page says of each directive, at the index of its row. */
struct page {
	bool there[DIRECTIVES];
	char fallback[DIRECTIVES][64]; /* "" where it says unset */
	char allowed[DIRECTIVES][256];
};

static const struct {
	const char *heading;
	enum config_section section;
} headings[] = {
    {".Sh DAEMON", CONFIG_ROOT},
    {".Sh FRONTEND", CONFIG_FRONTEND},
    {".Sh PROFILES", CONFIG_PROFILE},
    {".Sh KEYS", CONFIG_KEY},
    {".Sh POOLS", CONFIG_POOL},
};

static enum config_section heading_section(const char *line)
{
	for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
		if (strcmp(line, headings[i].heading) == 0)
			return headings[i].section;
	return CONFIG_SECTION_END;
}

static void page_take(struct page *page, size_t i, const char *line, const char *before)
{
	static const char allowed[] = "Allowed: ";
	size_t len;

	if (line_begins(line, allowed))
		snprintf(page->allowed[i], sizeof(page->allowed[i]), "%s",
		    line + strlen(allowed));
	if (strcmp(before, "Default:") == 0 && line_begins(line, ".Cm ")) {
		len = strcspn(line + 4, " ");
		assert_string_equal(line + 4 + len, " .");
		snprintf(page->fallback[i], sizeof(page->fallback[i]), "%.*s", (int)len,
		    line + 4);
	}
	if (strcmp(line, "Default: unset.") == 0)
		page->fallback[i][0] = '\0';
}

static void page_read(struct page *page, const char *path)
{
	char *text = file_text(path), *at = text, *line, word[64];
	const char *before = "";
	enum config_section section = CONFIG_SECTION_END;
	const struct config_directive *row = NULL;

	for (; (line = line_next(&at)) != NULL; before = line) {
		if (line_begins(line, ".Sh ")) {
			section = heading_section(line);
			row = NULL;
		}
		if (section != CONFIG_SECTION_END && line_begins(line, ".It Ic ")) {
			word_copy(line + strlen(".It Ic "), word, sizeof(word));
			row = config_directive_find(section, word);
			if (row == NULL)
				fail_msg("%s: %s: the parser has none", path, line);
			if (page->there[row - config_directives])
				fail_msg("%s: %s: twice", path, line);
			page->there[row - config_directives] = true;
			strcpy(page->fallback[row - config_directives], "?");
		}
		if (row != NULL)
			page_take(
			    page, (size_t)(row - config_directives), line, before);
	}
	free(text);
}

/* "1ms to 1h" of "1ms to 1h, in ms, s, m or h"; NULL where the type is not a range or a
 * choice and the page says it in its own words. */
static const char *row_allowed(
    const struct config_directive *row, char *text, size_t cap)
{
	char *units;

	if (row->type->list || (row->type->word == NULL && row->max == 0))
		return NULL;
	row->type->allow(row, text, cap);
	units = strstr(text, ", in ");
	if (units != NULL)
		*units = '\0';
	return text;
}

static void the_page_has_every_directive(void **state)
{
	static struct page page;
	char text[256];

	(void)state;
	assert_in_range(config_directive_count, 1, DIRECTIVES);
	page_read(&page, "master/argond.conf.5");
	for (size_t i = 0; i < config_directive_count; i++) {
		const struct config_directive *row = &config_directives[i];
		const char *section = config_sections[row->section].name;
		const char *allowed = row_allowed(row, text, sizeof(text));

		if (!page.there[i])
			fail_msg("argond.conf(5) lacks %s %s", section, row->name);
		if (strcmp(page.fallback[i], row->fallback) != 0)
			fail_msg("argond.conf(5): %s %s: default %s, not %s", section,
			    row->name, row->fallback, page.fallback[i]);
		if (allowed != NULL && !line_begins(page.allowed[i], allowed))
			fail_msg("argond.conf(5): %s %s: allowed %s, not %s", section,
			    row->name, allowed, page.allowed[i]);
	}
}

/* ---- argond.conf ---- */

/* Those that the installed file sets, and why is beside them there. */
static const char *const differing[] = {"user", "pidfile", "seed_routes"};

static bool row_differs(const struct config_directive *row)
{
	for (size_t i = 0; i < sizeof(differing) / sizeof(differing[0]); i++)
		if (row->section == CONFIG_ROOT && strcmp(row->name, differing[i]) == 0)
			return true;
	return false;
}

struct example {
	enum config_section section;
	bool there[DIRECTIVES];
	FILE *plain; /* the file with its directives in effect */
};

/* "pool elastic {": a section, which is written to the file but for keys, whose files
 * are not there. */
static bool example_section(struct example *e, const char *line)
{
	char word[64];
	const struct config_section_row *row;

	if (strcmp(line, "}") == 0) {
		if (e->section != CONFIG_KEY)
			fputs("}\n", e->plain);
		e->section = CONFIG_ROOT;
		return true;
	}
	row = config_section_find(word_copy(line, word, sizeof(word)));
	if (row == NULL || word[0] == '\0' || line[strlen(line) - 1] != '{')
		return false;
	e->section = (enum config_section)(row - config_sections);
	if (e->section != CONFIG_KEY)
		fprintf(e->plain, "%s\n", line);
	return true;
}

static void example_line(struct example *e, const char *line)
{
	const bool comment = line[0] == '#';
	const struct config_directive *row;
	char word[64];

	line += comment;
	if (comment && line[0] == ' ')
		return; /* words */
	if (example_section(e, line))
		return;
	line += strspn(line, "\t");
	if (line[0] == '#' || line[0] == '\0')
		return;
	word_copy(line, word, sizeof(word));
	row = config_directive_find(e->section, word);
	if (row == NULL || !line_begins(line + strlen(word), " = ")) {
		fail_msg("argond.conf: %s: not a directive of this section", line);
		return;
	}
	if (comment == row_differs(row))
		fail_msg("argond.conf: %s: %s", line,
		    comment ? "should be in effect" : "should be a comment");
	e->there[row - config_directives] = true;
	if (e->section != CONFIG_KEY && strcmp(word, "store") != 0 && comment)
		fprintf(e->plain, "%s\n", line);
}

static char *config_text(const char *path)
{
	struct config_error err;
	struct config *config = config_load(path, NULL, 0, &err);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (config == NULL)
		fail_msg("%s", err.text);
	assert_non_null(out);
	assert_int_equal(config_print(config, out), 0);
	assert_int_equal(fclose(out), 0);
	config_free(config);
	return text;
}

static FILE *temporary(char *path)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	return fdopen(fd, "w");
}

static void the_example_has_every_directive(void **state)
{
	struct example e = {.section = CONFIG_ROOT};
	char path[] = "/tmp/argond-manual-XXXXXX";
	char *text = file_text("master/argond.conf"), *at = text, *line;

	(void)state;
	e.plain = temporary(path);
	assert_non_null(e.plain);
	while ((line = line_next(&at)) != NULL)
		example_line(&e, line);
	assert_int_equal(fclose(e.plain), 0);
	unlink(path);
	free(text);
	for (size_t i = 0; i < config_directive_count; i++)
		if (!e.there[i])
			fail_msg("argond.conf lacks %s %s",
			    config_sections[config_directives[i].section].name,
			    config_directives[i].name);
}

/* With every # taken away the file changes nothing: what it shows are the defaults. */
static void the_example_shows_the_defaults(void **state)
{
	struct example e = {.section = CONFIG_ROOT};
	char path[] = "/tmp/argond-manual-XXXXXX",
	     empty[] = "/tmp/argond-manual-XXXXXX";
	char *text = file_text("master/argond.conf"), *at = text, *line;
	char *defaults, *shown;

	(void)state;
	assert_int_equal(fclose(temporary(empty)), 0);
	e.plain = temporary(path);
	while ((line = line_next(&at)) != NULL)
		example_line(&e, line);
	assert_int_equal(fclose(e.plain), 0);
	defaults = config_text(empty);
	shown = config_text(path);
	unlink(path);
	unlink(empty);
	assert_string_equal(shown, defaults);
	free(defaults);
	free(shown);
	free(text);
}

static void the_example_is_a_config(void **state)
{
	char *text = config_text("master/argond.conf");

	(void)state;
	assert_non_null(strstr(text, "seed_routes = off"));
	assert_non_null(strstr(text, "user = \"argond\""));
	free(text);
}

/* ---- argond(8) ---- */

static char *help_text(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	options_print_help(out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static unsigned lines_beginning(const char *text, const char *with)
{
	unsigned n = line_begins(text, with);

	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		n += line_begins(at + 1, with);
	return n;
}

static void the_page_has_every_option(void **state)
{
	char *help = help_text(), *page = file_text("master/argond.8"), *at = help;
	char *line, value[32], item[128];
	unsigned options = 0;

	(void)state;
	while ((line = line_next(&at)) != NULL) {
		char letter, name[64];
		int n = sscanf(line, "  -%c, --%63[a-z-]%31s", &letter, name, value);

		if (n < 2)
			continue;
		options++;
		snprintf(item, sizeof(item), ".It Fl %c , Fl -%s", letter, name);
		if (lines_beginning(page, item) != 1)
			fail_msg("argond(8) lacks -%c, --%s", letter, name);
	}
	assert_true(options > 0);
	assert_int_equal(lines_beginning(page, ".It Fl "), options);
	free(help);
	free(page);
}

/* Does one of the items that are about signals name this one? */
static bool page_has_signal(const char *page, const char *name)
{
	char with[32];

	snprintf(with, sizeof(with), "SIG%s", name);
	for (const char *at = page; (at = strstr(at, ".It Dv ")) != NULL; at++) {
		const char *end = at + strcspn(at, "\n");
		const char *found = strstr(at, with);

		if (found != NULL && found < end &&
		    strchr(" \n", found[strlen(with)]) != NULL)
			return true;
	}
	return false;
}

static void the_page_has_every_signal(void **state)
{
	char *page = file_text("master/argond.8"), item[64];
	unsigned words = 0, names = 0;

	(void)state;
	for (size_t i = 0; i < signal_row_count; i++) {
		if (!page_has_signal(page, signal_rows[i].name))
			fail_msg("argond(8) lacks SIG%s", signal_rows[i].name);
		if (signal_rows[i].word == NULL)
			continue;
		words++;
		snprintf(item, sizeof(item), ".It Cm %s\n.Dv SIG%s .",
		    signal_rows[i].word, signal_rows[i].name);
		if (strstr(page, item) == NULL)
			fail_msg("argond(8) lacks -s %s", signal_rows[i].word);
	}
	assert_int_equal(lines_beginning(page, ".It Cm "), words);
	for (const char *at = page; (at = strstr(at, ".It Dv ")) != NULL; at++)
		for (const char *in = at; in < at + strcspn(at, "\n"); in++)
			names += line_begins(in, "SIG");
	assert_int_equal(names, signal_row_count);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_page_has_every_directive),
	    cmocka_unit_test(the_example_has_every_directive),
	    cmocka_unit_test(the_example_shows_the_defaults),
	    cmocka_unit_test(the_example_is_a_config),
	    cmocka_unit_test(the_page_has_every_option),
	    cmocka_unit_test(the_page_has_every_signal),
	};

	return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
