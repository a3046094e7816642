/*
 * What no single directive can know: whether those that belong together go together.
 */
#include <inttypes.h>
#include <string.h>

#include "common/config_table.h"

static int key_check(const struct config *config, const struct config_profile *profile,
    struct config_error *err)
{
	int key = config_key_find(config, profile->key, strlen(profile->key));

	if (*profile->key == '\0' || (key >= 0 && !config->keys[key].verify_only))
		return 0;
	if (key >= 0)
		return config_error_at(config, &profile->key, err,
		    "%s is verify_only; allowed: a key that hashes may be made with",
		    profile->key);
	return config_error_at(config, &profile->key, err,
	    "%s is no key; allowed: the name of a section `key NAME { ... }`",
	    profile->key);
}

/* Where a cost comes from: its own line, or that of the preset. */
static const void *cost_origin(const struct config *config,
    const struct config_profile *profile, const void *member)
{
	return profile->preset != 0 && !config_is_set(config, member) ? &profile->preset
	                                                              : member;
}

static int profile_check(const struct config *config,
    const struct config_profile *profile, struct config_error *err)
{
	char memory[32], most[32];

	if (profile->memory_kib < 8 * profile->lanes)
		return config_error_at(config,
		    cost_origin(config, profile, &profile->memory_kib), err,
		    "%uK for %u lanes; allowed: at least 8K for each lane, %uK",
		    profile->memory_kib, profile->lanes, 8 * profile->lanes);
	if ((uint64_t)profile->memory_kib * 1024 > config->verify_max_memory)
		return config_error_at(config,
		    cost_origin(config, profile, &profile->memory_kib), err,
		    "%s: such hashes could not be verified; allowed: at most "
		    "verify_max_memory, %s",
		    config_size_text(
		        (uint64_t)profile->memory_kib * 1024, memory, sizeof(memory)),
		    config_size_text(config->verify_max_memory, most, sizeof(most)));
	if (profile->time > config->verify_max_time)
		return config_error_at(config,
		    cost_origin(config, profile, &profile->time), err,
		    "%u: such hashes could not be verified; allowed: at most "
		    "verify_max_time, %u",
		    profile->time, config->verify_max_time);
	if (profile->lanes > config->verify_max_lanes)
		return config_error_at(config,
		    cost_origin(config, profile, &profile->lanes), err,
		    "%u: such hashes could not be verified; allowed: at most "
		    "verify_max_lanes, %u",
		    profile->lanes, config->verify_max_lanes);
	if (key_check(config, profile, err) != 0)
		return -1;
	return config_decoys_check(config, profile, err);
}

static int pool_jobs_check(const struct config *config, const struct config_pool *pool,
    struct config_error *err)
{
	if (pool->jobs == 0)
		return config_error_at(config, pool, err,
		    "no jobs; allowed: jobs = {hash}, {verify}, {hash, verify} or "
		    "{lookup}");
	if ((pool->jobs & CONFIG_JOBS_LOOKUP) != 0 && pool->jobs != CONFIG_JOBS_LOOKUP)
		return config_error_at(config, &pool->jobs, err,
		    "lookup with others; allowed: a pool of its own, for its processes "
		    "open a database and must see no password");
	return 0;
}

static int pool_check(const struct config *config, const struct config_pool *pool,
    struct config_error *err)
{
	uint64_t arena = config_pool_arena(config, pool);
	char limit[32], needs[32];

	if (pool_jobs_check(config, pool, err) != 0)
		return -1;
	if (pool->min_processes > pool->max_processes)
		return config_error_at(config,
		    config_is_set(config, &pool->min_processes) ? &pool->min_processes
		                                                : &pool->max_processes,
		    err,
		    "min_processes %u is over max_processes %u; allowed: at most as "
		    "many",
		    pool->min_processes, pool->max_processes);
	if (pool->memory_limit != 0 && pool->memory_limit < arena)
		return config_error_at(config, &pool->memory_limit, err,
		    "%s is less than a process needs for its jobs; allowed: at least "
		    "%s",
		    config_size_text(pool->memory_limit, limit, sizeof(limit)),
		    config_size_text(arena, needs, sizeof(needs)));
	return 0;
}

static int default_pool_check(const struct config *config, struct config_error *err)
{
	int index = config_pool_find(config, config->default_pool_name);

	if (index < 0)
		return config_error_at(config, &config->default_pool_name, err,
		    "%s is no pool; allowed: elastic, fixed or the name of a section "
		    "`pool NAME { ... }`",
		    *config->default_pool_name != '\0' ? config->default_pool_name
		                                       : "\"\"");
	if ((config->pools[index].jobs & CONFIG_JOBS_HASH) == 0)
		return config_error_at(config, &config->default_pool_name, err,
		    "%s does not hash; allowed: a pool whose jobs include hash",
		    config->default_pool_name);
	return 0;
}

static int root_check(const struct config *config, struct config_error *err)
{
	if (config->max_body <= config->max_password)
		return config_error_at(config, &config->max_body, err,
		    "%" PRIu64 " bytes hold no password of max_password %" PRIu64
		    "; allowed: more than that",
		    config->max_body, config->max_password);
	for (size_t i = 0; i < config->key_count; i++)
		if (config->keys[i].file == NULL)
			return config_error_at(config, &config->keys[i], err,
			    "no file; allowed: file = \"/path\"");
	return 0;
}

int config_check(const struct config *config, struct config_error *err)
{
	if (root_check(config, err) != 0 ||
	    config_connections_check(config, err) != 0 ||
	    config_connections_check_memory(config, err) != 0)
		return -1;
	for (size_t i = 0; i < config->profile_count; i++)
		if (profile_check(config, &config->profiles[i], err) != 0)
			return -1;
	for (size_t i = 0; i < config->pool_count; i++)
		if (pool_check(config, &config->pools[i], err) != 0)
			return -1;
	if (default_pool_check(config, err) != 0)
		return -1;
	return config_plan_check(config, err);
}
