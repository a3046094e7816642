/*
 * A control group of a test's own, of either version, for the shortages that no rlimit
 * brings about for root.
 */
#ifndef TESTS_SYSTEM_CONTROL_GROUP_H
#define TESTS_SYSTEM_CONTROL_GROUP_H

#include <stdbool.h>

#include "tests/system/harness.h"

enum { CONTROL_GROUP_PATH = 256 };

/* Makes one below ours, with that controller ("memory", "pids"); false where there may
 * be none. rmdir() removes it once it is empty. */
bool control_group_open(const char *controller, char folder[CONTROL_GROUP_PATH]);
/* Writes text into one of its files; false where that is refused. */
bool control_group_put(const char *folder, const char *name, const char *text);
/* Moves a process into it. */
bool control_group_add(const char *folder, pid_t pid);
/* Moves the master and its children into it: what they fork is born there. */
bool control_group_take(const char *folder, const struct daemon *d);

#endif
