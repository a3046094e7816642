/*
 * The processes and open files of a plan, and what the machine allows of them: numbers
 * that nobody has set are lowered to that, others are refused.
 */
#include <inttypes.h>
#include <string.h>

#include "common/config_table.h"

enum {
	/* Beside its connections a frontend has its listeners, a link to each pool, and
	 * its control socket, event loop and secrets. */
	FRONTEND_FILES = LIMIT_RESERVE + LIMIT_LISTENERS + LIMIT_POOLS + 16,
	GENERATION_FILES = 4, /* board, keys and tokens */
	/* log, pidfile and lock, event loop, upgrade; the command socket and its
	 * clients
	 */
	MASTER_FILES = 28,
};

bool config_pool_is_asked(const struct config *config, const struct config_pool *pool)
{
	return pool->jobs != CONFIG_JOBS_LOOKUP ||
	       (config->seed_routes && strcmp(pool->name, CONFIG_LOOKUPS) == 0);
}

unsigned config_pool_least(const struct config *config, const struct config_pool *pool)
{
	return config_pool_is_asked(config, pool) ? pool->min_processes : 0;
}

unsigned config_pool_most(const struct config *config, const struct config_pool *pool)
{
	return config_pool_is_asked(config, pool) ? pool->max_processes : 0;
}

static uint64_t generation_processes(const struct config *config)
{
	uint64_t n = config->frontend.processes;

	for (size_t i = 0; i < config->pool_count; i++)
		n += config_pool_most(config, &config->pools[i]);
	return n;
}

uint64_t config_processes(const struct config *config, const struct config *before)
{
	return generation_processes(config) +
	       generation_processes(before != NULL ? before : config) + 2;
}

/* Of the master: both ends of each link, listeners and the files of Unix sockets, and
 * for each process a control socket, a pipe for its log, and its file in /proc. A
 * frontend has a spare place for its successor, as master/generation.c makes it. */
static uint64_t generation_files(const struct config *config)
{
	const uint64_t frontends = config->frontend.processes;
	const uint64_t places = frontends + (frontends > 2 ? frontends : 2);
	uint64_t unix_files = 0;

	for (size_t i = 0; i < config->listen_count; i++)
		unix_files += config->listen[i].addr.ss_family == AF_UNIX;
	return 2 * places * config->pool_count + config->listen_count + unix_files +
	       GENERATION_FILES + 3 * generation_processes(config);
}

uint64_t config_files_of_master(
    const struct config *config, const struct config *before)
{
	return generation_files(config) +
	       generation_files(before != NULL ? before : config) + MASTER_FILES;
}

uint64_t config_files_of_frontend(const struct config *config)
{
	const struct config_frontend *frontend = &config->frontend;

	return frontend->rlimit_nofile != 0
	           ? frontend->rlimit_nofile
	           : (uint64_t)frontend->max_connections + FRONTEND_FILES;
}

/* ---- what nobody has set is lowered */

static bool processes_fit(const struct config *config, const struct config *before)
{
	const uint64_t most = config->allowed_processes.most;

	return config_processes(config, NULL) <= most &&
	       config_processes(config, before) <= most;
}

static bool files_fit(const struct config *config, const struct config *before)
{
	const uint64_t most = config->allowed_files.most;

	return config_files_of_master(config, NULL) <= most &&
	       config_files_of_master(config, before) <= most;
}

bool config_counts_fit(const struct config *config, const struct config *before)
{
	return processes_fit(config, before) && files_fit(config, before);
}

static bool frontends_lower(struct config *config, enum config_bound bound)
{
	struct config_frontend *frontend = &config->frontend;

	if (frontend->auto_processes == 0 || frontend->processes <= 1)
		return false;
	frontend->counted_processes = --frontend->processes;
	frontend->counted_by = bound;
	return true;
}

/* The pool with the most processes of those that may have fewer; of two alike, the one
 * that is later in the list. */
static struct config_pool *pool_with_most(struct config *config)
{
	struct config_pool *most = NULL;

	for (size_t i = 0; i < config->pool_count; i++) {
		struct config_pool *pool = &config->pools[i];

		if (pool->auto_processes != 0 && config_pool_is_asked(config, pool) &&
		    pool->max_processes >
		        (pool->auto_min != 0 ? 1 : pool->min_processes) &&
		    (most == NULL || pool->max_processes >= most->max_processes))
			most = pool;
	}
	return most;
}

static bool pool_lower(struct config *config, enum config_bound bound)
{
	struct config_pool *pool = pool_with_most(config);

	if (pool == NULL)
		return false;
	config_pool_resize(pool, pool->max_processes - 1);
	pool->counted_processes = pool->max_processes;
	pool->counted_by = bound;
	return true;
}

