/*
 * Configs with each kind of mistake: file, line, what is allowed.
 */
#include "tests/common/config_world.h"

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
	    {"key old { file = /x verify_only = on }\nprofile web {\n key = old\n}",
	        "3: profile.web.key: old is verify_only; allowed"},
	    {"profile web {\n preset = \"rfc9106-high\"\n}",
	        "2: profile.web.preset: 2G: such hashes could not be verified;"},
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
	    {"verify_max_memory = 256M pool elastic { memory_limit = 255M }",
	        "1: pool.elastic.memory_limit: 255M is less than a process needs for "
	        "its jobs; "
	        "allowed: at least 256M"},
	    {"max_password = 1024\nmax_body = 1K",
	        "2: max_body: 1024 bytes hold no password of max_password 1024"},
	    {"frontend { rlimit_nofile = 1119 max_connections = 1024 }",
	        "1: frontend.rlimit_nofile: 1119 is too few for max_connections 1024; "
	        "allowed: auto, or at least 1120"},
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

	assert_non_null(text);
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
	};

	return cmocka_run_group_tests_name(
	    "config_mistakes", tests, place_make, place_remove);
}
