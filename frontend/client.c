#include "frontend/client.h"

#include <stdlib.h>
#include <string.h>

#include <blake2.h>
#include <bsd/string.h>

enum { CHAINS_AT_FIRST = 64 };

/* The networks around a client, and itself: bytes of the address that all of it have in
 * common, and how many times a client's share it may have. */
struct level {
	uint8_t bytes;
	uint8_t shares;
};

static const struct level inet_levels[] = {{3, 16}, {4, 1}};
static const struct level inet6_levels[] = {{6, 16}, {7, 4}, {8, 1}};
static const struct level other_levels[] = {{4, 1}}; /* a uid, a token's number */

static const struct {
	const struct level *levels;
	unsigned count;
	unsigned queue; /* the first that has turns of its own in the queue for jobs */
} client_kinds[] = {
    [CONN_PEER_UNIX] = {other_levels, 1, 0},
    [CONN_PEER_INET] = {inet_levels, 2, 1},
    [CONN_PEER_INET6] = {inet6_levels, ORIGIN_LEVELS, 0},
    [CONN_PEER_TOKEN] = {other_levels, 1, 0},
};

/* What an IPv6 address begins with that stands for an IPv4 one (RFC 4291, 2.5.5.2). */
static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

void clients_init(struct clients *clients, const uint8_t key[LIMIT_CLIENT_KEY])
{
	*clients = (struct clients){0};
	clients->all.clients = clients;
	client_rank_init(&clients->all);
	memcpy(clients->key, key, sizeof(clients->key));
}

void clients_free(struct clients *clients)
{
	for (size_t i = 0; i < clients->chain_count; i++) {
		struct client *client = clients->chains[i], *next;

		for (; client != NULL; client = next) {
			next = client->next;
			free(client);
		}
	}
	free(clients->chains);
	explicit_bzero(clients, sizeof(*clients));
}

/* A record is found by this: equal for all that are one client, or in one network. */
struct client_key {
	uint8_t address[sizeof(((struct conn_peer *)NULL)->address)];
	uint8_t kind, level;
};

static struct client_key client_key(const struct conn_peer *peer, unsigned level)
{
	struct client_key key = {.kind = peer->kind, .level = (uint8_t)level};

	memcpy(
	    key.address, peer->address, client_kinds[peer->kind].levels[level].bytes);
	return key;
}

static struct conn_peer client_peer(const struct conn_peer *peer)
{
	struct conn_peer inet = {.kind = CONN_PEER_INET};

	if (peer->kind != CONN_PEER_INET6 ||
	    memcmp(peer->address, mapped, sizeof(mapped)) != 0)
		return *peer;
	memcpy(inet.address, peer->address + sizeof(mapped),
	    sizeof(inet.address) - sizeof(mapped));
	return inet;
}

static uint64_t client_hash(const struct clients *clients, const struct client_key *key)
{
	uint8_t digest[sizeof(uint64_t)] = {0};
	uint64_t hash;

	/* fails only where a length is wrong */
	blake2s(digest, key, clients->key, sizeof(digest), sizeof(*key),
	    sizeof(clients->key));
	memcpy(&hash, digest, sizeof(hash));
	return hash;
}

static struct client **client_chain(const struct clients *clients, uint64_t hash)
{
	return &clients->chains[hash & (clients->chain_count - 1)];
}

/* Moves all of a chain into the chains of another table. */
static void client_move(struct client *client, const struct clients *to)
{
	struct client *next;

	for (; client != NULL; client = next) {
		struct client **chain = client_chain(to, client->hash);

		next = client->next;
		client->next = *chain;
		*chain = client;
	}
}

/* Makes room for one more. Without memory for that the chains only get longer. */
static int clients_grow(struct clients *clients)
{
	struct clients larger = {.chain_count = CHAINS_AT_FIRST};

	if (clients->records < clients->chain_count)
		return 0;
	if (clients->chains != NULL)
		larger.chain_count = clients->chain_count * 2;
	larger.chains = calloc(larger.chain_count, sizeof(struct client *));
	if (larger.chains == NULL)
		return clients->chains != NULL ? 0 : -1;
	if (clients->chains != NULL)
		for (size_t i = 0; i < clients->chain_count; i++)
			client_move(clients->chains[i], &larger);
	free(clients->chains);
	clients->chains = larger.chains;
	clients->chain_count = larger.chain_count;
	return 0;
}

static bool client_is(
    const struct client *client, const struct client_key *key, uint64_t hash)
{
	return client->hash == hash && client->peer.kind == key->kind &&
	       client->level == key->level &&
	       memcmp(client->peer.address, key->address, sizeof(key->address)) == 0;
}

