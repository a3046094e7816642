/*
 * Files that hold secrets (keys, bearer tokens): whose they may be, and how they are
 * read. None of it ever waits.
 */
#ifndef COMMON_SECRET_FILE_H
#define COMMON_SECRET_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Opens a regular file. Returns the fd, or -1 and in *why a constant string. */
int secret_file_open(const char *path, const char **why);

/* What keeps the open file from being one for a process that will run as `user` (NULL:
 * as we do): it has to belong to root, to who we are or to `user`, with no permissions
 * for others; a group may read what is root's. A constant string, or NULL. */
const char *secret_file_wrong(int fd, const char *user);

/* Reads the whole file, straight to where it stays: no copy is left behind. Returns its
 * length, or -1 and in *why a constant string: it is longer than `cap` bytes ("too
 * long"), or was written to meanwhile. */
ssize_t secret_file_read(int fd, void *to, size_t cap, const char **why);

#endif
