/* The command line, good and bad, and the table of signals. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "master/options.h"
#include "master/version.h"

enum { WORDS = 12 };

/* A command line as the kernel hands it over; words end with NULL. */
static int parse(
    const char *const *words, struct options *options, struct options_error *err)
{
	static char copies[WORDS][512];
	char *argv[WORDS + 2] = {(char[]){"argond"}};
	int argc = 1;

	for (size_t i = 0; words[i] != NULL; i++) {
		assert_true(i < WORDS);
		snprintf(copies[i], sizeof(copies[i]), "%s", words[i]);
		argv[argc++] = copies[i];
	}
	memset(err, 0, sizeof(*err));
	return options_parse(argc, argv, options, err);
}

#define LINE(...) ((const char *const[]){__VA_ARGS__, NULL})

static void nothing_means_run(void **state)
{
	static const char *const nothing[] = {NULL};
	struct options options;
	struct options_error err;

	(void)state;
	assert_int_equal(parse(nothing, &options, &err), 0);
	assert_int_equal(options.mode, OPTIONS_RUN);
	assert_null(options.config_path);
	assert_int_equal(options.override_count, 0);
	assert_false(options.detach);
	options_free(&options);
}

static void everything_is_read(void **state)
{
	struct options options;
	struct options_error err;

	(void)state;
	assert_int_equal(parse(LINE("-dc", "/a/b", "-o", "listen=*:0",
	                           "-ouser=", "--option", "x==y", "--option=a=b"),
	                     &options, &err),
	    0);
	assert_int_equal(options.mode, OPTIONS_RUN);
	assert_true(options.detach);
	assert_string_equal(options.config_path, "/a/b");
	assert_int_equal(options.override_count, 4);
	assert_string_equal(options.overrides[0], "listen=*:0");
	assert_string_equal(options.overrides[1], "user=");
	assert_string_equal(options.overrides[2], "x==y");
	assert_string_equal(options.overrides[3], "a=b");
	options_free(&options);
	assert_null(options.overrides);
}

static void every_option_has_two_names(void **state)
{
	static const struct {
		const char *letter, *name, *value;
		enum options_mode mode;
	} examples[] = {
	    {"-t", "--test", NULL, OPTIONS_TEST},
	    {"-T", "--print-config", NULL, OPTIONS_PRINT},
	    {"-s", "--signal", "quit", OPTIONS_SIGNAL},
	    {"-v", "--version", NULL, OPTIONS_VERSION},
	    {"-V", "--build-info", NULL, OPTIONS_BUILD},
	    {"-h", "--help", NULL, OPTIONS_HELP},
	    {"-d", "--detach", NULL, OPTIONS_RUN},
	    {"-c", "--config", "f", OPTIONS_RUN},
	    {"-o", "--option", "a=b", OPTIONS_RUN},
	};
	struct options short_way, long_way;
	struct options_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		assert_int_equal(parse(LINE(examples[i].letter, examples[i].value),
		                     &short_way, &err),
		    0);
		assert_int_equal(
		    parse(LINE(examples[i].name, examples[i].value), &long_way, &err),
		    0);
		assert_int_equal(short_way.mode, examples[i].mode);
		assert_int_equal(long_way.mode, examples[i].mode);
		assert_int_equal(short_way.detach, long_way.detach);
		assert_ptr_equal(short_way.signal, long_way.signal);
		assert_int_equal(short_way.override_count, long_way.override_count);
		assert_int_equal(
		    short_way.config_path == NULL, long_way.config_path == NULL);
		options_free(&short_way);
		options_free(&long_way);
	}
}

static void print_includes_test(void **state)
{
	struct options options;
	struct options_error err;

	(void)state;
	assert_int_equal(parse(LINE("-t", "-T"), &options, &err), 0);
	assert_int_equal(options.mode, OPTIONS_PRINT);
	options_free(&options);
	assert_int_equal(parse(LINE("-Tt"), &options, &err), 0);
	assert_int_equal(options.mode, OPTIONS_PRINT);
	options_free(&options);
}

