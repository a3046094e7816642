/*
 * How much memory this machine gives: what `memory_budget = 75%` is a share of.
 */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stdint.h>

/* Bytes: the smaller of RAM and the limit of our cgroup. */
uint64_t memory_usable(void);

/* The tightest limit in bytes of the cgroup named in `self` and those above it, v1 and
 * v2 (see cgroup.h). UINT64_MAX where there is none. */
uint64_t memory_limit(const char *root, const char *self);

#endif
