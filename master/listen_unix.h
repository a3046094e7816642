/*
 * Sockets that are files: whose they are, who may use them. The folder may belong to
 * another user than the master: whatever is put in the place of the socket's file, only
 * that file is ever given to a group, opened to others or removed.
 */
#ifndef MASTER_LISTEN_UNIX_H
#define MASTER_LISTEN_UNIX_H

#include "master/listen.h"

enum { LISTEN_BACKLOG = 4096 }; /* the kernel cuts it to net.core.somaxconn */

const char *listen_unix_path(const struct config_listen *spec);

/* Binds entry->fd and listens. A socket file that nobody answers at is replaced; a live
 * one, or what is not a socket, is an error. Waits for nobody: where another process is
 * about to bind here, too, that is EADDRINUSE. Returns 0, or -1 with errno. */
int listen_unix_bind(struct listener_socket *entry);

/* The file of a socket that a predecessor has bound is ours from now on, if it is still
 * there: entry->file. */
void listen_unix_adopt(struct listener_socket *entry);

/* Mode and group of the file as the config has them. Returns 0, or -1 with errno. */
int listen_unix_permit(const struct listener_socket *entry);

/* Lets go of the file; removes it as well, unless that is to be kept. */
void listen_unix_release(struct listener_socket *entry, bool keep_file);

#endif
