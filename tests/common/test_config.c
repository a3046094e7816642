/*
 * What a config says: defaults, sections, overrides, `auto`, the memory plan.
 */
#include "common/locked.h"
#include "tests/common/config_world.h"

/* ---- what is read ---- */

/* What a batch comes to where no engine of ours runs. */
static unsigned batch_here(unsigned batch)
{
	return engine_kind_resolve(ENGINE_AUTO) == ENGINE_LIBARGON2 ? 1 : batch;
}

static void defaults_are_as_documented(void **state)
{
	struct config *config = load_good(*state, "");
	const struct config_pool *pools = config->pools;
	unsigned cpus = cpu_usable();

	assert_int_equal(config->listen_count, 1);
	assert_string_equal(config->listen[0].text, "127.0.0.1:8080");
	assert_null(config->user);
	assert_null(config->pidfile);
	assert_string_equal(config->log, "stderr");
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
	assert_int_equal(config->hello_delay_ms, 100);
	assert_true(config->seed_routes);
	assert_int_equal(config->max_body, 8192);
	assert_int_equal(config->max_password, 1024);
	assert_int_equal(config->keepalive_timeout_ms, 75000);
	assert_int_equal(config->shutdown_timeout_ms, 30000);
	assert_int_equal(config->ready_timeout_ms, 30000);
	assert_int_equal(
	    config->memory_budget, memory_usable().bytes / 100 * 75 / 1024 * 1024);
	assert_int_equal(config->verify_max_memory, MIB(256));
	assert_int_equal(config->verify_max_time, 16);
	assert_int_equal(config->frontend.processes,
	    cpus < LIMIT_FRONTENDS ? cpus : LIMIT_FRONTENDS);
	assert_int_equal(config->profile_count, 1);
	assert_int_equal(config->profiles[0].memory_kib, 19456);
	assert_int_equal(config->profiles[0].time, 2);
	assert_int_equal(config->profiles[0].salt, 16);
	assert_int_equal(config->profiles[0].tag, 32);
	assert_int_equal(config->pool_count, 3);
	assert_int_equal(config->default_pool, 0);
	assert_string_equal(pools[0].name, "elastic");
	assert_int_equal(pools[0].jobs, CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY);
	assert_int_equal(pools[0].min_processes, 1);
	assert_int_equal(pools[0].idle_timeout_ms, 10000);
	assert_int_equal(pools[0].nice, 10);
	assert_string_equal(pools[1].name, "fixed");
	assert_int_equal(pools[1].min_processes, pools[1].max_processes);
	assert_string_equal(pools[2].name, "lookup");
	assert_int_equal(pools[2].jobs, CONFIG_JOBS_LOOKUP);
	assert_int_equal(pools[2].max_processes, 8);
	assert_int_equal(pools[2].batch, 1);
	config_free(config);
}

static void a_section_changes_only_what_it_names(void **state)
{
	struct config *config =
	    load_good(*state, "pool fixed {\n\tmax_processes = 4 # not more\n}\n"
	                      "pool web { jobs = verify batch = 3 deadline = 2s }\n"
	                      "profile default { time = 3 }\n"
	                      "profile web { memory = 64M key = new }\n"
	                      "key new { file = /etc/new }\n"
	                      "key old { file = /etc/old verify_only = on }\n"
	                      "default_pool = fixed\n"
	                      "listen = \"*:1\"\r\n"
	                      "frontend { cpu_affinity = {0, \"2-3,5\"} nice = -5 }\n");

	assert_int_equal(config->pool_count, 4);
	assert_int_equal(config->pools[1].max_processes, 4);
	assert_int_equal(config->pools[1].jobs, CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY);
	assert_string_equal(config->pools[3].name, "web");
	assert_int_equal(config->pools[3].jobs, CONFIG_JOBS_VERIFY);
	assert_int_equal(config->pools[3].batch, batch_here(3));
	assert_int_equal(config->pools[3].deadline_ms, 2000);
	assert_int_equal(config->pools[3].queue_limit, 1024);
	assert_int_equal(config->profiles[0].time, 3);
	assert_int_equal(config->profiles[0].memory_kib, 19456);
	assert_int_equal(config->profiles[1].memory_kib, 65536);
	assert_int_equal(config->profiles[1].time, 2);
	assert_string_equal(config->profiles[1].key, "new");
	assert_false(config->keys[0].verify_only);
	assert_true(config->keys[1].verify_only);
	assert_int_equal(config_key_find(config, "old", 3), 1);
	assert_int_equal(config_key_find(config, "older", 3), 1);
	assert_int_equal(config_key_find(config, "ol", 2), -1);
	assert_int_equal(config->default_pool, 1);
	assert_int_equal(config_pool_find(config, "web"), 3);
	assert_int_equal(config_pool_find(config, "Web"), -1);
	assert_int_equal(config_profile_find(config, "web"), 1);
	assert_int_equal(config_profile_find(config, "old"), -1);
	assert_int_equal(CPU_COUNT(&config->frontend.cpu_affinity.set), 4);
	assert_true(CPU_ISSET(5, &config->frontend.cpu_affinity.set));
	config_free(config);
}

