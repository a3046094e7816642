/*
 * The watch over listening sockets.
 */
#ifndef MASTER_RELISTEN_H
#define MASTER_RELISTEN_H

struct generation;

/* Looks at the sockets of a generation that serves; called every LADDER_WATCH_MS. */
void relisten_look(struct generation *g);

#endif
