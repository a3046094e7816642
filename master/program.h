/*
 * Which program an upgrade executes: the path that this process was executed by. What
 * lies there is looked up at the upgrade, so that a symbolic link in the path
 * (/opt/argond/current) leads to the release that it names by then.
 */
#ifndef MASTER_PROGRAM_H
#define MASTER_PROGRAM_H

#include <limits.h>

struct program {
	char path[PATH_MAX]; /* absolute; its symbolic links are not resolved */
	char file[PATH_MAX]; /* the file that this process runs */
};

/* Fills *program; `arg` is argv[0] or NULL. To be called before the current folder
 * changes. */
void program_note(struct program *program, const char *arg);

/* The first component of the path that is a symbolic link to nothing, or "". */
void program_dangling(const struct program *program, char path[PATH_MAX]);

#endif
