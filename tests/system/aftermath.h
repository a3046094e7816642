/*
 * What must be as before once a fault is over and the load has gone: processes, fds by
 * kind, memory, zombies, Unix sockets, files; and that nobody has died but those that
 * the test itself has killed.
 */
#ifndef TESTS_SYSTEM_AFTERMATH_H
#define TESTS_SYSTEM_AFTERMATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/system/harness.h"
#include "tests/system/house.h"
#include "tests/system/process.h"

#ifdef __SANITIZE_ADDRESS__
#define AFTERMATH_MEMORY_COUNTS false /* freed memory is kept for a while */
#else
#define AFTERMATH_MEMORY_COUNTS true
#endif

enum { AFTERMATH_KILLED = 2048, AFTERMATH_FILES = 1024 };

/* A daemon with as few processes as a fault can be shown with, hashes that cost next to
 * nothing, and deadlines that no machine is too slow for. */
#define AFTERMATH_DAEMON                                                               \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=2", "pool.elastic.max_processes=2",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1", "pool.elastic.deadline=120s",               \
	    "pool.fixed.deadline=120s", "pool.lookup.deadline=120s"

struct aftermath {
	struct daemon *d;
	bool
	    replaced; /* to be set where all processes make room for others, in order */

	char house[HOUSE_TEXT], now[HOUSE_TEXT]; /* as they were, and are */
	pid_t pids[PROCESS_MAX];                 /* the master and its children */
	uint64_t kib[PROCESS_MAX];
	size_t count, sockets, log_mark;
	char files[AFTERMATH_FILES];
	pid_t killed[AFTERMATH_KILLED];
	size_t killed_count;
};

/* Looks at a running daemon that has nothing to do. Skips the test (the daemon stopped)
 * where titles or fds cannot be seen. */
void aftermath_begin(struct aftermath *a, struct daemon *d);
/* That process is killed by the test, or by the master for the test's sake. */
void aftermath_killed(struct aftermath *a, pid_t pid);
/* Waits until all is as before, and says that nobody else has died; fails with the
 * difference where that does not come. */
void aftermath_expect(struct aftermath *a);

/* Unix sockets that have a name in the daemon's folder. */
size_t aftermath_sockets(const struct daemon *d);
/* The names of the files in it, sorted, but for what a reload leaves as its word. */
void aftermath_files(const struct daemon *d, char files[AFTERMATH_FILES]);

#endif
