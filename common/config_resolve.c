/*
 * What `auto` and names stand for on this machine.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config_table.h"
#include "common/cpu.h"
#include "common/paths.h"
#include "common/preset.h"

enum { BATCH_BEST = 4 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* A bound that is `auto` never contradicts the other one. */
static void pool_resolve(struct config_pool *pool, unsigned cpus)
{
	unsigned processes = least(cpus, LIMIT_POOL_PROCESSES);

	pool->auto_min = pool->min_processes == 0;
	if (pool->auto_min)
		pool->min_processes = pool->max_processes > 0
		                          ? least(processes, pool->max_processes)
		                          : processes;
	if (pool->max_processes != 0)
		return;
	pool->max_processes =
	    processes > pool->min_processes ? processes : pool->min_processes;
	pool->auto_processes = pool->max_processes;
}

/* What a preset says goes where nobody has said anything. */
static void profile_resolve(const struct config *config, struct config_profile *profile)
{
	const struct preset *preset = preset_at(profile->preset);
	const struct {
		uint32_t *member, value;
	} costs[] = {{&profile->memory_kib, preset->memory_kib},
	    {&profile->time, preset->time}, {&profile->lanes, preset->lanes}};

	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++)
		if (costs[i].value != 0 && !config_is_set(config, costs[i].member))
			*costs[i].member = costs[i].value;
}

/* An engine that cannot stop between two blocks computes its jobs one after another:
 * the jobs of a batch would only wait where no other process can take them, and a
 * client that leaves costs the process, which must then have no other job. */
static void batch_resolve(const struct config *config, struct config_pool *pool)
{
	const bool alone = (pool->jobs & CONFIG_JOBS_LOOKUP) != 0;

	if (pool->batch == 0)
		pool->batch = pool->auto_batch = alone ? 1 : BATCH_BEST;
	if (engine_kind_resolve(config->engine) != ENGINE_LIBARGON2)
		return;
	pool->batch = 1;
	pool->auto_batch = pool->auto_batch != 0;
}

/* The state directory is for the daemon that root starts; others work where they are.
 */
static int store_resolve(struct config *config, struct config_error *err)
{
	const struct config_directive *row =
	    config_directive_find(CONFIG_ROOT, "store");
	struct stat st;
	bool state =
	    geteuid() == 0 && stat(PATH_STATE, &st) == 0 && S_ISDIR(st.st_mode);

	if (config->store_path != NULL)
		return 0;
	return config_value_set(config, row, config,
	    state ? "sqlite:" PATH_STATE "/argond.db" : "sqlite:argond.db", true,
	    config_built_in, err);
}

int config_resolve(struct config *config, struct config_error *err)
{
	unsigned cpus = cpu_usable();
	int pool = config_pool_find(config, config->default_pool_name);

	if (config->frontend.processes == 0)
		config->frontend.processes = config->frontend.auto_processes =
		    least(cpus, LIMIT_FRONTENDS);
	for (size_t i = 0; i < config->pool_count; i++) {
		pool_resolve(&config->pools[i], cpus);
		batch_resolve(config, &config->pools[i]);
	}
	for (size_t i = 0; i < config->profile_count; i++)
		profile_resolve(config, &config->profiles[i]);
	if (!config_is_set(config, &config->verify_max_memory))
		config->auto_max_memory = config->verify_max_memory;
	(void)config_fit(config, NULL); /* where it does not, config_check() says why */
	config->default_pool = pool < 0 ? 0 : (unsigned)pool;
	return store_resolve(config, err);
}
