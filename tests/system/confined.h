/*
 * A daemon that root starts and that does not stay root, or that never was: what the
 * tests of its confinement have in common.
 */
#ifndef TESTS_SYSTEM_CONFINED_H
#define TESTS_SYSTEM_CONFINED_H

#include <pwd.h>

#include "tests/system/harness.h"

#define CONFINED_SMALL                                                                 \
	"profile.default.memory=64K", "profile.default.time=1", "hello_delay=5ms",     \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1"

/* That user; skips the test where there is none, or root is somebody else. */
const struct passwd *confined_user(const char *name);
/* The same, and the daemon's folder is made his, for the database is in it. */
const struct passwd *confined_folder(const struct daemon *d, const char *name);
/* Starts it as nobody, without root's help. */
void confined_start_as_nobody(struct daemon *d);
/* Every kind of request is answered. */
void confined_expect_service(const struct daemon *d);

#endif
