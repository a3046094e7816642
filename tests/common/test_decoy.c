/* common/decoy.c, common/config_decoy.c: what may be a decoy, and who gets which. */
#include "tests/common/config_example.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/decoy.h"
#include "common/given.h"

#define ARGON2(m)                                                                      \
	"$argon2id$v=19$m=" m ",t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$"                       \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define BCRYPT(cost)                                                                   \
	"$2b$" cost "$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

/* ---- the directive ---- */

static struct config *load(
    const char *const *options, size_t count, struct config_error *err)
{
	return config_load(empty_file, (char *const *)(uintptr_t)options, count, err);
}

static void decoys_are_taken(void **state)
{
	static const struct example examples[] = {
	    {"profile.default.decoy=", "\"\""},
	    {"profile.default.decoy=default", "{\"default\"}"},
	    {"profile.default.decoy=1*default", "{\"default\"}"},
	    {"profile.default.decoy=1000000*default", "{\"1000000*default\"}"},
	    {"profile.default.decoy=" ARGON2("64"),
	        "{\"\\$argon2id\\$v=19\\$m=64,t=2,p=1\\$c2FsdHNhbHRzYWx0c2FsdA\\$"
	        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"},
	    {"profile.default.decoy=7*3|" ARGON2("64"),
	        "{\"7*3|\\$argon2id\\$v=19\\$m=64,t=2,p=1\\$c2FsdHNhbHRzYWx0c2FsdA\\$"
	        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"},
	    {"profile.default.decoy_key=", "\"\""},
	};

	(void)state;
	TAKE(examples);
}

static void what_is_no_decoy_is_refused(void **state)
{
#define DECOYS                                                                         \
	"; allowed: \"\" for the profile itself, or at most 8 names of profiles and "  \
	"hashes, each with its weight as in 3*old"
#define EITHER "; allowed: either"
	static const struct example examples[] = {
	    {"profile.default.decoy=0*default",
	        "0*default has a weight that is not 1 to 1000000" DECOYS},
	    {"profile.default.decoy=1000001*x",
	        "1000001*x has a weight that is not 1 to 1000000" DECOYS},
	    {"profile.default.decoy=99999999999999999999*x",
	        "999999999999... has a weight that is not 1 to 1000000" DECOYS},
	    {"profile.default.decoy=default;", "\"\" is empty" DECOYS},
	    {"profile.default.decoy=2*", "2* is empty" DECOYS},
	    {"profile.default.decoy=a;a;a;a;a;a;a;a;a", "a is one too many" DECOYS},
	    {"profile.default.decoy=old",
	        "old is no profile; allowed: the name of a section `profile NAME { ... "
	        "}`, or a hash"},
	    {"profile.default.decoy=*default",
	        "number 1 is no profile's name and no hash (The hash is of no format "
	        "that is known here)" EITHER},
	    {"profile.default.decoy=" BCRYPT("10"),
	        "number 1 is of a format that this profile does not accept; allowed: "
	        "one of `accept`, or Argon2"},
	    {"profile.default.decoy=" ARGON2("262145"),
	        "number 1 costs too much; allowed: as much as verify_max_memory, "
	        "verify_max_time, verify_max_lanes and its format's ceiling allow"},
	    {"profile.default.decoy=$argon2id$v=19$m=64,t=1,p=1,keyid=b2xk$"
	     "c2FsdHNhbHQ$AAAAAA",
	        "number 1 was made with a key that is not here; allowed: the name of a "
	        "section `key NAME { ... }`"},
	    {"profile.default.decoy=2*default;default",
	        "several, and no key: who could tell which one a name gets would find "
	        "the users that are there; allowed: with decoy_key or key"},
	    {"profile.default.decoy_key=old",
	        "old is no key; allowed: the name of a section `key NAME { ... }`"},
	};

	(void)state;
	REFUSE(examples);
}

/* No more of an example is shown than its format. */
static void an_error_does_not_show_a_hash(void **state)
{
	char *text = NULL;
	const char *option;
	struct config_error err;

	(void)state;
	assert_true(asprintf(&text, "profile.default.decoy=%s%0*d", ARGON2("64"),
	                LIMIT_TEXT, 0) > 0);
	option = text;
	assert_null(load(&option, 1, &err));
	assert_non_null(strstr(err.text, ": $argon2id$v=... is too long"));
	free(text);
}

static void an_old_format_is_a_decoy_where_it_is_accepted(void **state)
{
	const char *options[] = {
	    "profile.web.accept=bcrypt", "profile.web.decoy=" BCRYPT("15")};
	struct config_error err;
	struct config *config = load(options, 2, &err);

	(void)state;
	assert_non_null(config);
	config_free(config);
	options[1] = "profile.web.decoy=" BCRYPT("16");
	assert_null(load(options, 2, &err));
	assert_non_null(strstr(err.text, "profile.web.decoy: number 1 costs too much"));
}

/* What has not been set is not lowered below what a decoy needs. */
static void the_plan_has_room_for_a_decoy(void **state)
{
	static const char *const options[] = {"memory_budget=120M",
	    "profile.default.memory=1M", "pool.elastic.max_processes=1",
	    "pool.fixed.max_processes=1", "profile.default.decoy=" ARGON2("40960")};
	struct config_error err;
	struct config *config = load(options, 5, &err);

	(void)state;
	assert_non_null(config);
	assert_in_range(
	    config->verify_max_memory, 40960 * UINT64_C(1024), 99 * UINT64_C(1048576));
	assert_in_range(config_memory_plan(config), 40960 * UINT64_C(1024), UINT32_MAX);
	config_free(config);
	/* two generations with 60M each */
	assert_null(load((const char *const[]){options[0], options[1], options[2],
	                     options[3], "profile.default.decoy=" ARGON2("102400")},
	    5, &err));
	assert_non_null(strstr(err.text, "the plan needs "));
}

/* ---- the choice ---- */

enum { NAMES = 20000 };

static const struct decoy_key a_key = {{1, 2, 3}};

static struct config_profile profile_of(const uint32_t *weights, unsigned count)
{
	static struct config_decoy items[8][CONFIG_DECOYS]; /* in turn */
	static unsigned turn;
	struct config_profile profile = {
	    .decoys = {.items = items[turn++ % 8], .count = count}};

	for (unsigned i = 0; i < count; i++)
		profile.decoys.items[i].weight = weights[i];
	return profile;
}

static unsigned place_of(
    const struct config_profile *profile, const struct decoy_key *key, unsigned name)
{
	char text[32];
	const int len = snprintf(text, sizeof(text), "user%u", name);

	return (unsigned)(decoy_choose(profile, key, text, (size_t)len) -
	                  profile->decoys.items);
}

static void each_has_the_share_of_its_weight(void **state)
{
	static const uint32_t weights[] = {1, 20, 3, 0x7ffff, 50};
	static const uint32_t shares[] = {5, 30, 60, 5};
	struct config_profile profile = profile_of(shares, 4);
	unsigned counts[4] = {0};

	(void)state;
	for (unsigned i = 0; i < NAMES; i++)
		counts[place_of(&profile, &a_key, i)]++;
	for (unsigned i = 0; i < 4; i++) /* five standard deviations are 350 at most */
		assert_in_range(counts[i], NAMES / 100 * shares[i] - 350,
		    NAMES / 100 * shares[i] + 350);
	profile = profile_of(weights, 5);
	for (unsigned i = 0; i < NAMES; i++)
		assert_in_range(place_of(&profile, &a_key, i), 0, 4);
}

/* It is what restarts, other machines and later versions compute, too. Python's
 * hashlib.blake2b(b"user0", key=bytes([1, 2, 3]) + bytes(29), digest_size=4) is read as
 * a number, and that times 8, divided by 2^32, is the first. */
static void a_name_has_the_same_one_for_ever(void **state)
{
	static const uint32_t weights[] = {1, 1, 1, 1, 1, 1, 1, 1};
	static const char expected[] = "04660343";
	struct config_profile profile = profile_of(weights, 8);
	char places[sizeof(expected)] = "";

	(void)state;
	for (unsigned i = 0; i < sizeof(expected) - 1; i++)
		places[i] = (char)('0' + place_of(&profile, &a_key, i));
	assert_string_equal(places, expected);
}

static void another_key_is_another_choice(void **state)
{
	static const uint32_t weights[] = {1, 1};
	const struct config_profile profile = profile_of(weights, 2);
	const struct decoy_key other = {{1, 2, 4}};
	unsigned same = 0;

	(void)state;
	for (unsigned i = 0; i < NAMES; i++)
		same += place_of(&profile, &a_key, i) == place_of(&profile, &other, i);
	assert_in_range(same, NAMES / 2 - 350, NAMES / 2 + 350);
}

/* As the hashes of users do, decoys move from old to new, and never back. */
static void weights_move_names_in_one_direction(void **state)
{
	static const uint32_t before[] = {60, 30, 10}, after[] = {40, 30, 30};
	const struct config_profile was = profile_of(before, 3);
	const struct config_profile is = profile_of(after, 3);

	(void)state;
	for (unsigned i = 0; i < NAMES; i++)
		assert_true(place_of(&was, &a_key, i) <= place_of(&is, &a_key, i));
}

static void without_a_name_it_is_the_heaviest(void **state)
{
	static const uint32_t weights[] = {2, 3, 1, 3};
	const struct config_profile none = {.decoys = {.count = 0}};
	const struct config_profile one = profile_of(weights, 1);
	const struct config_profile profile = profile_of(weights, 4);

	(void)state;
	assert_ptr_equal(
	    decoy_choose(&profile, &a_key, NULL, 0), &profile.decoys.items[1]);
	assert_ptr_equal(
	    decoy_choose(&profile, NULL, "x", 1), &profile.decoys.items[1]);
	assert_ptr_equal(decoy_choose(&one, NULL, "x", 1), &one.decoys.items[0]);
	assert_null(decoy_choose(&none, &a_key, "x", 1));
	assert_non_null(decoy_choose(&profile, &a_key, "", 0));
}

/* ---- keys ---- */

/* Keys as key_set_load() makes them. */
static void keys_make(struct sealed *sealed, const char *const *texts, size_t count)
{
	struct key_set *set;

	assert_int_equal(
	    sealed_open(sealed, "test", sizeof(*set) + count * sizeof(struct key)), 0);
	set = sealed->base;
	set->count = count;
	for (size_t i = 0; i < count; i++) {
		set->keys[i].len = strlen(texts[i]);
		memcpy(set->keys[i].bytes, texts[i], set->keys[i].len);
	}
	assert_int_equal(sealed_shut(sealed), 0);
}

static void keys_are_derived_by_profile(void **state)
{
	static const char *const texts[] = {"first key", "other key"};
	static struct config_key keys[] = {{.name = "a"}, {.name = "b"}};
	static const uint32_t weights[] = {1, 1};
	struct config_profile profiles[4];
	const struct config config = {
	    .keys = keys, .key_count = 2, .profiles = profiles, .profile_count = 4};
	const struct decoy_key zero = {{0}}, *derived;
	struct sealed sealed, decoys;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		profiles[i] = profile_of(weights, i == 3 ? 1 : 2);
	strcpy(profiles[0].key, "a");
	strcpy(profiles[1].key, "b");
	strcpy(profiles[2].key, "b");
	strcpy(profiles[2].decoy_key, "a");
	strcpy(profiles[3].key, "a");
	keys_make(&sealed, texts, 2);
	assert_int_equal(decoy_keys_derive(&decoys, &config, &sealed), 0);
	derived = sealed_map(&decoys);
	assert_non_null(derived);
	assert_memory_equal(&derived[0], &derived[2], sizeof(zero));
	assert_memory_not_equal(&derived[0], &derived[1], sizeof(zero));
	assert_memory_not_equal(&derived[0], &zero, sizeof(zero));
	assert_memory_equal(&derived[3], &zero, sizeof(zero));
	assert_null(memmem(derived, decoys.bytes, texts[0], strlen(texts[0])));
	munmap((void *)(uintptr_t)derived, decoys.bytes);
	sealed_close(&decoys);
	/* nobody needs any */
	for (unsigned i = 0; i < 4; i++)
		profiles[i].decoys.count = 1;
	assert_int_equal(decoy_keys_derive(&decoys, &config, &sealed), 0);
	assert_int_equal(decoys.bytes, 0);
	sealed_close(&sealed);
}

/* ---- the hash ---- */

static void its_hash_is_its_own_or_its_profiles(void **state)
{
	static const char *const options[] = {"profile.old.memory=64K",
	    "profile.old.lanes=2", "profile.old.decoy=default",
	    "profile.default.decoy=old;3|" ARGON2("64"), "profile.default.decoy_key=k",
	    "key.k.file=/nowhere", "profile.old.key=k"};
	struct config_error err;
	struct config *config = load(options, 7, &err);
	const struct config_profile *p = config->profiles;
	char text[LIMIT_TEXT];
	struct given given;
	const char *why;
	size_t len;

	(void)state;
	/* that of a profile does not follow its own decoys */
	len = decoy_hash(config, &p[0], &p[0].decoys.items[0], text);
	assert_int_equal(given_parse(&given, text, len, &why), GIVEN_OK);
	assert_int_equal(given.phc.cost.memory_kib, 64);
	assert_int_equal(given.phc.cost.lanes, 2);
	assert_int_equal(given.phc.key_len, 1);
	assert_int_equal(given_reasons(&given, config, &p[1]), 0);
	len = decoy_hash(config, &p[0], &p[0].decoys.items[1], text);
	assert_int_equal(len, strlen("3|" ARGON2("64")));
	assert_memory_equal(text, "3|" ARGON2("64"), len);
	len = decoy_hash(config, &p[0], NULL, text);
	assert_int_equal(given_parse(&given, text, len, &why), GIVEN_OK);
	assert_int_equal(given.phc.cost.memory_kib, 19456);
	assert_int_equal(given_reasons(&given, config, &p[0]), 0);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decoys_are_taken),
	    cmocka_unit_test(what_is_no_decoy_is_refused),
	    cmocka_unit_test(an_error_does_not_show_a_hash),
	    cmocka_unit_test(an_old_format_is_a_decoy_where_it_is_accepted),
	    cmocka_unit_test(the_plan_has_room_for_a_decoy),
	    cmocka_unit_test(each_has_the_share_of_its_weight),
	    cmocka_unit_test(a_name_has_the_same_one_for_ever),
	    cmocka_unit_test(another_key_is_another_choice),
	    cmocka_unit_test(weights_move_names_in_one_direction),
	    cmocka_unit_test(without_a_name_it_is_the_heaviest),
	    cmocka_unit_test(keys_are_derived_by_profile),
	    cmocka_unit_test(its_hash_is_its_own_or_its_profiles),
	};

	return cmocka_run_group_tests(tests, empty_make, empty_remove);
}
