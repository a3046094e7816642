/*
 * Sockets that are files: whose they are, who may use them.
 */
#ifndef MASTER_LISTEN_UNIX_H
#define MASTER_LISTEN_UNIX_H

#include "master/listen.h"

enum { LISTEN_BACKLOG = 4096 }; /* the kernel cuts it to net.core.somaxconn */

const char *listen_unix_path(const struct config_listen *spec);

/* Mode and group as the config has them. Returns 0, or -1 with errno. */
int listen_unix_permit(const struct config_listen *spec);

/* Binds entry->fd and listens. A socket file that nobody answers at is replaced; a live
 * one, or what is not a socket, is an error. Returns 0, or -1 with errno. */
int listen_unix_bind(struct listener_socket *entry);

#endif
