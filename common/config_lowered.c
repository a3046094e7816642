/*
 * What is said of the numbers that were lowered to what the machine has: each with its
 * reason, and what to raise.
 */
#include <inttypes.h>
#include <string.h>

#include "common/config_table.h"

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

/* memory_budget, and what else bounds memory. */
static void memory_text(const struct config *config, char *buf, size_t cap)
{
	char budget[320];

	snprintf(buf, cap, "so much fits memory_budget, %s%s",
	    config_budget_text(config, budget, sizeof(budget)),
	    memory_limits_are_set(config) ? ", and the pools' memory_limit" : "");
}

static void allowed_text(
    const struct allowed *allowed, const char *of_what, char *buf, size_t cap)
{
	snprintf(buf, cap, "so many fit %s, %" PRIu64 " %s", allowed->from,
	    allowed->most, of_what);
}

static void connections_text(const struct config *config, char *buf, size_t cap)
{
	char where[256], limit[32];

	if (config->frontend.counted_connections == config_connections_most(config)) {
		config_where(
		    config, &config->frontend.memory_limit, where, sizeof(where));
		snprintf(buf, cap, "so many fit frontend.memory_limit, %s (%s)",
		    config_size_text(
		        config->frontend.memory_limit, limit, sizeof(limit)),
		    where);
		return;
	}
	if (config->frontend.rlimit_nofile == 0) {
		allowed_text(
		    &config->allowed_files, "open files of a frontend", buf, cap);
		return;
	}
	config_where(config, &config->frontend.rlimit_nofile, where, sizeof(where));
	snprintf(buf, cap, "so many fit frontend.rlimit_nofile, %" PRIu64 " (%s)",
	    config->frontend.rlimit_nofile, where);
}

static void lowered_tell(const struct teller *teller, const void *field,
    const char *from, const char *to, const char *effect, const char *why)
{
	char name[128], line[768];

	config_name(teller->config, field, name, sizeof(name));
	snprintf(line, sizeof(line), "%s is %s, not %s%s: %s; raise that, or set %s",
	    name, to, from, effect, why, name);
	for (char *at = line; *at != '\0'; at++) /* a path may have any byte in it */
		if (*at < ' ' || *at > '~')
			*at = '?';
	teller->tell(line, teller->context);
}

static void number_tell(const struct teller *teller, const unsigned *field,
    unsigned automatic, const char *why)
{
	char from[16], to[16];

	if (*field >= automatic)
		return;
	snprintf(from, sizeof(from), "%u", automatic);
	snprintf(to, sizeof(to), "%u", *field);
	lowered_tell(teller, field, from, to, "", why);
}

/* What was lowered twice is told with the limit that lowered it last. */
static void processes_tell(const struct teller *teller, const unsigned *field,
    unsigned automatic, unsigned counted, enum config_bound by)
{
	const struct config *config = teller->config;
	char why[448];

	if (*field < counted)
		memory_text(config, why, sizeof(why));
	else if (by == CONFIG_BOUND_PROCESSES)
		allowed_text(&config->allowed_processes, "processes of two generations",
		    why, sizeof(why));
	else
		allowed_text(&config->allowed_files, "open files of the master", why,
		    sizeof(why));
	number_tell(teller, field, automatic, why);
}

static void frontend_tell(const struct teller *teller)
{
	const struct config_frontend *frontend = &teller->config->frontend;
	char why[448];

	processes_tell(teller, &frontend->processes, frontend->auto_processes,
	    frontend->counted_processes, frontend->counted_by);
	if (frontend->max_connections < frontend->counted_connections)
		memory_text(teller->config, why, sizeof(why));
	else
		connections_text(teller->config, why, sizeof(why));
	number_tell(
	    teller, &frontend->max_connections, frontend->auto_connections, why);
}

static void ceiling_tell(const struct teller *teller, const char *why)
{
	const struct config *config = teller->config;
	char from[32], to[32];

	if (config->verify_max_memory >= config->auto_max_memory)
		return;
	lowered_tell(teller, &config->verify_max_memory,
	    config_size_text(config->auto_max_memory, from, sizeof(from)),
	    config_size_text(config->verify_max_memory, to, sizeof(to)),
	    " (hashes that need more are refused)", why);
}

void config_tell_unasked(const struct config *config,
    void (*tell)(const char *line, void *context), void *context)
{
	char line[LIMIT_NAME + 128];

	for (size_t i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];

		if (config_pool_is_asked(config, pool))
			continue;
		snprintf(line, sizeof(line),
		    "pool %s: no processes, since no route asks it%s", pool->name,
		    strcmp(pool->name, CONFIG_LOOKUPS) == 0 ? ": seed_routes is off"
		                                            : "");
		tell(line, context);
	}
}

void config_tell_lowered(const struct config *config,
    void (*tell)(const char *line, void *context), void *context)
{
	const struct teller teller = {config, tell, context};
	char why[448];

	frontend_tell(&teller);
	memory_text(config, why, sizeof(why));
	for (size_t i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];

		processes_tell(&teller, &pool->max_processes, pool->auto_processes,
		    pool->counted_processes, pool->counted_by);
		number_tell(&teller, &pool->batch, pool->auto_batch, why);
	}
	ceiling_tell(&teller, why);
}
