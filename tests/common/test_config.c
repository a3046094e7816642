/* Whole configs: files with each kind of mistake, what overrides do, defaults and what
 * `auto` comes to, the memory plan, and that -T's text is read back as it was. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/argon2_size.h"
#include "common/config_table.h"
#include "common/cpu.h"
#include "common/memory.h"
#include "common/paths.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define MIB(n) (UINT64_C(n) << 20)

struct place {
	char folder[32];
	char file[64]; /* of the config under test */
};

static int place_make(void **state)
{
	static struct place place;

	snprintf(place.folder, sizeof(place.folder), "/tmp/argond-config-XXXXXX");
	if (mkdtemp(place.folder) == NULL)
		return -1;
	snprintf(place.file, sizeof(place.file), "%s/argond.conf", place.folder);
	*state = &place;
	return 0;
}

static int place_remove(void **state)
{
	struct place *place = *state;

	unlink(place->file);
	return rmdir(place->folder);
}

static void file_write(const struct place *place, const void *text, size_t len)
{
	FILE *file = fopen(place->file, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* Loads that text as a file, with overrides. */
static struct config *load_text(const struct place *place, const char *text,
    char *const *overrides, size_t count, struct config_error *err)
{
	memset(err, 0, sizeof(*err));
	file_write(place, text, strlen(text));
	return config_load(place->file, overrides, count, err);
}

static struct config *load_good(const struct place *place, const char *text)
{
	struct config_error err = {{0}};
	struct config *config = load_text(place, text, NULL, 0, &err);

	if (config == NULL)
		fail_msg("%s", err.text);
	return config;
}

static struct config *load_overrides(const struct place *place,
    const char *const *overrides, size_t count, struct config_error *err)
{
	char *copies[8] = {NULL};
	struct config *config;

	assert_true(count <= COUNT(copies));
	for (size_t i = 0; i < count; i++)
		copies[i] = strdup(overrides[i]);
	config = load_text(place, "", copies, count, err);
	for (size_t i = 0; i < count; i++)
		free(copies[i]);
	return config;
}

/* ---- mistakes ---- */

struct mistake {
	const char *text;
	const char *message; /* what follows FILE: */
};

static void refuse_file(
    const struct place *place, const struct mistake *mistakes, size_t count)
{
	char expected[1024];

	for (size_t i = 0; i < count; i++) {
		struct config_error err = {{0}};
		struct config *config =
		    load_text(place, mistakes[i].text, NULL, 0, &err);

		if (config != NULL)
			fail_msg("taken: %s", mistakes[i].text);
		snprintf(expected, sizeof(expected), "%s:%s", place->file,
		    mistakes[i].message);
		/* What is allowed may be a long list: its beginning will do. */
		if (strncmp(err.text, expected, strlen(expected)) != 0)
			assert_string_equal(err.text, expected);
		assert_null(strchr(err.text, '\n'));
	}
}

static void unknown_names_are_refused(void **state)
{
	static const struct mistake mistakes[] = {
	    {"lisetn = a",
	        "1: lisetn: an unknown directive; allowed: listen, user, group"},
	    {"\n\n  pol elastic { }", "3: pol: an unknown directive; allowed: listen"},
	    {"user = a\nmemory = 4M",
	        "2: memory: an unknown directive; allowed: listen"},
	    {"profile web {\n\tjobs = {hash}\n}",
	        "2: jobs: an unknown directive; allowed in profile: memory, time, "
	        "lanes, "
	        "salt, tag, key"},
	    {"frontend {\n\n\tprocess = 1\n}",
	        "3: process: an unknown directive; allowed in frontend: processes"},
	    {"include(\"/etc/passwd\")", "1: include: an unknown directive"},
	    {"\"\" = 3",
	        "1: an empty name; allowed: the name of a directive or a section"},
	    {"'' { }",
	        "1: an empty name; allowed: the name of a directive or a section"},
	    {"\"pool=elastic|batch\" = 3", "1: "},
	    {"\"frontend|nice\" = 3", "1: nice: a directive of another section"},
	    {"pool elastic { \"frontend|nice\" = 3 }", "1: "},
	};

	refuse_file(*state, mistakes, COUNT(mistakes));
}

static void repetitions_are_refused(void **state)
{
	static const struct mistake mistakes[] = {
	    {"user = a\nuser = a",
	        "2: user: a repeated directive; allowed: once (it is set in "
	        "line 1)"},
	    {"listen = {\"*:0\"}\nlisten = {\"*:0\"}",
	        "2: listen: a repeated directive; allowed: once (it is set in line 1)"},
	    {"pool elastic {\nbatch = 2\nnice = 3\nbatch = 2\n}",
	        "4: batch: a repeated directive; allowed: once (it is set in line 2)"},
	    {"frontend { nice = 1 }\nfrontend { processes = 1 }",
	        "2: frontend: a repeated section; allowed: once (it is in line 1)"},
	    {"frontend { }\n\nfrontend { }",
	        "3: frontend: a repeated section; allowed: once (it is in line 1)"},
	    {"pool web { jobs = {hash} }\npool web { batch = 2 }",
	        "2: pool.web: a repeated section; allowed: once (it is in line 1)"},
	    {"pool elastic { batch = 2 }\npool \"elastic\" { }",
	        "2: pool.elastic: a repeated section; allowed: once (it is in line 1)"},
	    {"pool a { jobs = hash }\npool b { jobs = hash }\npool a { }",
	        "3: pool.a: a repeated section; allowed: once (it is in line 1)"},
	    {"profile default { }\nprofile default { }",
	        "2: profile.default: a repeated section; allowed: once (it is in line "
	        "1)"},
	};

	refuse_file(*state, mistakes, COUNT(mistakes));
}

static void values_are_refused_with_their_line(void **state)
{
	static const struct mistake mistakes[] = {
	    {"user = a\n\nmax_body = 8",
	        "3: max_body: 8 needs a unit; allowed: 1K to 16M"},
	    {"/* one\ntwo */ # three\n// four\nengine = fast # no",
	        "4: engine: fast is not known; allowed: auto, avx512, avx2 or "
	        "libargon2"},
	    {"listen = {\"*:1\",\n\"*:2\",\n\"*:2\"}", "3: listen: *:2 is there twice"},
	    {"listen = {\"*:1, localhost:2\"}",
	        "1: listen: localhost:2 is not an address"},
	    {"pool web {\n jobs = {hash}\n batch = 0\n}",
	        "3: pool.web.batch: 0 is out of range; allowed: auto or 1 to 16"},
	    {"pool \"a b\" { }", "1: pool: a b is not a name; allowed: 1 to 31 of"},
	    {"pool \"\" {\n}", "1: an empty name; allowed: the name of"},
	    {"user = \"\\x1b[2J\"", "1: user: ?[2J has a control byte; allowed"},
	    {"user = \"\xff\xfe\x01\"", "1: a control byte; allowed: printable text"},
	};

	refuse_file(*state, mistakes, COUNT(mistakes));
}

static void syntax_errors_are_refused(void **state)
{
	static const struct mistake mistakes[] = {
	    {"user", "1: premature end of file"},
	    {"user a", "1: missing equal sign after option 'user'"},
	    {"user = }", "1: unexpected token '}'"},
	    {"user = ,", "1: unexpected token ','"},
	    {"= a", "1: unexpected token '='"},
	    {"}", "1: unexpected closing brace"},
	    {"user = a }", "1: unexpected closing brace"},
	    {"frontend = 3", "1: missing opening brace for section 'frontend'"},
	    {"pool { }", "1: missing title for section 'pool'"},
	    {"pool elastic = 3", "1: missing opening brace for section 'pool'"},
	    {"user = {a}", "1: unexpected token '{'"},
	    {"listen = {a b}", "1: listen: a has no port"},
	    {"listen = {\"*:1\" \"*:2\"}", "1: unexpected token '*:2'"},
	    {"user = f(x)", "1: unexpected token '('"},
	    {"listen += \"*:1\"",
	        "1: a + outside of a string; allowed: the whole list"},
	    {"listen = *:1", "1: a * outside of a string; allowed: in quotes"},
	    {"listen = {}", "1: an empty list; allowed: at least one value"},
	    {"pool elastic {\n jobs = { # none\n }\n}",
	        "3: an empty list; allowed: at least one value"},
	    {"\nfrontend {\n nice = 1\n",
	        "2: a { that is not closed; allowed: a } for each"},
	    {"user = \"a", "1: a string that does not end on its line"},
	    {"user = 'a\n'", "1: a string that does not end on its line"},
	    {"user = a\n/* no end", "2: a comment that does not end"},
	    {"user = \"\\n\"", "1: an unknown escape; allowed"},
	    {"user = \"\\101\"", "1: an unknown escape; allowed"},
	    {"user = \"\\x4\"", "1: an unknown escape; allowed"},
	    {"user = \"\\x00a\"", "1: an unknown escape; allowed"},
	    {"user = \"\\", "1: an unknown escape; allowed"},
	    {"user = a\rgroup = b", "1: a control byte; allowed: printable text"},
	};

	refuse_file(*state, mistakes, COUNT(mistakes));
}

static void the_environment_is_not_read(void **state)
{
	static const struct mistake mistakes[] = {
	    {"user = \"${ARGOND_TEST}\"",
	        "1: ${ in a string; the environment is not read"},
	    {"/* a\nb */ // c\nuser = \"${ARGOND_TEST}\"", "3: ${ in a string; the"},
	    {"user = ${ARGOND_TEST}",
	        "1: ${ outside of a string; the environment is not"},
	    {"user = a${ARGOND_TEST}",
	        "1: ${ outside of a string; the environment is not"},
	};
	struct config *config;

	setenv("ARGOND_TEST", "root", 1);
	refuse_file(*state, mistakes, COUNT(mistakes));
	config =
	    load_good(*state, "user = '${ARGOND_TEST}' group = \"\\${ARGOND_TEST}\"");
	assert_string_equal(config->user, "${ARGOND_TEST}");
	assert_string_equal(config->group, "${ARGOND_TEST}");
	config_free(config);
	unsetenv("ARGOND_TEST");
}

static void a_nul_byte_is_refused(void **state)
{
	static const char text[] = "user = a\n\0group = b";
	const struct place *place = *state;
	struct config_error err = {{0}};

	file_write(place, text, sizeof(text) - 1);
	assert_null(config_load(place->file, NULL, 0, &err));
	assert_non_null(strstr(err.text, "argond.conf:2: a control byte"));
}

static void contradictions_are_refused_where_they_were_written(void **state)
{
	static const struct mistake mistakes[] = {
	    {"user = a\ndefault_pool = web",
	        "2: default_pool: web is no pool; allowed: elastic"},
	    {"default_pool = lookup",
	        "1: default_pool: lookup does not hash; allowed: a pool"},
	    {"default_pool = \"\"",
	        "1: default_pool: \"\" is no pool; allowed: elastic"},
	    {"\npool web { batch = 2 }",
	        "2: pool.web: no jobs; allowed: jobs = {hash}"},
	    {"pool web { }", "1: pool.web: no jobs; allowed: jobs = {hash}"},
	    {"pool web { jobs = {lookup,\nhash} }",
	        "1: pool.web.jobs: lookup with others;"},
	    {"profile web {\n key = old\n}",
	        "2: profile.web.key: old is no key; allowed"},
	    {"key old { }", "1: key.old: no file; allowed: file = \"/path\""},
	    {"pool fixed {\n min_processes = 3\n max_processes = 2\n}",
	        "2: pool.fixed.min_processes: min_processes 3 is over max_processes 2"},
	    {"pool lookup { min_processes = 9 }",
	        "1: pool.lookup.min_processes: min_processes 9 is over max_processes "
	        "8"},
	    {"profile web { memory = 64K lanes = 9 }",
	        "1: profile.web.memory: 64K for 9 lanes; allowed: at least 8K for each "
	        "lane, "
	        "72K"},
	    {"profile web { memory = 257M }",
	        "1: profile.web.memory: 257M: such hashes could not be verified; "
	        "allowed: at "
	        "most verify_max_memory, 256M"},
	    {"profile web { time = 17 }",
	        "1: profile.web.time: 17: such hashes could not"},
	    {"profile web { lanes = 17 }",
	        "1: profile.web.lanes: 17: such hashes could not"},
	    {"pool elastic { memory_limit = 255M }",
	        "1: pool.elastic.memory_limit: 255M is less than a process needs for "
	        "its jobs; "
	        "allowed: at least 256M"},
	    {"max_password = 1024\nmax_body = 1K",
	        "2: max_body: 1024 bytes hold no password of max_password 1024"},
	    {"frontend { rlimit_nofile = 1087 max_connections = 1024 }",
	        "1: frontend.rlimit_nofile: 1087 is too few for max_connections 1024; "
	        "allowed: auto, or at least 1088"},
	};

	refuse_file(*state, mistakes, COUNT(mistakes));
}

static void only_a_regular_file_is_read(void **state)
{
	static const struct mistake mistakes[] = {
	    {"/dev/zero", "not a regular file"},
	    {"/tmp", "not a regular file"},
	    {"/nowhere/argond.conf", "No such file or directory"},
	    {"/etc/passwd/argond.conf", "Not a directory"},
	};
	const struct place *place = *state;
	struct config_error err = {{0}};
	char expected[128];

	for (size_t i = 0; i < COUNT(mistakes); i++) {
		assert_null(config_load(mistakes[i].text, NULL, 0, &err));
		snprintf(expected, sizeof(expected), "%s: %s", mistakes[i].text,
		    mistakes[i].message);
		assert_string_equal(err.text, expected);
	}
	/* Opening a FIFO that nobody writes to would wait for ever. */
	unlink(place->file);
	assert_int_equal(mkfifo(place->file, 0600), 0);
	assert_null(config_load(place->file, NULL, 0, &err));
	assert_non_null(strstr(err.text, "argond.conf: not a regular file"));
	unlink(place->file);
}

static void an_unreadable_file_is_said_to_be(void **state)
{
	const struct place *place = *state;
	struct config_error err = {{0}};
	bool root = geteuid() == 0;

	file_write(place, "", 0);
	assert_int_equal(chmod(place->file, 0), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	assert_null(config_load(place->file, NULL, 0, &err));
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(place->file, 0600), 0);
	assert_non_null(strstr(err.text, "argond.conf: Permission denied"));
}

static void a_huge_file_is_refused(void **state)
{
	const struct place *place = *state;
	static const char head[] =
	    "pool a234567890123456789012345678901{cpu_affinity={0,";
	char *text = malloc((1 << 20) + 1);
	size_t at;
	struct config_error err = {{0}};
	struct config *config;

	memset(text, '\n', (1 << 20) + 1);
	file_write(place, text, 1 << 20);
	config = config_load(place->file, NULL, 0, &err);
	assert_non_null(config);
	config_free(config);
	file_write(place, text, (1 << 20) + 1);
	assert_null(config_load(place->file, NULL, 0, &err));
	assert_non_null(strstr(err.text, "argond.conf: larger than 1048576 bytes"));
	/* As many values as fit: more than the statements have room for. */
	at = (size_t)snprintf(text, 1 << 20, "%s", head);
	for (; at + 5 < 1 << 20; at += 2) {
		text[at] = '0';
		text[at + 1] = ',';
	}
	snprintf(text + at, 4, "0}}");
	file_write(place, text, at + 3);
	assert_null(config_load(place->file, NULL, 0, &err));
	assert_non_null(strstr(err.text, "argond.conf: too many values"));
	free(text);
}

/* ---- what is read ---- */

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
	assert_int_equal(config->keepalive_timeout_ms, 60000);
	assert_int_equal(config->shutdown_timeout_ms, 30000);
	assert_int_equal(config->ready_timeout_ms, 30000);
	assert_int_equal(
	    config->memory_budget, memory_usable() / 100 * 75 / 1024 * 1024);
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
	                      "profile web { memory = 64M key = old }\n"
	                      "key old { file = /etc/old verify_only = on }\n"
	                      "default_pool = fixed\n"
	                      "listen = \"*:1\"\r\n"
	                      "frontend { cpu_affinity = {0, \"2-3,5\"} nice = -5 }\n");

	assert_int_equal(config->pool_count, 4);
	assert_int_equal(config->pools[1].max_processes, 4);
	assert_int_equal(config->pools[1].jobs, CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY);
	assert_string_equal(config->pools[3].name, "web");
	assert_int_equal(config->pools[3].jobs, CONFIG_JOBS_VERIFY);
	assert_int_equal(config->pools[3].batch, 3);
	assert_int_equal(config->pools[3].deadline_ms, 2000);
	assert_int_equal(config->pools[3].queue_limit, 1024);
	assert_int_equal(config->profiles[0].time, 3);
	assert_int_equal(config->profiles[0].memory_kib, 19456);
	assert_int_equal(config->profiles[1].memory_kib, 65536);
	assert_int_equal(config->profiles[1].time, 2);
	assert_string_equal(config->profiles[1].key, "old");
	assert_true(config->keys[0].verify_only);
	assert_int_equal(config->default_pool, 1);
	assert_int_equal(config_pool_find(config, "web"), 3);
	assert_int_equal(config_pool_find(config, "Web"), -1);
	assert_int_equal(config_profile_find(config, "web"), 1);
	assert_int_equal(config_profile_find(config, "old"), -1);
	assert_int_equal(CPU_COUNT(&config->frontend.cpu_affinity.set), 4);
	assert_true(CPU_ISSET(5, &config->frontend.cpu_affinity.set));
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
	    3 * two + 5 * one + (ceiling > two ? ceiling - two : 0));
	config_free(config);
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
	};
	struct config_error err = {{0}};

	refuse_file(*state, mistakes, COUNT(mistakes));
	assert_null(load_overrides(*state, overrides, COUNT(overrides), &err));
	assert_non_null(
	    strstr(err.text, "-o pool.elastic.max_processes=256: "
	                     "pool.elastic.max_processes: the plan needs "));
	assert_non_null(strstr(err.text,
	    "most for pool elastic (256 processes of 20M); allowed: memory_budget, 1G; "
	    "raise it, or lower pool.elastic.max_processes, pool.elastic.batch (1)"));
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
	assert_int_equal(config->pools[0].batch, 4);
	config_free(config);
	config = load_overrides(*state, tight, 3, &err);
	assert_non_null(config);
	assert_in_range(config->pools[0].batch, 1, 3);
	assert_true(config_memory_need(config, NULL) <= config->memory_budget);
	config_free(config);
}

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

