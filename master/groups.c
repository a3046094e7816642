#include "master/groups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/cgroup.h"
#include "common/log.h"

#define GROUP_PREFIX "argond."
#define GROUP_MAIN GROUP_PREFIX "main"

/* Beside its arena: the program, its libraries and what the kernel keeps for a process.
 */
#define GROUP_PROCESS_BYTES (UINT64_C(64) << 20)

/* OURS/FOLDER/FILE; an empty folder is OURS itself. */
static int group_path(char path[PATH_MAX], const struct groups *groups,
    const char *folder, const char *file)
{
	int n = snprintf(path, PATH_MAX, "%s/%s/%s", groups->base, folder, file);

	if (n > 0 && n < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int group_write(const struct groups *groups, const char *folder,
    const char *file, const char *value)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd, saved;

	if (group_path(path, groups, folder, file) != 0)
		return -1;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, value, strlen(value));
	saved = errno;
	close(fd);
	errno = saved;
	return n == (ssize_t)strlen(value) ? 0 : -1;
}

static int group_make(const struct groups *groups, const char *folder)
{
	char path[PATH_MAX];

	if (group_path(path, groups, folder, "") != 0)
		return -1;
	return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -1;
}

static void group_remove(const struct groups *groups, const char *folder)
{
	char path[PATH_MAX];

	if (group_path(path, groups, folder, "") == 0)
		rmdir(path);
}

/* Does the space-separated list in OURS/FILE have the word? */
static bool group_lists(const struct groups *groups, const char *file, const char *word)
{
	char path[PATH_MAX], text[CGROUP_TEXT], *at = text, *one;

	if (group_path(path, groups, "", file) != 0 || cgroup_read(path, text) != 0)
		return false;
	while ((one = strsep(&at, " \n")) != NULL)
		if (strcmp(one, word) == 0)
			return true;
	return false;
}

/* Our own group in the unified hierarchy: the line "0::/PATH". */
static int groups_find(struct groups *groups, const char *root, const char *self)
{
	const char *line =
	    strncmp(self, "0::/", 4) == 0 ? self : strstr(self, "\n0::/");
	char *tail;
	size_t len;
	int n;

	if (line == NULL)
		return -1;
	line = strchr(line, '/');
	len = strcspn(line, "\n");
	n = snprintf(
	    groups->base, sizeof(groups->base), "%s%.*s", root, (int)len, line);
	if (n < 0 || (size_t)n >= sizeof(groups->base))
		return -1;
	/* an upgrade begins in the group that its predecessor has made */
	tail = strrchr(groups->base, '/');
	if (tail != NULL && strcmp(tail + 1, GROUP_MAIN) == 0)
		*tail = '\0';
	return 0;
}

void groups_open(struct groups *groups, const char *root, const char *self)
{
	*groups = (struct groups){0};
	if (groups_find(groups, root, self) != 0 ||
	    !group_lists(groups, "cgroup.controllers", "memory") ||
	    !group_lists(groups, "cgroup.controllers", "cpu"))
		return;
	/* the root group of a machine is not ours to divide, though root could */
	if (strcmp(groups->base, root) == 0 || group_make(groups, GROUP_MAIN) != 0 ||
	    group_write(groups, GROUP_MAIN, "cgroup.procs", "0") != 0)
		return;
	if (group_write(groups, "", "cgroup.subtree_control", "+memory +cpu") != 0) {
		/* others live in it: it was not delegated to us alone */
		group_write(groups, "", "cgroup.procs", "0");
		group_remove(groups, GROUP_MAIN);
		return;
	}
	groups->on = true;
	log_info("each pool has a control group of its own in %s", groups->base);
}

static void group_name(char name[64], const struct config_pool *pool)
{
	snprintf(name, 64, GROUP_PREFIX "%s", pool->name);
}

/* What all its processes may need in two generations. */
static uint64_t group_memory(
    const struct config *config, const struct config_pool *pool)
{
	uint64_t each = pool->memory_limit, all;

	if (each == 0)
		each = config_pool_arena(config, pool);
	if (__builtin_add_overflow(each, GROUP_PROCESS_BYTES, &each) ||
	    __builtin_mul_overflow(each, (uint64_t)2 * pool->max_processes, &all))
		return UINT64_MAX;
	return all;
}

int groups_pool(const struct groups *groups, const struct config *config,
    const struct config_pool *pool)
{
	char name[64], value[32];

	if (!groups->on || !config_pool_is_asked(config, pool))
		return 0;
	group_name(name, pool);
	snprintf(value, sizeof(value), "%llu",
	    (unsigned long long)group_memory(config, pool));
	if (group_make(groups, name) != 0 ||
	    group_write(groups, name, "memory.max", value) != 0)
		goto failed;
	snprintf(value, sizeof(value), "%u", pool->cpu_weight);
	if (group_write(groups, name, "cpu.weight", value) != 0)
		goto failed;
	return 0;
failed:
	log_error("control group %s: %s", name, strerror(errno));
	return -1;
}

int groups_join(const struct groups *groups, const struct config_pool *pool)
{
	char name[64] = GROUP_MAIN;

	if (!groups->on)
		return 0;
	if (pool != NULL)
		group_name(name, pool);
	return group_write(groups, name, "cgroup.procs", "0");
}

void groups_close(struct groups *groups)
{
	struct dirent *entry;
	DIR *dir;

	if (!groups->on)
		return;
	groups->on = false;
	dir = opendir(groups->base);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, GROUP_PREFIX, strlen(GROUP_PREFIX)) == 0 &&
		    strcmp(entry->d_name, GROUP_MAIN) != 0)
			group_remove(groups, entry->d_name);
	if (dir != NULL)
		closedir(dir);
	/* first nothing is shared out any more, then we may be in it again */
	if (group_write(groups, "", "cgroup.subtree_control", "-memory -cpu") == 0 &&
	    group_write(groups, "", "cgroup.procs", "0") == 0)
		group_remove(groups, GROUP_MAIN);
}
