/*
 * A daemon whose kernel has no memory for sockets while the test wants it so
 * (shim_short.c), and how its processes take that.
 */
#ifndef TESTS_SYSTEM_SHORTAGE_H
#define TESTS_SYSTEM_SHORTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/system/harness.h"
#include "tests/system/shim_short.h"

/* Starts a small daemon with the shim, and one more option or NULL; skips the test
 * where that cannot be loaded. */
struct shim_short *shortage_start(struct daemon *d, const char *option);
void shortage_stop(struct daemon *d, struct shim_short *shim);

/* From now on these calls (SHORT_*) of the process, or of SHORT_ALL, fail so. */
void shortage_begin(struct shim_short *shim, pid_t pid, uint32_t calls, int error);
void shortage_end(struct shim_short *shim);

/* For wait_until(): has a call failed since it began? */
bool shortage_is_met(void *shim);

/* That the process, or these ones together, have met the shortage and wait for its end
 * without using the CPU: looks for a second, and prints what `who` used. */
void shortage_expect_rest(struct shim_short *shim, const char *who);
void shortage_expect_rest_of(
    struct shim_short *shim, const pid_t *pids, size_t n, const char *who);

#endif
