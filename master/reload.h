/*
 * Reload (HUP) as a transaction: a new generation is made whole beside the old one and
 * takes its place when it is READY; whatever fails on the way undoes it and leaves the
 * old one as it was.
 *
 * One at a time: requests that come meanwhile are one more reload after it. A reload
 * also waits while another generation, an old or a failed one, is still leaving, so
 * that never more than two are alive (an upgrade brings a third).
 */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include <stdbool.h>

struct master;
struct generation;

struct reload {
	bool wanted; /* asked for and not begun */
};

/* Begins one: nothing else is under way (master_go_on). */
void reload_begin(struct master *m);
/* The candidate: takes charge; is given up. */
void reload_commit(struct master *m);
void reload_abort(struct master *m, const char *why);

#endif
