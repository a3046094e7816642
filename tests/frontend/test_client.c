/*
 * Clients: what is one and what is not, references, and a table that stays quick and
 * small. The source is compiled into this program with an allocator that can be told to
 * fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

static unsigned allocations, failing; /* so far; the number of the one to fail */

static void *test_calloc_at(size_t count, size_t size)
{
	return ++allocations == failing ? NULL : calloc(count, size);
}

#define calloc test_calloc_at
#include "frontend/client.c"
#undef calloc

static const uint8_t test_key[LIMIT_CLIENT_KEY] = {1},
                     other_key[LIMIT_CLIENT_KEY] = {2};

enum { MANY = 20000, LONGEST_CHAIN = 16 };

static struct conn_peer peer_of(const char *text)
{
	struct conn_peer peer = {.kind = CONN_PEER_UNIX};

	if (inet_pton(AF_INET, text, peer.address) == 1)
		peer.kind = CONN_PEER_INET;
	else if (inet_pton(AF_INET6, text, peer.address) == 1)
		peer.kind = CONN_PEER_INET6;
	return peer;
}

static struct conn_peer peer_of_number(uint8_t kind, uint32_t number)
{
	struct conn_peer peer = {.kind = kind};

	memcpy(peer.address, &number, sizeof(number));
	return peer;
}

static struct client *get(struct clients *clients, const char *text)
{
	struct conn_peer peer = peer_of(text);
	struct client *client = client_get(clients, &peer);

	assert_non_null(client);
	return client;
}

