/*
 * What the tests of broken-into processes have in common: a daemon in which all of them
 * have the same user, who is not root, and what one of them tries.
 */
#ifndef TESTS_SYSTEM_WALL_H
#define TESTS_SYSTEM_WALL_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/system/harness.h"
#include "tests/system/remote_call.h"

/* As nobody, with a pepper and tokens, so that all there is to steal is there, and with
 * one more directive for the frontends. Skips where that cannot be done. */
void wall_start_with(struct daemon *d, const char *frontends);
void wall_start(struct daemon *d);
/* Routes of all pools answer, to who has the token. */
void wall_expect_service(const struct daemon *d);

/* Takes the process `who` in hand and returns its pid, or skips. */
pid_t wall_take(struct daemon *d, struct remote *remote, const char *who);

/* That the process cannot open the file. */
void wall_expect_closed(struct remote *remote, const char *path, int flags);
/* The same of all in /proc/PID that says or changes what only the process itself may.
 */
void wall_expect_hidden(struct remote *remote, pid_t pid);

/* May the process's user look into it? */
bool wall_is_dumpable(pid_t pid);

#endif
