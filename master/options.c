#include "master/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/contract.h"

struct option_row {
	const char *name;
	const char *value; /* what it takes, or NULL */
	const char *help;
	/* Returns 0, or -1 with *err. */
	int (*take)(struct options *options, const struct option_row *row, char *value,
	    struct options_error *err);
	enum options_mode mode;
	char letter;
};

static int options_refuse(struct options_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The text is made printable: it quotes what anybody may have written. */
static int options_refuse(struct options_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	err->status = EXIT_USAGE;
	for (char *at = err->text; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return -1;
}

/* ---- what each option does ---- */

/* -T is -t and more; of any other two modes it is not clear what is meant. */
static int mode_take(struct options *options, const struct option_row *row, char *value,
    struct options_error *err)
{
	bool both = options->mode == OPTIONS_TEST && row->mode == OPTIONS_PRINT;
	bool covered = options->mode == OPTIONS_PRINT && row->mode == OPTIONS_TEST;

	(void)value;
	if (options->mode != OPTIONS_RUN && options->mode != row->mode && !both &&
	    !covered)
		return options_refuse(
		    err, "-%c: only one of -t, -T, -s, -v, -V and -h", row->letter);
	if (!covered)
		options->mode = row->mode;
	return 0;
}

static int signal_take(struct options *options, const struct option_row *row,
    char *value, struct options_error *err)
{
	const struct signal_row *signal = signal_find_word(value);

	if (signal == NULL)
		return options_refuse(err,
		    "-s %.64s: an unknown signal; allowed: reload, reopen, upgrade, "
		    "quit, "
		    "stop",
		    value);
	if (options->signal != NULL && options->signal != signal)
		return options_refuse(err, "-s: two signals");
	options->signal = signal;
	return mode_take(options, row, value, err);
}

static int config_take(struct options *options, const struct option_row *row,
    char *value, struct options_error *err)
{
	(void)row;
	if (options->config_path != NULL)
		return options_refuse(err, "-c: two config files");
	if (*value == '\0')
		return options_refuse(err, "-c: an empty path");
	options->config_path = value;
	return 0;
}

static int override_take(struct options *options, const struct option_row *row,
    char *value, struct options_error *err)
{
	char **more;

	(void)row;
	if (strchr(value, '=') == NULL)
		return options_refuse(
		    err, "-o %.64s: no value; allowed: -o NAME=VALUE", value);
	more = reallocarray(
	    options->overrides, options->override_count + 1, sizeof(*more));
	if (more == NULL) {
		options_refuse(err, "out of memory");
		err->status = EXIT_FAILED;
		return -1;
	}
	options->overrides = more;
	more[options->override_count++] = value;
	return 0;
}

static int detach_take(struct options *options, const struct option_row *row,
    char *value, struct options_error *err)
{
	(void)row;
	(void)value;
	(void)err;
	options->detach = true;
	return 0;
}

static const struct option_row option_rows[] = {
    {"config", "FILE", "read this config file", config_take, OPTIONS_RUN, 'c'},
    {"option", "NAME=VALUE", "set a directive over the file, as in", override_take,
        OPTIONS_RUN, 'o'},
    {"detach", NULL, "leave the terminal: pidfile, syslog", detach_take, OPTIONS_RUN,
        'd'},
    {"test", NULL, "test the config and exit", mode_take, OPTIONS_TEST, 't'},
    {"print-config", NULL, "test the config, print it whole and exit", mode_take,
        OPTIONS_PRINT, 'T'},
    {"signal", "NAME", "signal the master that the pidfile names:", signal_take,
        OPTIONS_SIGNAL, 's'},
    {"version", NULL, "print the version and exit", mode_take, OPTIONS_VERSION, 'v'},
    {"build-info", NULL, "also how it was built, engines, libraries", mode_take,
        OPTIONS_BUILD, 'V'},
    {"help", NULL, "print this and exit", mode_take, OPTIONS_HELP, 'h'},
};

enum { ROWS = sizeof(option_rows) / sizeof(option_rows[0]) };

/* ---- getopt ---- */

/* ":" first: tell a missing value from an unknown option; "+": stop at the first word.
 */
static void getopt_prepare(char *letters, struct option *names)
{
	*letters++ = '+';
	*letters++ = ':';
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *row = &option_rows[i];

		*letters++ = row->letter;
		if (row->value != NULL)
			*letters++ = ':';
		names[i] = (struct option){row->name,
		    row->value != NULL ? required_argument : no_argument, NULL,
		    row->letter};
	}
	*letters = '\0';
	names[ROWS] = (struct option){0};
}

static const struct option_row *row_find(int letter)
{
	for (size_t i = 0; i < ROWS; i++)
		if (option_rows[i].letter == letter)
			return &option_rows[i];
	return NULL;
}

/* getopt has read something it does not like; `word` is where. */
static int getopt_failed(int result, const char *word, struct options_error *err)
{
	const struct option_row *row = row_find(optopt);

	if (result == ':' && row != NULL)
		return options_refuse(
		    err, "-%c, --%s: needs %s", row->letter, row->name, row->value);
	if (row != NULL)
		return options_refuse(err, "--%s: takes no value", row->name);
	if (strncmp(word, "--", 2) == 0)
		return options_refuse(
		    err, "%.64s: an unknown or ambiguous option", word);
	return options_refuse(err, "-%c: an unknown option", optopt);
}

static int options_check(const struct options *options, struct options_error *err)
{
	if (options->detach && options->mode != OPTIONS_RUN)
		return options_refuse(err, "-d: not with -t, -T, -s, -v, -V or -h");
	return 0;
}

static int options_read(
    int argc, char **argv, struct options *options, struct options_error *err)
{
	char letters[2 * ROWS + 3];
	struct option names[ROWS + 1];
	int letter;

	getopt_prepare(letters, names);
	opterr = 0;
	optind = 0; /* glibc: begin anew */
	while ((letter = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		const struct option_row *row = row_find(letter);

		if (row == NULL)
			return getopt_failed(
			    letter, argv[optind > 0 ? optind - 1 : 0], err);
		if (row->take(options, row, optarg, err) != 0)
			return -1;
	}
	if (optind < argc)
		return options_refuse(err, "%.64s: not an option", argv[optind]);
	return options_check(options, err);
}

int options_parse(
    int argc, char **argv, struct options *options, struct options_error *err)
{
	*options = (struct options){0};
	if (options_read(argc, argv, options, err) == 0)
		return 0;
	options_free(options);
	return -1;
}

void options_free(struct options *options)
{
	free(options->overrides);
	*options = (struct options){0};
}

/* ---- help ---- */

enum { HELP_COLUMN = 28 };

static void help_option(const struct option_row *row, FILE *out)
{
	char left[64];

	snprintf(left, sizeof(left), "-%c, --%s%s%s", row->letter, row->name,
	    row->value != NULL ? " " : "", row->value != NULL ? row->value : "");
	fprintf(out, "  %-*s%s\n", HELP_COLUMN, left, row->help);
	if (row->take == override_take)
		fprintf(out, "  %-*s-o frontend.processes=2 (the last one counts)\n",
		    HELP_COLUMN, "");
	for (size_t i = 0; row->take == signal_take && i < signal_row_count; i++)
		if (signal_rows[i].word != NULL)
			fprintf(out, "  %-*s%-8s %s\n", HELP_COLUMN, "",
			    signal_rows[i].word, signal_rows[i].meaning);
}

void options_print_help(FILE *out)
{
	fputs("argond [-dtTvVh] [-c file] [-o name=value]... [-s signal]\n"
	      "Hashes passwords with Argon2id over HTTP, each in a process of its "
	      "own.\n\n",
	    out);
	for (size_t i = 0; i < ROWS; i++)
		help_option(&option_rows[i], out);
	fputs("\nExit status: 0 ok, 1 failed, 2 wrong use.\n", out);
}
