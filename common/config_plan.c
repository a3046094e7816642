/*
 * The memory that a config promises to use at most, and whether the budget has it.
 */
#include "common/argon2_size.h"
#include "common/config_table.h"
#include "common/legacy.h"
#include "common/locked.h"

/* Of `jobs` jobs at once of the costliest profile. What has no size is refused
 * elsewhere. */
static uint64_t profiles_bytes(const struct config *config, unsigned jobs)
{
	uint64_t most = 0;

	for (size_t i = 0; i < config->profile_count; i++) {
		const struct config_profile *profile = &config->profiles[i];
		size_t bytes;

		if (argon2_arena_bytes(
		        profile->memory_kib, profile->lanes, jobs, &bytes) &&
		    bytes > most)
			most = bytes;
	}
	return most;
}

/* One lane wastes the least memory by rounding, so it is the costliest. */
static uint64_t ceiling_bytes(const struct config *config)
{
	size_t bytes;

	return argon2_arena_bytes(
	           (uint32_t)(config->verify_max_memory / 1024), 1, 1, &bytes)
	           ? bytes
	           : UINT64_MAX;
}

uint32_t config_profiles_memory(const struct config *config)
{
	uint32_t most = 0;

	for (size_t i = 0; i < config->profile_count; i++) {
		const struct config_profile *profile = &config->profiles[i];
		const uint32_t decoys = config_decoys_memory(profile);

		if (profile->memory_kib > most)
			most = profile->memory_kib;
		if (decoys > most)
			most = decoys;
	}
	return most;
}

/* What verifying a hash of an accepted old format may take, beside the arena. */
static uint64_t old_formats_bytes(const struct config *config)
{
	uint64_t most = 0;

	for (size_t i = 0; i < config->profile_count; i++)
		for (unsigned kind = 0; kind < LEGACY_KINDS; kind++) {
			uint64_t memory =
			    legacy_ceiling((enum legacy_kind)kind)->memory;

			if ((config->profiles[i].accept & 1U << kind) != 0 &&
			    memory > most)
				most = memory;
		}
	return most < config->verify_max_memory ? most : config->verify_max_memory;
}

/* What a process of the pool needs for its own profiles' jobs. */
uint64_t config_pool_profiles(
    const struct config *config, const struct config_pool *pool)
{
	if ((pool->jobs & (CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY)) == 0)
		return 0;
	return profiles_bytes(config, pool->batch);
}

uint64_t config_pool_arena(const struct config *config, const struct config_pool *pool)
{
	uint64_t own = config_pool_profiles(config, pool);
	uint64_t ceiling =
	    (pool->jobs & CONFIG_JOBS_VERIFY) != 0 ? ceiling_bytes(config) : 0;

	return own > ceiling ? own : ceiling;
}

/* At most 64 of at most some TiB. What is kept for connections may be in the memory for
 * secrets, which stays in memory when they have gone and others' buffers are there. */
static uint64_t frontends_bytes(const struct config *config)
{
	return config->frontend.processes *
	       (config_frontend_bytes(config) +
	           locked_bytes(config_locked_frontend(config)));
}

/* Of a process, for its profiles' jobs and for what is secret about them. */
static uint64_t process_bytes(
    const struct config *config, const struct config_pool *pool)
{
	const uint64_t own = config_pool_profiles(config, pool);

	return own == 0 ? 0 : own + locked_bytes(config_locked_hasher(config));
}

uint64_t config_memory_plan(const struct config *config)
{
	const uint64_t old = old_formats_bytes(config);
	uint64_t sum = 0, ceiling = 0;

	for (size_t i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];
		uint64_t own = config_pool_profiles(config, pool), all;
		uint64_t more = config_pool_arena(config, pool) - own;

		if ((pool->jobs & CONFIG_JOBS_VERIFY) != 0 && more < old)
			more = old;
		ceiling = more > ceiling ? more : ceiling;
		if (__builtin_mul_overflow(
		        process_bytes(config, pool), pool->max_processes, &all) ||
		    __builtin_add_overflow(sum, all, &sum))
			return UINT64_MAX;
	}
	if (__builtin_add_overflow(sum, ceiling, &sum) ||
	    __builtin_add_overflow(sum, frontends_bytes(config), &sum))
		return UINT64_MAX;
	return sum;
}

uint64_t config_memory_need(const struct config *config, const struct config *before)
{
	uint64_t sum;

	return __builtin_add_overflow(config_memory_plan(config),
	           config_memory_plan(before != NULL ? before : config), &sum)
	           ? UINT64_MAX
	           : sum;
}

static const struct config_pool *pool_largest(const struct config *config)
{
	const struct config_pool *largest = config->pools;

	for (size_t i = 1; i < config->pool_count; i++)
		if (config_pool_profiles(config, &config->pools[i]) *
		        config->pools[i].max_processes >
		    config_pool_profiles(config, largest) * largest->max_processes)
			largest = &config->pools[i];
	return largest;
}

