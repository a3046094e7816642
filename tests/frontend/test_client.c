/*
 * Clients: what is one and what is not, references, and a table that stays quick and
 * small. The source is compiled into this program with an allocator that can be told to
 * fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
	for (failing = 1; failing <= 3; failing++) { /* table, network, client */
		allocations = 0;
		assert_null(client_get(&clients, &peer));
		assert_int_equal(clients.count, 0);
		assert_int_equal(clients.records, 0);
		clients_free(&clients);
		clients_init(&clients, test_key);
	}
	failing = 0;
	for (uint32_t i = 0; clients.records < CHAINS_AT_FIRST; i++) {
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
	assert_int_equal(clients.records, CHAINS_AT_FIRST + 2);
	clients_free(&clients);
}

/* --- networks */

static struct client *hold(struct clients *clients, const char *text, unsigned waits)
{
	struct client *client = get(clients, text);

	client_connect(client);
	client_measure(client, CLIENT_WAITS, waits);
	return client;
}

static void release(struct client *client)
{
	client_measure(
	    client, CLIENT_WAITS, -(int64_t)client->ranks[CLIENT_WAITS].amount);
	client_disconnect(client);
	client_put(client);
}

/* Where two clients are together, the widest first: so many hashes are the same. */
static void test_origins(void **state)
{
	static const struct {
		const char *one, *other;
		unsigned depth, same;
	} rows[] = {
	    {"2001:db8:1:2::1", "2001:db8:1:2::2", 3, 3},
	    {"2001:db8:1:200::1", "2001:db8:1:2ff::1", 3, 2},
	    {"2001:db8:1:200::1", "2001:db8:1:300::1", 3, 1},
	    {"2001:db8:1:200::1", "2001:db8:2:200::1", 3, 0},
	    {"192.0.2.1", "192.0.2.2", 1, 0},
	    {"192.0.2.1", "::ffff:192.0.2.1", 1, 1},
	    {"", "", 1, 1},
	};
	struct clients clients;

	(void)state;
	clients_init(&clients, test_key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client *pair[2] = {
		    get(&clients, rows[i].one), get(&clients, rows[i].other)};
		struct origin one = client_origin(pair[0]),
		              other = client_origin(pair[1]);
		unsigned same = 0;

		assert_int_equal(one.depth, rows[i].depth);
		assert_int_equal(other.depth, rows[i].depth);
		assert_int_equal(one.hash[one.depth - 1], pair[0]->hash);
		while (same < one.depth && one.hash[same] == other.hash[same])
			same++;
		assert_int_equal(same, rows[i].same);
		client_put(pair[0]);
		client_put(pair[1]);
		assert_int_equal(clients.records, 0);
	}
	clients_free(&clients);
}

/* However many clients a network has, its share is a few times that of one. */
static void test_share_of_a_network(void **state)
{
	enum { LIMIT = 2 };
	static const struct {
		const char *format;
		unsigned shares;
	} rows[] = {
	    {"192.0.2.%u", 16}, {"2001:db8:1:%x::1", 4}, {"2001:db8:2:%x00::1", 16}};
	struct clients clients;

	(void)state;
	clients_init(&clients, test_key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client *held[64];
		unsigned n = 0, jobs = 0;
		char text[64];

		do {
			snprintf(text, sizeof(text), rows[i].format, n + 1);
			held[n] = hold(&clients, text, 0);
			assert_false(client_is_over(held[n], 0));
		} while (!client_is_over(held[n], LIMIT) && ++n < 64);
		assert_int_equal(n, LIMIT * rows[i].shares);
		for (unsigned j = 0; j <= n; j++)
			if (!client_has_jobs(held[j], 3, LIMIT)) {
				client_add_job(held[j], 3);
				jobs++;
			}
		/* IPv4 neighbours have their jobs each for itself */
		assert_int_equal(jobs, i == 0 ? n + 1 : n);
		for (unsigned j = 0; j < jobs; j++)
			client_remove_job(held[j], 3);
		for (unsigned j = 0; j <= n; j++)
			release(held[j]);
		assert_int_equal(clients.records, 0);
	}
	clients_free(&clients);
}

