/*
 * F20, for the routes with a password in the path: passwords of every length near the
 * limits and of any bytes; bodies of 100 MB with and without a length, expected or not.
 * Each gets the status of the contract, and a client that is refused gets to read it.
 */
#include <argon2.h>
#include <stdlib.h>
#include <string.h>

#include "common/contract.h"
#include "tests/system/aftermath.h"
#include "tests/system/client.h"

enum { MAX = 200, BODY = 100 * 1000 * 1000, PIECE = 1 << 16 };

static const struct way {
	const char *path, *lead;
} ways[] = {
    {"/hash/", "Hashed password: "},
    {"/hash_rayon/", "Hashed password (Rayon): "},
};

/* The path of a password: each byte as %xx, or as it is where that may be. */
static char *path_of(const char *lead, const uint8_t *password, size_t len, bool escape)
{
	char *path = malloc(strlen(lead) + 3 * len + 1), *at;

	assert_non_null(path);
	at = stpcpy(path, lead);
	for (size_t i = 0; i < len; i++)
		if (escape)
			at += sprintf(at, "%%%02X", password[i]);
		else
			*at++ = (char)password[i];
	*at = '\0';
	return path;
}

static void expect_status(struct client *client, struct response *r, const char *path,
    int status, int or_status)
{
	char *text = malloc(strlen(path) + 64);

	assert_non_null(text);
	sprintf(text, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
	client_ask(client, r, text);
	if (r->status != status && r->status != or_status)
		fail_msg("%.40s...: %d instead of %d", path, r->status, status);
	free(text);
}

static void expect_hash(struct client *client, const struct way *way,
    const uint8_t *password, size_t len, bool escape)
{
	char *path = path_of(way->path, password, len, escape);
	const size_t lead = strlen(way->lead);
	struct response r = {0};

	expect_status(client, &r, path, 200, 200);
	assert_memory_equal(r.body, way->lead, lead);
	if (argon2_verify(r.body + lead, password, len, Argon2_id) != ARGON2_OK)
		fail_msg("not the hash of these %zu bytes: %.60s", len, path);
	response_free(&r);
	free(path);
}

static void test_lengths(void **state)
{
	static const size_t good[] = {1, 2, 3, 63, 64, 65, 127, 128, 129, MAX - 1, MAX};
	uint8_t password[MAX + 1];
	struct daemon *d = *state;
	struct response r = {0};
	struct client client;
	char option[48];

	snprintf(option, sizeof(option), "max_password=%d", MAX);
	daemon_start(d, AFTERMATH_DAEMON, option, NULL);
	memset(password, 'p', sizeof(password));
	client_open(&client, &d->tcp);
	for (size_t w = 0; w < 2; w++) {
		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
			password[0] = (uint8_t)('a' + i);
			expect_hash(&client, &ways[w], password, good[i], false);
			expect_hash(&client, &ways[w], password, good[i], true);
		}
		for (int escape = 0; escape < 2; escape++) {
			char *path = path_of(
			    ways[w].path, password, sizeof(password), escape != 0);

			expect_status(&client, &r, path, 422, 422);
			free(path);
		}
		expect_status(&client, &r, ways[w].path, 404, 404); /* none at all */
	}
	client_close(&client);
	response_free(&r);
	daemon_stop(d);
}

/* As long as the program can have them at all. */
static void test_longest(void **state)
{
	uint8_t password[LIMIT_PASSWORD];
	struct daemon *d = *state;
	struct client client;
	char option[48];

	snprintf(option, sizeof(option), "max_password=%d", LIMIT_PASSWORD);
	daemon_start(d, AFTERMATH_DAEMON, option, NULL);
	memset(password, 'l', sizeof(password));
	client_open(&client, &d->tcp);
	expect_hash(&client, &ways[0], password, sizeof(password), false);
	expect_hash(&client, &ways[1], password, sizeof(password) - 1, false);
	client_close(&client);
	daemon_stop(d);
}

/* 1 MB of password: more than a head may have. */
static void test_megabyte(void **state)
{
	const size_t len = 1000 * 1000;
	uint8_t *password = malloc(len);
	struct daemon *d = *state;
	char *path;

	assert_non_null(password);
	memset(password, 'm', len);
	daemon_start(d, AFTERMATH_DAEMON, NULL);
	for (size_t w = 0; w < 2; w++) {
		struct response r = {0};
		struct client client;

		path = path_of(ways[w].path, password, len, false);
		client_open(&client, &d->tcp);
		expect_status(&client, &r, path, 414, 431);
		client_close(&client);
		response_free(&r);
		free(path);
	}
	free(password);
	daemon_stop(d);
}

