/*
 * Bearer tokens (RFC 6750): what a client shows in `Authorization: Bearer TOKEN` where
 * token_file is set. The master reads the file once for a generation, keeps digests
 * alone, in memory that it then shuts (sealed.h), and frontends map that.
 */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include <stddef.h>

#include "common/sealed.h"

enum {
	TOKEN_MAX = 512, /* bytes of one */
	TOKEN_COUNT_MAX = 4096,
	TOKEN_FILE_MAX = 1 << 20, /* bytes */
};

struct token_set;

/* Reads a file that is fit for a process of `user` (NULL: ours), see secret_file.h: a
 * token a line, of A-Z a-z 0-9 - . _ ~ + / with = at its end; empty lines and those
 * that begin with # do not count, nor does a byte order mark at the start. At least
 * one. Returns 0, or -1 and in *why a constant string. */
int token_set_load(
    struct sealed *sealed, const char *path, const char *user, const char **why);

/* For a frontend: the set, or NULL with errno. */
const struct token_set *token_set_map(const struct sealed *sealed);

/* Which of them is it? From 1 in the order of the file, the last of equal ones; 0:
 * none, as is each that is longer than TOKEN_MAX. The time it takes grows with the
 * logarithm of their number, and tells nothing about any of them: see token.c. */
unsigned token_set_find(const struct token_set *set, const char *token, size_t len);

#endif
