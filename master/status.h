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

struct master;

/* In the master: attempt begun; finished, and why not. */
void status_begun(struct master *m);
void status_finished(struct master *m, bool ok, const char *why);
/* The file goes with the pidfile: at the end, and at a start the one that a master who
 * was killed has left: its numbers are not ours. */
void status_remove(const struct master *m);

/* For `-s`: the attempt begun last, 0 where there was none. */
unsigned status_last(const char *pidfile);
/* Waits until an attempt after `last` is finished, or the master (`pid`) is gone and
 * has no successor. Returns 0 where it went well, else -1 with `why` filled. */
int status_wait(const char *pidfile, pid_t pid, unsigned last, char *why, size_t cap);

#endif
