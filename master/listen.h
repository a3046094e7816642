/*
 * The listening sockets. The master binds them once; every frontend inherits the same ones,
 * so that no connection waits in the queue of a process that is gone.
 */
#ifndef MASTER_LISTEN_H
#define MASTER_LISTEN_H

#include <stddef.h>
#include <sys/types.h>

#include "common/config.h"

struct listener_entry {
	struct config_listen spec;
	int fd;
	dev_t dev; /* AF_UNIX: the socket file that is ours to remove */
	ino_t ino;
};

struct listener_set {
	struct listener_entry *entries;
	size_t count;
};

/* Binds every address of the config. Returns 0, or -1 with what failed in `why` (and
 * nothing left open). */
int listen_open(struct listener_set *set, const struct config *config, char *why,
    size_t cap);

/* Logs the addresses as bound: a port 0 shows the one the kernel chose. */
void listen_announce(const struct listener_set *set);

/* Closes all and removes the socket files that are still ours. */
void listen_close(struct listener_set *set);

#endif
