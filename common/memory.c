#include "common/memory.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "common/cgroup.h"

static void bound_take(struct memory_bound *least, uint64_t bytes, const char *from)
{
	if (bytes >= least->bytes)
		return;
	least->bytes = bytes;
	snprintf(least->from, sizeof(least->from), "%s", from);
}

static void file_take(struct memory_bound *least, const char *folder, const char *file)
{
	char from[sizeof(least->from)];
	uint64_t bytes;

	if (!cgroup_number(folder, file, &bytes))
		return;
	snprintf(from, sizeof(from), "%.30s of %.180s", file, folder);
	bound_take(least, bytes, from);
}

/* Above memory.high the kernel slows the processes of a group down until they have
 * given memory back: a plan that counts on more would not be kept in time. */
static void limit_visit(const char *folder, bool v2, void *context)
{
	if (!v2) {
		file_take(context, folder, "memory.limit_in_bytes");
		return;
	}
	file_take(context, folder, "memory.max");
	file_take(context, folder, "memory.high");
}

struct memory_bound memory_limit(const char *root, const char *self)
{
	struct memory_bound least = {.bytes = UINT64_MAX};

	cgroup_walk(root, self, "memory", limit_visit, &least);
	return least;
}

struct memory_bound memory_usable(void)
{
	struct memory_bound least = {.bytes = UINT64_MAX};
	char self[CGROUP_TEXT];
	struct sysinfo info;
	struct rlimit space;

	if (cgroup_read(CGROUP_SELF, self) == 0)
		least = memory_limit(CGROUP_ROOT, self);
	if (sysinfo(&info) == 0)
		bound_take(&least, (uint64_t)info.totalram * info.mem_unit,
		    "the RAM of this machine");
	/* of one process, but none may need more than there is for all */
	if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_max != RLIM_INFINITY)
		bound_take(&least, space.rlim_max, "RLIMIT_AS (ulimit -v)");
	return least;
}
