#include "common/cpu.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cgroup.h"

enum { CPUS_MOST = 1 << 16 };

static unsigned cpu_affinity(void)
{
	/* The kernel refuses a set that is smaller than its own. */
	for (int cpus = CPU_SETSIZE; cpus <= CPUS_MOST; cpus *= 2) {
		cpu_set_t *set = CPU_ALLOC((size_t)cpus);
		size_t size = CPU_ALLOC_SIZE((size_t)cpus);
		int count = 0;

		if (set == NULL)
			return 1;
		if (sched_getaffinity(0, size, set) == 0)
			count = CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (count > 0)
			return (unsigned)count;
	}
	return 1;
}

struct quota {
	unsigned cpus; /* the least so far; 0: none */
};

static void quota_take(struct quota *quota, long long runtime, long long period)
{
	long long cpus;

	if (runtime <= 0 || period <= 0)
		return;
	cpus = runtime / period + (runtime % period != 0);
	if (cpus <= CPUS_MOST && (quota->cpus == 0 || cpus < quota->cpus))
		quota->cpus = (unsigned)cpus;
}

static long long number_read(const char *folder, const char *file)
{
	char path[PATH_MAX], text[CGROUP_TEXT];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	return cgroup_read(path, text) == 0 ? strtoll(text, NULL, 10) : -1;
}

/* v2: "max 100000" or "RUNTIME PERIOD"; v1: a file for each, the first -1 for none. */
static void quota_visit(const char *folder, bool v2, void *context)
{
	char path[PATH_MAX], text[CGROUP_TEXT], *end;
	long long runtime;

	if (!v2) {
		quota_take(context, number_read(folder, "cpu.cfs_quota_us"),
		    number_read(folder, "cpu.cfs_period_us"));
		return;
	}
	snprintf(path, sizeof(path), "%s/cpu.max", folder);
	if (cgroup_read(path, text) != 0)
		return;
	runtime = strtoll(text, &end, 10);
	if (end != text)
		quota_take(context, runtime, strtoll(end, NULL, 10));
}

unsigned cpu_quota(const char *root, const char *self)
{
	struct quota quota = {0};

	cgroup_walk(root, self, "cpu", quota_visit, &quota);
	return quota.cpus;
}

unsigned cpu_usable(void)
{
	char self[CGROUP_TEXT];
	unsigned affinity = cpu_affinity();
	unsigned quota = 0;

	if (cgroup_read(CGROUP_SELF, self) == 0)
		quota = cpu_quota(CGROUP_ROOT, self);
	return quota > 0 && quota < affinity ? quota : affinity;
}
