/*
 * The limits of the cgroup that this process is in, v1 and v2: reading what the kernel
 * shows, nothing else. `self` is the text of /proc/self/cgroup, `root` where the
 * hierarchies are mounted (/sys/fs/cgroup); tests give others.
 */
#ifndef COMMON_CGROUP_H
#define COMMON_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A container in a container has long paths, in a line for each controller of v1. */
enum { CGROUP_TEXT = 16384 };
#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP_SELF "/proc/self/cgroup"

/* Reads a small file whole, as text. Returns 0, or -1 where it is not there. */
int cgroup_read(const char *path, char text[CGROUP_TEXT]);

/* Reads the number that a file begins with; false where there is none ("max"), or no
 * file. */
bool cgroup_number(const char *folder, const char *file, uint64_t *number);

/* Called with the folder of a group; `v2` says which files it has. */
typedef void cgroup_visit(const char *folder, bool v2, void *context);

/* Visits the group of `controller` (v1) and of the unified hierarchy (v2), and all
 * groups above them up to the mount: a limit holds for everything below it. */
void cgroup_walk(const char *root, const char *self, const char *controller,
    cgroup_visit *visit, void *context);

#endif
