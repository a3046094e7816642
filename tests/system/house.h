/*
 * What a daemon holds: its processes, their fds by kind, the memory they share. Taken
 * before and after, the two must be equal.
 */
#ifndef TESTS_SYSTEM_HOUSE_H
#define TESTS_SYSTEM_HOUSE_H

#include <stddef.h>

#include "tests/system/harness.h"

enum { HOUSE_TEXT = 8192, HOUSE_ROLE = 32 };

/* One line for each kind of thing, sorted: "hasher elastic: 2 process". Lines that are
 * equal mean houses that are equal. Connections count as sockets: none should be open.
 */
void house_describe(const struct daemon *d, char text[HOUSE_TEXT]);
/* Waits until the house looks as in `before`; fails with the difference where it never
 * does. */
void house_expect(const struct daemon *d, const char *before);
/* "hasher elastic" of "argond: hasher elastic/0 [busy ...": its number does not count.
 */
void house_role(pid_t pid, char role[HOUSE_ROLE]);
/* How many generations the master holds: each has a board of its own. Where we
 * may not look (fds_visible(): only root may), those that still have hashers. */
unsigned house_generations(const struct daemon *d);
/* Waits until it has looked the same for some time, and describes it. */
void house_settle(const struct daemon *d, char text[HOUSE_TEXT]);

#endif
