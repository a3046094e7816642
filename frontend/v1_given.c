#include "frontend/v1_given.h"

#include "common/rehash.h"

enum problem v1_given_read(struct v1_given *given, const struct config *config,
    const struct config_profile *profile, const char *text, size_t len,
    const char **detail)
{
	struct phc *phc = &given->phc;
	const struct job_cost *cost = &phc->cost;

	*given = (struct v1_given){0};
	switch (phc_parse(phc, text, len, detail)) {
	case PHC_OK:
		break;
	case PHC_MALFORMED:
		return PROBLEM_BAD_HASH;
	case PHC_OTHER:
	case PHC_UNSUPPORTED:
		return PROBLEM_UNSUPPORTED_HASH;
	}
	given->reasons = rehash_reasons(config, profile, phc);
	given->within_limits = cost->memory_kib <= config->verify_max_memory / 1024 &&
	                       cost->time <= config->verify_max_time &&
	                       cost->lanes <= config->verify_max_lanes;
	given->key_known =
	    phc->key_len == 0 || config_key_find(config, phc->key, phc->key_len) >= 0;
	return PROBLEM_NONE;
}

enum problem v1_given_check(const struct v1_given *given, const char **detail)
{
	*detail = NULL;
	if (!given->within_limits)
		return PROBLEM_COST_TOO_HIGH;
	return given->key_known ? PROBLEM_NONE : PROBLEM_UNKNOWN_KEY;
}
