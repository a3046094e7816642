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

/* A bound that is `auto` never contradicts the other one. A max_processes that is built
 * in is a number that nobody has set, as well. */
static void pool_resolve(
    const struct config *config, struct config_pool *pool, unsigned cpus)
{
	unsigned processes = least(cpus, LIMIT_POOL_PROCESSES);
	const bool automatic = pool->max_processes == 0;

	if (pool->min_processes == 0) {
		pool->auto_min = processes;
		pool->min_processes =
		    automatic ? processes : least(processes, pool->max_processes);
	}
	if (automatic)
		pool->max_processes =
		    processes > pool->min_processes ? processes : pool->min_processes;
	if (automatic || !config_is_set(config, &pool->max_processes))
		pool->auto_processes = pool->counted_processes = pool->max_processes;
}

static void frontend_resolve(
    const struct config *config, struct config_frontend *frontend, unsigned cpus)
{
	if (frontend->processes == 0)
		frontend->processes = frontend->auto_processes =
		    frontend->counted_processes = least(cpus, LIMIT_FRONTENDS);
	if (!config_is_set(config, &frontend->max_connections))
		frontend->auto_connections = frontend->counted_connections =
		    frontend->max_connections;
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

	config->allowed_processes = allowed_processes();
	config->allowed_files = allowed_files();
	frontend_resolve(config, &config->frontend, cpus);
	for (size_t i = 0; i < config->pool_count; i++) {
		pool_resolve(config, &config->pools[i], cpus);
		batch_resolve(config, &config->pools[i]);
	}
	for (size_t i = 0; i < config->profile_count; i++)
		profile_resolve(config, &config->profiles[i]);
	if (!config_is_set(config, &config->verify_max_memory))
		config->auto_max_memory = config->verify_max_memory;
	/* where it does not fit, config_check() and config_check_host() say why */
	(void)config_fit(config, NULL);
	config->default_pool = pool < 0 ? 0 : (unsigned)pool;
	return store_resolve(config, err);
}
