/*
 * The command line: argv to struct options, and the text of -h.
 */
#ifndef MASTER_OPTIONS_H
#define MASTER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "master/signals.h"

/* What is to be done. */
enum options_mode {
	OPTIONS_RUN,
	OPTIONS_TEST,    /* -t */
	OPTIONS_PRINT,   /* -T: test, then print the config */
	OPTIONS_SIGNAL,  /* -s */
	OPTIONS_VERSION, /* -v */
	OPTIONS_BUILD,   /* -V */
	OPTIONS_HELP     /* -h */
};

struct options {
	enum options_mode mode;
	const char *config_path; /* -c, or NULL; points into argv */
	char **overrides; /* -o in order; the list is owned, its texts are argv's */
	size_t override_count;
	bool detach;                     /* -d */
	const struct signal_row *signal; /* OPTIONS_SIGNAL: which */
};

struct options_error {
	char text[256]; /* one printable line */
	int status; /* EXIT_USAGE, or EXIT_FAILED where it is not the caller's fault */
};

/* Reads the command line. Returns 0 with *options to be given to options_free(), or -1
 * with what was wrong in *err: the caller prints it and exits with its status. */
int options_parse(
    int argc, char **argv, struct options *options, struct options_error *err);
void options_free(struct options *options);

/* Writes the text of -h. */
void options_print_help(FILE *out);

#endif
