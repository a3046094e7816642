/*
 * What may happen to a daemon in a long life, at random: processes killed and stopped,
 * reloads, bad configs, upgrades, pools resized, clients that leave. It follows the
 * master from one program to the next.
 */
#ifndef TESTS_SYSTEM_MISCHIEF_H
#define TESTS_SYSTEM_MISCHIEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/system/harness.h"
#include "tests/system/leavers.h"

enum mischief_act {
	MISCHIEF_KILL_HASHER,
	MISCHIEF_STOP_HASHER,
	MISCHIEF_KILL_FRONTEND,
	MISCHIEF_RELOAD,
	MISCHIEF_BREAK,
	MISCHIEF_UPGRADE,
	MISCHIEF_RESIZE,
	MISCHIEF_ACTS
};

struct mischief {
	struct daemon *d;
	char *config;      /* the good one's text */
	size_t bad;        /* how many bad ones there were */
	bool calm;         /* nothing that ends processes in numbers */
	unsigned spare_ms; /* between two upgrades, about */
	uint64_t next[MISCHIEF_ACTS];
	unsigned done[MISCHIEF_ACTS];

	pid_t stopped; /* and goes on at cont_ms; 0: nobody */
	uint64_t cont_ms;
	bool broken; /* the config is, until mend_ms or a reload has failed */
	uint64_t mend_ms;
	size_t mark;      /* of the log, then */
	int grown;        /* by so many hashers, by hand */
	unsigned masters; /* that there were */
	size_t owned;     /* connections that killed frontends had */
	struct leavers leavers;
};

/* Begins with a daemon that runs on its config file. */
void mischief_begin(struct mischief *m, struct daemon *d);
/* What is due now. */
void mischief_turn(struct mischief *m);
/* Who is stopped goes on. */
void mischief_go_on(struct mischief *m);
/* No more of it: all go on, the config is good and in charge, one master with one
 * generation is left, and no client. */
void mischief_rest(struct mischief *m);
void mischief_end(struct mischief *m);
void mischief_print(const struct mischief *m);

#endif
