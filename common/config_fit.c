/*
 * `auto` on a small machine: the numbers that nobody has set are lowered until the plan
 * fits the memory budget.
 */
#include "common/config_table.h"

enum {
	/* There are two generations at a reload. In each a frontend has a few MiB at
	 * least for its connections, and some 1M of its own, which is no part of the
	 * budget; and the pools are to have most of it. */
	BUDGET_OF_FRONTEND = 48 << 20,
	CEILING_STEP = 1 << 20,
	/* Address space of the program and its libraries, beside the arena. */
	PROGRAM_SPACE = 16 << 20,
};

static bool plan_fits(const struct config *config, const struct config *before)
{
	return config_memory_need(config, NULL) <= config->memory_budget &&
	       (before == NULL ||
	           config_memory_need(config, before) <= config->memory_budget);
}

/* ---- one step down each; false where there is none ---- */

/* Four streams are 1.4 times as fast as one, two CPUs twice as fast: so batch first. */
static bool batch_lower(struct config *config)
{
	unsigned most = 1;

	for (size_t i = 0; i < config->pool_count; i++)
		if (config->pools[i].auto_batch != 0 && config->pools[i].batch > most)
			most = config->pools[i].batch;
	for (size_t i = 0; most > 1 && i < config->pool_count; i++)
		if (config->pools[i].auto_batch != 0 && config->pools[i].batch == most)
			config->pools[i].batch--;
	return most > 1;
}

static bool processes_can_lower(
    const struct config *config, const struct config_pool *pool)
{
	const unsigned floor = pool->auto_min != 0 ? 1 : pool->min_processes;

	return pool->auto_processes != 0 && pool->max_processes > floor &&
	       config_pool_profiles(config, pool) > 0;
}

void config_pool_resize(struct config_pool *pool, unsigned processes)
{
	pool->max_processes = processes;
	if (pool->auto_min != 0)
		pool->min_processes =
		    pool->auto_min < processes ? pool->auto_min : processes;
}

/* Of the pool with the most; of two alike, the one that is later in the list. */
static bool processes_lower(struct config *config)
{
	struct config_pool *most = NULL;

	for (size_t i = 0; i < config->pool_count; i++)
		if (processes_can_lower(config, &config->pools[i]) &&
		    (most == NULL ||
		        config->pools[i].max_processes >= most->max_processes))
			most = &config->pools[i];
	if (most == NULL)
		return false;
	config_pool_resize(most, most->max_processes - 1);
	return true;
}

/* The last process that was taken away may have been larger than what was missing. */
static void processes_raise(struct config *config, const struct config *before)
{
	for (size_t i = 0; i < config->pool_count; i++) {
		struct config_pool *pool = &config->pools[i];
		bool fits = true;

		while (fits && pool->max_processes < pool->counted_processes) {
			config_pool_resize(pool, pool->max_processes + 1);
			fits = plan_fits(config, before) &&
			       config_counts_fit(config, before);
		}
		if (!fits)
			config_pool_resize(pool, pool->max_processes - 1);
	}
}

/* The same for connections: what is left in the end may do for more of them. */
static void connections_raise(struct config *config, const struct config *before)
{
	struct config_frontend *frontend = &config->frontend;
	unsigned had = frontend->max_connections;

	while (had < frontend->counted_connections && plan_fits(config, before)) {
		had = frontend->max_connections;
		frontend->max_connections = had < frontend->counted_connections / 2
		                                ? 2 * had
		                                : frontend->counted_connections;
	}
	if (!plan_fits(config, before))
		frontend->max_connections = had;
}

static bool ceiling_lower(struct config *config)
{
	const uint64_t least = (uint64_t)config_profiles_memory(config) * 1024;

	if (config->auto_max_memory == 0 || config->verify_max_memory <= least)
		return false;
	config->verify_max_memory = config->verify_max_memory - least > CEILING_STEP
	                                ? config->verify_max_memory - CEILING_STEP
	                                : least;
	return true;
}

/* ---- what may not be exceeded ---- */

/* A memory_limit that somebody has set is not contradicted by numbers that nobody has.
 */
static void pool_fit(struct config *config, struct config_pool *pool)
{
	const uint64_t space =
	    pool->memory_limit > PROGRAM_SPACE ? pool->memory_limit - PROGRAM_SPACE : 0;

	while (pool->auto_batch != 0 && pool->batch > 1 &&
	       config_pool_profiles(config, pool) > space)
		pool->batch--;
	while (config_pool_profiles(config, pool) <= space &&
	       config_pool_arena(config, pool) > space && ceiling_lower(config))
		continue;
}

static void frontends_fit(struct config *config)
{
	struct config_frontend *frontend = &config->frontend;
	const uint64_t most = config->memory_budget / BUDGET_OF_FRONTEND;

	if (frontend->auto_processes != 0 && frontend->processes > most)
		frontend->processes = most > 0 ? (unsigned)most : 1;
}

bool config_fit(struct config *config, const struct config *before)
{
	static bool (*const steps[])(struct config *) = {
	    config_connections_lower, batch_lower, processes_lower, ceiling_lower};

	config_counts_lower(config, before);
	frontends_fit(config);
	for (size_t i = 0; i < config->pool_count; i++)
		if (config->pools[i].memory_limit != 0)
			pool_fit(config, &config->pools[i]);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		while (!plan_fits(config, before) && steps[i](config))
			continue;
	if (!plan_fits(config, before))
		return false;
	processes_raise(config, before);
	connections_raise(config, before);
	return true;
}
