/*
 * The command line, -t and -T, and every kind of mistake in a config: status 1 and one
 * line that says where and what.
 */
#include <stdlib.h>
#include <string.h>

#include "common/contract.h"
#include "tests/system/harness.h"
#include "tests/system/run.h"

static struct run *run_new(void)
{
	struct run *run = malloc(sizeof(*run));

	assert_non_null(run);
	return run;
}

static void test_information(void **state)
{
	static const char *const options[] = {"-v", "--version", "-V", "-h", "--help"};
	struct run *run = run_new();

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		run_argond(run, options[i], NULL);
		assert_int_equal(run->status, EXIT_OK);
		assert_true(strlen(run->out) > 0);
		assert_string_equal(run->err, "");
		if (options[i][1] == 'v' || options[i][1] == 'V')
			assert_non_null(strstr(run->out, ARGOND_VERSION));
	}
	free(run);
}

static void test_usage(void **state)
{
	static const char *const rows[][4] = {
	    {"-x", NULL},
	    {"--nonsense", NULL},
	    {"operand", NULL},
	    {"-c", NULL},
	    {"-o", NULL},
	    {"-s", "nonsense", NULL},
	    {"-o", "hello_delay", NULL},
	};
	struct run *run = run_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run_argond_words(run, rows[i]);
		if (run->status != EXIT_USAGE || run->err_lines == 0)
			fail_msg(
			    "%s: status %d, %s", rows[i][0], run->status, run->err);
		assert_string_equal(run->out, "");
	}
	free(run);
}

static void test_config_fine(void **state)
{
	struct daemon *d = *state;
	struct run *run = run_new();

	run_argond(run, "-t", "-c", d->conf, NULL);
	assert_int_equal(run->status, EXIT_OK);
	run_argond(run, "-t", "-c", d->conf, "-o", "hello_delay=5ms", NULL);
	assert_int_equal(run->status, EXIT_OK);
	free(run);
}

/* What -T prints, -c reads back to the same. */
static void test_print_config(void **state)
{
	struct daemon *d = *state;
	struct run *first = run_new(), *second = run_new();
	char path[96];

	run_argond(first, "-T", "-c", d->conf, "-o", "hello_delay=77ms", "-o",
	    "pool.elastic.max_processes=3", "-o", "profile.default.memory=64M", NULL);
	assert_int_equal(first->status, EXIT_OK);
	assert_non_null(strstr(first->out, "77ms"));
	assert_non_null(strstr(first->out, d->socket));
	harness_path(path, d->dir, "printed.conf");
	harness_write_file(path, first->out);
	run_argond(second, "-T", "-c", path, NULL);
	assert_int_equal(second->status, EXIT_OK);
	assert_string_equal(first->out, second->out);
	free(first);
	free(second);
}

/* A config with one mistake, the line it is in, and a word that the message has. */
struct mistake {
	const char *text;
	int line;
	const char *word;
};