static void a_preset_is_for_what_nobody_has_said(void **state)
{
	struct config *config = load_good(*state,
	    "profile a { preset = rfc9106-low }\n"
	    "profile b { time = 2 preset = \"rfc9106-low\" memory = 32M }\n"
	    "profile c { preset = none }\n"
	    "profile d { preset = owasp-7m rehash = only-weaker\n"
	    "\taccept = {bcrypt, \"django-pbkdf2\"} }\n");
	const struct config_profile *p = config->profiles + 1;

	assert_int_equal(p[0].memory_kib, 65536);
	assert_int_equal(p[0].time, 3);
	assert_int_equal(p[0].lanes, 4);
	assert_int_equal(p[1].memory_kib, 32768);
	assert_int_equal(p[1].time, 2);
	assert_int_equal(p[1].lanes, 4);
	assert_int_equal(p[2].memory_kib, 19456);
	assert_int_equal(p[3].memory_kib, 7168);
	assert_int_equal(p[3].time, 5);
	assert_int_equal(p[0].rehash, CONFIG_REHASH_ANY_DIFFERENCE);
	assert_int_equal(p[3].rehash, CONFIG_REHASH_ONLY_WEAKER);
	assert_int_equal(p[0].accept, 0);
	assert_int_equal(__builtin_popcount(p[3].accept), 2);
	assert_true((p[3].accept & 1) != 0);
	assert_string_equal(config_accept_word(0), "bcrypt");
	config_free(config);
}

static void bounds_that_are_auto_follow_the_other(void **state)
{
	static const char text[] = "pool elastic { min_processes = 100 batch = 1 }\n"
	                           "pool fixed { max_processes = 1 }\n"
	                           "memory_budget = 8G";
	struct config *config = load_good(*state, text);

	assert_int_equal(config->pools[0].min_processes, 100);
	assert_true(config->pools[0].max_processes >= 100);
	assert_int_equal(config->pools[1].min_processes, 1);
	assert_int_equal(config->pools[1].max_processes, 1);
	config_free(config);
}

static void the_store_is_made_absolute(void **state)
{
	struct config *config = load_good(*state, "store = \"sqlite:db/a.db\"");
	char *folder = getcwd(NULL, 0), expected[4200];
	struct stat st;

	snprintf(expected, sizeof(expected), "%s/db/a.db", folder);
	assert_string_equal(config->store_path, expected);
	config_free(config);
	config = load_good(*state, "");
	snprintf(expected, sizeof(expected), "%s/argond.db",
	    geteuid() == 0 && stat(PATH_STATE, &st) == 0 ? PATH_STATE : folder);
	assert_string_equal(config->store_path, expected);
	config_free(config);
	free(folder);
}