/* The jobs of a /48 are counted together: when there is a first, and when none. */
static void test_jobs_of_a_network(void **state)
{
	struct clients clients;
	struct client *one, *other;

	(void)state;
	clients_init(&clients, test_key);
	one = get(&clients, "2001:db8:1:100::1");
	other = get(&clients, "2001:db8:1:200::1");
	assert_int_equal(client_add_job(one, 0), 1);
	assert_int_equal(client_add_job(other, 0), 2);
	assert_int_equal(client_add_job(other, 1), 1);
	assert_int_equal(client_remove_job(one, 0), 1);
	assert_int_equal(client_remove_job(other, 0), 0);
	assert_int_equal(client_remove_job(other, 1), 0);
	client_put(one);
	client_put(other);
	clients_free(&clients);
}

static void test_who_gives_way(void **state)
{
	static const struct {
		const char *address;
		unsigned waits;
	} rows[] = {
	    {"2001:db8:1:100::1", 3},
	    {"2001:db8:1:101::1", 4}, /* its /56 has 7 */
	    {"2001:db8:1:200::1", 6}, /* its /48 has 13 */
	    {"192.0.2.1", 8},
	    {"192.0.2.2", 2}, /* their /24 has 10 */
	    {"", 9},
	    {"198.51.100.1", 0},
	};
	static const struct {
		unsigned who, gives_way;
	} expected[] = {
	    {0, 1}, /* its own networks are the largest: in the /56, the other */
	    {1, 1}, /* it is the one itself */
	    {2, 1}, /* the other /56 is larger */
	    {3, 1},
	    {5, 1},
	    {6, 1},
	};
	struct clients clients;
	struct client *held[sizeof(rows) / sizeof(rows[0])];

	(void)state;
	clients_init(&clients, test_key);
	assert_null(clients_largest(&clients, CLIENT_WAITS));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		held[i] = hold(&clients, rows[i].address, rows[i].waits);
	assert_ptr_equal(clients_largest(&clients, CLIENT_WAITS), held[1]);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_ptr_equal(clients_larger(held[expected[i].who], CLIENT_WAITS),
		    held[expected[i].gives_way]);
	client_measure(held[2], CLIENT_WAITS, 2); /* 8 in its /56, beside 7 */
	assert_ptr_equal(clients_larger(held[5], CLIENT_WAITS), held[2]);
	client_measure(held[2], CLIENT_WAITS, -6); /* the /48 has 9, the /24 10 */
	assert_ptr_equal(clients_larger(held[5], CLIENT_WAITS), held[3]);
	assert_ptr_equal(clients_larger(held[4], CLIENT_WAITS), held[3]);
	client_measure(held[4], CLIENT_WAITS, -1); /* all three have 9: nobody */
	assert_ptr_equal(clients_larger(held[5], CLIENT_WAITS), held[5]);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		release(held[i]);
	assert_int_equal(clients.records, 0);
	clients_free(&clients);
}

/* Of those who have one each, it is the one that has it for longest; whoever was seen
 * again is the last. */
static void test_equals_in_turn(void **state)
{
	struct clients clients;
	struct client *held[3], *newcomer;

	(void)state;
	clients_init(&clients, test_key);
	held[0] = hold(&clients, "192.0.2.1", 1);
	held[1] = hold(&clients, "198.51.100.1", 1);
	held[2] = hold(&clients, "2001:db8::1", 1);
	newcomer = hold(&clients, "203.0.113.1", 0);
	assert_ptr_equal(clients_larger(newcomer, CLIENT_WAITS), held[0]);
	client_touch(held[0], CLIENT_WAITS);
	assert_ptr_equal(clients_larger(newcomer, CLIENT_WAITS), held[1]);
	client_measure(held[1], CLIENT_WAITS, 1);
	client_measure(held[1], CLIENT_WAITS, -1);
	assert_ptr_equal(clients_larger(newcomer, CLIENT_WAITS), held[2]);
	for (unsigned i = 0; i < 3; i++)
		release(held[i]);
	release(newcomer);
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
	    cmocka_unit_test(test_origins),
	    cmocka_unit_test(test_share_of_a_network),
	    cmocka_unit_test(test_jobs_of_a_network),
	    cmocka_unit_test(test_who_gives_way),
	    cmocka_unit_test(test_equals_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
