/*
 * Keys (peppers): the bytes of the files that `key NAME { file }` names. They are read
 * once for a generation, by the master, straight into memory that it then shuts
 * (sealed.h), and mapped by hashers alone: whatever becomes of a file, all processes of
 * a generation have the same keys, however late they are born.
 */
#ifndef COMMON_KEY_H
#define COMMON_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/sealed.h"

enum { KEY_MIN = 8, KEY_MAX = 1024 }; /* bytes */

struct key {
	size_t len;
	uint8_t bytes[KEY_MAX];
};

/* All keys of a config, at the same indices. */
struct key_set {
	size_t count;
	struct key keys[];
};

/* Reads all key files, each of which must be fit for the user of every pool that hashes
 * (secret_file.h). With none, `sealed` is none. Returns 0, or -1 with *err filled. */
int key_set_load(
    struct sealed *sealed, const struct config *config, struct config_error *err);

/* For a hasher: the set, or NULL with errno. */
const struct key_set *key_set_map(const struct sealed *sealed);
/* NULL is fine. */
void key_set_unmap(const struct key_set *set);

/* Logs a warning for each key that has the name of one of `before` and other bytes:
 * hashes made with that one will be found wrong. Returns how many. */
unsigned key_set_warn(const struct sealed *sealed, const struct config *config,
    const struct sealed *before, const struct config *before_config);

#endif