static void detached_there_is_a_log_and_a_pidfile(void **state)
{
	struct config *config = load_good(*state, "");

	assert_string_equal(config_log(config, false), "stderr");
	assert_string_equal(config_log(config, true), "syslog");
	assert_null(config_pidfile(config, false));
	assert_string_equal(config_pidfile(config, true), PATH_PIDFILE);
	config_free(config);
	config = load_good(*state, "log = stderr pidfile = /tmp/a.pid");
	assert_string_equal(config_log(config, true), "stderr");
	assert_string_equal(config_pidfile(config, false), "/tmp/a.pid");
	assert_string_equal(config_pidfile(config, true), "/tmp/a.pid");
	config_free(config);
}

/* ---- overrides ---- */

static void overrides_go_over_the_file(void **state)
{
	char last[] = "max_body=4K", pool[] = "pool.web.jobs=hash,verify";
	char earlier[] = "max_body=3K", profile[] = "profile.web.memory=64M";
	char listen[] = "listen=*:0,[::1]:0", user[] = "user=";
	char *overrides[] = {earlier, last, pool, profile, listen, user};
	struct config_error err = {{0}};
	struct config *config =
	    load_text(*state, "max_body = 2K\nlisten = {\"*:1\"}\nuser = a", overrides,
	        COUNT(overrides), &err);

	assert_non_null(config);
	assert_int_equal(config->max_body, 4096);
	assert_int_equal(config->pools[3].jobs, CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY);
	assert_int_equal(config->profiles[1].memory_kib, 65536);
	assert_int_equal(config->listen_count, 2);
	assert_string_equal(config->listen[1].text, "[::1]:0");
	assert_null(config->user);
	config_free(config);
}

static void bad_overrides_are_refused(void **state)
{
	static const char section[] =
	    "an unknown section; allowed: NAME=, frontend.NAME=, "
	    "profile.TITLE.NAME=, key.TITLE.NAME=, pool.TITLE.NAME=";
	static const struct {
		const char *override, *message;
	} examples[] = {
	    {"max_body", "no value; allowed: NAME=VALUE"},
	    {"", "no value; allowed: NAME=VALUE"},
	    {"=3", ": an unknown directive; allowed: listen, "},
	    {"nice=3", "nice: an unknown directive; allowed: listen, "},
	    {"frontend.jobs=3",
	        "jobs: an unknown directive; allowed in frontend: processes, "},
	    {"pool.nice=3", section},
	    {"frontend.a.nice=3", section},
	    {"pond.a.nice=3", section},
	    {".nice=3", section},
	    {"pool..nice=3", "pool:  is not a name; allowed: 1 to 31 of"},
	    {"pool.a.b.nice=3", "pool: a.b is not a name; allowed: 1 to 31 of"},
	    {"pool.a.=3", ": an unknown directive; allowed in pool: jobs, "},
	    {"pool.web.batch=2", "pool.web: no jobs; allowed: jobs = {hash}"},
	    {"profile.web.key=x", "profile.web.key: x is no key; allowed: "},
	    {"key.x.verify_only=on", "key.x: no file; allowed: "},
	};

	for (size_t i = 0; i < COUNT(examples); i++) {
		struct config_error err = {{0}};
		char expected[256];

		assert_null(load_overrides(*state, &examples[i].override, 1, &err));
		snprintf(expected, sizeof(expected), "-o %s: %s", examples[i].override,
		    examples[i].message);
		if (strncmp(err.text, expected, strlen(expected)) != 0)
			assert_string_equal(err.text, expected);
	}
}

static void there_is_an_end_to_pools_profiles_and_keys(void **state)
{
	static const struct {
		const char *line, *message;
	} examples[] = {
	    {"pool p%d { jobs = {lookup} }\n",
	        "pool: p13 is one too many; allowed: 16"},
	    {"profile p%d { }\n", "profile: p63 is one too many; allowed: 64"},
	    {"key p%d { file = /k }\n", "key: p64 is one too many; allowed: 64"},
	};

	for (size_t i = 0; i < COUNT(examples); i++) {
		char text[4096] = "", expected[128];
		struct config_error err = {{0}};

		for (int number = 0; number < 65; number++) {
			size_t len = strlen(text);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(
			    text + len, sizeof(text) - len, examples[i].line, number);
#pragma GCC diagnostic pop
		}
		assert_null(load_text(*state, text, NULL, 0, &err));
		snprintf(expected, sizeof(expected), ": %s", examples[i].message);
		assert_non_null(strstr(err.text, expected));
	}
}