static char *print_text(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(config_print(config, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
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
	    cmocka_unit_test(unknown_names_are_refused),
	    cmocka_unit_test(repetitions_are_refused),
	    cmocka_unit_test(values_are_refused_with_their_line),
	    cmocka_unit_test(syntax_errors_are_refused),
	    cmocka_unit_test(the_environment_is_not_read),
	    cmocka_unit_test(a_nul_byte_is_refused),
	    cmocka_unit_test(contradictions_are_refused_where_they_were_written),
	    cmocka_unit_test(only_a_regular_file_is_read),
	    cmocka_unit_test(an_unreadable_file_is_said_to_be),
	    cmocka_unit_test(a_huge_file_is_refused),
	    cmocka_unit_test(defaults_are_as_documented),
	    cmocka_unit_test(a_section_changes_only_what_it_names),
	    cmocka_unit_test(bounds_that_are_auto_follow_the_other),
	    cmocka_unit_test(the_store_is_made_absolute),
	    cmocka_unit_test(detached_there_is_a_log_and_a_pidfile),
	    cmocka_unit_test(overrides_go_over_the_file),
	    cmocka_unit_test(bad_overrides_are_refused),
	    cmocka_unit_test(there_is_an_end_to_pools_profiles_and_keys),
	    cmocka_unit_test(later_faults_name_their_place),
	    cmocka_unit_test(the_host_is_asked_by_itself),
	    cmocka_unit_test(the_plan_counts_what_pools_promise),
	    cmocka_unit_test(a_plan_over_the_budget_is_refused),
	    cmocka_unit_test(batches_that_are_auto_shrink_to_the_budget),
	    cmocka_unit_test(what_is_printed_is_read_back),
	    cmocka_unit_test(printing_to_a_full_disk_fails),
	    cmocka_unit_test(the_example_has_every_directive),
	    cmocka_unit_test(the_example_shows_the_defaults),
	};

	return cmocka_run_group_tests(tests, place_make, place_remove);
}
