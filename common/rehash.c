#include "common/rehash.h"

#include <string.h>

enum { ARGON2ID = 2, VERSION_13 = 0x13 };

static const struct config_key *key_of(
    const struct config *config, const struct phc *phc)
{
	int index = config_key_find(config, phc->key, phc->key_len);

	return index < 0 ? NULL : &config->keys[index];
}

static bool key_differs(const struct config_profile *profile, const struct phc *phc)
{
	return phc->key_len != strlen(profile->key) ||
	       memcmp(phc->key, profile->key, phc->key_len) != 0;
}

/* Is a key that differs a step down? None where there should be one; or one that was
 * taken out of use. */
static bool key_is_weaker(const struct config *config,
    const struct config_profile *profile, const struct phc *phc)
{
	const struct config_key *key = key_of(config, phc);

	return (phc->key_len == 0 && *profile->key != '\0') ||
	       (key != NULL && key->verify_only);
}

unsigned rehash_reasons(const struct config *config,
    const struct config_profile *profile, const struct phc *phc)
{
	const struct {
		uint32_t is, should;
		enum rehash_reason reason;
	} rows[] = {
	    {phc->cost.type, ARGON2ID, REHASH_TYPE},
	    {phc->cost.version, VERSION_13, REHASH_VERSION},
	    {phc->cost.memory_kib, profile->memory_kib, REHASH_MEMORY},
	    {phc->cost.time, profile->time, REHASH_TIME},
	    {phc->cost.lanes, profile->lanes, REHASH_LANES},
	    {phc->cost.salt_len, profile->salt, REHASH_SALT},
	    {phc->cost.tag_len, profile->tag, REHASH_TAG},
	};
	const bool any = profile->rehash == CONFIG_REHASH_ANY_DIFFERENCE;
	unsigned reasons = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].is < rows[i].should || (any && rows[i].is > rows[i].should))
			reasons |= rows[i].reason;
	if (key_differs(profile, phc) && (any || key_is_weaker(config, profile, phc)))
		reasons |= REHASH_KEY;
	if (any && (phc->data_len > 0 || phc->lanes_first))
		reasons |= REHASH_FORMAT;
	return reasons;
}

const char *rehash_reason_name(enum rehash_reason reason)
{
	switch (reason) {
	case REHASH_TYPE:
		return "type";
	case REHASH_VERSION:
		return "version";
	case REHASH_MEMORY:
		return "memory";
	case REHASH_TIME:
		return "time";
	case REHASH_LANES:
		return "lanes";
	case REHASH_SALT:
		return "salt";
	case REHASH_TAG:
		return "tag";
	case REHASH_KEY:
		return "key";
	case REHASH_FORMAT:
		return "format";
	case REHASH_END:
		break;
	}
	return "unknown";
}