/* ---- where things come from ---- */

static void later_faults_name_their_place(void **state)
{
	char override[] = "group=nobody";
	char *overrides[] = {override};
	struct config_error err = {{0}};
	struct config *config = load_text(
	    *state, "\nuser = a\npool web { jobs = hash }", overrides, 1, &err);
	const struct place *place = *state;
	char expected[128];

	assert_non_null(config);
	assert_int_equal(
	    config_error_at(config, &config->user, &err, "is %s", "bad"), -1);
	snprintf(expected, sizeof(expected), "%s:2: user: is bad", place->file);
	assert_string_equal(err.text, expected);
	config_error_at(config, &config->group, &err, "a\nb");
	assert_string_equal(err.text, "-o group=nobody: group: a?b");
	config_error_at(config, &config->pools[3].batch, &err, "x");
	snprintf(expected, sizeof(expected), "%s: pool.web.batch: x", place->file);
	assert_string_equal(err.text, expected);
	config_error_at(config, &config->pools[3], &err, "x");
	snprintf(expected, sizeof(expected), "%s:3: pool.web: x", place->file);
	assert_string_equal(err.text, expected);
	config_error_at(config, &config->frontend.processes, &err, "x");
	snprintf(expected, sizeof(expected), "%s: frontend.processes: x", place->file);
	assert_string_equal(err.text, expected);
	assert_true(config_is_set(config, &config->user));
	assert_false(config_is_set(config, &config->log));
	config_free(config);
}

static void the_host_is_asked_by_itself(void **state)
{
	static const struct mistake mistakes[] = {
	    {"user = no-such-user",
	        "user: no-such-user: no such user; allowed: a user of"},
	    {"group = no-such-group",
	        "group: no-such-group: no such group; allowed: a"},
	    {"chroot = /nowhere",
	        "chroot: /nowhere: No such file or directory; allowed: a"},
	    {"chroot = /etc/passwd",
	        "chroot: /etc/passwd: not a folder; allowed: a folder"},
	    {"token_file = /nowhere",
	        "token_file: /nowhere: No such file or directory;"},
	    {"token_file = /dev/zero", "token_file: /dev/zero: not a regular file;"},
	    {"key a { file = /tmp }",
	        "key.a.file: /tmp: not a regular file; allowed: a"},
	    {"pool fixed { cpu_affinity = 1023 }",
	        "pool.fixed.cpu_affinity: CPU 1023;"},
	};
	struct config_error err = {{0}};
	char expected[256], text[256];
	struct config *config;

	/* Whether there is seccomp depends on where this runs (not under valgrind). */
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		snprintf(text, sizeof(text), "%s seccomp = off", mistakes[i].text);
		config = load_good(*state, text);
		assert_int_equal(config_check_host(config, &err), -1);
		snprintf(expected, sizeof(expected), "%s:1: %s",
		    ((struct place *)*state)->file, mistakes[i].message);
		if (strncmp(err.text, expected, strlen(expected)) != 0)
			assert_string_equal(err.text, expected);
		config_free(config);
	}
	config = load_good(*state, "user = root group = root chroot = / seccomp = off");
	assert_int_equal(config_check_host(config, &err), 0);
	config_free(config);
}

/* ---- memory ---- */

static void the_plan_counts_what_pools_promise(void **state)
{
	static const char text[] =
	    "memory_budget = 64G verify_max_memory = 128M\n"
	    "profile web { memory = 64M lanes = 4 }\n"
	    "pool elastic { max_processes = 3 batch = 2 }\n"
	    "pool fixed { max_processes = 5 batch = 1 jobs = hash }\n";
	struct config *config = load_good(*state, text);
	size_t two, one, ceiling;

	assert_true(argon2_arena_bytes(65536, 4, 2, &two));
	assert_true(argon2_arena_bytes(65536, 4, 1, &one));
	assert_true(argon2_arena_bytes(131072, 1, 1, &ceiling));
	assert_int_equal(config_pool_arena(config, &config->pools[0]),
	    two > ceiling ? two : ceiling);
	assert_int_equal(config_pool_arena(config, &config->pools[1]), one);
	assert_int_equal(config_pool_arena(config, &config->pools[2]), 0);
	assert_int_equal(config_memory_plan(config),
	    3 * two + 5 * one + (ceiling > two ? ceiling - two : 0) +
	        config->frontend.processes *
	            (config_frontend_bytes(config) +
	                locked_bytes(config_locked_frontend(config))) +
	        8 * locked_bytes(config_locked_hasher(config)));
	config_free(config);
}

