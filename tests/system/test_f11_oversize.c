/*
 * F11, and the bodies of F20: requests that are far too large. Each is refused before
 * more than the limit and one buffer of it was read, the client gets to read why, and
 * the connection ends.
 *
 * How much was read is seen on a Unix socket: there the bytes that the other side has
 * not taken yet can be asked for (SIOCOUTQ).
 */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "frontend/http.h"
#include "tests/system/client.h"

enum {
	PIECE = 1024,
	BUFFER = 16 * 1024, /* of one recv() */
	BODY = 8192,        /* max_body */
	MIB = 1024 * 1024,
	LINGER_HEAD = MIB / 4, /* read on at most, once it was refused */
	LINGER_BODY = 16 * MIB,
};

#define HEAD "GET /livez HTTP/1.1\r\nHost: t\r\n"
#define CHUNKED "GET /livez HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"

/* `lead`, then `times` times `piece`. */
struct row {
	const char *name;
	const char *lead, *piece;
	size_t times;
	int status;
	size_t limit; /* bytes that may be read before it is refused, and a buffer */
};

static const struct row rows[] = {
    {"a header of 1 MiB", HEAD "Big: ", "x", MIB, 431, HTTP_HEAD_MAX},
    {"10,000 header lines", HEAD, "A: b\r\n", 10000, 431, HTTP_HEAD_MAX},
    {"a target of 100 KB", "GET /", "x", 100000, 414, HTTP_TARGET_MAX},
    {"a method of 100 KB", "", "A", 100000, 501, HTTP_HEAD_MAX},
    {"a million chunks of one byte", CHUNKED, "1\r\nx\r\n", 1000000, 400,
        2 * HTTP_FRAMING_MAX},
    {"a million chunks of sixteen bytes", CHUNKED, "10\r\n0123456789abcdef\r\n",
        1000000, 413, 2 * BODY + HTTP_FRAMING_MAX},
    {"a chunk extension of 100 MB", CHUNKED "1;", "x", (size_t)100 * MIB, 400,
        HTTP_FRAMING_MAX},
    {"a million chunk extensions", CHUNKED, "1;abcdefgh\r\nx\r\n", 1000000, 400,
        2 * HTTP_FRAMING_MAX},
    {"a chunk size of 100 KB", CHUNKED, "0", 100000, 400, HTTP_FRAMING_MAX},
    {"a million trailer lines", CHUNKED "0\r\n", "A: b\r\n", 1000000, 400,
        HTTP_FRAMING_MAX},
    {"a million empty lines", "", "\r\n", 1000000, 400, HTTP_EMPTY_MAX},
};

/* A request that is made as it is sent. */
struct source {
	const struct row *row;
	size_t len, at; /* bytes in all, and made so far */
};

static struct source source_of(const struct row *row)
{
	return (struct source){
	    row, strlen(row->lead) + row->times * strlen(row->piece), 0};
}

static size_t source_make(struct source *source, char bytes[PIECE])
{
	const size_t lead = strlen(source->row->lead),
	             piece = strlen(source->row->piece);
	size_t n = 0;

	for (; n < PIECE && source->at < source->len; n++, source->at++)
		bytes[n] = source->at < lead
		               ? source->row->lead[source->at]
		               : source->row->piece[(source->at - lead) % piece];
	return n;
}

/* Waits until the other side has taken everything, or has something to say. */
static void await_taken(struct client *client)
{
	const uint64_t limit = harness_now_ms() + (uint64_t)harness_limit_ms();
	int left = 1;

	while (left > 0 && !client_receive(client, 0)) {
		if (harness_now_ms() > limit)
			fail_msg("%d bytes are not taken", left);
		assert_return_code(ioctl(client->fd, SIOCOUTQ, &left), errno);
	}
}

/* Sends on until the connection is closed for good. */
static void expect_close(struct client *client, struct source *source, size_t limit)
{
	const size_t from = source->at;
	char bytes[PIECE];
	size_t n;

	while ((n = source_make(source, bytes)) > 0) {
		if (!client_send(client, bytes, n))
			break;
		assert_true(source->at - from <= limit);
	}
	explicit_bzero(bytes, sizeof(bytes));
}

