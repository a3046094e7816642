/*
 * How many processes, open files and locked bytes this machine allows: what automatic
 * numbers of the config must fit.
 */
#ifndef COMMON_ALLOWED_H
#define COMMON_ALLOWED_H

#include <stdint.h>

struct allowed {
	uint64_t most;  /* UINT64_MAX: no limit */
	char from[224]; /* the limit, for people: "pids.max of /sys/fs/cgroup/a" */
};

/* Processes of all generations: the least pids.max of our cgroup and those above it,
 * and RLIMIT_NPROC, from which root is exempt. */
struct allowed allowed_processes(void);

/* Open files of one process: the hard RLIMIT_NOFILE or, for a process that may raise
 * it, fs.nr_open. The limit is raised for a moment to find that out. */
struct allowed allowed_files(void);

/* Bytes that one process may lock: no limit for one that may raise it, or need not keep
 * it; else the hard RLIMIT_MEMLOCK. */
struct allowed allowed_locked(void);

/* The least pids.max (v1 and v2) of the cgroup named in `self` and those above it; see
 * cgroup.h. */
struct allowed allowed_pids(const char *root, const char *self);

#endif