/* Sockets and buffers of as many connections as there may be. */
static void the_plan_counts_connections(void **state)
{
	static const char *const overrides[] = {"frontend.processes=3",
	    "frontend.max_connections=5000", "frontend.memory_limit=64M"};
	struct config_error err = {{0}};
	struct config *one = load_overrides(*state, overrides, 2, &err);
	struct config *other = load_overrides(*state, overrides, 3, &err);

	assert_non_null(one);
	assert_non_null(other);
	assert_int_equal(config_frontend_bytes(one), 5000 * 8192 + MIB(1));
	assert_int_equal(config_frontend_buffers(one),
	    config_frontend_bytes(one) - UINT64_C(5000) * 4096);
	assert_int_equal(config_frontend_bytes(other), MIB(64));
	assert_int_equal(
	    config_frontend_buffers(other), MIB(64) - UINT64_C(5000) * 4096);
	assert_int_equal(config_memory_plan(other) - config_memory_plan(one),
	    3 * (MIB(64) - config_frontend_bytes(one)));
	config_free(one);
	config_free(other);
}

/* It stays in memory, used once: of each frontend for as many jobs as it can have, of
 * each hasher for its messages; a pool of look-ups has none. */
static void the_plan_counts_memory_for_secrets(void **state)
{
	static const char *const overrides[] = {"frontend.processes=1",
	    "frontend.memory_limit=64M", "frontend.max_connections=1000",
	    "max_password=4000", "pool.elastic.max_processes=3",
	    "pool.elastic.min_processes=3", "pool.fixed.min_processes=1",
	    "pool.fixed.max_processes=1", "verify_max_memory=256M"};
	struct config_error err = {{0}};
	struct config *config =
	    load_overrides(*state, overrides, COUNT(overrides), &err);
	uint64_t profiles, secrets;

	assert_non_null(config);
	profiles = config_pool_profiles(config, &config->pools[0]);
	/* with a fourth for the list of its blocks */
	secrets = (KIB(512) + 1000 * KIB(8) + 4 * (KIB(384) + 16 * KIB(8))) * 5 / 4;
	assert_int_equal(config_memory_plan(config) / KIB(32),
	    (MIB(64) + config_pool_arena(config, &config->pools[0]) + 3 * profiles +
	        secrets) /
	        KIB(32));
	config_free(config);
}

/* What a client may have sent before it is read: no more than a usual request, or a
 * part of a large body that does not slow the client down. */
static void the_receive_buffer_follows_the_largest_body(void **state)
{
	static const struct {
		const char *max_body;
		uint32_t bytes;
	} sizes[] = {{"max_body=4K", 16384}, {"max_body=8K", 16384},
	    {"max_body=100K", 102400}, {"max_body=16M", 262144}};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct config_error err = {{0}};
		struct config *config =
		    load_overrides(*state, &sizes[i].max_body, 1, &err);

		assert_non_null(config);
		assert_int_equal(config_receive_buffer(config), sizes[i].bytes);
		config_free(config);
	}
}

