#include "common/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cgroup_read(const char *path, char text[CGROUP_TEXT])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	ssize_t n;

	if (fd == -1)
		return -1;
	while ((n = read(fd, text + len, CGROUP_TEXT - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	return n == -1 ? -1 : 0;
}

bool cgroup_number(const char *folder, const char *file, uint64_t *number)
{
	char path[PATH_MAX], text[CGROUP_TEXT], *end;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, file) >=
	        sizeof(path) ||
	    cgroup_read(path, text) != 0)
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return end != text && errno == 0;
}

/* From mount/path upwards to the mount itself. A path that does not lie under the mount
 * (another namespace's) has files only in the mount, so it costs nothing to try. */
static void walk_up(
    const char *mount, const char *path, bool v2, cgroup_visit *visit, void *context)
{
	char folder[PATH_MAX];
	size_t base = strlen(mount);

	if (strstr(path, "..") != NULL)
		path = "";
	if ((size_t)snprintf(folder, sizeof(folder), "%s%s", mount, path) >=
	    sizeof(folder))
		folder[base] = '\0';
	for (;;) {
		char *slash = strrchr(folder + base, '/');

		visit(folder, v2, context);
		if (slash == NULL)
			return;
		*slash = '\0';
	}
}

static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)) != NULL; at += len)
		if ((at == list || at[-1] == ',') &&
		    (at[len] == ',' || at[len] == '\0'))
			return true;
	return false;
}

/* A line is ID:CONTROLLERS:PATH, with no controllers for v2 (cgroups(7)). */
static void walk_line(const char *root, char *line, const char *controller,
    cgroup_visit *visit, void *context)
{
	char mount[PATH_MAX];
	char *controllers, *path;

	if (strsep(&line, ":") == NULL || (controllers = strsep(&line, ":")) == NULL ||
	    (path = line) == NULL)
		return;
	if (*controllers == '\0') {
		walk_up(root, path, true, visit, context);
		snprintf(mount, sizeof(mount), "%s/unified", root);
		walk_up(mount, path, true, visit, context);
	} else if (list_has(controllers, controller)) {
		snprintf(mount, sizeof(mount), "%s/%s", root, controllers);
		walk_up(mount, path, false, visit, context);
		if (strcmp(controllers, controller) == 0)
			return;
		snprintf(mount, sizeof(mount), "%s/%s", root, controller);
		walk_up(mount, path, false, visit, context);
	}
}

void cgroup_walk(const char *root, const char *self, const char *controller,
    cgroup_visit *visit, void *context)
{
	char text[CGROUP_TEXT];
	char *at = text, *line;

	snprintf(text, sizeof(text), "%s", self);
	while ((line = strsep(&at, "\n")) != NULL)
		walk_line(root, line, controller, visit, context);
}
