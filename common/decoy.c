#include "common/decoy.h"

#include <string.h>

#include <blake2.h>
#include <bsd/string.h>

#include "common/given.h"
#include "common/secret.h"

/* ---- keys ---- */

static bool any_is_chosen(const struct config *config)
{
	for (size_t i = 0; i < config->profile_count; i++)
		if (config->profiles[i].decoys.count > 1)
			return true;
	return false;
}

static int key_derive(struct decoy_key *out, const struct config *config,
    const struct config_profile *profile, const struct key_set *set)
{
	static const char purpose[] = "argond decoy";
	const char *name = config_decoy_key(profile);
	const int index = config_key_find(config, name, strlen(name));

	if (profile->decoys.count < 2 || index < 0)
		return 0;
	return blake2b(out->bytes, set->keys[index].bytes, purpose, sizeof(out->bytes),
	    set->keys[index].len, sizeof(purpose) - 1);
}

static int keys_derive(
    struct decoy_key *out, const struct config *config, const struct sealed *keys)
{
	const struct key_set *set = key_set_map(keys);
	int rc = 0;

	if (set == NULL)
		return -1;
	for (size_t i = 0; i < config->profile_count; i++)
		rc |= key_derive(&out[i], config, &config->profiles[i], set);
	key_set_unmap(set);
	secret_wipe_stack(); /* where the digest has had the keys */
	return rc;
}

int decoy_keys_derive(
    struct sealed *sealed, const struct config *config, const struct sealed *keys)
{
	*sealed = (struct sealed){0};
	if (!any_is_chosen(config))
		return 0;
	if (sealed_open(sealed, "argond-decoys",
	        config->profile_count * sizeof(struct decoy_key)) != 0)
		return -1;
	if (keys_derive(sealed->base, config, keys) == 0)
		return sealed_shut(sealed);
	sealed_close(sealed);
	return -1;
}

/* ---- choice ---- */

static const struct config_decoy *heaviest(const struct config_decoys *decoys)
{
	const struct config_decoy *most = &decoys->items[0];

	for (unsigned i = 1; i < decoys->count; i++)
		if (decoys->items[i].weight > most->weight)
			most = &decoys->items[i];
	return most;
}

/* A place in [0, total), by a number in [0, 2^32) that stays the user's own whatever
 * the weights are. */
static uint32_t place_of(
    const struct decoy_key *key, const void *user, size_t len, uint32_t total)
{
	uint8_t digest[4] = {0};
	uint64_t number = 0;

	(void)blake2b(
	    digest, user, key->bytes, sizeof(digest), len, sizeof(key->bytes));
	for (size_t i = 0; i < sizeof(digest); i++)
		number = number << 8 | digest[i];
	return (uint32_t)(number * total >> 32);
}

const struct config_decoy *decoy_choose(const struct config_profile *profile,
    const struct decoy_key *key, const void *user, size_t len)
{
	const struct config_decoys *decoys = &profile->decoys;
	uint32_t total = 0, place;
	unsigned i = 0;

	if (decoys->count == 0)
		return NULL;
	if (decoys->count == 1 || user == NULL || key == NULL)
		return heaviest(decoys);
	for (i = 0; i < decoys->count; i++)
		total += decoys->items[i].weight;
	place = place_of(key, user, len, total);
	for (i = 0; place >= decoys->items[i].weight; i++)
		place -= decoys->items[i].weight;
	return &decoys->items[i];
}

static size_t profile_hash(const struct config_profile *profile, char text[LIMIT_TEXT])
{
	struct phc phc;
	ssize_t len;

	given_compose(&phc, profile);
	len = phc_format(text, LIMIT_TEXT, &phc);
	return len > 0 ? (size_t)len : 0;
}

size_t decoy_hash(const struct config *config, const struct config_profile *profile,
    const struct config_decoy *decoy, char text[LIMIT_TEXT])
{
	const int index = decoy != NULL ? config_profile_find(config, decoy->text) : -1;
	size_t len;

	if (decoy == NULL || index >= 0)
		return profile_hash(
		    index >= 0 ? &config->profiles[index] : profile, text);
	len = strlen(decoy->text);
	memcpy(text, decoy->text, len);
	return len;
}