static void test_who_is_one(void **state)
{
	static const struct {
		const char *one, *other;
		bool same;
	} rows[] = {
	    {"192.0.2.1", "192.0.2.1", true},
	    {"192.0.2.1", "192.0.2.2", false},
	    {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
	    {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
	    {"192.0.2.1", "::ffff:192.0.2.1", true},
	    {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
	    {"::1", "::ffff:192.0.2.1", false},
	    {"0.0.0.0", "::", false},
	    {"0.0.0.0", "", false},
	    {"::", "", false},
	    {"", "", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct clients clients;
		struct client *one, *other;

		clients_init(&clients, test_key);
		one = get(&clients, rows[i].one);
		other = get(&clients, rows[i].other);
		if ((one == other) != rows[i].same)
			fail_msg("%s and %s", rows[i].one, rows[i].other);
		assert_int_equal(one->hash == other->hash, rows[i].same);
		assert_int_equal(client_is_limited(one), rows[i].one[0] != '\0');
		client_put(one);
		client_put(other);
		assert_int_equal(clients.count, 0);
		clients_free(&clients);
	}
}

/* The user of a Unix socket, the number of a token, an address: none is another. */
static void test_numbers(void **state)
{
	static const uint8_t kinds[] = {
	    CONN_PEER_UNIX, CONN_PEER_TOKEN, CONN_PEER_INET};
	struct client *held[6];
	struct clients clients;

	(void)state;
	clients_init(&clients, test_key);
	for (unsigned i = 0; i < 6; i++) {
		struct conn_peer peer = peer_of_number(kinds[i / 2], 1000 + i % 2);

		held[i] = client_get(&clients, &peer);
		assert_non_null(held[i]);
		assert_int_equal(clients.count, i + 1);
		assert_int_equal(client_is_limited(held[i]), i >= 2);
		assert_ptr_equal(client_get(&clients, &peer), held[i]);
		client_put(held[i]);
	}
	for (unsigned i = 0; i < 6; i++)
		client_put(held[i]);
	assert_int_equal(clients.count, 0);
	clients_free(&clients);
}

static void test_references(void **state)
{
	struct client *client, *same, *held, *anew;
	struct clients clients;

	(void)state;
	clients_init(&clients, test_key);
	client_put(NULL);
	client = get(&clients, "192.0.2.1");
	assert_int_equal(client->connections, 0);
	assert_int_equal(client->jobs[LIMIT_POOLS - 1], 0);
	client->connections = 7;
	same = get(&clients, "192.0.2.1");
	held = client_hold(client);
	assert_ptr_equal(same, client);
	assert_ptr_equal(held, client);
	assert_int_equal(client->refs, 3);
	/* NOLINTBEGIN(clang-analyzer-unix.Malloc): the last of three frees it */
	client_put(same);
	client_put(held);
	assert_int_equal(clients.count, 1);
	assert_int_equal(client->connections, 7);
	client_put(client);
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
	assert_int_equal(clients.count, 0);
	anew = get(&clients, "192.0.2.1"); /* with a clean record */
	assert_int_equal(anew->connections, 0);
	assert_int_equal(anew->refs, 1);
	clients_free(&clients); /* also what is still held */
}

static struct conn_peer numbered(uint32_t number)
{
	struct conn_peer peer = {.kind = CONN_PEER_INET};

	number = htonl(number);
	memcpy(peer.address, &number, sizeof(number));
	return peer;
}

static size_t longest_chain(const struct clients *clients)
{
	size_t longest = 0;

	for (size_t i = 0; i < clients->chain_count; i++) {
		size_t n = 0;

		for (struct client *c = clients->chains[i]; c != NULL; c = c->next)
			n++;
		longest = n > longest ? n : longest;
	}
	return longest;
}

/* Twenty thousand neighbours, as a network would have them; then every second one goes,
 * and all the others are still found. */
static void test_many(void **state)
{
	static struct client *held[MANY];
	struct clients clients;

	(void)state;
	clients_init(&clients, test_key);
	for (uint32_t i = 0; i < MANY; i++) {
		struct conn_peer peer = numbered(i << 8);

		held[i] = client_get(&clients, &peer);
		assert_non_null(held[i]);
	}
	assert_int_equal(clients.count, MANY);
	assert_true(clients.chain_count < (size_t)4 * MANY);
	assert_true(longest_chain(&clients) <= LONGEST_CHAIN);
	for (uint32_t i = 0; i < MANY; i += 2)
		client_put(held[i]);
	for (uint32_t i = 0; i < MANY; i++) {
		struct conn_peer peer = numbered(i << 8);
		struct client *client = client_get(&clients, &peer);

		assert_int_equal(client->refs, i % 2 == 0 ? 1 : 2);
		client_put(client);
	}
	assert_int_equal(clients.count, MANY / 2);
	clients_free(&clients);
}

/* Who does not know the key cannot tell which chain an address comes into; who has the
 * same has the same hashes. */
static void test_keyed(void **state)
{
	struct clients one, other, same;
	struct client *here, *there;

	(void)state;
	clients_init(&one, test_key);
	clients_init(&other, other_key);
	clients_init(&same, test_key);
	here = get(&one, "192.0.2.1");
	there = get(&other, "192.0.2.1");
	assert_true(here->hash != there->hash);
	assert_true(here->hash == get(&same, "192.0.2.1")->hash);
	clients_free(&same);
	clients_free(&one);
	clients_free(&other);
}

/* No memory at the start is no client; no memory for a larger table is only a slower
 * one. */
static void test_no_memory(void **state)
{
	struct conn_peer peer = peer_of("192.0.2.1");
	struct clients clients;

	(void)state;
	clients_init(&clients, test_key);
	for (failing = 1; failing <= 2; failing++) {
		allocations = 0;
		assert_null(client_get(&clients, &peer));
		assert_int_equal(clients.count, 0);
		clients_free(&clients);
		clients_init(&clients, test_key);
	}
	failing = 0;
	for (uint32_t i = 0; i < CHAINS_AT_FIRST; i++) {
		peer = numbered(i);
		assert_non_null(client_get(&clients, &peer));
	}
	allocations = 0;
	failing = 1; /* the larger table */
	peer = numbered(CHAINS_AT_FIRST);
	assert_non_null(client_get(&clients, &peer));
	assert_int_equal(clients.chain_count, CHAINS_AT_FIRST);
	failing = 0;
	peer = numbered(CHAINS_AT_FIRST + 1);
	assert_non_null(client_get(&clients, &peer));
	assert_int_equal(clients.chain_count, 2 * CHAINS_AT_FIRST);
	assert_int_equal(clients.count, CHAINS_AT_FIRST + 2);
	clients_free(&clients);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_who_is_one),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_references),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_keyed),
	    cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