static void a_plan_over_the_budget_is_refused(void **state)
{
	static const char *const overrides[] = {"pool.elastic.max_processes=256",
	    "pool.fixed.max_processes=1", "memory_budget=1G"};
	static const struct mistake mistakes[] = {
	    {"memory_budget = 100M pool elastic { max_processes = 1 }\n"
	     "pool fixed {\n max_processes = 100\n}",
	        "3: pool.fixed.max_processes: the plan needs "},
	    {"memory_budget = 1G\nprofile web {\n memory = 256M\n}\n"
	     "pool elastic { max_processes = 8 } pool fixed { max_processes = 1 }",
	        "5: pool.elastic.max_processes: the plan needs "},
	    {"memory_budget = 1M", "1: memory_budget: the plan needs "},
	    {"memory_budget = 1G\nfrontend {\nmax_connections = 1000000 }",
	        "3: frontend.max_connections: the plan needs "},
	    {"memory_budget = 1G\nfrontend {\nmemory_limit = 1G }",
	        "3: frontend.memory_limit: the plan needs "},
	    {"frontend { memory_limit = 2000K max_connections = 256 }",
	        "1: frontend.memory_limit: 2000K is too little for max_connections "
	        "256; allowed: auto, or at least 2M"},
	};
	struct config_error err = {{0}};

	refuse_file(*state, mistakes, COUNT(mistakes));
	assert_null(load_overrides(*state, overrides, COUNT(overrides), &err));
	assert_non_null(
	    strstr(err.text, "-o pool.elastic.max_processes=256: "
	                     "pool.elastic.max_processes: the plan needs "));
	assert_non_null(strstr(err.text,
	    "most for pool elastic (256 processes of 20M); allowed: memory_budget, 1G "
	    "(-o memory_budget=1G); raise it to "));
	assert_non_null(strstr(
	    err.text, "M, or lower pool.elastic.max_processes, a profile's memory"));
}

/* It does one job after another, and cannot stop one. */
static void libargon2_has_a_job_at_a_time(void **state)
{
	static const char *const overrides[] = {
	    "engine=libargon2", "pool.elastic.batch=8"};
	struct config_error err = {{0}};
	struct config *config = load_overrides(*state, overrides, 2, &err);

	assert_non_null(config);
	for (size_t i = 0; i < config->pool_count; i++)
		assert_int_equal(config->pools[i].batch, 1);
	assert_int_equal(config_pool_profiles(config, &config->pools[0]), MIB(20));
	config_free(config);
}

static void batches_that_are_auto_shrink_to_the_budget(void **state)
{
	static const char *const wide[] = {"memory_budget=16G",
	    "pool.elastic.max_processes=4", "pool.fixed.max_processes=1"};
	static const char *const tight[] = {"memory_budget=840M",
	    "pool.elastic.max_processes=4", "pool.fixed.max_processes=1"};
	struct config_error err = {{0}};
	struct config *config = load_overrides(*state, wide, 3, &err);

	assert_non_null(config);
	assert_int_equal(config->pools[0].batch, batch_here(4));
	config_free(config);
	config = load_overrides(*state, tight, 3, &err);
	assert_non_null(config);
	assert_in_range(config->pools[0].batch, 1, 3);
	assert_true(config_memory_need(config, NULL) <= config->memory_budget);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_are_as_documented),
	    cmocka_unit_test(a_section_changes_only_what_it_names),
	    cmocka_unit_test(a_preset_is_for_what_nobody_has_said),
	    cmocka_unit_test(bounds_that_are_auto_follow_the_other),
	    cmocka_unit_test(the_store_is_made_absolute),
	    cmocka_unit_test(detached_there_is_a_log_and_a_pidfile),
	    cmocka_unit_test(overrides_go_over_the_file),
	    cmocka_unit_test(bad_overrides_are_refused),
	    cmocka_unit_test(there_is_an_end_to_pools_profiles_and_keys),
	    cmocka_unit_test(later_faults_name_their_place),
	    cmocka_unit_test(the_host_is_asked_by_itself),
	    cmocka_unit_test(the_plan_counts_what_pools_promise),
	    cmocka_unit_test(the_plan_counts_connections),
	    cmocka_unit_test(the_plan_counts_memory_for_secrets),
	    cmocka_unit_test(the_receive_buffer_follows_the_largest_body),
	    cmocka_unit_test(a_plan_over_the_budget_is_refused),
	    cmocka_unit_test(batches_that_are_auto_shrink_to_the_budget),
	    cmocka_unit_test(libargon2_has_a_job_at_a_time),
	};

	return cmocka_run_group_tests_name("config", tests, place_make, place_remove);
}
