/* common/rehash.c and common/preset.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/preset.h"
#include "common/rehash.h"

static struct config_key keys[] = {
    {.name = "new"}, {.name = "old", .verify_only = true}};

static const struct config config = {
    .keys = keys, .key_count = sizeof(keys) / sizeof(keys[0])};

static struct config_profile a_profile(enum config_rehash rehash)
{
	return (struct config_profile){.memory_kib = 19456,
	    .time = 2,
	    .lanes = 2,
	    .salt = 16,
	    .tag = 32,
	    .rehash = rehash};
}

static struct phc a_phc(const char *key)
{
	struct phc phc = {.cost = {2, 0x13, 19456, 2, 2, 16, 32}};

	phc.key_len = (uint32_t)strlen(key);
	memcpy(phc.key, key, phc.key_len);
	return phc;
}

static void a_hash_of_the_profile_stays(void **state)
{
	struct config_profile profile = a_profile(CONFIG_REHASH_ANY_DIFFERENCE);
	struct phc phc = a_phc("");

	(void)state;
	assert_int_equal(rehash_reasons(&config, &profile, &phc), 0);
	strcpy(profile.key, "new");
	phc = a_phc("new");
	assert_int_equal(rehash_reasons(&config, &profile, &phc), 0);
}

/* Each member is one step below, then one above the profile's. */
static void each_difference_has_its_reason(void **state)
{
	static const struct {
		size_t member;
		unsigned reason;
	} rows[] = {
	    {offsetof(struct job_cost, memory_kib), REHASH_MEMORY},
	    {offsetof(struct job_cost, time), REHASH_TIME},
	    {offsetof(struct job_cost, lanes), REHASH_LANES},
	    {offsetof(struct job_cost, salt_len), REHASH_SALT},
	    {offsetof(struct job_cost, tag_len), REHASH_TAG},
	};
	const struct config_profile any = a_profile(CONFIG_REHASH_ANY_DIFFERENCE),
	                            weaker = a_profile(CONFIG_REHASH_ONLY_WEAKER);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct phc phc = a_phc("");
		uint32_t *member =
		    (uint32_t *)(void *)((char *)&phc.cost + rows[i].member);

		(*member)--;
		assert_int_equal(rehash_reasons(&config, &any, &phc), rows[i].reason);
		assert_int_equal(
		    rehash_reasons(&config, &weaker, &phc), rows[i].reason);
		*member += 2;
		assert_int_equal(rehash_reasons(&config, &any, &phc), rows[i].reason);
		assert_int_equal(rehash_reasons(&config, &weaker, &phc), 0);
	}
}

static void older_types_and_versions_are_weaker(void **state)
{
	const struct config_profile profile = a_profile(CONFIG_REHASH_ONLY_WEAKER);
	struct phc phc = a_phc("");

	(void)state;
	for (phc.cost.type = 0; phc.cost.type < 2; phc.cost.type++)
		assert_int_equal(rehash_reasons(&config, &profile, &phc), REHASH_TYPE);
	phc.cost.version = 0x10;
	assert_int_equal(rehash_reasons(&config, &profile, &phc), REHASH_VERSION);
	phc.cost.type = 0;
	phc.cost.memory_kib = 8;
	assert_int_equal(rehash_reasons(&config, &profile, &phc),
	    REHASH_TYPE | REHASH_VERSION | REHASH_MEMORY);
}

static void keys_are_compared_by_name(void **state)
{
	static const struct {
		const char *profile, *hash;
		unsigned any, weaker;
	} rows[] = {
	    {"", "", 0, 0},
	    {"new", "new", 0, 0},
	    {"new", "", REHASH_KEY, REHASH_KEY},
	    {"new", "old", REHASH_KEY, REHASH_KEY},
	    {"", "old", REHASH_KEY, REHASH_KEY},
	    {"", "new", REHASH_KEY, 0},
	    {"new", "ne", REHASH_KEY, 0},
	    {"new", "news", REHASH_KEY, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config_profile profile = a_profile(CONFIG_REHASH_ANY_DIFFERENCE);
		const struct phc phc = a_phc(rows[i].hash);

		strcpy(profile.key, rows[i].profile);
		assert_int_equal(rehash_reasons(&config, &profile, &phc), rows[i].any);
		profile.rehash = CONFIG_REHASH_ONLY_WEAKER;
		assert_int_equal(
		    rehash_reasons(&config, &profile, &phc), rows[i].weaker);
	}
}

static void what_we_do_not_write_is_another_format(void **state)
{
	struct config_profile profile = a_profile(CONFIG_REHASH_ANY_DIFFERENCE);
	struct phc phc = a_phc("");

	(void)state;
	phc.data_len = 1;
	assert_int_equal(rehash_reasons(&config, &profile, &phc), REHASH_FORMAT);
	profile.rehash = CONFIG_REHASH_ONLY_WEAKER;
	assert_int_equal(rehash_reasons(&config, &profile, &phc), 0);
	phc = a_phc("");
	phc.lanes_first = true;
	assert_int_equal(rehash_reasons(&config, &profile, &phc), 0);
	profile.rehash = CONFIG_REHASH_ANY_DIFFERENCE;
	assert_int_equal(rehash_reasons(&config, &profile, &phc), REHASH_FORMAT);
}

static void each_reason_has_a_name(void **state)
{
	static const char *const names[] = {"type", "version", "memory", "time",
	    "lanes", "salt", "tag", "key", "format"};
	unsigned i = 0;

	(void)state;
	for (unsigned reason = 1; reason < REHASH_END; reason *= 2)
		assert_string_equal(
		    rehash_reason_name((enum rehash_reason)reason), names[i++]);
	assert_int_equal(i, sizeof(names) / sizeof(names[0]));
	assert_string_equal(rehash_reason_name(REHASH_END), "unknown");
}

static void presets_are_legal_costs(void **state)
{
	const struct preset *preset;

	(void)state;
	assert_string_equal(preset_at(0)->name, "none");
	assert_int_equal(preset_at(0)->memory_kib, 0);
	for (unsigned i = 1; (preset = preset_at(i)) != NULL; i++) {
		assert_in_range(preset->lanes, 1, 255);
		assert_in_range(preset->time, 1, 16);
		assert_true(preset->memory_kib >= 8 * preset->lanes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hash_of_the_profile_stays),
	    cmocka_unit_test(each_difference_has_its_reason),
	    cmocka_unit_test(older_types_and_versions_are_weaker),
	    cmocka_unit_test(keys_are_compared_by_name),
	    cmocka_unit_test(what_we_do_not_write_is_another_format),
	    cmocka_unit_test(each_reason_has_a_name),
	    cmocka_unit_test(presets_are_legal_costs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
