/*
 * Whatever a document or a log line names is there: routes, directives, options,
 * signals, problems, make targets, files. It is run where the sources are. The tables
 * of directives, options and signals are compared with the manual in test_manual.c,
 * openapi.json with the routes in test_openapi.c.
 */
#include <glob.h>

#include "common/config_table.h"
#include "frontend/problem.h"
#include "frontend/route.h"
#include "master/options.h"
#include "master/signals.h"
#include "tests/master/documents.h"

static const char *const documents[] = {"README.md", "master/argond.8",
    "master/argond.conf.5", "master/argond.conf", "master/argond.service",
    "master/argond.socket", "master/argond.logrotate", "master/argond.tmpfiles",
    "master/argond.sysusers"};

enum { DOCUMENTS = sizeof(documents) / sizeof(documents[0]) };

/* ---- routes */

/* The first folders of paths that are files. */
static const char *const folders[] = {
    "etc", "run", "usr", "var", "dev", "proc", "sys", "bin", "tmp", "path"};

/* "/v1" is what several routes begin with. */
static bool is_route(const char *path)
{
	const struct route *route;
	size_t len = strlen(path);
	struct text rest;

	if (route_find((struct text){path, len}, true, &rest) != NULL)
		return true;
	for (size_t i = 0; (route = route_at(i)) != NULL; i++)
		if (strncmp(route->path, path, len) == 0 && route->path[len] == '/')
			return true;
	return false;
}

/* Does a path begin at this slash, or is it the middle of something? */
static bool path_begins(const char *text, const char *slash)
{
	const char before = slash > text ? slash[-1] : ' ';

	return strchr(" \t\n`\"'(|", before) != NULL &&
	       strchr("/*0123456789", slash[1]) == NULL;
}

/* The path in http://host/path, or where the URL ends. */
static const char *url_path(const char *colon)
{
	const char *host = colon + strlen("://");

	return host + strcspn(host, "/ \t\n`\"'");
}

static void path_check(const char *document, const char *at)
{
	char path[64], folder[64];

	word_copy(at, LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.{}/", path);
	for (size_t len = strlen(path); len > 1 && path[len - 1] == '.';)
		path[--len] = '\0';
	word_copy(path + 1, LOWER, folder);
	if (!IS_ONE_OF(folder, folders) && !is_route(path))
		fail_msg("%s names %s, which is no route", document, path);
}

static void every_path_is_a_route(void **state)
{
	unsigned checked = 0;

	(void)state;
	for (size_t i = 0; i < DOCUMENTS; i++) {
		char *text = file_text(documents[i]);

		for (const char *at = text; (at = strchr(at, '/')) != NULL; at++) {
			if (at > text && strncmp(at - 1, "://127", 6) == 0)
				at = url_path(at - 1);
			else if (!path_begins(text, at))
				continue;
			if (*at != '/')
				break;
			path_check(documents[i], at);
			checked++;
		}
		free(text);
	}
	assert_true(checked > 50);
}

/* ---- directives */

static bool is_directive(const char *word)
{
	for (int section = 0; section < CONFIG_SECTION_END; section++)
		if (config_directive_find((enum config_section)section, word) != NULL)
			return true;
	return config_section_find(word) != NULL;
}

/* Words of a macro's line: ".Ic verify_max_memory , verify_max_time". */
static void macro_check(const char *document, const char *line, size_t len)
{
	char word[64];

	if (strncmp(line, "systemctl", 9) == 0)
		return;
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && line[i - 1] != ' ')
			continue;
		if (word_copy(line + i, LOWER "_", word) > 0 && !is_directive(word))
			fail_msg("%s: .Ic %s: no directive", document, word);
		if (strncmp(line + i, "No", 2) == 0 || strncmp(line + i, "Ar", 2) == 0)
			return; /* the value, in an item of the list */
	}
}

static void every_directive_of_a_page_is_one(void **state)
{
	static const char *const pages[] = {"master/argond.8", "master/argond.conf.5"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *text = file_text(pages[i]);

		for (const char *at = text; (at = strstr(at, ".Ic ")) != NULL; at += 4)
			macro_check(pages[i], at + 4, strcspn(at + 4, "\n"));
		for (const char *at = text; (at = strstr(at, ".It Ic ")) != NULL;
		     at += 7)
			macro_check(pages[i], at + 7, strcspn(at + 7, "\n"));
		free(text);
	}
}

