/*
 * How a child gives up what it does not need: root, the file system, new privileges.
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include "common/config.h"

/* Enters the config's chroot and becomes its user and group for good, then makes sure that
 * there is no way back and that execve() gains nothing. Returns 0, or -1 (logged). */
int sandbox_enter(const struct config *config);

#endif
