#include "common/given.h"

#include "common/rehash.h"

static enum given_result given_parse_old(
    struct given *given, const char *text, size_t len, const char **why)
{
	given->old = true;
	if (legacy_parse(&given->legacy, text, len, why) == 0)
		return GIVEN_OK;
	given->old = false;
	return GIVEN_MALFORMED;
}

enum given_result given_parse(
    struct given *given, const char *text, size_t len, const char **why)
{
	const size_t prefix = legacy_argon2_prefix(text, len);

	*given = (struct given){.framed = prefix > 0};
	switch (phc_parse(&given->phc, text + prefix, len - prefix, why)) {
	case PHC_OK:
		return GIVEN_OK;
	case PHC_MALFORMED:
		return GIVEN_MALFORMED;
	case PHC_UNSUPPORTED:
		return GIVEN_UNSUPPORTED;
	case PHC_OTHER:
		break;
	}
	if (legacy_identify(text, len) >= 0)
		return given_parse_old(given, text, len, why);
	*why = "The hash is of no format that is known here";
	return GIVEN_UNSUPPORTED;
}

bool given_accepted(const struct given *given, const struct config_profile *profile)
{
	return !given->old || (profile->accept & 1U << given->legacy.kind) != 0;
}

static bool old_within(const struct legacy *legacy, const struct config *config)
{
	struct legacy_ceiling ceiling = *legacy_ceiling(legacy->kind);

	if (ceiling.memory > config->verify_max_memory)
		ceiling.memory = config->verify_max_memory;
	return legacy_within(legacy, &ceiling);
}

bool given_within(const struct given *given, const struct config *config)
{
	const struct job_cost *cost = &given->phc.cost;

	if (given->old)
		return old_within(&given->legacy, config);
	return cost->memory_kib <= config->verify_max_memory / 1024 &&
	       cost->time <= config->verify_max_time &&
	       cost->lanes <= config->verify_max_lanes;
}

struct job_cost given_cost(const struct given *given)
{
	uint64_t kib;

	if (!given->old)
		return given->phc.cost;
	kib = legacy_cost(&given->legacy).memory / 1024 + 1;
	return (struct job_cost){
	    .memory_kib = kib < UINT32_MAX ? (uint32_t)kib : UINT32_MAX,
	    .time = 1,
	    .lanes = 1};
}

uint64_t given_units_of_old(const struct legacy *legacy)
{
	/* filled by an engine in a microsecond, give or take a factor of two */
	enum { BLOCKS_PER_US = 4 };

	return BLOCKS_PER_US * legacy_cost(legacy).work_us + 1;
}

uint64_t given_units(const struct given *given)
{
	return given->old ? given_units_of_old(&given->legacy)
	                  : job_units(JOB_VERIFY, &given->phc.cost);
}

unsigned given_reasons(const struct given *given, const struct config *config,
    const struct config_profile *profile)
{
	unsigned reasons;

	if (given->old)
		return REHASH_FORMAT;
	reasons = rehash_reasons(config, profile, &given->phc);
	if (given->framed && profile->rehash == CONFIG_REHASH_ANY_DIFFERENCE)
		reasons |= REHASH_FORMAT;
	return reasons;
}

const char *given_name(const struct given *given)
{
	return given->old ? legacy_kind_name(given->legacy.kind)
	                  : phc_type_name(given->phc.cost.type);
}