/* In the README they have an underscore; so do members of the API's JSON. */
static void every_directive_of_the_readme_is_one(void **state)
{
	char *text = file_text("README.md"), *api = file_text("frontend/openapi.json");
	unsigned checked = 0;

	(void)state;
	for (const char *at = text; (at = strchr(at, '`')) != NULL; at++) {
		char word[64], member[80];
		size_t len = word_copy(at + 1, LOWER "_", word);

		if (strchr(word, '_') == NULL || strchr("` =", at[1 + len]) == NULL)
			continue;
		snprintf(member, sizeof(member), "\"%s\"", word);
		if (!is_directive(word) && strstr(api, member) == NULL)
			fail_msg("README.md names %s: no directive, no member", word);
		checked++;
	}
	assert_true(checked > 5);
	free(api);
	free(text);
}

/* ---- what the log and errors say */

/* Words with an underscore that are the kernel's, or stand for several. */
static const char *const foreign[] = {"verify_max_", "no_new_privs", "oom_score_adj",
    "sched_setaffinity", "limit_in_bytes"};

static const char *const speakers[] = {"log_error(", "log_warn(", "log_info(",
    "log_debug(", "config_error_at(", "config_error_set(", "config_refuse("};

static void literal_check(const char *file, const char *at, size_t len)
{
	char word[64];

	for (size_t i = 0; i < len; i += strlen(word) + 1)
		if (word_copy(at + i, LOWER "_", word) > 2 && word[0] != '_' &&
		    strchr(word, '_') != NULL && !IS_ONE_OF(word, foreign) &&
		    !is_directive(word))
			fail_msg("%s: a message names %s: no directive", file, word);
}

/* The string literals of one call, to its semicolon. Returns how many. */
static unsigned call_check(const char *file, const char *at)
{
	unsigned literals = 0;

	for (; *at != '\0' && *at != ';'; at++) {
		const char *start = at + 1;

		if (at[0] == '\'' && at[1] != '\0')
			at += at[1] == '\\' ? 3 : 2;
		if (*at != '"')
			continue;
		for (at = start; *at != '"' && *at != '\0'; at++)
			at += *at == '\\';
		literal_check(file, start, (size_t)(at - start));
		literals++;
	}
	return literals;
}

