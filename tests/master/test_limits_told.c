/*
 * Every limit that a config can run into: the manual has its number, one less is taken,
 * and one more is refused with the number. It is run where the sources are.
 */
#include "common/config_file.h"
#include "common/sealed.h"
#include "common/token.h"
#include "tests/common/config_world.h"
#include "tests/master/documents.h"

/* ---- how many of a kind: `line` is written again and again, numbered from 0 */

struct many {
	const char *before, *line, *after;
	int most; /* lines that are taken */
	const char *refused, *page;
};

static const struct many manies[] = {
    {"", "pool p%03d { jobs = lookup }\n", "", LIMIT_POOLS - 3,
        "pool: p013 is one too many; allowed: 16", "there are at most 16 pools"},
    {"", "profile p%03d { }\n", "", CONFIG_PROFILES - 1,
        "profile: p063 is one too many; allowed: 64", "There are at most 64 profiles"},
    {"", "key k%03d { file = /k }\n", "", CONFIG_KEYS,
        "key: k064 is one too many; allowed: 64", "there are at most 64"},
    {"listen = {", "\"127.0.0.1:%05d\",\n", "\"[::1]:1\"}", LIMIT_LISTENERS - 1,
        "listen: [::1]:1 is one more than 32", "or several in braces, at most 32"},
};

static void many_write(char *text, size_t cap, const struct many *many, int count)
{
	size_t len = (size_t)snprintf(text, cap, "%s", many->before);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	for (int i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, cap - len, many->line, i);
#pragma GCC diagnostic pop
	snprintf(text + len, cap - len, "%s", many->after);
}

static void there_are_so_many_of_a_kind(void **state)
{
	static char text[8192];

	for (size_t i = 0; i < COUNT(manies); i++) {
		struct config_error err = {{0}};

		many_write(text, sizeof(text), &manies[i], manies[i].most);
		config_free(load_good(*state, text));
		many_write(text, sizeof(text), &manies[i], manies[i].most + 1);
		assert_null(load_text(*state, text, NULL, 0, &err));
		if (strstr(err.text, manies[i].refused) == NULL)
			fail_msg("%s", err.text);
	}
}

/* ---- numbers and lengths */

struct bound {
	const char *taken, *refused; /* overrides */
	const char *message;
};

static const struct bound bounds[] = {
    {"frontend.processes=64", "frontend.processes=65",
        "65 is out of range; allowed: auto or 1 to 64"},
    {"pool.lookup.max_processes=256", "pool.lookup.max_processes=257",
        "257 is out of range; allowed: auto or 1 to 256"},
    {"pool.lookup.min_processes=8", "pool.lookup.min_processes=257",
        "257 is out of range; allowed: auto or 1 to 256"},
    {"pool.elastic.batch=16", "pool.elastic.batch=17",
        "17 is out of range; allowed: auto or 1 to 16"},
    {"max_password=4096", "max_password=4097",
        "4097 is out of range; allowed: 1 to 4096"},
    {"profile.default.salt=64", "profile.default.salt=65",
        "65 is out of range; allowed: 8 to 64"},
    {"profile.default.tag=512", "profile.default.tag=513",
        "513 is out of range; allowed: 4 to 512"},
    {"frontend.max_connections=1000000", "frontend.max_connections=1000001",
        "1000001 is out of range; allowed: 1 to 1000000"},
    {"pool.lookup.queue_limit=65536", "pool.lookup.queue_limit=65537",
        "65537 is out of range; allowed: 1 to 65536"},
    {"pool.a234567890123456789012345678901.jobs=hash",
        "pool.a2345678901234567890123456789012.jobs=hash",
        "is not a name; allowed: 1 to 31 of"},
};

static void numbers_have_bounds(void **state)
{
	for (size_t i = 0; i < COUNT(bounds); i++) {
		const char *taken[] = {
		    bounds[i].taken, "memory_budget=65536G", "max_body=16M"};
		struct config_error err = {{0}};
		struct config *config = load_overrides(*state, taken, 3, &err);

		if (config == NULL)
			fail_msg("%s", err.text);
		config_free(config);
		assert_null(load_overrides(*state, &bounds[i].refused, 1, &err));
		if (strstr(err.text, bounds[i].message) == NULL)
			fail_msg("%s", err.text);
	}
}