/* NUL, what is no UTF-8, every byte there is. */
static void test_bytes(void **state)
{
	static const char *const odd[] = {"\xff", "\xc3\x28", "\xed\xa0\x80",
	    "\xf8\x88\x80\x80\x80", "\xc0\x80", "\r\n\r\n", "/", "?#%",
	    "$argon2id$v=19$"};
	struct daemon *d = *state;
	uint8_t bytes[256];
	struct client client;

	daemon_start(d, AFTERMATH_DAEMON, NULL);
	client_open(&client, &d->tcp);
	for (size_t w = 0; w < 2; w++) {
		for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
			expect_hash(&client, &ways[w], (const uint8_t *)odd[i],
			    strlen(odd[i]), true);
		expect_hash(&client, &ways[w], (const uint8_t *)"\0", 1, true);
		expect_hash(&client, &ways[w], (const uint8_t *)"a\0b", 3, true);
		expect_hash(&client, &ways[w], (const uint8_t *)"a\0\0", 3, true);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)i;
		expect_hash(&client, &ways[w], bytes, sizeof(bytes), true);
		for (size_t i = 0; i < sizeof(bytes); i++)
			expect_hash(&client, &ways[w], &bytes[i], 1, true);
	}
	client_close(&client);
	daemon_stop(d);
}

/* ---- bodies that nobody asked for */

static const char *const heads[] = {
    "GET /hash/x HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n",
    "GET /user/1 HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n",
    "GET /hash_rayon/x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n",
    "POST /hash/x HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n",
    "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n",
};

/* 413, or 405 where the method alone was enough; the last answer on its connection. */
static void expect_refused(struct client *client, const char *head)
{
	struct response r = {0};

	client_read(client, &r, false);
	if (r.status != 413 && (r.status != 405 || strncmp(head, "POST ", 5) != 0))
		fail_msg("status %d for: %s", r.status, head);
	assert_true(response_has(&r, "Connection", "close"));
	response_free(&r);
}

static bool is_chunked(const char *head)
{
	return strstr(head, "chunked") != NULL;
}

/* Sends on until the other side has had enough; returns how much it took. */
static size_t pour(struct client *client, const char *head)
{
	static char piece[PIECE + 16];
	size_t n = PIECE, sent = 0;

	memset(piece, 'b', sizeof(piece));
	if (is_chunked(head)) {
		n = (size_t)sprintf(piece, "%x\r\n", PIECE);
		memset(piece + n, 'b', PIECE);
		strcpy(piece + n + PIECE, "\r\n");
		n += PIECE + 2;
	}
	while (sent < BODY && client_send(client, piece, n))
		sent += n;
	return sent;
}

static void test_bodies(void **state)
{
	struct daemon *d = *state;
	struct client client;
	struct aftermath a;

	daemon_start(d, AFTERMATH_DAEMON, NULL);
	aftermath_begin(&a, d);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		client_open(&client, &d->tcp);
		client_say(&client, heads[i]);
		client_say(&client, "\r\n");
		if (!is_chunked(heads[i]))
			expect_refused(&client, heads[i]); /* before a byte of it */
		client_close(&client);

		client_open(&client, &d->tcp);
		client_say(&client, heads[i]);
		client_say(&client, "\r\n");
		assert_in_range(pour(&client, heads[i]), 0, BODY - 1); /* bounded */
		expect_refused(&client, heads[i]); /* and still read */
		client_close(&client);

		client_open(&client, &d->tcp);
		client_say(&client, heads[i]);
		client_say(&client, "Expect: 100-continue\r\n\r\n");
		if (!is_chunked(heads[i]))
			expect_refused(&client, heads[i]); /* no 100 before it */
		client_close(&client);
	}
	aftermath_expect(&a);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_lengths),
	    daemon_test(test_longest),
	    daemon_test(test_megabyte),
	    daemon_test(test_bytes),
	    daemon_test(test_bodies),
	};

	return cmocka_run_group_tests_name("F20 sizes", tests, NULL, NULL);
}
