#include "common/allowed.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/cgroup.h"

static void pids_visit(const char *folder, bool v2, void *context)
{
	struct allowed *least = context;
	uint64_t most;

	(void)v2; /* both have the file */
	if (!cgroup_number(folder, "pids.max", &most) || most >= least->most)
		return;
	least->most = most;
	snprintf(least->from, sizeof(least->from), "pids.max of %.190s", folder);
}

struct allowed allowed_pids(const char *root, const char *self)
{
	struct allowed least = {.most = UINT64_MAX};

	cgroup_walk(root, self, "pids", pids_visit, &least);
	return least;
}

struct allowed allowed_processes(void)
{
	struct allowed least = {.most = UINT64_MAX};
	char self[CGROUP_TEXT];
	struct rlimit limit;

	if (cgroup_read(CGROUP_SELF, self) == 0)
		least = allowed_pids(CGROUP_ROOT, self);
	if (geteuid() == 0 || getrlimit(RLIMIT_NPROC, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= least.most)
		return least;
	return (struct allowed){limit.rlim_cur, "RLIMIT_NPROC (ulimit -u)"};
}

/* The kernel's own limit, above which it lets nobody raise RLIMIT_NOFILE. */
static uint64_t files_ceiling(void)
{
	uint64_t most;

	return cgroup_number("/proc/sys/fs", "nr_open", &most) ? most : 1 << 20;
}

/* A capability does not tell: that of a user namespace is not enough. */
static bool files_can_rise(const struct rlimit *now, uint64_t most)
{
	const struct rlimit more = {.rlim_cur = now->rlim_cur, .rlim_max = most};

	return setrlimit(RLIMIT_NOFILE, &more) == 0 &&
	       setrlimit(RLIMIT_NOFILE, now) == 0;
}

struct allowed allowed_files(void)
{
	const uint64_t ceiling = files_ceiling();
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		return (struct allowed){.most = UINT64_MAX};
	/* Where the limit is above the ceiling (which was lowered since), it could not
	 * be set back. */
	if (now.rlim_max >= ceiling || files_can_rise(&now, ceiling))
		return (struct allowed){ceiling, "fs.nr_open (sysctl)"};
	return (struct allowed){now.rlim_max, "RLIMIT_NOFILE (ulimit -n)"};
}

/* Tried, as above: what root has in a user namespace is not enough. A mapping of one
 * page more than the limit tells whether that counts. */
static bool locked_is_free(const struct rlimit *now)
{
	const struct rlimit more = {now->rlim_cur, RLIM_INFINITY};
	const size_t bytes = (size_t)now->rlim_max + 4096;
	bool exempt;
	void *probe;

	if (now->rlim_max == RLIM_INFINITY)
		return true;
	if (setrlimit(RLIMIT_MEMLOCK, &more) == 0)
		return setrlimit(RLIMIT_MEMLOCK, now) == 0;
	probe = mmap(
	    NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	exempt = probe != MAP_FAILED && mlock2(probe, bytes, MLOCK_ONFAULT) == 0;
	if (probe != MAP_FAILED)
		munmap(probe, bytes);
	return exempt;
}

struct allowed allowed_locked(void)
{
	struct rlimit now;

	if (getrlimit(RLIMIT_MEMLOCK, &now) != 0 || locked_is_free(&now))
		return (struct allowed){.most = UINT64_MAX};
	return (struct allowed){now.rlim_max, "RLIMIT_MEMLOCK, ulimit -l"};
}