static void every_message_names_what_is_there(void **state)
{
	unsigned literals = 0;
	glob_t files;

	(void)state;
	assert_int_equal(glob("[cfhm]*/*.c", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		char *text = file_text(files.gl_pathv[i]);

		for (size_t s = 0; s < sizeof(speakers) / sizeof(speakers[0]); s++)
			for (const char *at = text;
			     (at = strstr(at, speakers[s])) != NULL; at++)
				literals += call_check(files.gl_pathv[i], at);
		free(text);
	}
	globfree(&files);
	assert_true(literals > 200);
}

/* ---- options and signals */

static bool is_option(char letter)
{
	char *help = NULL, item[8];
	size_t size = 0;
	FILE *out = open_memstream(&help, &size);
	bool found;

	assert_non_null(out);
	options_print_help(out);
	assert_int_equal(fclose(out), 0);
	snprintf(item, sizeof(item), "\n  -%c,", letter);
	found = strstr(help, item) != NULL;
	free(help);
	return found;
}

/* "argond -c FILE -s reload": as far as options and their values go. */
static unsigned command_check(const char *document, const char *at)
{
	unsigned options = 0;

	while (at[0] == ' ' && at[1] == '-' && at[2] > ' ') {
		if (!is_option(at[2]))
			fail_msg("%s: argond -%c: no such option", document, at[2]);
		options++;
		at += 2 + strcspn(at + 2, " `\n|&");
		if (at[0] == ' ' && at[1] != '-')
			at += 1 + strcspn(at + 1, " `\n|&");
	}
	return options;
}

static void every_option_is_one(void **state)
{
	unsigned options = 0;

	(void)state;
	for (size_t i = 0; i < DOCUMENTS; i++) {
		char *text = file_text(documents[i]);

		for (const char *at = text; (at = strstr(at, "argond -")) != NULL; at++)
			options += command_check(documents[i], at + strlen("argond"));
		for (const char *at = text; (at = strstr(at, ".Fl ")) != NULL; at++) {
			if (at[5] == ' ' && !is_option(at[4]))
				fail_msg(
				    "%s: .Fl %c: no such option", documents[i], at[4]);
			options++;
		}
		free(text);
	}
	assert_true(options > 20);
}

static bool is_signal(const char *name)
{
	for (size_t i = 0; i < signal_row_count; i++)
		if (strcmp(signal_rows[i].name, name) == 0)
			return true;
	return false;
}

/* The table's rows begin with "| TERM, QUIT |"; -s has its words with bars between. */
static void every_signal_of_the_readme_is_one(void **state)
{
	char *text = file_text("README.md"), name[64];
	const char *at = strstr(text, "## Signals"), *end;
	unsigned checked = 0;

	(void)state;
	assert_non_null(at);
	end = strstr(at + 1, "\n## ");
	for (; at < end; at++) {
		if (strncmp(at, "\n| ", 3) != 0)
			continue;
		for (at += 3; *at != '|'; at++)
			if (word_copy(
			        at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", name) > 1) {
				if (!is_signal(name))
					fail_msg(
					    "README.md: %s: no signal of ours", name);
				at += strlen(name) - 1;
				checked++;
			}
	}
	assert_int_equal(checked, signal_row_count - 1); /* but for CHLD */
	at = strstr(text, "argond -s ") + strlen("argond -s ");
	for (; word_copy(at, LOWER, name) > 0; at += strlen(name) + 1)
		if (signal_find_word(name) == NULL)
			fail_msg("README.md: -s %s: no such word", name);
	free(text);
}

/* ---- problems, make targets, files */

static bool is_problem(const char *name)
{
	for (int i = 0; i < PROBLEM_END; i++)
		if (strcmp(problem_row((enum problem)i)->name, name) == 0)
			return true;
	return false;
}

/* They stand behind a status: "503 `queue-full`". */
static void every_problem_of_the_readme_is_one(void **state)
{
	char *text = file_text("README.md"), name[64];
	unsigned checked = 0;

	(void)state;
	for (const char *at = text; (at = strchr(at, '`')) != NULL; at++) {
		if (at < text + 4 || at[-1] != ' ' || strchr("45", at[-4]) == NULL ||
		    strspn(at - 4, "0123456789") != 3)
			continue;
		word_copy(at + 1, LOWER "-", name);
		if (!is_problem(name))
			fail_msg("README.md: %s: no problem of ours", name);
		checked++;
	}
	assert_true(checked > 4);
	free(text);
}

/* "make bench" or `make bench`, and the targets of `make help`. */
static void every_make_target_is_one(void **state)
{
	char *readme = file_text("README.md"), *makefile = file_text("Makefile");
	const char *texts[] = {readme, makefile};
	char target[64], rule[80];
	unsigned checked = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (const char *at = texts[i]; (at = strstr(at, "make ")) != NULL;
		     at++) {
			if (strchr("`'", at[-1]) == NULL &&
			    strncmp(at - 4, "    ", 4) != 0)
				continue;
			if (word_copy(at + 5, LOWER "-", target) == 0 ||
			    strchr(" `\n;", at[5 + strlen(target)]) == NULL)
				continue;
			snprintf(rule, sizeof(rule), "\n%s:", target);
			if (strstr(makefile, rule) == NULL)
				fail_msg("make %s: no such target", target);
			checked++;
		}
	assert_true(checked > 20);
	free(readme);
	free(makefile);
}

/* In back quotes, with a folder of ours in front. */
static void every_source_of_the_readme_is_there(void **state)
{
	static const char *const ours[] = {
	    "common", "frontend", "hasher", "master", "tests"};
	char *text = file_text("README.md"), folder[64], path[64];
	unsigned checked = 0;

	(void)state;
	for (const char *at = text; (at = strchr(at, '`')) != NULL; at++) {
		word_copy(at + 1, LOWER, folder);
		word_copy(at + 1, LOWER "ENGI0123456789_./M", path);
		if (!IS_ONE_OF(folder, ours) || at[1 + strlen(folder)] != '/')
			continue;
		if (access(path, F_OK) != 0 && strcmp(path, "tests/bench/load") != 0)
			fail_msg("README.md: %s: %s", path, strerror(errno));
		checked++;
	}
	assert_true(checked > 10);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_path_is_a_route),
	    cmocka_unit_test(every_directive_of_a_page_is_one),
	    cmocka_unit_test(every_directive_of_the_readme_is_one),
	    cmocka_unit_test(every_message_names_what_is_there),
	    cmocka_unit_test(every_option_is_one),
	    cmocka_unit_test(every_signal_of_the_readme_is_one),
	    cmocka_unit_test(every_problem_of_the_readme_is_one),
	    cmocka_unit_test(every_make_target_is_one),
	    cmocka_unit_test(every_source_of_the_readme_is_there),
	};

	return cmocka_run_group_tests_name("promises", tests, NULL, NULL);
}