static void wrong_use_is_said_in_one_line(void **state)
{
	static const struct {
		const char *words[4];
		const char *message;
	} examples[] = {
	    {{"-x"}, "-x: an unknown option"},
	    {{"-tx"}, "-x: an unknown option"},
	    {{"-\n"}, "-?: an unknown option"},
	    {{"--nothing"}, "--nothing: an unknown or ambiguous option"},
	    {{"--nothing=3"}, "--nothing=3: an unknown or ambiguous option"},
	    {{"--\033[2J"}, "--?[2J: an unknown or ambiguous option"},
	    {{"-t", "--con", "a", "--o"}, "-o, --option: needs NAME=VALUE"},
	    {{"-c"}, "-c, --config: needs FILE"},
	    {{"--config"}, "-c, --config: needs FILE"},
	    {{"-dc"}, "-c, --config: needs FILE"},
	    {{"-s"}, "-s, --signal: needs NAME"},
	    {{"--test=yes"}, "--test: takes no value"},
	    {{"-c", ""}, "-c: an empty path"},
	    {{"-c", "a", "-cb"}, "-c: two config files"},
	    {{"-o", "user"}, "-o user: no value; allowed: -o NAME=VALUE"},
	    {{"-s", "kill"},
	        "-s kill: an unknown signal; allowed: reload, reopen, upgrade, "
	        "quit, stop"},
	    {{"-s", "TERM"},
	        "-s TERM: an unknown signal; allowed: reload, reopen, upgrade, "
	        "quit, stop"},
	    {{"-squit", "-sstop"}, "-s: two signals"},
	    {{"-t", "-v"}, "-v: only one of -t, -T, -s, -v, -V and -h"},
	    {{"-h", "-squit"}, "-s: only one of -t, -T, -s, -v, -V and -h"},
	    {{"-d", "-t"}, "-d: not with -t, -T, -s, -v, -V or -h"},
	    {{"argond.conf"}, "argond.conf: not an option"},
	    {{"-t", "x", "-v"}, "x: not an option"},
	    {{"-"}, "-: not an option"},
	    {{"-t", "--", "-d"}, "-d: not an option"},
	};
	struct options options;
	struct options_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		assert_int_equal(parse(LINE(examples[i].words[0], examples[i].words[1],
		                           examples[i].words[2], examples[i].words[3]),
		                     &options, &err),
		    -1);
		assert_string_equal(err.text, examples[i].message);
		assert_null(options.overrides);
	}
}

static void a_signal_has_a_word_and_a_number(void **state)
{
	static const struct {
		const char *word;
		int signo;
		enum signal_action action;
	} examples[] = {
	    {"reload", SIGHUP, SIGNAL_RELOAD},
	    {"reopen", SIGUSR1, SIGNAL_REOPEN},
	    {"upgrade", SIGUSR2, SIGNAL_UPGRADE},
	    {"quit", SIGQUIT, SIGNAL_QUIT},
	    {"stop", SIGINT, SIGNAL_STOP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct signal_row *row = signal_find_word(examples[i].word);

		assert_non_null(row);
		assert_int_equal(row->signo, examples[i].signo);
		assert_int_equal(row->action, examples[i].action);
		assert_ptr_equal(signal_find(row->signo), row);
	}
	assert_int_equal(signal_find(SIGTERM)->action, SIGNAL_QUIT);
	assert_int_equal(signal_find(SIGWINCH)->action, SIGNAL_LEAVE);
	assert_int_equal(signal_find(SIGTTIN)->action, SIGNAL_GROW);
	assert_int_equal(signal_find(SIGTTOU)->action, SIGNAL_SHRINK);
	assert_null(signal_find(SIGPIPE));
	assert_null(signal_find_word("term"));
	assert_null(signal_find_word(""));
}

static char *text_of(void (*print)(FILE *))
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	print(out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void help_names_every_option_and_signal(void **state)
{
	static const char *const words[] = {"-c, --config FILE",
	    "-o, --option NAME=VALUE", "-d, --detach", "-t, --test",
	    "-T, --print-config", "-s, --signal NAME", "-v, --version",
	    "-V, --build-info", "-h, --help", "reload", "reopen", "upgrade", "quit",
	    "stop"};
	char *help = text_of(options_print_help);

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_non_null(strstr(help, words[i]));
	for (const char *at = help; (at = strchr(at, '\n')) != NULL; at++)
		assert_true(strcspn(at + 1, "\n") < 80);
	free(help);
}

static void the_version_says_what_it_is(void **state)
{
	static const char *const words[] = {"argond ",
	    "compiler: ", "options:", "paths: /", "engines: ", "libargon2",
	    "libraries: glibc ", "libev 4.", "llhttp ", "libconfuse ", "SQLite 3.",
	    "libxcrypt ", "libseccomp 2."};
	char *version = text_of(version_print), *build = text_of(version_print_build);

	(void)state;
	assert_int_equal(strcspn(version, "\n") + 1, strlen(version));
	assert_int_equal(strncmp(build, version, strlen(version)), 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_non_null(strstr(build, words[i]));
	free(version);
	free(build);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_means_run),
	    cmocka_unit_test(everything_is_read),
	    cmocka_unit_test(every_option_has_two_names),
	    cmocka_unit_test(print_includes_test),
	    cmocka_unit_test(wrong_use_is_said_in_one_line),
	    cmocka_unit_test(a_signal_has_a_word_and_a_number),
	    cmocka_unit_test(help_names_every_option_and_signal),
	    cmocka_unit_test(the_version_says_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
