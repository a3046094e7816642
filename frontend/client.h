/*
 * Clients: who is at the other end, and how much of this frontend is theirs. One record
 * for each that has a connection or a job here; it is gone with the last of them.
 *
 * Of a connection the client is its address. IPv6 clients own networks, not addresses:
 * all of a /64 are one client. On Unix sockets it is the user that the kernel names;
 * those have their turns like others, but nobody limits them. A request that shows a
 * token is its token's, wherever it comes from: behind a proxy all have one address.
 *
 * Whoever has a /48 has 65536 clients. So clients are counted with the networks around
 * them, each a record of its own: an IPv6 /56 and the /48 around it, an IPv4 /24. A
 * network has a larger share than a client, but one; and where connections are many or
 * large, it is first the network and then the client with most that gives way. For jobs
 * the /24 does not count: the machines of one site that ask for hashes often are
 * neighbours, and IPv4 addresses are scarce.
 *
 * There are never more than three records for each connection and job.
 */
#ifndef FRONTEND_CLIENT_H
#define FRONTEND_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "common/contract.h"
#include "frontend/origin.h"

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

/* What is measured of each client and network, to know who has most of it. */
enum client_measure {
	CLIENT_WAITS, /* connections for whose client the server waits (conn_place.c) */
	CLIENT_MEASURES
};

struct clients;
struct conn;

TAILQ_HEAD(conn_list, conn);
RB_HEAD(client_ranks, client_rank);

/* Of one measure, the place of a client or network among its siblings. */
struct client_rank {
	RB_ENTRY(client_rank) entry; /* in parent->ranks[measure].below */
	struct client_ranks below;   /* of a network: its children */
	struct client *client;       /* whose this is */
	uint64_t amount;             /* 0: it is in no tree */
	uint64_t since;              /* of equal amounts the longest comes first */
};

struct client {
	struct clients *clients; /* that it belongs to */
	struct client *next;     /* in its chain */
	struct client *parent;   /* held: the network around it, or &clients->all */
	uint64_t
	    hash; /* of its address, keyed: the same in all frontends of a generation */
	unsigned refs;        /* client_get(), client_hold(), children; less put */
	unsigned connections; /* client_connect(); of a network, all of its clients' */
	unsigned reserved;    /* of these, in the reserve: client_reserve(); the same */
	unsigned jobs[LIMIT_POOLS]; /* client_add_job(); the same */
	struct conn_peer peer;      /* what all that it stands for begin with */
	uint8_t level; /* of its kind (client.c), the widest network is 0 */

	struct client_rank ranks[CLIENT_MEASURES];

	/* of a client, kept by conn_place.c, the longest first: its connections between
	 * two requests, and others for which the server waits */
	struct conn_list idle, slow;
};

/* A table of chains by a keyed hash (BLAKE2s with a random key): who does not know the
 * key cannot make a chain long. It grows with the records and never shrinks. */
struct clients {
	uint8_t key[LIMIT_CLIENT_KEY];
	struct client **chains; /* NULL: none yet */
	size_t chain_count;     /* a power of two, or 0 */
	size_t records;         /* clients and networks */
	size_t count;           /* clients */
	uint64_t clock;         /* counts for client_rank.since */
	struct client all;      /* the network of all others; in no chain */
};

/* Makes an empty table, which must not be moved. Nothing is allocated before the first
 * client. Whoever has the same key has the same hashes. */
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

/* Where its turns are, and those of its networks, in the queue for jobs. */
struct origin client_origin(const struct client *client);

/* It has one connection more, or less. */
void client_connect(struct client *client);
void client_disconnect(struct client *client);

/* One of its connections is in the reserve, or no longer. */
void client_reserve(struct client *client);
void client_unreserve(struct client *client);

/* The widest network around it, or the client itself. */
const struct client *client_widest(const struct client *client);

/* It has one job more, or less. Returns how many there are now of its origin.hash[0]:
 * the widest network that counts for jobs, or the client. */
unsigned client_add_job(struct client *client, unsigned pool);
unsigned client_remove_job(struct client *client, unsigned pool);

/* May its share be limited? Not that of a user of this machine. */
bool client_is_limited(const struct client *client);

/* Has it, or a network around it, more connections than its share where a client's is
 * `limit`? A /56 has 4 times as many, a /48 and an IPv4 /24 16 times. A limit of 0
 * is none. */
bool client_is_over(const struct client *client, unsigned limit);

/* The same for one more job. */
bool client_has_jobs(const struct client *client, unsigned pool, unsigned limit);

/* --- client_rank.c --- */

/* Begins without an amount. */
void client_rank_init(struct client *client);

/* Changes an amount of a client, and of the networks around it. */
void client_measure(struct client *client, enum client_measure what, int64_t change);

/* Of equal amounts its own is the latest: but only where it is 1. */
void client_touch(struct client *client, enum client_measure what);

/* The client that has most, in the network that has most; NULL where nobody has
 * anything. */
struct client *clients_largest(struct clients *clients, enum client_measure what);

/* Who gives way to `client`: level by level, where another has more than the client or
 * its network has, it is the one with most in there. The client itself where nobody
 * has more. */
struct client *clients_larger(struct client *client, enum client_measure what);

#endif
