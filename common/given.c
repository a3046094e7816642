#include "common/given.h"

#include <string.h>

#include <bsd/string.h>

#include "common/given_frame.h"
#include "common/rehash.h"
#include "common/units.h"

enum { ARGON2ID = 2, VERSION_13 = 0x13 };

/* The hash itself, of whatever format. */
static enum given_result hash_parse(
    struct given *given, const char *text, size_t len, const char **why)
{
	switch (phc_parse(&given->phc, text, len, why)) {
	case PHC_OK:
		return GIVEN_OK;
	case PHC_MALFORMED:
		return GIVEN_MALFORMED;
	case PHC_UNSUPPORTED:
		return GIVEN_UNSUPPORTED;
	case PHC_OTHER:
		break;
	}
	if (legacy_identify(text, len) < 0) {
		*why = "The hash is of no format that is known here";
		return GIVEN_UNSUPPORTED;
	}
	given->old = true;
	return legacy_parse(&given->legacy, text, len, why) == 0 ? GIVEN_OK
	                                                         : GIVEN_MALFORMED;
}

static bool frame_takes(const struct given_frame *frame, const struct given *given)
{
	return given->old ? (frame->old_kinds & 1U << given->legacy.kind) != 0
	                  : (frame->argon2 & 1U << given->phc.cost.type) != 0;
}

enum given_result given_parse(
    struct given *given, const char *text, size_t len, const char **why)
{
	enum given_result result = GIVEN_MALFORMED;
	struct given_frame frame;

	*given = (struct given){0};
	*why = given_frame_read(&frame, text, len);
	if (*why == NULL)
		result = hash_parse(given, text + frame.skip, frame.len, why);
	if (result == GIVEN_OK && !frame_takes(&frame, given)) {
		*why = "The hash is not of the scheme that is named before it";
		result = GIVEN_MALFORMED;
	}
	if (result != GIVEN_OK) {
		explicit_bzero(given, sizeof(*given));
		return result;
	}
	given->framed = frame.framed;
	given->skip = frame.skip;
	given->len = frame.len;
	return GIVEN_OK;
}

bool given_accepted(const struct given *given, const struct config_profile *profile)
{
	return !given->old || (profile->accept & 1U << given->legacy.kind) != 0;
}

static struct legacy_ceiling old_ceiling(
    const struct legacy *legacy, const struct config *config)
{
	struct legacy_ceiling ceiling = *legacy_ceiling(legacy->kind);

	if (ceiling.memory > config->verify_max_memory)
		ceiling.memory = config->verify_max_memory;
	return ceiling;
}

static bool old_within(
    const struct legacy *legacy, const struct config *config, size_t password_len)
{
	const struct legacy_ceiling ceiling = old_ceiling(legacy, config);

	if (password_len == GIVEN_ANY_PASSWORD)
		password_len = config->max_password;
	return legacy_within(legacy, password_len, &ceiling);
}

bool given_within(
    const struct given *given, const struct config *config, size_t password_len)
{
	const struct job_cost *cost = &given->phc.cost;

	if (given->old)
		return old_within(&given->legacy, config, password_len);
	return cost->memory_kib <= config->verify_max_memory / 1024 &&
	       cost->time <= config->verify_max_time &&
	       cost->lanes <= config->verify_max_lanes;
}

size_t given_password_of_old(
    const struct legacy *legacy, const struct config *config, size_t password_len)
{
	const struct legacy_ceiling ceiling = old_ceiling(legacy, config);

	return legacy_password_within(legacy, password_len, &ceiling);
}

void given_compose(struct phc *phc, const struct config_profile *profile)
{
	*phc = (struct phc){.cost = {.type = ARGON2ID,
	                        .version = VERSION_13,
	                        .memory_kib = profile->memory_kib,
	                        .time = profile->time,
	                        .lanes = profile->lanes,
	                        .salt_len = profile->salt,
	                        .tag_len = profile->tag}};
	phc->key_len = (uint32_t)strlen(profile->key);
	memcpy(phc->key, profile->key, phc->key_len);
}

struct job_cost given_cost(const struct given *given)
{
	uint64_t kib;

	if (!given->old)
		return given->phc.cost;
	kib = legacy_cost(&given->legacy, 0).memory / 1024 + 1;
	return (struct job_cost){
	    .memory_kib = kib < UINT32_MAX ? (uint32_t)kib : UINT32_MAX,
	    .time = 1,
	    .lanes = 1};
}

uint64_t given_units_of_old(
    const struct legacy *legacy, enum engine_kind engine, size_t password_len)
{
	/* no ceiling lets one through that takes an hour */
	const uint64_t most_us = UINT64_C(3600) * 1000 * 1000;
	uint64_t us = legacy_cost(legacy, password_len).work_us;

	if (us > most_us)
		us = most_us;
	return units_of_any_job(engine) + units_of_ns(us * 1000, engine);
}

uint64_t given_units(
    const struct given *given, enum engine_kind engine, size_t password_len)
{
	return given->old ? given_units_of_old(&given->legacy, engine, password_len)
	                  : units_of_job(JOB_VERIFY, &given->phc.cost, engine);
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