/* Of frontends and pools, the one with the most. */
static bool most_lower(struct config *config)
{
	const struct config_pool *pool = pool_with_most(config);

	if (pool != NULL && pool->max_processes >= config->frontend.processes)
		return pool_lower(config, CONFIG_BOUND_PROCESSES);
	return frontends_lower(config, CONFIG_BOUND_PROCESSES) ||
	       pool_lower(config, CONFIG_BOUND_PROCESSES);
}

/* A frontend costs the master a link to each pool, a hasher one control socket. */
static bool files_lower(struct config *config)
{
	return frontends_lower(config, CONFIG_BOUND_FILES) ||
	       pool_lower(config, CONFIG_BOUND_FILES);
}

static void connections_fit(struct config *config)
{
	struct config_frontend *frontend = &config->frontend;
	const uint64_t files = frontend->rlimit_nofile != 0
	                           ? frontend->rlimit_nofile
	                           : config->allowed_files.most;
	uint64_t most = files > FRONTEND_FILES ? files - FRONTEND_FILES : 1;

	if (most > config_connections_most(config))
		most = config_connections_most(config);
	if (frontend->auto_connections != 0 && frontend->counted_connections > most)
		frontend->counted_connections = (unsigned)most;
	if (frontend->auto_connections != 0 && frontend->max_connections > most)
		frontend->max_connections = (unsigned)most;
}

void config_counts_lower(struct config *config, const struct config *before)
{
	while (!processes_fit(config, before) && most_lower(config))
		continue;
	while (!files_fit(config, before) && files_lower(config))
		continue;
	connections_fit(config);
}

/* ---- what somebody has set is refused */

int config_connections_check(const struct config *config, struct config_error *err)
{
	const struct config_frontend *frontend = &config->frontend;
	const uint64_t least = (uint64_t)frontend->max_connections + FRONTEND_FILES;

	if (config_files_of_frontend(config) >= least)
		return 0;
	return config_error_at(config, &frontend->rlimit_nofile, err,
	    "%" PRIu64 " is too few for max_connections %u; allowed: auto, or at least "
	    "%" PRIu64,
	    frontend->rlimit_nofile, frontend->max_connections, least);
}

/* The largest number of processes that was set, or else that of frontends. */
static const void *processes_culprit(const struct config *config)
{
	const struct config_frontend *frontend = &config->frontend;
	const void *culprit = &frontend->processes;
	unsigned most =
	    config_is_set(config, &frontend->processes) ? frontend->processes : 0;

	for (size_t i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];
		const void *field = config_is_set(config, &pool->max_processes)
		                        ? &pool->max_processes
		                        : &pool->min_processes;

		if (config_is_set(config, field) &&
		    config_pool_most(config, pool) > most) {
			culprit = field;
			most = pool->max_processes;
		}
	}
	return culprit;
}

static int processes_check(
    const struct config *config, const struct config *before, struct config_error *err)
{
	if (processes_fit(config, before))
		return 0;
	return config_error_at(config, processes_culprit(config), err,
	    "the plan needs %" PRIu64 " processes (for two generations, as at a "
	    "reload); allowed: %" PRIu64 ", %s; raise that%s",
	    config_processes(config, before), config->allowed_processes.most,
	    config->allowed_processes.from,
	    generation_processes(config) > config->pool_count + 1
	        ? ", or lower frontend.processes or max_processes of a pool"
	        : "");
}

static int master_files_check(
    const struct config *config, const struct config *before, struct config_error *err)
{
	if (files_fit(config, before))
		return 0;
	return config_error_at(config, processes_culprit(config), err,
	    "the plan needs %" PRIu64 " open files of the master (for two generations, "
	    "as at a reload); allowed: %" PRIu64 ", %s; raise that%s",
	    config_files_of_master(config, before), config->allowed_files.most,
	    config->allowed_files.from,
	    config->frontend.processes > 1 ? ", or lower frontend.processes" : "");
}

static int frontend_files_check(const struct config *config, struct config_error *err)
{
	const struct config_frontend *frontend = &config->frontend;
	const bool set = frontend->rlimit_nofile != 0;

	if (config_files_of_frontend(config) <= config->allowed_files.most)
		return 0;
	return config_error_at(config,
	    set ? (const void *)&frontend->rlimit_nofile : &frontend->max_connections,
	    err,
	    "a frontend needs %" PRIu64 " open files; allowed: %" PRIu64
	    ", %s; raise that%s",
	    config_files_of_frontend(config), config->allowed_files.most,
	    config->allowed_files.from,
	    set                               ? ", or lower rlimit_nofile"
	    : frontend->auto_connections == 0 ? ", or lower max_connections"
	                                      : "");
}

int config_counts_check(
    const struct config *config, const struct config *before, struct config_error *err)
{
	if (processes_check(config, before, err) != 0 ||
	    master_files_check(config, before, err) != 0)
		return -1;
	return frontend_files_check(config, err);
}
