/*
 * Bearer tokens (RFC 6750): what a client shows in `Authorization: Bearer TOKEN` where
 * token_file is set. A frontend reads the file before it gives up its privileges, and
 * keeps digests alone.
 */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum {
	TOKEN_MAX = 512, /* bytes of one */
	TOKEN_COUNT_MAX = 4096,
	TOKEN_FILE_MAX = 1 << 20, /* bytes */
};

struct token_set;

/* Reads a file: a token a line, of A-Z a-z 0-9 - . _ ~ + / with = at its end; empty
 * lines and those that begin with # do not count. At least one. Returns the set, or
 * NULL and in *why a constant string. */
struct token_set *token_set_load(const char *path, const char **why);

/* Is it one of them? Takes the same time for each that is as long, be it one or not. */
bool token_set_has(const struct token_set *set, const char *token, size_t len);

void token_set_free(struct token_set *set);

#endif
