/*
 * How much memory this machine gives: what `memory_budget = 75%` is a share of.
 */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stdint.h>

struct memory_bound {
	uint64_t bytes; /* UINT64_MAX: none */
	char from[224]; /* what sets it, for people: "memory.max of /sys/fs/cgroup/a" */
};

/* The smallest of RAM, the limit of our cgroup and RLIMIT_AS. */
struct memory_bound memory_usable(void);

/* The tightest limit of the cgroup named in `self` and those above it: memory.max and
 * memory.high of v2, memory.limit_in_bytes of v1 (see cgroup.h). */
struct memory_bound memory_limit(const char *root, const char *self);

#endif