/* NAME=, `lead` and as many letters as are missing to a value of `len` bytes. */
static struct config *load_long(const struct place *place, const char *name,
    const char *lead, size_t len, struct config_error *err)
{
	char *override = malloc(strlen(name) + len + 2);
	size_t at = (size_t)sprintf(override, "%s=%s", name, lead);
	struct config *config;

	memset(override + at, 'a', len - strlen(lead));
	override[at + len - strlen(lead)] = '\0';
	config = load_text(place, "", &override, 1, err);
	free(override);
	return config;
}

static void texts_have_lengths(void **state)
{
	static const struct {
		const char *name, *lead;
		size_t most;
		const char *message;
	} texts[] = {
	    {"user", "", 255, "is longer than 255 bytes"},
	    {"group", "", 255, "is longer than 255 bytes"},
	    {"pidfile", "/", 4095, "is longer than 4095 bytes"},
	    {"log", "/", 4095, "is longer than 4095 bytes"},
	    {"token_file", "/", 4095, "is longer than 4095 bytes"},
	    {"key.a.file", "/", 4095, "is longer than 4095 bytes"},
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct config_error err = {{0}};
		struct config *config = load_long(
		    *state, texts[i].name, texts[i].lead, texts[i].most, &err);

		if (config == NULL)
			fail_msg("%s", err.text);
		config_free(config);
		assert_null(load_long(
		    *state, texts[i].name, texts[i].lead, texts[i].most + 1, &err));
		if (strstr(err.text, texts[i].message) == NULL)
			fail_msg("%s: %s", texts[i].name, err.text);
	}
}

/* ---- tokens */

static void there_are_so_many_tokens(void **state)
{
	struct place *place = *state;
	struct config config = {.token_file = place->file};
	char *text = malloc(TOKEN_FILE_MAX);
	struct config_error err = {{0}};
	struct sealed tokens;
	size_t len = 0;

	assert_non_null(text);
	for (int i = 0; i <= TOKEN_COUNT_MAX; i++)
		len += (size_t)sprintf(text + len, "t%d\n", i);
	file_write(place, text, len);
	free(text);
	assert_int_equal(chmod(place->file, 0600), 0);
	assert_int_equal(config_read_tokens(&config, &tokens, &err), -1);
	assert_non_null(strstr(err.text,
	    "too many tokens; allowed: a file with a bearer token in each line, at "
	    "most 4096 of up to 512 bytes"));
}

/* ---- the manual */

static void the_manual_has_the_numbers(void **state)
{
	static const char *const phrases[] = {"at most 1048576 bytes",
	    "A text has at most 255 bytes", "at most 4095 bytes", "at most 159 bytes",
	    "At most 4096 tokens of up to 512 bytes", "are 1 to 31 of",
	    "Allowed: auto or 1 to 64.", "Allowed: auto or 1 to 256.",
	    "Allowed: auto or 1 to 16.", "Allowed: 1 to 4096.", "Allowed: 8 to 64.",
	    "Allowed: 4 to 512."};
	char *page = file_text("master/argond.conf.5");

	(void)state;
	assert_int_equal(CONFIG_FILE_MAX, 1048576);
	for (char *at = page; (at = strchr(at, '\n')) != NULL;)
		*at = ' ';
	for (size_t i = 0; i < COUNT(phrases); i++)
		if (strstr(page, phrases[i]) == NULL)
			fail_msg("argond.conf(5) lacks: %s", phrases[i]);
	for (size_t i = 0; i < COUNT(manies); i++)
		if (strstr(page, manies[i].page) == NULL)
			fail_msg("argond.conf(5) lacks: %s", manies[i].page);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(there_are_so_many_of_a_kind),
	    cmocka_unit_test(numbers_have_bounds),
	    cmocka_unit_test(texts_have_lengths),
	    cmocka_unit_test(there_are_so_many_tokens),
	    cmocka_unit_test(the_manual_has_the_numbers),
	};

	return cmocka_run_group_tests_name(
	    "limits_told", tests, place_make, place_remove);
}
