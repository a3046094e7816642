/*
 * The memory of a daemon's processes over a long time. A process is looked at from when
 * it has warmed up until it goes; what it has grown by is added up by role, so that a
 * leak shows even where no process grows old.
 */
#ifndef TESTS_SYSTEM_LEDGER_H
#define TESTS_SYSTEM_LEDGER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/system/house.h"
#include "tests/system/process.h"

enum { LEDGER_ROLES = 16 };

struct ledger_row {
	pid_t pid;
	char role[HOUSE_ROLE];
	uint64_t born_ms, first_ms, last_ms;
	uint64_t first_kib, last_kib; /* first_kib 0: has not warmed up */
};

struct ledger_role {
	char role[HOUSE_ROLE];
	unsigned processes; /* that were looked at */
	double kib;         /* by which they have grown, all together */
	double minutes;     /* for which they were looked at, all together */
	uint64_t most_kib;  /* that one of them had */
};

struct ledger {
	uint64_t warm_ms; /* how long a process warms up, and is looked at, at least */
	struct ledger_row rows[PROCESS_MAX];
	size_t count;
	struct ledger_role roles[LEDGER_ROLES];
	size_t role_count;
};

/* Looks at the daemon's master and its children. */
void ledger_look(struct ledger *ledger, const struct daemon *d);
/* Those who are there are added up, too, and seen as new from now on. */
void ledger_close(struct ledger *ledger);
/* Prints the sums, a line for each role. */
void ledger_print(const struct ledger *ledger);
/* KiB a minute by which a process of the role grows; 0 where none was looked at. */
double ledger_slope(const struct ledger *ledger, const char *role);

#endif