static void expect_refusal(struct daemon *d, const struct row *row)
{
	struct source source = source_of(row);
	struct response r = {0};
	struct client client;
	char bytes[PIECE];
	size_t n;

	client_open(&client, &d->local);
	while (
	    client.len == 0 && !client.ended && (n = source_make(&source, bytes)) > 0) {
		if (!client_send(&client, bytes, n))
			break;
		await_taken(&client);
	}
	print_message("%s: refused after %zu bytes\n", row->name, source.at);
	client_read(&client, &r, false);
	if (r.status != row->status)
		fail_msg("%s: %d instead of %d", row->name, r.status, row->status);
	assert_true(response_has(&r, "Connection", "close"));
	assert_in_range(source.at, 1, row->limit + BUFFER);
	client_expect_end(&client);
	/* it is read on for a while, so that the answer is not lost, but not for ever
	 */
	expect_close(&client, &source,
	    (row->status == 413 ? LINGER_BODY : LINGER_HEAD) + (size_t)MIB);
	client_close(&client);
	response_free(&r);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
}

static void test_oversize(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_refusal(d, &rows[i]);
	daemon_stop(d);
}

/* The bodies: 100 MB that are announced, or not, or that ask first. */
#define POST "POST /livez HTTP/1.1\r\nHost: t\r\n"
#define LENGTH "Content-Length: 104857600\r\n"

static const struct row bodies[] = {
    {"with a length", POST LENGTH "\r\n", "x", (size_t)100 * MIB, 413, 0},
    {"in chunks", CHUNKED,
        "40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n",
        (size_t)100 * MIB / 64, 413, 2 * BODY},
    {"in one chunk", CHUNKED "6400000\r\n", "x", (size_t)100 * MIB, 413, 0},
    {"with Expect", POST LENGTH "Expect: 100-continue\r\n\r\n", "x", (size_t)100 * MIB,
        413, 0},
};

static void test_body_refused_at_once(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, NULL);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		expect_refusal(d, &bodies[i]);
	daemon_stop(d);
}

/* Where the length is in the head, nothing but the head is needed. */
static void test_head_is_enough(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};

	daemon_start(d, "body_timeout=1h", NULL);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct client client;

		if (strstr(bodies[i].lead, LENGTH) == NULL)
			continue;
		client_open(&client, &d->tcp);
		client_ask(&client, &r, bodies[i].lead);
		assert_int_equal(r.status, 413);
		client_expect_end(&client);
		client_close(&client);
	}
	response_free(&r);
	daemon_stop(d);
}

/* A client as most are: it sends all it has, as fast as it is taken, and only then, or
 * when it can send no more, looks for an answer. */
static void expect_readable(struct daemon *d, const struct row *row)
{
	const int small = 2 * PIECE;
	struct source source = source_of(row);
	struct pollfd pollfd = {.events = POLLOUT};
	struct response r = {0};
	struct client client;
	char bytes[PIECE];
	size_t n, at;

	client_open(&client, &d->tcp);
	setsockopt(client.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	pollfd.fd = client.fd;
	while ((n = source_make(&source, bytes)) > 0) {
		for (at = 0; at < n;) {
			ssize_t sent =
			    send(client.fd, bytes + at, n - at, MSG_NOSIGNAL);

			if (sent < 0 && errno != EAGAIN)
				break;
			at += sent > 0 ? (size_t)sent : 0;
			if (sent < 0 && poll(&pollfd, 1, harness_limit_ms()) < 1)
				fail_msg("neither taken nor closed");
		}
		if (at < n)
			break;
	}
	client_read(&client, &r, false);
	print_message(
	    "%s: %zu bytes sent, then read %d\n", row->name, source.at, r.status);
	assert_int_equal(r.status, row->status);
	assert_true(
	    source.at > MIB); /* it was read on: no reset overtakes the answer */
	client_close(&client);
	response_free(&r);
}

static void test_client_gets_to_read_it(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, NULL);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		expect_readable(d, &bodies[i]);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_oversize),
	    daemon_test(test_body_refused_at_once),
	    daemon_test(test_head_is_enough),
	    daemon_test(test_client_gets_to_read_it),
	};

	return cmocka_run_group_tests_name("f11 oversize", tests, NULL, NULL);
}
