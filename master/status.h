/*
 * How a reload or an upgrade went, for `argond -s`, which waits for it: a small file
 * beside the pidfile, replaced whole. Attempts are numbered; whoever wants to know
 * reads the number before he sends his signal and waits for a higher one to be
 * finished.
 */
#ifndef MASTER_STATUS_H
#define MASTER_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct config;
struct master;

/* In the master: attempt begun; finished, and why not. */
void status_begun(struct master *m);
void status_finished(struct master *m, bool ok, const char *why);
/* The file goes with the pidfile: at the end, and at a start the one that a master who
 * was killed has left: its numbers are not ours. */
void status_remove(const struct master *m);

/* For `-s`: the attempt begun last, 0 where there was none. */
unsigned status_last(const char *pidfile);
/* How long an attempt may take until its outcome is known: one that is under way first,
 * the old processes that leave after it, and then the attempt itself. `config` NULL:
 * one that cannot be read, so the built-in times count. */
unsigned status_limit_ms(const struct config *config);

enum status_outcome {
	STATUS_OK,
	STATUS_FAILED,
	STATUS_UNKNOWN, /* nothing was seen within the limit */
};

/* Waits until an attempt after `last` is finished, or the master (`pid`) is gone and
 * has no successor; at most `limit_ms`. Fills `why` where it is not STATUS_OK. */
enum status_outcome status_wait(const char *pidfile, pid_t pid, unsigned last,
    unsigned limit_ms, char *why, size_t cap);

#endif
