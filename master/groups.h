/*
 * Control groups (cgroup v2): where our own group was delegated to us, each pool's
 * processes get one of their own beneath it, with memory.max and cpu.weight. Where it
 * was not, plain rlimits and nice are all there is.
 *
 *   OURS/argond.main       the master and the frontends
 *   OURS/argond.POOL       the hashers of a pool, of all generations
 *
 * A group with groups that share out memory may not have processes itself, hence
 * argond.main. See cgroups(7), "no internal processes", and the kernel's cgroup-v2.rst,
 * "Delegation".
 */
#ifndef MASTER_GROUPS_H
#define MASTER_GROUPS_H

#include <limits.h>
#include <stdbool.h>

#include "common/config.h"

struct groups {
	bool on;
	char base[PATH_MAX]; /* OURS */
};

/* Sets groups up under `root` (/sys/fs/cgroup) for the group named in `self` (the text
 * of /proc/self/cgroup). Leaves groups->on false, and all as it was, where that cannot
 * be done. */
void groups_open(struct groups *groups, const char *root, const char *self);

/* The pool's group, made where it is missing, with the config's limits. 0, or -1
 * (logged). */
int groups_pool(const struct groups *groups, const struct config *config,
    const struct config_pool *pool);

/* In a child: goes into the pool's group, or that of the master (NULL). 0, or -1 with
 * errno. */
int groups_join(const struct groups *groups, const struct config_pool *pool);

/* Takes it all down again, as far as there is nobody left in it. */
void groups_close(struct groups *groups);

#endif
