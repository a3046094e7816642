/*
 * -T: what is printed is read back as it was; the commented example.
 */
#include "tests/common/config_world.h"

/* ---- -T ---- */

static void members_equal(const struct config *a, const struct config *b)
{
	for (size_t i = 0; i < config_directive_count; i++) {
		const struct config_directive *row = &config_directives[i];
		const char *left, *right;

		for (size_t at = 0;
		     (left = config_section_at(a, row->section, at)) != NULL; at++) {
			right = config_section_at(b, row->section, at);
			assert_non_null(right);
			left += row->offset;
			right += row->offset;
			if (row->type == &config_type_listen)
				continue;
			if (!row->type->owned) {
				assert_memory_equal(left, right, row->size);
				continue;
			}
			left = *(char *const *)(const void *)left;
			right = *(char *const *)(const void *)right;
			assert_true((left == NULL) == (right == NULL));
			if (left != NULL)
				assert_string_equal(left, right);
		}
		assert_null(config_section_at(b, row->section,
		    config_sections[row->section].titled
		        ? *(const size_t *)(const void *)((const char *)a +
		                                          config_sections[row->section]
		                                              .count)
		        : 1));
	}
	assert_int_equal(a->listen_count, b->listen_count);
	for (size_t i = 0; i < a->listen_count; i++)
		assert_memory_equal(&a->listen[i], &b->listen[i], sizeof(a->listen[i]));
	assert_int_equal(a->default_pool, b->default_pool);
}

static void round_trip(const struct place *place, struct config *config)
{
	char *text = print_text(config), *again;
	struct config *copy = load_good(place, text);

	members_equal(config, copy);
	again = print_text(copy);
	assert_string_equal(text, again);
	free(text);
	free(again);
	config_free(copy);
}

