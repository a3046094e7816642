/*
 * Syslog that was lost: the master connects to it anew, as soon as it is there, and
 * hands the connection to the children, which can open nothing.
 */
#ifndef MASTER_RELOG_H
#define MASTER_RELOG_H

struct master;

void relog_open(struct master *m); /* the loop is there */
void relog_close(struct master *m);

/* A process cannot write to syslog. `master` is a struct master. Logs nothing. */
void relog_wanted(void *master);

#endif
