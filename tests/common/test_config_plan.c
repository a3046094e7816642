/*
 * What `auto` stands for on machines of every size: a plan that fits, or a refusal that
 * names what is needed.
 */
#include "tests/common/config_machine.h"

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* The least there is of what is built in: a process of each pool with one job, and that
 * is also the ceiling; 256 connections of each frontend, of which there is one for each
 * 48 MiB; the memory for secrets of each, with a fourth for the list of its blocks; in
 * two generations. */
enum {
	SECRETS_OF_FRONTEND = (512 + 256 * 2) * 1024 * 5 / 4,
	SECRETS_OF_HASHER = (384 + 16 * 2) * 1024 * 5 / 4
};
static uint64_t least_budget(void)
{
	const uint64_t most = machine.memory / 100 * 75 / MIB(48);
	const unsigned frontends =
	    least(least(machine.cpus, LIMIT_FRONTENDS), most > 0 ? (unsigned)most : 1);
	size_t bytes;

	assert_true(argon2_arena_bytes(19456, 1, 1, &bytes));
	return 2 *
	       (2 * (uint64_t)bytes + 2 * SECRETS_OF_HASHER +
	           frontends * (256 * UINT64_C(8192) + MIB(1) + SECRETS_OF_FRONTEND));
}

static void check_machine(const struct place *place, bool read_back)
{
	struct config_error err = {{0}};
	struct config *config = load_text(place, "", NULL, 0, &err);
	char needs[32], expected[64];

	if (config != NULL) {
		assert_true(config->memory_budget >= least_budget());
		plan_is_good(config);
		plan_is_told(config);
		if (read_back)
			plan_is_read_back(place, config);
		config_free(config);
		return;
	}
	snprintf(expected, sizeof(expected), "raise it to %s, or give argond",
	    config_size_text(least_budget(), needs, sizeof(needs)));
	if (strstr(err.text, expected) == NULL)
		fail_msg("%s", err.text);
	assert_true(machine.memory / 100 * 75 < least_budget());
}

static const unsigned cpus[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 63, 64, 65, 96,
    128, 192, 255, 256, 257, 384, 512};

static void every_machine_has_a_plan_or_is_told_what_it_lacks(void **state)
{
	for (uint64_t memory = MIB(64); memory <= MIB(1048576); memory += memory / 3)
		for (size_t i = 0; i < COUNT(cpus); i++) {
			machine_is(memory, cpus[i]);
			check_machine(*state, i % 5 == 0);
		}
}

/* With more memory there is never less of anything. */
static void more_memory_is_never_less(void **state)
{
	unsigned processes = 0, batch = 0;
	uint64_t ceiling = 0;

	for (uint64_t memory = MIB(134); memory <= MIB(24576); memory += memory / 16) {
		struct config *config;

		machine_is(memory, 64);
		config = load_good(*state, "");
		assert_true(config->verify_max_memory >= ceiling);
		assert_true(config->pools[0].max_processes >= processes);
		assert_true(config->pools[0].batch >= batch);
		ceiling = config->verify_max_memory;
		processes = config->pools[0].max_processes;
		batch = config->pools[0].batch;
		config_free(config);
	}
	assert_int_equal(processes, 64);
}

/* ---- some of them */

struct size {
	uint64_t mib;
	unsigned cpus, processes, frontends;
	uint64_t ceiling_mib;
};

static void machines_that_people_have(void **state)
{
	static const struct size sizes[] = {
	    {128, 2, 1, 1, 22},
	    {200, 2, 1, 2, 44},
	    {512, 2, 1, 2, 162},
	    {1024, 2, 2, 2, 256},
	    {512, 64, 1, 7, 140},
	    {4096, 64, 25, 63, 256},
	    {1 << 20, 512, 256, 64, 256},
	};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct config *config;

		machine_is(sizes[i].mib << 20, sizes[i].cpus);
		config = load_good(*state, "");
		assert_int_equal(config->frontend.processes, sizes[i].frontends);
		assert_int_equal(config->pools[0].max_processes, sizes[i].processes);
		assert_int_equal(config->verify_max_memory >> 20, sizes[i].ceiling_mib);
		config_free(config);
	}
}

static void the_log_says_what_was_lowered_and_why(void **state)
{
	struct config *config;
	struct told told;

	machine_is(MIB(512), 2);
	config = load_good(*state, "");
	told = told_of(config);
	assert_non_null(strstr(told.text,
	    "pool.fixed.max_processes is 1, not 2: so much fits memory_budget, 384M "
	    "(75% of 512M, memory.max of /this/test); raise that, or set "
	    "pool.fixed.max_processes\n"));
	assert_non_null(strstr(told.text, "verify_max_memory is 1"));
	assert_non_null(strstr(
	    told.text, "not 256M (hashes that need more are refused): so much fits"));
	assert_null(strstr(told.text, "lookup"));
	config_free(config);
	machine_is(MIB(65536), 2);
	config = load_good(*state, "\nmemory_budget = 384M");
	told = told_of(config);
	assert_non_null(strstr(told.text, "memory_budget, 384M (/tmp/argond-config-"));
	assert_non_null(strstr(told.text, "/argond.conf:2); raise that"));
	config_free(config);
}

/* ---- numbers that were set, and others that were not */