/* A number for the run: the same every time, so that a failure can be looked at. */
static uint32_t chance(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

static void random_text(uint64_t *seed, char *text, size_t cap)
{
	static const char bytes[] = " !\"#$%&'()*+-./09:;<=>?@AZ[\\]^_`az{|}~\xc3\xa4";
	size_t len = chance(seed, (uint32_t)cap - 1);

	for (size_t i = 0; i < len; i++)
		text[i] = bytes[chance(seed, sizeof(bytes) - 1)];
	text[len] = '\0';
}

/* Some value of the row's type and range; "" for what is better left as it is. */
static void random_value(
    uint64_t *seed, const struct config_directive *row, char *value, size_t cap)
{
	static const char *const listens[] = {"*:0",
	    "[::1]:5,1.2.3.4:80,unix:/a b?mode=0600",
	    "unix:/run/$x\"y\\z.sock?group=0"};
	int64_t span = row->max - row->min + 1;
	const struct config_type *type = row->type;
	const char *unit = type->units != NULL ? type->units->name : "";
	int64_t factor = type->units != NULL ? type->units->factor : 1;
	char text[40];

	*value = '\0';
	random_text(seed, text, sizeof(text));
	if (type == &config_type_listen)
		snprintf(value, cap, "%s", listens[chance(seed, 3)]);
	else if (type == &config_type_cpus)
		snprintf(
		    value, cap, "%u-1023,%u", chance(seed, 1024), chance(seed, 1024));
	else if (type == &config_type_text)
		snprintf(value, cap, "%s", text);
	else if (type == &config_type_path || type == &config_type_log)
		snprintf(value, cap, "/%s", text);
	else if (type == &config_type_store)
		snprintf(value, cap, "sqlite:%s%s", chance(seed, 2) ? "/" : "x", text);
	else if (type->word != NULL)
		snprintf(value, cap, "%s", type->word(chance(seed, 2)));
	else if (span > 1)
		snprintf(value, cap, "%jd%s",
		    (intmax_t)((row->min +
		                   chance(seed, (uint32_t)(span < 4000 ? span : 4000)) *
		                       (chance(seed, 2) ? 1 : span / 4000 + 1) % span) /
		               factor),
		    unit);
}

static struct config *random_config(
    const struct place *place, uint64_t *seed, struct config_error *err)
{
	static const char *const prefix[] = {
	    "", "frontend.", "profile.web.", "key.old.", "pool.web."};
	char *overrides[24];
	size_t count = 0;
	struct config *config;

	overrides[count++] = strdup("pool.web.jobs=hash");
	overrides[count++] = strdup("key.old.file=/k");
	while (count < COUNT(overrides) - 2) {
		const struct config_directive *row =
		    &config_directives[chance(seed, (uint32_t)config_directive_count)];
		char value[128], *text;

		random_value(seed, row, value, sizeof(value));
		if (*value == '\0' && !row->type->owned)
			continue;
		assert_true(asprintf(&text, "%s%s=%s", prefix[row->section], row->name,
		                value) > 0);
		overrides[count++] = text;
	}
	overrides[count++] = strdup("memory_budget=65536G");
	overrides[count++] = strdup("verify_max_memory=1024G");
	config = load_text(place, "", overrides, count, err);
	for (size_t i = 0; i < count; i++)
		free(overrides[i]);
	return config;
}

static void what_is_printed_is_read_back(void **state)
{
	const char *rounds_text = getenv("ARGOND_TEST_ROUNDS");
	int rounds = rounds_text != NULL ? atoi(rounds_text) : 400;
	struct config_error err = {{0}};
	uint64_t seed = 1;
	int good = 0;

	rounds = rounds > 1000 ? 1000 : rounds;
	for (int i = 0; i < rounds; i++) {
		struct config *config = random_config(*state, &seed, &err);

		if (config == NULL)
			continue;
		good++;
		round_trip(*state, config);
		config_free(config);
	}
	/* The others were refused because directives do not go together. */
	assert_in_range(good, rounds / 10, rounds);
}

static void printing_to_a_full_disk_fails(void **state)
{
	struct config *config = load_good(*state, "");
	FILE *full = fopen("/dev/full", "w");

	assert_non_null(full);
	assert_int_equal(config_print(config, full), -1);
	fclose(full);
	config_free(config);
}

/* ---- the commented example ---- */

/* The example's text as the built-in config: what it has commented out is uncommented,
 * what it sets for an installed daemon is left out. `all` is the text as it stands. */
static char *example_defaults(char **all)
{
	FILE *file = fopen("master/argond.conf", "r");
	char line[256], *text = NULL;
	size_t size = 0, all_size = 0;
	FILE *out = open_memstream(&text, &size),
	     *whole = open_memstream(all, &all_size);

	assert_non_null(file);
	assert_non_null(out);
	assert_non_null(whole);
	while (fgets(line, sizeof(line), file) != NULL) {
		bool directive = line[0] == '#' && strchr("# \n", line[1]) == NULL;

		fputs(line, whole);
		if (directive || strchr("#\t\n", line[0]) != NULL)
			fputs(line + directive, out);
	}
	fclose(file);
	fclose(out);
	fclose(whole);
	return text;
}

static void the_example_has_every_directive(void **state)
{
	char *all = NULL, *text = example_defaults(&all), name[64];

	(void)state;
	for (size_t i = 0; i < config_directive_count; i++) {
		snprintf(name, sizeof(name), "%s = ", config_directives[i].name);
		if (strstr(all, name) == NULL)
			fail_msg("%s is not in master/argond.conf", name);
	}
	free(all);
	free(text);
}

static void the_example_shows_the_defaults(void **state)
{
	char *all = NULL, *text = example_defaults(&all), *expected, *shown;
	struct config *config = load_good(*state, text);

	/* A key is only there as an example. */
	assert_int_equal(config->key_count, 1);
	config->key_count = 0;
	shown = print_text(config);
	config->key_count = 1;
	config_free(config);
	config = load_good(*state, "");
	expected = print_text(config);
	assert_string_equal(shown, expected);
	config_free(config);
	config = load_good(*state, all);
	assert_false(config->seed_routes);
	config_free(config);
	free(shown);
	free(expected);
	free(all);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_printed_is_read_back),
	    cmocka_unit_test(printing_to_a_full_disk_fails),
	    cmocka_unit_test(the_example_has_every_directive),
	    cmocka_unit_test(the_example_shows_the_defaults),
	};

	return cmocka_run_group_tests_name(
	    "config_print", tests, place_make, place_remove);
}
