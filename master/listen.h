/*
 * The listening sockets. The master binds them once; every frontend inherits the same
 * ones, so that no connection waits in the queue of a process that is gone.
 */
#ifndef MASTER_LISTEN_H
#define MASTER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "common/config.h"

/* One bound address. Generations that listen on the same address share it. */
struct listener_socket {
	struct config_listen spec;
	int fd;
	/* as the kernel has bound it: with the port that it chose where that is 0 */
	struct sockaddr_storage bound;
	socklen_t bound_len;
	unsigned users; /* generations */
	int file; /* O_PATH, AF_UNIX: the socket's file that is ours; -1: none is */
};

struct listener_set {
	struct listener_socket **sockets;
	size_t count;
	bool keep_files; /* a successor has the sockets now: their files stay */
};

/* Opens the addresses of `config`, in its order. Those that `shared` has already (NULL:
 * none) are taken from there, all others are bound. Returns 0, or -1 with `*err` filled
 * and nothing changed. */
int listen_open(struct listener_set *set, const struct config *config,
    const struct listener_set *shared, struct config_error *err);

/* The set's config is the one in charge: shared Unix sockets get its mode and group,
 * TCP sockets its write_timeout (TCP_USER_TIMEOUT, tcp(7)), and all of them the sizes
 * of their connections' buffers. */
void listen_settle(const struct listener_set *set, const struct config *config);

/* Logs the addresses as bound: a port 0 shows the one the kernel chose. */
void listen_announce(const struct listener_set *set);

/* Gives up the set: sockets that no other generation uses are closed, and their files
 * removed where they are still ours. */
void listen_close(struct listener_set *set);

/*
 * The end of one socket, in two steps. listen_refuse(): no connection is begun any
 * more, those that wait in its queue and handshakes under way can still be accepted.
 * listen_end(): new connections are refused; a TCP socket resets what still waits.
 */
void listen_refuse(const struct listener_socket *entry);
void listen_end(struct listener_socket *entry);

/* Would listen_end() reset a connection? */
bool listen_waits(const struct listener_socket *entry);

/*
 * listen_mend.c: what somebody has done to a socket that is shared. listen_wrong() says
 * what that is, or NULL. listen_mend() makes it as it was: the same socket where the
 * kernel can, else a new one at the same address, which processes do not have yet. It
 * returns 0, or -1 with errno.
 */
const char *listen_wrong(const struct listener_socket *entry);
int listen_mend(struct listener_socket *entry, const struct config *config);

/* Fills in entry->bound. Returns 0, or -1 with errno. */
int listen_note(struct listener_socket *entry);
/* Makes and binds a socket for entry->spec, and listens. Returns 0, or -1 with errno;
 * entry->fd may be open all the same. */
int listen_bind(struct listener_socket *entry);
/* The part of listen_settle() that is for TCP. */
void listen_set_patience(
    const struct listener_socket *entry, const struct config *config);

/* Are two specs the same address? */
bool listen_same(const struct config_listen *a, const struct config_listen *b);

#endif