struct mix {
	const char *text, *refused; /* refused: what follows FILE:, or NULL */
	unsigned elastic, fixed, batch;
	uint64_t ceiling_mib;
};

/* On 1 GiB and 8 CPUs. */
static const struct mix mixes[] = {
    /* a number that was set stays */
    {"pool elastic { max_processes = 5 }", NULL, 5, 1, 1, 246},
    {"pool elastic { min_processes = 4 }", NULL, 4, 1, 1, 256},
    {"pool elastic { min_processes = 7 }", NULL, 7, 1, 1, 204},
    {"pool fixed { min_processes = 5 }", NULL, 1, 5, 1, 246},
    {"pool elastic { batch = 4 }", NULL, 1, 1, 4, 256},
    {"verify_max_memory = 200M", NULL, 4, 4, 1, 200},
    {"verify_max_memory = 256M", NULL, 3, 2, 1, 256},
    {"pool elastic { max_processes = auto batch = auto }", NULL, 3, 2, 1, 256},
    /* pools share what there is */
    {"pool a { jobs = hash }\npool b { jobs = verify }", NULL, 2, 1, 1, 256},
    {"profile big { memory = 64M }", NULL, 1, 1, 1, 256},
    {"profile big { memory = 128M }", NULL, 1, 1, 1, 220},
    /* a limit that was set is kept as well: with what the program itself needs */
    {"pool elastic { memory_limit = 100M }", NULL, 7, 6, 1, 84},
    {"pool elastic { memory_limit = 36M batch = 1 }", NULL, 8, 8, 1, 20},
    /* what was set and does not fit */
    {"\npool elastic { max_processes = 20 }",
        "2: pool.elastic.max_processes: the plan needs ", 0, 0, 0, 0},
    {"pool elastic { min_processes = 20 }",
        "1: pool.elastic.min_processes: the plan needs ", 0, 0, 0, 0},
    {"pool elastic {\nbatch = 16 max_processes = 2 }",
        "2: pool.elastic.max_processes: the plan needs ", 0, 0, 0, 0},
    {"\n\nverify_max_memory = 512M", "3: verify_max_memory: the plan needs ", 0, 0, 0,
        0},
    {"profile big {\nmemory = 200M }", "2: profile.big.memory: the plan needs ", 0, 0,
        0, 0},
    {"memory_budget = 10M", "1: memory_budget: the plan needs ", 0, 0, 0, 0},
    {"pool elastic { memory_limit = 10M }",
        "1: pool.elastic.memory_limit: 10M is less than a process needs", 0, 0, 0, 0},
};

static void only_what_nobody_has_set_is_lowered(void **state)
{
	const struct place *place = *state;

	machine_is(MIB(1024), 8);
	for (size_t i = 0; i < COUNT(mixes); i++) {
		const struct mix *mix = &mixes[i];
		struct config *config;

		if (engine_kind_resolve(ENGINE_AUTO) == ENGINE_LIBARGON2 &&
		    strstr(mix->text, "batch") != NULL)
			continue; /* it is 1 there */
		if (mix->refused != NULL) {
			const struct mistake mistake = {mix->text, mix->refused};

			refuse_file(place, &mistake, 1);
			continue;
		}
		config = load_good(place, mix->text);
		plan_is_good(config);
		plan_is_read_back(place, config);
		if (config->pools[0].max_processes != mix->elastic ||
		    config->pools[1].max_processes != mix->fixed ||
		    config->pools[0].batch != mix->batch ||
		    config->verify_max_memory >> 20 != mix->ceiling_mib)
			fail_msg("%s: %u, %u, batch %u, ceiling %ju MiB", mix->text,
			    config->pools[0].max_processes,
			    config->pools[1].max_processes, config->pools[0].batch,
			    (uintmax_t)config->verify_max_memory >> 20);
		config_free(config);
	}
}

/* ---- a machine that changes */

/* While the old generation drains there is less for the new one; once it has gone, a
 * reload gives all there is. */
static void a_smaller_machine_is_planned_beside_the_old_plan(void **state)
{
	struct config *old, *next, *last;

	machine_is(MIB(512), 2);
	old = load_good(*state, "");
	machine_is(MIB(400), 2);
	next = load_good(*state, "");
	assert_true(config_memory_need(next, old) > next->memory_budget);
	assert_true(config_fit(next, old));
	assert_true(config_memory_need(next, old) <= next->memory_budget);
	plan_is_good(next);
	last = load_good(*state, "");
	assert_true(config_fit(last, next));
	assert_true(config_memory_plan(last) > config_memory_plan(next));
	config_free(next);
	config_free(last);
	machine_is(MIB(256), 2);
	next = load_good(*state, "");
	assert_false(config_fit(next, old));
	config_free(next);
	config_free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_machine_has_a_plan_or_is_told_what_it_lacks),
	    cmocka_unit_test(more_memory_is_never_less),
	    cmocka_unit_test(machines_that_people_have),
	    cmocka_unit_test(the_log_says_what_was_lowered_and_why),
	    cmocka_unit_test(only_what_nobody_has_set_is_lowered),
	    cmocka_unit_test(a_smaller_machine_is_planned_beside_the_old_plan),
	};

	return cmocka_run_group_tests_name(
	    "config_plan", tests, place_make, place_remove);
}
