/*
 * `auto` on a small machine: the numbers that nobody has set are lowered until the plan
 * fits the memory budget, and each of them is told with its reason.
 */
#include "common/config_table.h"

enum {
	/* A frontend has some 1M of its own, which is no part of the budget, and there
	 * are two generations at a reload. */
	BUDGET_OF_FRONTEND = 16 << 20,
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
	const unsigned floor = pool->auto_min ? 1 : pool->min_processes;

	return pool->auto_processes != 0 && pool->max_processes > floor &&
	       config_pool_profiles(config, pool) > 0;
}

/* Where both bounds are automatic they are the same. */
static void processes_set(struct config_pool *pool, unsigned processes)
{
	pool->max_processes = processes;
	if (pool->auto_min)
		pool->min_processes = processes;
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
	processes_set(most, most->max_processes - 1);
	return true;
}

/* The last process that was taken away may have been larger than what was missing. */
static void processes_raise(struct config *config, const struct config *before)
{
	for (size_t i = 0; i < config->pool_count; i++) {
		struct config_pool *pool = &config->pools[i];

		while (pool->max_processes < pool->auto_processes &&
		       plan_fits(config, before))
			processes_set(pool, pool->max_processes + 1);
		if (!plan_fits(config, before))
			processes_set(pool, pool->max_processes - 1);
	}
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
	    batch_lower, processes_lower, ceiling_lower};

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
	return true;
}

/* ---- what is said of it ---- */

struct teller {
	const struct config *config;
	void (*tell)(const char *line, void *context);
	void *context;
};

const char *config_budget_text(const struct config *config, char *buf, size_t cap)
{
	char budget[32], machine[32], where[256];

	config_size_text(config->memory_budget, budget, sizeof(budget));
	config_where(config, &config->memory_budget, where, sizeof(where));
	if (config->memory_percent == 0)
		snprintf(buf, cap, "%s (%s)", budget, where);
	else
		snprintf(buf, cap, "%s (%u%% of %s, %s)", budget,
		    config->memory_percent,
		    config_size_text(config->memory.bytes, machine, sizeof(machine)),
		    config->memory.from);
	return buf;
}

static bool memory_limits_are_set(const struct config *config)
{
	for (size_t i = 0; i < config->pool_count; i++)
		if (config->pools[i].memory_limit != 0)
			return true;
	return false;
}

static void lowered_tell(const struct teller *teller, const void *field,
    const char *from, const char *to, const char *effect)
{
	char name[128], budget[320], line[768];

	config_name(teller->config, field, name, sizeof(name));
	snprintf(line, sizeof(line),
	    "%s is %s, not %s%s: so much fits memory_budget, %s%s; raise that, or set "
	    "%s",
	    name, to, from, effect,
	    config_budget_text(teller->config, budget, sizeof(budget)),
	    memory_limits_are_set(teller->config) ? ", and the pools' memory_limit"
	                                          : "",
	    name);
	for (char *at = line; *at != '\0'; at++) /* a path may have any byte in it */
		if (*at < ' ' || *at > '~')
			*at = '?';
	teller->tell(line, teller->context);
}

static void number_tell(
    const struct teller *teller, const unsigned *field, unsigned automatic)
{
	char from[16], to[16];

	if (*field >= automatic)
		return;
	snprintf(from, sizeof(from), "%u", automatic);
	snprintf(to, sizeof(to), "%u", *field);
	lowered_tell(teller, field, from, to, "");
}

void config_tell_lowered(const struct config *config,
    void (*tell)(const char *line, void *context), void *context)
{
	const struct teller teller = {config, tell, context};
	char from[32], to[32];

	number_tell(
	    &teller, &config->frontend.processes, config->frontend.auto_processes);
	for (size_t i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];

		number_tell(&teller, &pool->max_processes, pool->auto_processes);
		number_tell(&teller, &pool->batch, pool->auto_batch);
	}
	if (config->verify_max_memory >= config->auto_max_memory)
		return;
	lowered_tell(&teller, &config->verify_max_memory,
	    config_size_text(config->auto_max_memory, from, sizeof(from)),
	    config_size_text(config->verify_max_memory, to, sizeof(to)),
	    " (hashes that need more are refused)");
}
