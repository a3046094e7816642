/*
 * The directive `decoy`: a list of profiles and example hashes, with weights.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "common/config_table.h"
#include "common/given.h"

/* ---- the list ---- */

/* `N*` before an element. No name and no format of a hash begins like this. */
static int weight_parse(const char **text, uint32_t *weight, struct config_why *why)
{
	const size_t digits = strspn(*text, "0123456789");
	char number[16] = "";
	uint64_t value;

	*weight = 1;
	if (digits == 0 || (*text)[digits] != '*')
		return 0;
	if (digits < sizeof(number))
		memcpy(number, *text, digits);
	if (!config_digits(number, CONFIG_WEIGHT_MAX, &value) || value == 0)
		return config_refuse(
		    why, "has a weight that is not 1 to %d", CONFIG_WEIGHT_MAX);
	*weight = (uint32_t)value;
	*text += digits + 1;
	return 0;
}

static int decoys_parse(const struct config_directive *row, void *base,
    const char *text, bool first, struct config_why *why)
{
	struct config_decoys *field = (void *)((char *)base + row->offset);
	struct config_decoy *item;
	uint32_t weight;

	if (first)
		field->count = 0;
	if (*text == '\0' && first)
		return 0;
	if (field->items == NULL)
		field->items = calloc(CONFIG_DECOYS, sizeof(*field->items));
	if (field->items == NULL)
		return config_refuse_memory(why);
	if (weight_parse(&text, &weight, why) != 0)
		return -1;
	if (*text == '\0')
		return config_refuse(why, "is empty");
	if (strlen(text) >= sizeof(item->text))
		return config_refuse(why, "is too long");
	if (field->count == CONFIG_DECOYS)
		return config_refuse(why, "is one too many");
	item = &field->items[field->count++];
	item->weight = weight;
	memcpy(item->text, text, strlen(text) + 1);
	return 0;
}

static void decoys_print(
    const struct config_directive *row, const void *base, FILE *out)
{
	const struct config_decoys *field =
	    (const void *)((const char *)base + row->offset);
	char text[sizeof(field->items[0].text) + 16];

	if (field->count == 0)
		fputs("\"\"", out);
	for (unsigned i = 0; i < field->count; i++) {
		const struct config_decoy *item = &field->items[i];

		if (item->weight == 1)
			snprintf(text, sizeof(text), "%s", item->text);
		else
			snprintf(text, sizeof(text), "%" PRIu32 "*%s", item->weight,
			    item->text);
		fputs(i == 0 ? "{" : ", ", out);
		config_quote(text, out);
	}
	if (field->count > 0)
		putc('}', out);
}

static void decoys_allow(const struct config_directive *row, char *text, size_t cap)
{
	(void)row;
	snprintf(text, cap,
	    "\"\" for the profile itself, or at most %d names of profiles and "
	    "hashes, each with its weight as in 3*old",
	    CONFIG_DECOYS);
}

_Static_assert(
    offsetof(struct config_decoys, items) == 0, "config_free() frees what is owned");

/* In an Argon2 hash there are commas. Of a hash, no more than its format is shown. */
const struct config_type config_type_decoy = {.owned = true,
    .parse = decoys_parse,
    .print = decoys_print,
    .allow = decoys_allow,
    .list = true,
    .separator = ';',
    .quoted = 12};

/* ---- what it means ---- */

/* The same questions that a hash of a caller is asked. NULL: it can be verified. */
static const char *example_wrong(const struct config *config,
    const struct config_profile *profile, const struct given *given)
{
	if (!given_accepted(given, profile))
		return "is of a format that this profile does not accept; allowed: one "
		       "of `accept`, or Argon2";
	if (!given_within(given, config, GIVEN_ANY_PASSWORD))
		return "costs too much; allowed: as much as verify_max_memory, "
		       "verify_max_time, verify_max_lanes and its format's ceiling "
		       "allow";
	if (!given->old && given->phc.key_len > 0 &&
	    config_key_find(config, given->phc.key, given->phc.key_len) < 0)
		return "was made with a key that is not here; allowed: the name of a "
		       "section `key NAME { ... }`";
	return NULL;
}

static int decoy_check(const struct config *config,
    const struct config_profile *profile, unsigned index, struct config_error *err)
{
	const struct config_decoy *decoy = &profile->decoys.items[index];
	const char *wrong;
	struct given given;

	if (config_name_valid(decoy->text)) {
		if (config_profile_find(config, decoy->text) >= 0)
			return 0;
		return config_error_at(config, &profile->decoys, err,
		    "%s is no profile; allowed: the name of a section `profile NAME { "
		    "... }`, or a hash",
		    decoy->text);
	}
	if (given_parse(&given, decoy->text, strlen(decoy->text), &wrong) != GIVEN_OK)
		return config_error_at(config, &profile->decoys, err,
		    "number %u is no profile's name and no hash (%s); allowed: either",
		    index + 1, wrong);
	wrong = example_wrong(config, profile, &given);
	explicit_bzero(&given, sizeof(given));
	if (wrong == NULL)
		return 0;
	return config_error_at(
	    config, &profile->decoys, err, "number %u %s", index + 1, wrong);
}

const char *config_decoy_key(const struct config_profile *profile)
{
	return *profile->decoy_key != '\0' ? profile->decoy_key : profile->key;
}

int config_decoys_check(const struct config *config,
    const struct config_profile *profile, struct config_error *err)
{
	const char *key = config_decoy_key(profile);

	for (unsigned i = 0; i < profile->decoys.count; i++)
		if (decoy_check(config, profile, i, err) != 0)
			return -1;
	if (*key != '\0' && config_key_find(config, key, strlen(key)) < 0)
		return config_error_at(config, &profile->decoy_key, err,
		    "%s is no key; allowed: the name of a section `key NAME { ... }`",
		    key);
	if (profile->decoys.count > 1 && *key == '\0')
		return config_error_at(config, &profile->decoys, err,
		    "several, and no key: who could tell which one a name gets would "
		    "find the users that are there; allowed: with decoy_key or key");
	return 0;
}

uint32_t config_decoys_memory(const struct config_profile *profile)
{
	uint32_t most = 0;

	for (unsigned i = 0; i < profile->decoys.count; i++) {
		const char *text = profile->decoys.items[i].text, *why;
		struct given given;

		if (config_name_valid(text) ||
		    given_parse(&given, text, strlen(text), &why) != GIVEN_OK)
			continue;
		if (given_cost(&given).memory_kib > most)
			most = given_cost(&given).memory_kib;
		explicit_bzero(&given, sizeof(given));
	}
	return most;
}
