#include "frontend/client.h"

#include <stdlib.h>
#include <string.h>

#include <blake2.h>
#include <bsd/string.h>

enum {
	CHAINS_AT_FIRST = 64,
	INET_BYTES = 4,          /* and of a uid, and of a token's number */
	INET6_NETWORK_BYTES = 8, /* a /64 */
};

/* What an IPv6 address begins with that stands for an IPv4 one (RFC 4291, 2.5.5.2). */
static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

void clients_init(struct clients *clients, const uint8_t key[LIMIT_CLIENT_KEY])
{
	*clients = (struct clients){0};
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

/* Equal for all that are one client. */
static struct conn_peer client_key(const struct conn_peer *peer)
{
	struct conn_peer key = {.kind = peer->kind};

	if (peer->kind != CONN_PEER_INET6) {
		memcpy(key.address, peer->address, INET_BYTES);
	} else if (memcmp(peer->address, mapped, sizeof(mapped)) == 0) {
		key.kind = CONN_PEER_INET;
		memcpy(key.address, peer->address + sizeof(mapped), INET_BYTES);
	} else {
		memcpy(key.address, peer->address, INET6_NETWORK_BYTES);
	}
	return key;
}

static uint64_t client_hash(const struct clients *clients, const struct conn_peer *key)
{
	uint8_t bytes[sizeof(key->address) + 1], digest[sizeof(uint64_t)] = {0};
	uint64_t hash;

	memcpy(bytes, key->address, sizeof(key->address));
	bytes[sizeof(key->address)] = key->kind;
	/* fails only where a length is wrong */
	blake2s(digest, bytes, clients->key, sizeof(digest), sizeof(bytes),
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

	if (clients->count < clients->chain_count)
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
    const struct client *client, const struct conn_peer *key, uint64_t hash)
{
	return client->hash == hash && client->peer.kind == key->kind &&
	       memcmp(client->peer.address, key->address, sizeof(key->address)) == 0;
}

static struct client *client_add(
    struct clients *clients, const struct conn_peer *key, uint64_t hash)
{
	struct client *client, **chain;

	if (clients_grow(clients) != 0)
		return NULL;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return NULL;
	chain = client_chain(clients, hash);
	*client = (struct client){
	    .clients = clients, .next = *chain, .hash = hash, .refs = 1, .peer = *key};
	*chain = client;
	clients->count++;
	return client;
}

struct client *client_get(struct clients *clients, const struct conn_peer *peer)
{
	struct conn_peer key = client_key(peer);
	uint64_t hash = client_hash(clients, &key);
	struct client *client = NULL;

	if (clients->chains != NULL)
		client = *client_chain(clients, hash);
	while (client != NULL && !client_is(client, &key, hash))
		client = client->next;
	return client != NULL ? client_hold(client) : client_add(clients, &key, hash);
}

struct client *client_hold(struct client *client)
{
	client->refs++;
	return client;
}

void client_put(struct client *client)
{
	struct client **at;

	if (client == NULL || --client->refs > 0)
		return;
	at = client_chain(client->clients, client->hash);
	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	client->clients->count--;
	free(client);
}

bool client_is_limited(const struct client *client)
{
	return client->peer.kind != CONN_PEER_UNIX;
}
