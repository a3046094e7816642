/*
 * Reading a config file into statements. libconfuse does it, in a process of its own:
 * it is not made to run out of memory (it exits, aborts or follows NULL) and keeps its
 * state in globals, and the master that reloads a config has requests to answer.
 */
#ifndef COMMON_CONFIG_FILE_H
#define COMMON_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"

enum config_statement_kind {
	CONFIG_STATEMENT_SECTION = 'S', /* one begins */
	CONFIG_STATEMENT_VALUE = 'V',   /* a value, or the first of a list */
	CONFIG_STATEMENT_MORE = 'M',    /* another one of the same list */
	CONFIG_STATEMENT_UNKNOWN = 'U', /* a directive or section that there is not */
	CONFIG_STATEMENT_ERROR = 'E'    /* value: what libconfuse had to say */
};

struct config_statement {
	char kind;
	unsigned line;
	const char *section, *title; /* "" outside of sections, "" without title */
	const char *name, *value;
};

/* Statements as they came, in memory that both processes have. */
struct config_statements {
	size_t len;
	bool full; /* there were more */
	bool done; /* the parser has come to its end, be it an error */
	char bytes[];
};

/* Reads a regular file of at most CONFIG_FILE_MAX bytes, NUL-terminated. The caller
 * frees it. NULL with *err. Never waits for what is not a regular file. */
enum { CONFIG_FILE_MAX = 1 << 20 };
char *config_file_read(const char *path, size_t *len, struct config_error *err);

/* Parses text that config_scan() has passed. NULL with *err. */
struct config_statements *config_file_parse(
    const char *path, const char *text, struct config_error *err);
void config_statements_free(struct config_statements *statements);

/* Reads the statement at *at (0 at first) and moves on. False at the end. */
bool config_statement_next(const struct config_statements *statements, size_t *at,
    struct config_statement *statement);

#endif
