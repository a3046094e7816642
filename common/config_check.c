#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/argon2_size.h"
#include "common/config_table.h"
#include "common/cpu.h"
#include "common/legacy.h"
#include "common/paths.h"
#include "common/preset.h"

enum { BATCH_BEST = 4 };

/* ---- what `auto` and names stand for ---- */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* A bound that is `auto` never contradicts the other one. */
static void pool_resolve(struct config_pool *pool, unsigned cpus)
{
	unsigned processes = least(cpus, LIMIT_POOL_PROCESSES);

	if (pool->min_processes == 0)
		pool->min_processes = pool->max_processes > 0
		                          ? least(processes, pool->max_processes)
		                          : processes;
	if (pool->max_processes == 0)
		pool->max_processes =
		    processes > pool->min_processes ? processes : pool->min_processes;
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

/* An engine that cannot stop between two blocks computes its jobs one after another, so
 * those of a batch would only wait where nobody else can take them; and who leaves
 * costs the process, which must then be nobody else's. */
static void batches_limit(struct config *config)
{
	if (engine_kind_resolve(config->engine) != ENGINE_LIBARGON2)
		return;
	for (size_t i = 0; i < config->pool_count; i++)
		config->pools[i].batch = 1;
}

/* The highest number of streams, up to the one that is fastest, with which the plan
 * fits the budget. Where not even one does, config_check() says so. */
static void batches_resolve(struct config *config)
{
	bool automatic[LIMIT_POOLS];

	for (size_t i = 0; i < config->pool_count; i++)
		automatic[i] = config->pools[i].batch == 0;
	for (unsigned batch = BATCH_BEST; batch > 0; batch--) {
		for (size_t i = 0; i < config->pool_count; i++)
			if (automatic[i])
				config->pools[i].batch =
				    (config->pools[i].jobs & CONFIG_JOBS_LOOKUP) != 0
				        ? 1
				        : batch;
		if (config_memory_need(config, NULL) <= config->memory_budget)
			return;
	}
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
		config->frontend.processes = least(cpus, LIMIT_FRONTENDS);
	for (size_t i = 0; i < config->pool_count; i++)
		pool_resolve(&config->pools[i], cpus);
	for (size_t i = 0; i < config->profile_count; i++)
		profile_resolve(config, &config->profiles[i]);
	batches_limit(config);
	batches_resolve(config);
	config->default_pool = pool < 0 ? 0 : (unsigned)pool;
	return store_resolve(config, err);
}

/* ---- memory ---- */

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
		if (__builtin_mul_overflow(own, pool->max_processes, &all) ||
		    __builtin_add_overflow(sum, all, &sum))
			return UINT64_MAX;
	}
	return __builtin_add_overflow(sum, ceiling, &sum) ? UINT64_MAX : sum;
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

/* What is to blame where the plan is too big: the first of these that somebody set. */
static const void *plan_culprit(
    const struct config *config, const struct config_pool *largest)
{
	const void *const suspects[] = {&largest->max_processes,
	    &largest->min_processes, &largest->batch, &largest->jobs};

	for (size_t i = 0; i < sizeof(suspects) / sizeof(suspects[0]); i++)
		if (config_is_set(config, suspects[i]))
			return suspects[i];
	for (size_t i = 0; i < config->profile_count; i++)
		if (config_is_set(config, &config->profiles[i].memory_kib))
			return &config->profiles[i].memory_kib;
	return &config->memory_budget;
}

static int plan_check(const struct config *config, struct config_error *err)
{
	uint64_t plan = config_memory_need(config, NULL);
	const struct config_pool *largest = pool_largest(config);
	char needs[32], has[32], each[32];

	if (plan <= config->memory_budget)
		return 0;
	return config_error_at(config, plan_culprit(config, largest), err,
	    "the plan needs %s of memory (for two generations, as at a reload), most "
	    "for "
	    "pool %s (%u processes of %s); "
	    "allowed: "
	    "memory_budget, %s; raise it, or lower pool.%s.max_processes, "
	    "pool.%s.batch "
	    "(%u), a profile's memory or verify_max_memory",
	    config_size_text(plan, needs, sizeof(needs)), largest->name,
	    largest->max_processes,
	    config_size_text(config_pool_profiles(config, largest), each, sizeof(each)),
	    config_size_text(config->memory_budget, has, sizeof(has)), largest->name,
	    largest->name, largest->batch);
}

/* ---- what belongs together ---- */

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
	return key_check(config, profile, err);
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

/* Beside its connections a frontend has its listeners, links, log and control. */
enum { FDS_BESIDE = LIMIT_RESERVE + LIMIT_LISTENERS + LIMIT_POOLS + 16 };

static int frontend_check(const struct config *config, struct config_error *err)
{
	const struct config_frontend *frontend = &config->frontend;

	if (frontend->rlimit_nofile == 0 ||
	    frontend->rlimit_nofile >= frontend->max_connections + (uint64_t)FDS_BESIDE)
		return 0;
	return config_error_at(config, &frontend->rlimit_nofile, err,
	    "%" PRIu64
	    " is too few for max_connections %u; allowed: auto, or at least %u",
	    frontend->rlimit_nofile, frontend->max_connections,
	    frontend->max_connections + FDS_BESIDE);
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
	if (root_check(config, err) != 0 || frontend_check(config, err) != 0)
		return -1;
	for (size_t i = 0; i < config->profile_count; i++)
		if (profile_check(config, &config->profiles[i], err) != 0)
			return -1;
	for (size_t i = 0; i < config->pool_count; i++)
		if (pool_check(config, &config->pools[i], err) != 0)
			return -1;
	if (default_pool_check(config, err) != 0)
		return -1;
	return plan_check(config, err);
}
