/*
 * argond-migrate(7): its configuration is one, each of its examples is answered as the
 * page says, and the pages name every old format. It is run where the sources are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/config.h"
#include "tests/system/api.h"

enum { CONFIG_ROOM = 4096, EXAMPLE_ROOM = 1024, EXAMPLES_MIN = 15 };

/* The page's text, and how far it has been read. */
struct page {
	char *text, *at;
	bool literal; /* between .Bd -literal and .Ed */
};

/* Takes roff's escapes out of a line of a literal block. */
static void unescape(char *line)
{
	static const struct {
		const char *escape;
		char means;
	} rows[] = {{"\\e", '\\'}, {"\\-", '-'}, {"\\(aq", '\''}};
	char *to = line;

	for (const char *from = line; *from != '\0'; from++) {
		*to = *from;
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			const size_t len = strlen(rows[i].escape);

			if (strncmp(from, rows[i].escape, len) != 0)
				continue;
			*to = rows[i].means;
			from += len - 1;
			break;
		}
		to++;
	}
	*to = '\0';
}

/* The next line of a literal block, cut off and without roff's escapes; NULL at the
 * page's end. */
static char *page_line(struct page *page)
{
	while (*page->at != '\0') {
		char *line = page->at;
		const size_t len = strcspn(line, "\n");

		page->at = line + len + (line[len] == '\n');
		line[len] = '\0';
		if (strncmp(line, ".Bd -literal", 12) == 0)
			page->literal = true;
		else if (strcmp(line, ".Ed") == 0)
			page->literal = false;
		else if (page->literal) {
			unescape(line);
			return line;
		}
	}
	return NULL;
}

static void page_open(struct page *page)
{
	page->text = harness_read_file("master/argond-migrate.7");
	if (page->text == NULL)
		fail_msg("no master/argond-migrate.7: run this where the sources are");
	page->at = page->text;
	page->literal = false;
}

/* All sections named `profile` or `key`, from their first line to a brace alone. */
static void page_config(char config[CONFIG_ROOM])
{
	struct page page;
	bool inside = false;
	char *line;

	*config = '\0';
	page_open(&page);
	while ((line = page_line(&page)) != NULL) {
		inside = inside || strncmp(line, "profile ", 8) == 0 ||
		         strncmp(line, "key ", 4) == 0;
		if (!inside)
			continue;
		assert_true(strlen(config) + strlen(line) + 2 < CONFIG_ROOM);
		strcat(strcat(config, line), "\n");
		inside = strcmp(line, "}") != 0;
	}
	free(page.text);
}

/* "$ verify 'JSON'", over as many lines as the JSON has. Returns false where there is
 * no further one. */
static bool page_example(struct page *page, char what[16], char json[EXAMPLE_ROOM])
{
	char *line, *quote;

	while ((line = page_line(page)) != NULL)
		if (sscanf(line, "$ %15[a-z] '{", what) == 1 &&
		    strchr(line, '{') == strchr(line, '\'') + 1)
			break;
	if (line == NULL)
		return false;
	snprintf(json, EXAMPLE_ROOM, "%s", strchr(line, '{'));
	while ((quote = strchr(json, '\'')) == NULL) {
		line = page_line(page);
		assert_non_null(line);
		assert_true(strlen(json) + strlen(line) + 2 < EXAMPLE_ROOM);
		strcat(strcat(json, "\n"), line);
	}
	*quote = '\0';
	return true;
}

/* To what the harness has written there. */
static void config_append(const struct daemon *d, const char *config)
{
	char *own = harness_read_file(d->conf), *text;

	assert_non_null(own);
	assert_true(asprintf(&text, "%s\n%s", own, config) > 0);
	harness_write_file(d->conf, text);
	free(text);
	free(own);
}

static void expect_answer(struct api *api, const char *json, const char *answer)
{
	const char *dots = strstr(answer, "...");
	const size_t len =
	    dots != NULL ? (size_t)(dots - answer) : strlen(api->r.body) - 1;

	if (strncmp(api->r.body, answer, len) != 0 ||
	    (dots == NULL && strlen(answer) != len))
		fail_msg("%s: %s, not %s", json, api->r.body, answer);
}

static void test_examples_are_true(void **state)
{
	struct daemon *d = *state;
	char config[CONFIG_ROOM], what[16], json[EXAMPLE_ROOM], path[96], key[128];
	unsigned examples = 0;
	struct page page;
	struct api api;

	page_config(config);
	config_append(d, config);
	harness_path(path, d->dir, "decoy.key");
	harness_write_file(path, "what stands in for /etc/argond");
	assert_return_code(chmod(path, 0600), errno);
	snprintf(key, sizeof(key), "key.decoy.file=%s", path);
	d->files_expected = true;
	daemon_start(d, "pool.elastic.deadline=1h", key, NULL);
	api_open(&api, d);
	page_open(&page);
	while (page_example(&page, what, json)) {
		assert_int_equal(api_post(&api, what, "%s", json), 200);
		expect_answer(&api, json, page_line(&page));
		examples++;
	}
	assert_true(examples >= EXAMPLES_MIN);
	free(page.text);
	api_close(&api);
	daemon_stop(d);
}

/* Is the word in the text, not as a part of another one? */
static bool has_word(const char *text, const char *word)
{
	static const char inside[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
		if (strchr(inside, at[len]) == NULL &&
		    (at == text || strchr(inside, at[-1]) == NULL))
			return true;
	return false;
}

static void test_every_format_is_named(void **state)
{
	static const char *const paths[] = {
	    "master/argond.conf.5", "master/argond.conf", "master/argond-migrate.7"};
	const char *word;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *text = harness_read_file(paths[i]);

		assert_non_null(text);
		for (unsigned n = 0; (word = config_accept_word(n)) != NULL; n++)
			if (!has_word(text, word))
				fail_msg("%s lacks the format %s", paths[i], word);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_examples_are_true),
	    cmocka_unit_test(test_every_format_is_named),
	};

	return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
