/*
 * Clients that do not stay: they ask, and a turn later they leave, with a reset, with
 * an orderly end, with half a request sent; or they close half and wait for the answer,
 * which must then be their own.
 */
#ifndef TESTS_SYSTEM_LEAVERS_H
#define TESTS_SYSTEM_LEAVERS_H

#include "tests/system/client.h"

enum { LEAVERS = 8 };

struct leaver {
	struct client client;
	unsigned number; /* what it asks, and how it leaves; 0: nobody is there */
	bool waiting;    /* has closed half */
	uint64_t since;
};

struct leavers {
	const struct address *to;
	struct leaver leaver[LEAVERS];
	unsigned asked, answered;
	unsigned
	    cut; /* those who waited and whose connection ended without an answer */
};

/* Who has asked leaves, who waits looks for his answer, and others come. Fails the test
 * where an answer is another's. */
void leavers_turn(struct leavers *leavers);
/* Who has asked leaves, those who wait get their answers; then nobody is left. */
void leavers_end(struct leavers *leavers);

#endif
