/*
 * Processes and open files of a plan on machines with every limit of them: automatic
 * numbers fit, others are refused with the number.
 */
#include "tests/common/config_machine.h"

enum { LEAST_PROCESSES = 2 * (1 + 3 + 1), LEAST_FILES = 119 };

static void check_allowed(const struct place *place)
{
	struct config_error err = {{0}};
	struct config *config = load_good(place, "");

	plan_is_good(config);
	plan_is_told(config);
	if (config_counts_check(config, NULL, &err) == 0) {
		assert_true(config_processes(config, NULL) <= machine.processes);
		assert_true(config_files_of_master(config, NULL) <= machine.files);
		assert_true(limits_of_frontend(config).nofile <= machine.files);
		plan_is_read_back(place, config);
	} else {
		assert_true(
		    machine.processes < LEAST_PROCESSES || machine.files < LEAST_FILES);
		assert_non_null(
		    strstr(err.text, machine.processes < LEAST_PROCESSES
		                         ? "pids.max of /this/test; raise that"
		                         : "RLIMIT_NOFILE (ulimit -n); raise that"));
	}
	config_free(config);
}

static void every_limit_has_a_plan_or_is_told(void **state)
{
	static const uint64_t processes[] = {
	    1, 9, 10, 11, 12, 20, 29, 30, 31, 50, 99, 100, 127, 128, 256, 1024, 4096};
	static const uint64_t files[] = {3, 10, 64, 118, 119, 120, 122, 128, 256, 512,
	    1024, 4096, 10335, 10336, 1 << 20};
	static const unsigned some[] = {1, 2, 3, 4, 16, 64, 256};

	for (size_t i = 0; i < COUNT(processes); i++)
		for (size_t j = 0; j < COUNT(files); j++) {
			machine_is(i % 2 == 0 ? MIB(1048576) : MIB(1024),
			    some[(i + j) % COUNT(some)]);
			machine_allows(processes[i], files[j]);
			check_allowed(*state);
		}
}

struct count {
	unsigned cpus;
	uint64_t allowed_processes, allowed_files;
	const char *text, *refused; /* refused: what follows FILE:, or NULL */
	unsigned frontends, elastic, fixed, lookup, connections;
};

static const struct count counts[] = {
    /* what nobody has set */
    {64, 0, 0, "", NULL, 64, 64, 64, 8, 10240},
    {64, 100, 0, "", NULL, 14, 14, 13, 8, 10240},
    {64, 12, 0, "", NULL, 2, 1, 1, 1, 10240},
    {64, 10, 0, "", NULL, 1, 1, 1, 1, 10240},
    {2, 30, 1024, "", NULL, 2, 2, 2, 8, 928},
    {64, 0, 1024, "", NULL, 5, 64, 64, 8, 928},
    {2, 0, 10336, "", NULL, 2, 2, 2, 8, 10240},
    /* and what somebody has */
    {64, 100, 0, "pool elastic { max_processes = 30 }", NULL, 7, 30, 6, 6, 10240},
    {64, 100, 0, "pool elastic { min_processes = 30 }", NULL, 7, 30, 6, 6, 10240},
    {64, 100, 0, "frontend { processes = 40 }", NULL, 40, 3, 3, 3, 10240},
    {64, 100, 0, "pool fixed { max_processes = 4 }", NULL, 19, 18, 4, 8, 10240},
    {64, 100, 0, "pool lookup { min_processes = auto }", NULL, 14, 14, 13, 8, 10240},
    {64, 100, 0,
        "pool elastic { max_processes = auto }\npool lookup { max_processes = "
        "auto }",
        NULL, 13, 12, 12, 12, 10240},
    {2, 0, 0, "frontend { rlimit_nofile = 1024 }", NULL, 2, 2, 2, 8, 928},
    {2, 0, 2048, "frontend { rlimit_nofile = 1024 }", NULL, 2, 2, 2, 8, 928},
    {2, 0, 1024, "frontend { max_connections = 500 }", NULL, 2, 2, 2, 8, 500},
    {2, 0, 1024, "frontend { max_connections = 928 }", NULL, 2, 2, 2, 8, 928},
    {64, 100, 0, "pool elastic {\nmax_processes = 60 }",
        "2: pool.elastic.max_processes: the plan needs 128 processes (for two "
        "generations, as at a reload); allowed: 100, pids.max of /this/test; raise "
        "that, or lower",
        0, 0, 0, 0, 0},
    {64, 100, 0, "frontend { processes = 50 }",
        "1: frontend.processes: the plan needs 108 processes", 0, 0, 0, 0, 0},
    {64, 100, 0, "pool fixed { min_processes = 47 }",
        "1: pool.fixed.min_processes: the plan needs 102 processes", 0, 0, 0, 0, 0},
    {64, 0, 1024, "frontend { processes = 64 }",
        "1: frontend.processes: the plan needs 1976 open files of the master", 0, 0, 0,
        0, 0},
    {2, 0, 1024, "\nfrontend { max_connections = 929 }",
        "2: frontend.max_connections: a frontend needs 1025 open files; allowed: 1024, "
        "RLIMIT_NOFILE (ulimit -n); raise that, or lower max_connections",
        0, 0, 0, 0, 0},
    {2, 0, 1024, "frontend { rlimit_nofile = 1025 }",
        "1: frontend.rlimit_nofile: a frontend needs 1025 open files; allowed: 1024", 0,
        0, 0, 0, 0},
};