static bool client_is_network(const struct client *client)
{
	return client->level + 1U < client_kinds[client->peer.kind].count;
}

/* A record in a network, which it holds then. */
static struct client *client_new(
    struct client *parent, const struct client_key *key, uint64_t hash)
{
	struct clients *clients = parent->clients;
	struct client *client, **chain;

	if (clients_grow(clients) != 0)
		return NULL;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return NULL;
	chain = client_chain(clients, hash);
	client->clients = clients;
	client->next = *chain;
	client->parent = parent;
	client->hash = hash;
	client->refs = 1;
	client->peer.kind = key->kind;
	memcpy(client->peer.address, key->address, sizeof(key->address));
	client->level = key->level;
	TAILQ_INIT(&client->idle);
	TAILQ_INIT(&client->slow);
	client_rank_init(client);
	*chain = client;
	clients->records++;
	clients->count += !client_is_network(client);
	return client;
}

static struct client *client_get_level(
    struct clients *clients, const struct conn_peer *peer, unsigned level)
{
	const struct client_key key = client_key(peer, level);
	const uint64_t hash = client_hash(clients, &key);
	struct client *client = NULL, *parent = &clients->all;

	if (clients->chains != NULL)
		client = *client_chain(clients, hash);
	while (client != NULL && !client_is(client, &key, hash))
		client = client->next;
	if (client != NULL)
		return client_hold(client);
	if (level > 0)
		parent = client_get_level(clients, peer, level - 1);
	if (parent == NULL)
		return NULL;
	client = client_new(parent, &key, hash);
	if (client == NULL)
		client_put(parent);
	return client;
}

struct client *client_get(struct clients *clients, const struct conn_peer *peer)
{
	const struct conn_peer own = client_peer(peer);

	return client_get_level(clients, &own, client_kinds[own.kind].count - 1);
}

struct client *client_hold(struct client *client)
{
	client->refs++;
	return client;
}

static void client_free(struct client *client)
{
	struct clients *clients = client->clients;
	struct client **at = client_chain(clients, client->hash);

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	clients->records--;
	clients->count -= !client_is_network(client);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it is from client_add() */
	free(client);
}

void client_put(struct client *client)
{
	struct client *parent;

	for (; client != NULL && client->parent != NULL && --client->refs == 0;
	     client = parent) {
		parent = client->parent;
		client_free(client);
	}
}

/* --- what is theirs */

/* Of the levels that have turns in the queue for jobs: is this one? */
static bool client_queues(const struct client *client)
{
	return client->parent != NULL &&
	       client->level >= client_kinds[client->peer.kind].queue;
}

struct origin client_origin(const struct client *client)
{
	const unsigned first = client_kinds[client->peer.kind].queue;
	struct origin origin = {.depth = client->level + 1U - first};

	for (; client_queues(client); client = client->parent)
		origin.hash[client->level - first] = client->hash;
	return origin;
}

void client_connect(struct client *client)
{
	for (; client->parent != NULL; client = client->parent)
		client->connections++;
}

void client_disconnect(struct client *client)
{
	for (; client->parent != NULL; client = client->parent)
		client->connections--;
}

void client_reserve(struct client *client)
{
	for (; client->parent != NULL; client = client->parent)
		client->reserved++;
}

void client_unreserve(struct client *client)
{
	for (; client->parent != NULL; client = client->parent)
		client->reserved--;
}

const struct client *client_widest(const struct client *client)
{
	while (client->parent->parent != NULL)
		client = client->parent;
	return client;
}

unsigned client_add_job(struct client *client, unsigned pool)
{
	unsigned jobs = 0;

	for (; client_queues(client); client = client->parent)
		jobs = ++client->jobs[pool];
	return jobs;
}

unsigned client_remove_job(struct client *client, unsigned pool)
{
	unsigned jobs = 0;

	for (; client_queues(client); client = client->parent)
		jobs = --client->jobs[pool];
	return jobs;
}

static uint64_t client_share(const struct client *client, unsigned limit)
{
	return (uint64_t)limit *
	       client_kinds[client->peer.kind].levels[client->level].shares;
}

bool client_is_limited(const struct client *client)
{
	return client->peer.kind != CONN_PEER_UNIX;
}

bool client_is_over(const struct client *client, unsigned limit)
{
	if (limit == 0 || !client_is_limited(client))
		return false;
	for (; client->parent != NULL; client = client->parent)
		if (client->connections > client_share(client, limit))
			return true;
	return false;
}

bool client_has_jobs(const struct client *client, unsigned pool, unsigned limit)
{
	if (limit == 0 || !client_is_limited(client))
		return false;
	for (; client_queues(client); client = client->parent)
		if (client->jobs[pool] >= client_share(client, limit))
			return true;
	return false;
}
