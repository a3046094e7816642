/*
 * The limits of a process: what a role's rows of the config come to in rlimits,
 * priority and affinity. Set in the child before it gives up its privileges.
 */
#ifndef COMMON_LIMITS_H
#define COMMON_LIMITS_H

#include "common/config.h"

struct limits_spec {
	int nice;
	enum config_scheduling scheduling;
	uint64_t slice_ns; /* of the CPU, at a time; 0: the kernel's own */
	struct config_affinity affinity;
	uint64_t nofile; /* 0: left as it is */
	uint64_t core;   /* bytes */
	uint64_t cpu;    /* seconds, 0: none */
	uint64_t memory; /* bytes of address space, 0: none */
	/* who goes first when memory runs out; the master has what it was started with
	 */
	int oom_score_adj;
};

/* What sched_setattr(2) takes, in its first version. The kernel's header for it and the
 * C library's sched.h do not go together. */
struct limits_sched_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns; /* of SCHED_OTHER and SCHED_BATCH: the slice */
	uint64_t deadline_ns, period_ns;
};

struct limits_spec limits_of_frontend(const struct config *config);
struct limits_spec limits_of_pool(
    const struct config *config, const struct config_pool *pool);

/* Sets them for the calling process. Returns 0, or -1 with errno. What only root may
 * raise, or nobody may change here, stays as it was, with a line in the log. */
int limits_apply(const struct limits_spec *spec);

#endif
