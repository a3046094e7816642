/*
 * A machine of a test's own for the automatic numbers of the config: memory.o, cpu.o
 * and allowed.o of the program are replaced. And what holds for every plan.
 */
#ifndef TESTS_COMMON_CONFIG_MACHINE_H
#define TESTS_COMMON_CONFIG_MACHINE_H

#include "common/limits.h"
#include "tests/common/config_world.h"

static struct {
	uint64_t memory;
	unsigned cpus;
	uint64_t processes, files; /* 0: no limit */
} machine;

struct memory_bound memory_usable(void)
{
	return (struct memory_bound){machine.memory, "memory.max of /this/test"};
}

unsigned cpu_usable(void)
{
	return machine.cpus;
}

struct allowed allowed_processes(void)
{
	return (struct allowed){machine.processes != 0 ? machine.processes : UINT64_MAX,
	    "pids.max of /this/test"};
}

struct allowed allowed_files(void)
{
	return (struct allowed){machine.files != 0 ? machine.files : UINT64_MAX,
	    "RLIMIT_NOFILE (ulimit -n)"};
}

static inline void machine_is(uint64_t memory, unsigned cpus)
{
	machine.memory = memory;
	machine.cpus = cpus;
	machine.processes = machine.files = 0;
}

static inline void machine_allows(uint64_t processes, uint64_t files)
{
	machine.processes = processes;
	machine.files = files;
}

/* ---- what was told */

struct told {
	char text[8192];
	unsigned lines;
};

static inline void told_add(const char *line, void *context)
{
	struct told *told = context;
	size_t len = strlen(told->text);

	snprintf(told->text + len, sizeof(told->text) - len, "%s\n", line);
	told->lines++;
}

static inline struct told told_of(const struct config *config)
{
	struct told told = {.lines = 0};

	config_tell_lowered(config, told_add, &told);
	return told;
}

/* ---- what holds for every plan */

/* The address space of a process comes from its pool's numbers as they are now. */
static inline void limit_follows(
    const struct config *config, const struct config_pool *pool)
{
#ifndef __SANITIZE_ADDRESS__
	if (pool->memory_limit == 0)
		assert_true(limits_of_pool(config, pool).memory ==
		            config_pool_arena(config, pool) + MIB(512));
#endif
	(void)config;
	(void)pool;
}

static inline void plan_is_good(const struct config *config)
{
	const uint64_t profile = (uint64_t)config_profiles_memory(config) * 1024;

	assert_true(config_memory_need(config, NULL) <= config->memory_budget);
	assert_true(config->verify_max_memory >= profile);
	assert_in_range(config->frontend.processes, 1, LIMIT_FRONTENDS);
	for (size_t i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];

		assert_in_range(pool->max_processes, 1, LIMIT_POOL_PROCESSES);
		assert_in_range(pool->min_processes, 1, pool->max_processes);
		assert_in_range(pool->batch, 1, LIMIT_STREAMS);
		limit_follows(config, pool);
	}
}

/* Printed and read again it is the same plan, and nothing is automatic in it. */
static inline void plan_is_read_back(
    const struct place *place, const struct config *config)
{
	char *first = print_text(config), *second;
	struct config *again = load_good(place, first);

	second = print_text(again);
	assert_string_equal(second, first);
	assert_int_equal(told_of(again).lines, 0);
	assert_true(config_memory_plan(again) == config_memory_plan(config));
	config_free(again);
	free(first);
	free(second);
}

/* Every number that is lower than it could be is told, with what to set. */
static inline void plan_is_told(const struct config *config)
{
	const struct told told = told_of(config);
	unsigned lines = config->verify_max_memory < MIB(256);

	lines += config->frontend.processes <
	         (machine.cpus < LIMIT_FRONTENDS ? machine.cpus : LIMIT_FRONTENDS);
	lines += config->frontend.max_connections < 10240;
	for (size_t i = 0; i < 2; i++) {
		const unsigned most = machine.cpus < LIMIT_POOL_PROCESSES
		                          ? machine.cpus
		                          : LIMIT_POOL_PROCESSES;

		lines += config->pools[i].max_processes < most;
		lines += config->pools[i].batch < config->pools[i].auto_batch;
	}
	lines += config->pools[2].max_processes < 8;
	assert_int_equal(told.lines, lines);
}

#endif
