#include "tests/system/control_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/process.h"

/* Our group of that controller, as its folder; a group of version 2 has them all. */
static bool own_folder(const char *controller, char *folder, size_t cap)
{
	char *own = harness_read_file("/proc/self/cgroup"), mark[32], *at;
	bool old = true;

	if (own == NULL)
		return false;
	snprintf(mark, sizeof(mark), ":%s:", controller);
	at = strstr(own, mark);
	if (at == NULL) {
		old = false;
		at = strstr(own, "0::");
	}
	at = at != NULL ? strchr(at, '/') : NULL;
	if (at != NULL) {
		at[strcspn(at, "\n")] = '\0';
		snprintf(folder, cap, "/sys/fs/cgroup/%s%s", old ? controller : "",
		    strcmp(at, "/") == 0 ? "" : at);
	}
	free(own);
	return at != NULL;
}

bool control_group_open(const char *controller, char folder[CONTROL_GROUP_PATH])
{
	char own[CONTROL_GROUP_PATH - 32];

	if (!own_folder(controller, own, sizeof(own)))
		return false;
	snprintf(folder, CONTROL_GROUP_PATH, "%s/argond-test-%d", own, (int)getpid());
	return mkdir(folder, 0755) == 0;
}

bool control_group_put(const char *folder, const char *name, const char *text)
{
	char path[CONTROL_GROUP_PATH + 64];
	FILE *file;
	bool done;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r+e");
	if (file == NULL)
		return false;
	done = fputs(text, file) >= 0;
	return fclose(file) == 0 && done;
}

bool control_group_add(const char *folder, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return control_group_put(folder, "cgroup.procs", text);
}

bool control_group_take(const char *folder, const struct daemon *d)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX);
	bool taken = control_group_add(folder, d->pid);

	for (size_t i = 0; i < n; i++)
		taken = taken && control_group_add(folder, pids[i]);
	return taken;
}
