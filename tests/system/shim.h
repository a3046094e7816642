/*
 * What a test loads into the daemon (LD_PRELOAD), and the memory that it shares with
 * that.
 */
#ifndef TESTS_SYSTEM_SHIM_H
#define TESTS_SYSTEM_SHIM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "tests/system/harness.h"

/* The path of shim_NAME.so, beside the test program. False where there is none, or none
 * can be loaded: the test is to be skipped. */
bool shim_find(char path[PATH_MAX], const char *name);

/* Makes a zeroed file of so many bytes in the daemon's folder, which counts as
 * expected; maps it, and sets the environment's `variable` to its path. To be unmapped.
 */
void *shim_share(struct daemon *d, const char *variable, size_t bytes);

#endif