static const struct mistake mistakes[] = {
    {"nonsense = 1\n", 1, "nonsense"},
    {"\n\nhello_delay = 100\n", 3, "hello_delay"},
    {"hello_delay = 10parsecs\n", 1, "hello_delay"},
    {"hello_delay = \"\"\n", 1, "hello_delay"},
    {"max_body = 8K\nmax_body = 9K\n", 2, "max_body"},
    {"max_password = 0\n", 1, "max_password"},
    {"max_password = 1000000\n", 1, "max_password"},
    {"max_password = -1\n", 1, "max_password"},
    {"max_password = many\n", 1, "max_password"},
    {"seed_routes = perhaps\n", 1, "seed_routes"},
    {"log_level = loud\n", 1, "log_level"},
    {"log_format = prose\n", 1, "log_format"},
    {"engine = steam\n", 1, "engine"},
    {"default_pool = nowhere\n", 1, "nowhere"},
    {"listen = {\"127.0.0.1\"}\n", 1, "listen"},
    {"listen = {\"127.0.0.1:99999\"}\n", 1, "listen"},
    {"listen = {\"here:80\"}\n", 1, "listen"},
    {"listen = {\"unix:/tmp/x?mode=0999\"}\n", 1, "listen"},
    {"listen = {\"unix:/tmp/x?color=red\"}\n", 1, "listen"},
    {"listen = {}\n", 1, "empty"},
    {"user = nobody-of-that-name\n", 1, "nobody-of-that-name"},
    {"store = postgres\n", 1, "store"},
    {"memory_budget = 101%\n", 1, "memory_budget"},
    {"frontend {\n processes = 65\n}\n", 2, "processes"},
    {"frontend { processes = 2\n", 0, ""},
    {"pool elastic {\n min_processes = 5\n max_processes = 2\n}\n", 0, "min_processes"},
    {"pool elastic { jobs = {juggle} }\n", 1, "juggle"},
    {"pool elastic { max_processes = 257 }\n", 1, "max_processes"},
    {"pool elastic { batch = 17 }\n", 1, "batch"},
    {"pool elastic { color = red }\n", 1, "color"},
    {"profile default {\n memory = 1\n}\n", 2, "memory"},
    {"profile default { memory = 4K }\n", 1, "memory"},
    {"profile default { time = 0 }\n", 1, "time"},
    {"profile default { salt = 4 }\n", 1, "salt"},
    {"profile default { memory = 1024G }\n", 0, "memory"},
    {"hello_delay = 100ms }\n", 1, ""},
    {"= 5\n", 1, ""},
};

static void expect_mistake(const struct daemon *d, const struct mistake *mistake)
{
	struct run *run = run_new();
	char place[128];

	harness_write_file(d->conf, mistake->text);
	run_argond(run, "-t", "-c", d->conf, NULL);
	snprintf(place, sizeof(place),
	    mistake->line > 0 ? "argond.conf:%d:" : "argond.conf", mistake->line);
	if (run->status != EXIT_FAILED || run->err_lines != 1 ||
	    strstr(run->err, place) == NULL || strstr(run->err, mistake->word) == NULL)
		fail_msg("status %d for %s: %s", run->status, mistake->text, run->err);
	run_argond(run, "-c", d->conf, NULL); /* and it does not start with it either */
	assert_int_equal(run->status, EXIT_FAILED);
	free(run);
}

static void test_mistakes(void **state)
{
	const size_t all = sizeof(mistakes) / sizeof(mistakes[0]);

	/* each is two starts: a slow wrapper makes do with some */
	for (size_t i = 0; i < all; i += harness_wrapped() ? 7 : 1)
		expect_mistake(*state, &mistakes[i]);
}

/* What -o says is checked like the file. */
static void test_bad_options(void **state)
{
	static const char *const options[] = {"nonsense=1",
	    "hello_delay=", "hello_delay=5", "=5", "pool.elastic.color=red",
	    "pool.nowhere.batch=1", "profile.default.memory=1G=2",
	    "frontend.processes=0"};
	struct daemon *d = *state;
	struct run *run = run_new();

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		run_argond(run, "-t", "-c", d->conf, "-o", options[i], NULL);
		if (run->status != EXIT_FAILED || run->err_lines != 1)
			fail_msg(
			    "-o %s: status %d, %s", options[i], run->status, run->err);
	}
	free(run);
}

static void test_no_config_file(void **state)
{
	struct daemon *d = *state;
	struct run *run = run_new();
	char path[96];

	harness_path(path, d->dir, "missing.conf");
	run_argond(run, "-t", "-c", path, NULL);
	assert_int_equal(run->status, EXIT_FAILED);
	assert_non_null(strstr(run->err, "missing.conf"));
	run_argond(run, "-t", "-c", d->dir, NULL);
	assert_int_equal(run->status, EXIT_FAILED);
	assert_int_equal(run->err_lines, 1);
	free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_information),
	    cmocka_unit_test(test_usage),
	    daemon_test(test_config_fine),
	    daemon_test(test_print_config),
	    daemon_test(test_mistakes),
	    daemon_test(test_bad_options),
	    daemon_test(test_no_config_file),
	};

	return cmocka_run_group_tests_name("command line", tests, NULL, NULL);
}