/* Would the plan fit if verify_max_memory were no more than the profiles need? */
static bool ceiling_is_all(const struct config *config)
{
	struct config other = *config;

	other.verify_max_memory = (uint64_t)config_profiles_memory(config) * 1024;
	return config_memory_need(&other, NULL) <= config->memory_budget;
}

/* The first of these that was set, or NULL. */
static const void *first_set(
    const struct config *config, const void *const *suspects, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (config_is_set(config, suspects[i]))
			return suspects[i];
	return NULL;
}

/* Do the frontends' connections take more than the largest pool? */
static bool frontends_are_most(
    const struct config *config, const struct config_pool *largest)
{
	return config->frontend.processes * config_frontend_bytes(config) >
	       config_pool_profiles(config, largest) * largest->max_processes;
}

/* The directive to name where the plan is too big. */
static const void *plan_culprit(
    const struct config *config, const struct config_pool *largest)
{
	const struct config_frontend *frontend = &config->frontend;
	const void *const of_frontends[] = {
	    &frontend->memory_limit, &frontend->max_connections, &frontend->processes};
	const void *const of_pool[] = {&largest->max_processes, &largest->min_processes,
	    &largest->batch, &largest->jobs};
	const void *culprit = NULL;

	if (config_is_set(config, &config->verify_max_memory) && ceiling_is_all(config))
		return &config->verify_max_memory;
	if (frontends_are_most(config, largest))
		culprit = first_set(config, of_frontends,
		    sizeof(of_frontends) / sizeof(of_frontends[0]));
	if (culprit == NULL)
		culprit =
		    first_set(config, of_pool, sizeof(of_pool) / sizeof(of_pool[0]));
	if (culprit != NULL)
		return culprit;
	for (size_t i = 0; i < config->profile_count; i++)
		if (config_is_set(config, &config->profiles[i].memory_kib))
			return &config->profiles[i].memory_kib;
	return &config->memory_budget;
}

/* What would do: for a share of the machine, how large that must be. */
static void advice_more(
    const struct config *config, uint64_t plan, char *buf, size_t cap)
{
	char needs[32], whole[32];

	config_size_text(plan, needs, sizeof(needs));
	if (config->memory_percent == 0)
		snprintf(buf, cap, "raise it to %s", needs);
	else
		snprintf(buf, cap,
		    "raise it to %s, or give argond %s, of which that is %u%%", needs,
		    config_size_text(
		        plan / config->memory_percent * 100, whole, sizeof(whole)),
		    config->memory_percent);
}

/* The directives that are not at their least. */
static void advice_less(const struct config *config, const struct config_pool *largest,
    char *buf, size_t cap)
{
	char processes[64] = "", batch[64] = "";

	if (largest->max_processes > 1)
		snprintf(processes, sizeof(processes), "pool.%s.max_processes, ",
		    largest->name);
	if (largest->batch > 1)
		snprintf(batch, sizeof(batch), "pool.%s.batch (%u), ", largest->name,
		    largest->batch);
	snprintf(buf, cap, "%s%s%s%sa profile's memory", processes, batch,
	    config->verify_max_memory / 1024 > config_profiles_memory(config)
	        ? "verify_max_memory, "
	        : "",
	    frontends_are_most(config, largest)
	        ? "frontend.max_connections, frontend.memory_limit, "
	        : "");
}

/* What takes most of it. */
static void plan_most(const struct config *config, const struct config_pool *largest,
    char *buf, size_t cap)
{
	const uint64_t process = config_pool_profiles(config, largest);
	char each[32];

	if (frontends_are_most(config, largest))
		snprintf(buf, cap, "connections (%u frontends with %s)",
		    config->frontend.processes,
		    config_size_text(
		        config_frontend_bytes(config), each, sizeof(each)));
	else
		snprintf(buf, cap, "pool %s (%u processes of %s)", largest->name,
		    largest->max_processes,
		    config_size_text(process, each, sizeof(each)));
}

int config_plan_check(const struct config *config, struct config_error *err)
{
	const uint64_t plan = config_memory_need(config, NULL);
	const struct config_pool *largest = pool_largest(config);
	char needs[32], most[128], budget[320], more[128], less[256];

	if (plan <= config->memory_budget)
		return 0;
	advice_more(config, plan, more, sizeof(more));
	advice_less(config, largest, less, sizeof(less));
	plan_most(config, largest, most, sizeof(most));
	return config_error_at(config, plan_culprit(config, largest), err,
	    "the plan needs %s of memory (for two generations, as at a reload), most "
	    "for %s; allowed: memory_budget, %s; %s, or lower %s",
	    config_size_text(plan, needs, sizeof(needs)), most,
	    config_budget_text(config, budget, sizeof(budget)), more, less);
}
