/*
 * How many CPUs this process may really use: the affinity mask and the CPU quota of
 * its cgroup, v1 and v2. What `auto` stands for in the config.
 */
#ifndef COMMON_CPU_H
#define COMMON_CPU_H

/* At least 1: the smaller of the CPUs in the affinity mask and the quota rounded up. */
unsigned cpu_usable(void);

/* The quota alone, in CPUs rounded up, of the cgroup named in `self` (the text of
 * /proc/self/cgroup) under `root` (/sys/fs/cgroup): the tightest on the way from the
 * group up to the root. 0 where there is none. */
unsigned cpu_quota(const char *root, const char *self);

#endif