static void expect_count(
    const struct place *place, const struct count *count, const struct config *config)
{
	struct config_error err;

	assert_int_equal(config_counts_check(config, NULL, &err), 0);
	plan_is_read_back(place, config);
	if (config->frontend.processes != count->frontends ||
	    config->pools[0].max_processes != count->elastic ||
	    config->pools[1].max_processes != count->fixed ||
	    config->pools[2].max_processes != count->lookup ||
	    config->frontend.max_connections != count->connections)
		fail_msg("%u CPUs, %ju processes, %ju files, %s: %u; %u, %u, %u; %u",
		    count->cpus, (uintmax_t)count->allowed_processes,
		    (uintmax_t)count->allowed_files, count->text,
		    config->frontend.processes, config->pools[0].max_processes,
		    config->pools[1].max_processes, config->pools[2].max_processes,
		    config->frontend.max_connections);
}

static void processes_and_files_fit_the_machine(void **state)
{
	const struct place *place = *state;

	for (size_t i = 0; i < COUNT(counts); i++) {
		struct config_error err = {{0}};
		struct config *config;

		machine_is(MIB(1048576), counts[i].cpus);
		machine_allows(counts[i].allowed_processes, counts[i].allowed_files);
		config = load_good(place, counts[i].text);
		if (counts[i].refused == NULL)
			expect_count(place, &counts[i], config);
		else if (config_counts_check(config, NULL, &err) == 0 ||
		         strncmp(err.text + strlen(place->file) + 1, counts[i].refused,
		             strlen(counts[i].refused)) != 0)
			fail_msg("%s: %s", counts[i].text, err.text);
		config_free(config);
	}
}

static void files_that_hold_no_connection_are_refused(void **state)
{
	static const struct mistake mistake = {"frontend { rlimit_nofile = 96 }",
	    "1: frontend.rlimit_nofile: 96 is too few for max_connections 1; allowed: "
	    "auto, or at least 97"};

	machine_is(MIB(1048576), 2);
	refuse_file(*state, &mistake, 1);
}

static void each_number_is_told_with_its_own_reason(void **state)
{
	struct config *config;
	struct told told;

	machine_is(MIB(900), 64);
	machine_allows(100, 1024);
	config = load_good(*state, "");
	told = told_of(config);
	assert_non_null(strstr(told.text,
	    "frontend.processes is 14, not 64: so many fit pids.max of /this/test, 100 "
	    "processes of two generations; raise that, or set frontend.processes\n"));
	assert_non_null(strstr(told.text,
	    "frontend.max_connections is 256, not 10240: so much fits memory_budget"));
	assert_non_null(strstr(told.text,
	    "pool.elastic.max_processes is 1, not 64: so much fits memory_budget"));
	config_free(config);
	machine_is(MIB(65536), 64);
	machine_allows(100, 1024);
	config = load_good(*state, "");
	told = told_of(config);
	assert_non_null(strstr(told.text,
	    "frontend.max_connections is 928, not 10240: so many fit RLIMIT_NOFILE "
	    "(ulimit -n), 1024 open files of a frontend; raise that, or set "
	    "frontend.max_connections\n"));
	config_free(config);
	config = load_good(*state, "\nfrontend { memory_limit = 3M }");
	told = told_of(config);
	assert_non_null(
	    strstr(told.text, "frontend.max_connections is 512, not 10240: so many fit "
	                      "frontend.memory_limit, 3M (/tmp/argond-config-"));
	config_free(config);
	machine_is(MIB(65536), 64);
	machine_allows(0, 512);
	config = load_good(*state, "\nfrontend { rlimit_nofile = 300 }");
	told = told_of(config);
	assert_non_null(
	    strstr(told.text, "not 64: so many fit RLIMIT_NOFILE (ulimit -n), 512 open "
	                      "files of the master; raise that"));
	assert_non_null(
	    strstr(told.text, "frontend.max_connections is 204, not 10240: so many fit "
	                      "frontend.rlimit_nofile, 300 (/tmp/argond-config-"));
	config_free(config);
}

/* Beside the processes of the old generation there are fewer for the new one. */
static void fewer_processes_are_planned_beside_the_old_ones(void **state)
{
	struct config *old, *next;
	struct config_error err;

	machine_is(MIB(65536), 16);
	machine_allows(114, 0);
	old = load_good(*state, "");
	assert_int_equal(config_processes(old, NULL), 114);
	machine_allows(90, 0);
	next = load_good(*state, "");
	assert_int_equal(config_counts_check(next, old, &err), -1);
	assert_true(config_fit(next, old));
	assert_int_equal(config_counts_check(next, old, &err), 0);
	assert_int_equal(config_processes(next, old), 90);
	config_free(next);
	machine_allows(50, 0);
	next = load_good(*state, "");
	assert_true(config_fit(next, old));
	assert_int_equal(config_counts_check(next, old, &err), -1);
	config_free(next);
	config_free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_limit_has_a_plan_or_is_told),
	    cmocka_unit_test(processes_and_files_fit_the_machine),
	    cmocka_unit_test(files_that_hold_no_connection_are_refused),
	    cmocka_unit_test(each_number_is_told_with_its_own_reason),
	    cmocka_unit_test(fewer_processes_are_planned_beside_the_old_ones),
	};

	return cmocka_run_group_tests_name(
	    "config_counts", tests, place_make, place_remove);
}
