/*
 * Clients: who is at the other end, and how much of this frontend is theirs. One record
 * for each that has a connection or a job here; it is gone with the last of them, so
 * that there are never more records than connections and jobs.
 *
 * Of a connection the client is its address. IPv6 clients own networks, not addresses:
 * all of a /64 are one client. On Unix sockets it is the user that the kernel names;
 * those have their turns like others, but nobody limits them. A request that shows a
 * token is its token's, wherever it comes from: behind a proxy all have one address.
 */
#ifndef FRONTEND_CLIENT_H
#define FRONTEND_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/contract.h"

enum conn_peer_kind {
	CONN_PEER_UNIX,
	CONN_PEER_INET,
	CONN_PEER_INET6,
	CONN_PEER_TOKEN, /* of a request */
};

/* Who is at the other end of a connection: 4 or 16 bytes of address without the port,
 * or the 4 bytes of a uid or of a token's number. */
struct conn_peer {
	uint8_t address[16];
	uint8_t kind; /* enum conn_peer_kind */
};

struct clients;

struct client {
	struct clients *clients; /* that it belongs to */
	struct client *next;     /* in its chain */
	uint64_t
	    hash; /* of its address, keyed: the same in all frontends of a generation */
	unsigned refs;        /* client_get() and client_hold(), less client_put() */
	unsigned connections; /* kept by conn.c */
	unsigned jobs[LIMIT_POOLS]; /* for those who admit them */
	struct conn_peer peer;      /* as it is compared: of IPv6 the first 8 bytes */
};

/* A table of chains by a keyed hash (BLAKE2s with a random key): who does not know the
 * key cannot make a chain long. It grows with the clients and never shrinks. */
struct clients {
	uint8_t key[LIMIT_CLIENT_KEY];
	struct client **chains; /* NULL: none yet */
	size_t chain_count;     /* a power of two, or 0 */
	size_t count;           /* clients */
};

/* Makes an empty table. Nothing is allocated before the first client. Whoever has the
 * same key has the same hashes. */
void clients_init(struct clients *clients, const uint8_t key[LIMIT_CLIENT_KEY]);

/* Frees the table, and records that somebody still holds: for the end of a process. */
void clients_free(struct clients *clients);

/* The record of a peer, with one reference more. NULL only where there is no memory for
 * a new one. */
struct client *client_get(struct clients *clients, const struct conn_peer *peer);

/* One reference more, for a job that may outlive its connection. Returns the client. */
struct client *client_hold(struct client *client);

/* One reference less; the last one frees the record. NULL is allowed. */
void client_put(struct client *client);

/* May its share be limited? Not that of a user of this machine. */
bool client_is_limited(const struct client *client);

#endif
