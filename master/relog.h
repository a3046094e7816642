/*
 * Syslog that was lost: the master connects to it anew, as soon as it is there.
 */
#ifndef MASTER_RELOG_H
#define MASTER_RELOG_H

struct master;

void relog_open(struct master *m); /* the loop is there */
void relog_close(struct master *m);

#endif
