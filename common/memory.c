#include "common/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

#include "common/cgroup.h"

static void limit_visit(const char *folder, bool v2, void *context)
{
	uint64_t *least = context;
	char path[PATH_MAX], text[CGROUP_TEXT], *end;
	unsigned long long bytes;

	snprintf(path, sizeof(path), "%s/%s", folder,
	    v2 ? "memory.max" : "memory.limit_in_bytes");
	if (cgroup_read(path, text) != 0)
		return;
	errno = 0;
	bytes = strtoull(text, &end, 10);
	if (end == text || errno != 0) /* "max" */
		return;
	if (bytes < *least)
		*least = bytes;
}

uint64_t memory_limit(const char *root, const char *self)
{
	uint64_t least = UINT64_MAX;

	cgroup_walk(root, self, "memory", limit_visit, &least);
	return least;
}

uint64_t memory_usable(void)
{
	char self[CGROUP_TEXT];
	struct sysinfo info;
	uint64_t ram = UINT64_MAX, limit = UINT64_MAX;

	if (sysinfo(&info) == 0)
		ram = (uint64_t)info.totalram * info.mem_unit;
	if (cgroup_read(CGROUP_SELF, self) == 0)
		limit = memory_limit(CGROUP_ROOT, self);
	return limit < ram ? limit : ram;
}
