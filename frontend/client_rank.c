/*
 * Who has most: clients and networks are ranked among their siblings by each measure.
 * An amount changes, and the one with most is found, in a time that grows with the
 * logarithm of their number.
 */
#include "frontend/client.h"

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int rank_compare(const struct client_rank *a, const struct client_rank *b)
{
	return a->amount != b->amount ? compare(a->amount, b->amount)
	                              : compare(b->since, a->since);
}

RB_PROTOTYPE(client_ranks, client_rank, entry, rank_compare)
RB_GENERATE(client_ranks, client_rank, entry, rank_compare)

void client_rank_init(struct client *client)
{
	for (unsigned i = 0; i < CLIENT_MEASURES; i++) {
		client->ranks[i] = (struct client_rank){.client = client};
		RB_INIT(&client->ranks[i].below);
	}
}

static void rank_set(struct client *client, enum client_measure what, uint64_t amount)
{
	struct client_ranks *siblings = &client->parent->ranks[what].below;
	struct client_rank *rank = &client->ranks[what];

	if (rank->amount > 0)
		RB_REMOVE(client_ranks, siblings, rank);
	rank->amount = amount;
	rank->since = client->clients->clock++;
	if (rank->amount > 0)
		RB_INSERT(client_ranks, siblings, rank);
}

void client_measure(struct client *client, enum client_measure what, int64_t change)
{
	for (; client->parent != NULL; client = client->parent)
		rank_set(client, what, client->ranks[what].amount + (uint64_t)change);
}

void client_touch(struct client *client, enum client_measure what)
{
	for (; client->parent != NULL && client->ranks[what].amount == 1;
	     client = client->parent)
		rank_set(client, what, 1);
}

static struct client *client_largest(
    const struct client *network, enum client_measure what)
{
	struct client_ranks below = network->ranks[what].below; /* RB_MAX() asks so */
	const struct client_rank *rank = RB_MAX(client_ranks, &below);

	return rank != NULL ? rank->client : NULL;
}

/* The client with most in there. */
static struct client *client_descend(struct client *client, enum client_measure what)
{
	struct client *child;

	while ((child = client_largest(client, what)) != NULL)
		client = child;
	return client;
}

struct client *clients_largest(struct clients *clients, enum client_measure what)
{
	struct client *largest = client_largest(&clients->all, what);

	return largest != NULL ? client_descend(largest, what) : NULL;
}

/* Those around the client are asked first. */
struct client *clients_larger(struct client *client, enum client_measure what)
{
	struct client *larger, *most;

	if (client->parent == NULL)
		return client;
	larger = clients_larger(client->parent, what);
	if (larger != client->parent)
		return larger;
	most = client_largest(client->parent, what);
	return most != NULL && most->ranks[what].amount > client->ranks[what].amount
	           ? client_descend(most, what)
	           : client;
}
