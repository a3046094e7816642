/*
 * Masters that follow one another: who is in charge, who else is there. The test is
 * made the parent of what has lost its own (PR_SET_CHILD_SUBREAPER), so that a master
 * is still seen and waited for when the one that started it has gone.
 */
#ifndef TESTS_SYSTEM_MASTERS_H
#define TESTS_SYSTEM_MASTERS_H

#include <stddef.h>
#include <sys/types.h>

#include "tests/system/harness.h"

/* As daemon_test(), for a test whose daemon has successors. */
int masters_setup(void **state);
int masters_teardown(void **state);
#define masters_test(name)                                                             \
	cmocka_unit_test_setup_teardown(name, masters_setup, masters_teardown)

/* Starts a copy of the binary in the test's own folder, which may then be replaced. */
void masters_copy(const struct daemon *d);
/* Puts a file in its place, by rename: text with that mode, a copy of the file `from`,
 * or of the binary. */
void masters_replace(const struct daemon *d, const char *text, mode_t mode);
void masters_install(const struct daemon *d, const char *from);
void masters_restore(const struct daemon *d);
/* The binary that was copied. */
const char *masters_binary(void);

/* The number in the pidfile, 0 where there is none. */
pid_t masters_named(const struct daemon *d);
/* All processes that come from this test and live; at most max. */
size_t masters_all(pid_t *pids, size_t max);
/* Those of them that are masters; 1 where there are any, and only root may look. */
size_t masters_count(void);

/* Looks whether a successor has taken the place: the pidfile names him, and the old one
 * has gone (and is buried, with status 0). The daemon is then the new one. */
bool masters_changed(struct daemon *d);
/* Waits for it. */
void masters_wait_changed(struct daemon *d);
/* Buries those of the test's own children that have died, but for d->pid. */
void masters_bury(const struct daemon *d);
/* `argond -s word` with the daemon's config; returns its exit status, and what it said
 * on stderr in said[cap]. Without a pidfile ("") no -o names one. */
int masters_send(const struct daemon *d, const char *word, char *said, size_t cap);

/* The master that `old` has started to take over from it, or 0. */
pid_t masters_heir(pid_t old);

#endif
