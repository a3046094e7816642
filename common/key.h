/*
 * Keys (peppers): the bytes of the files that `key NAME { file }` names, as a hasher
 * has them. They are read in the hasher's own process before it gives up its
 * privileges; the master and the frontends know their names only.
 */
#ifndef COMMON_KEY_H
#define COMMON_KEY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/config.h"

enum { KEY_MIN = 8, KEY_MAX = 1024 }; /* bytes */

struct key {
	size_t len;
	uint8_t bytes[KEY_MAX];
};

/* All keys of a config, at the same indices. In memory of its own, kept from core files
 * and, where RLIMIT_MEMLOCK allows it, from swap. */
struct key_set {
	size_t count;
	struct key keys[];
};

/* Reads all key files for a process that will run as `user` (NULL: as it is). Returns
 * the set, or NULL (logged). */
struct key_set *key_set_load(const struct config *config, const char *user);

/* Wipes and frees. NULL is fine. */
void key_set_free(struct key_set *set);

/*
 * Opens a key file and checks all but its bytes: a regular file of KEY_MIN to KEY_MAX
 * bytes that belongs to root, to who we are or to `user` (NULL: nobody else), with no
 * permissions for others. Never waits. Returns the fd, or -1 and in *why a constant
 * string.
 */
int key_file_open(const char *path, const char *user, const char **why);

#endif
