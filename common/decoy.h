/*
 * Decoys: what is verified for a user that there is not, so that the time of the answer
 * does not tell it from one that is there. Where the hashes of users differ in cost, a
 * profile has several, with the shares that these costs have among the users; a user's
 * name then always gets the same one.
 *
 * Which one a name gets depends on a key: a client that could compute it would know
 * each user whose answer takes another time. The key is derived from a `key NAME { }`
 * of the config, so it is the same after a restart and on another machine. Frontends
 * choose, and have the derived keys alone, from which those of the config cannot be
 * found.
 */
#ifndef COMMON_DECOY_H
#define COMMON_DECOY_H

#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/key.h"
#include "common/sealed.h"

enum { DECOY_KEY_BYTES = 32 };

/* One for each profile of a config, at the same indices; zeros where its decoys are not
 * chosen by a key. */
struct decoy_key {
	uint8_t bytes[DECOY_KEY_BYTES];
};

/* Derives the keys from the config's own (key_set_load()), in the master. Where no
 * profile has several decoys, `sealed` is none. Returns 0, or -1 with errno. */
int decoy_keys_derive(
    struct sealed *sealed, const struct config *config, const struct sealed *keys);

/* The decoy of the profile that a user has whose name is user[len]; where `user` is
 * NULL, that of the greatest weight. The share of each is its weight's; raising one
 * weight moves users to that decoy, and none between two others where it is the first
 * or the last. NULL where the profile names none: then it is itself. */
const struct config_decoy *decoy_choose(const struct config_profile *profile,
    const struct decoy_key *key, const void *user, size_t len);

/* Writes the hash that is verified, without a NUL: that of the decoy, or one of zeros
 * as the profile that it names (NULL: `profile`) makes them. Returns its length. */
size_t decoy_hash(const struct config *config, const struct config_profile *profile,
    const struct config_decoy *decoy, char text[LIMIT_TEXT]);

#endif
