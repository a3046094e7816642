/*
 * Clients that choose what a request costs: heads and bodies that are made to be dear.
 * What they cost is compared with an ordinary request in the same run; nothing depends
 * on how fast the machine is.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sanitized.h"
#include "tests/system/client.h"
#include "tests/system/process.h"

enum {
	MIB = 1 << 20,
	ROUNDS = 7,
	EACH = 40,                     /* requests in a round */
	DEARER = SANITIZED ? 20 : 8,   /* times an ordinary request, at most */
	FAREWELL = SANITIZED ? 20 : 8, /* the same for 16 MiB, beside reading them */
};

/* `lead`, `times` times `piece`, and `tail`. */
struct shape {
	const char *name, *lead, *piece;
	size_t times;
	const char *tail;
	int status;
};

struct text {
	char *at;
	size_t len;
};

static void text_add(struct text *text, const char *bytes, size_t times)
{
	const size_t len = strlen(bytes);

	text->at = realloc(text->at, text->len + len * times + 1);
	assert_non_null(text->at);
	for (size_t i = 0; i < times; i++, text->len += len)
		memcpy(text->at + text->len, bytes, len);
	text->at[text->len] = '\0';
}

static struct text shape_make(const struct shape *shape)
{
	struct text text = {NULL, 0};

	text_add(&text, shape->lead, 1);
	text_add(&text, shape->piece, shape->times);
	text_add(&text, shape->tail, 1);
	return text;
}

#define POST(path)                                                                     \
	"POST " path " HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"

/* An object of so many members, of which no two have the same name. */
static struct text make_members(unsigned count, const char *value)
{
	struct text text = {malloc(32 * (size_t)count + 8), 0};

	assert_non_null(text.at);
	for (unsigned i = 0; i < count; i++)
		text.len += (size_t)sprintf(
		    text.at + text.len, "%s\"%x\":%s", i == 0 ? "{" : ",", i, value);
	text_add(&text, "}", 1);
	return text;
}

/* The request of a body, whose head says how long it is. Frees the body. */
static struct text post_body(struct text body, const char *path)
{
	struct text text = {NULL, 0};
	char head[256];

	snprintf(head, sizeof(head),
	    "POST %s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    path, body.len);
	text_add(&text, head, 1);
	text_add(&text, body.at, 1);
	free(body.at);
	return text;
}

static struct text request_of(const struct shape *shape, const char *path)
{
	return post_body(shape_make(shape), path);
}

/* Nanoseconds that a process has had a CPU. */
static uint64_t cpu_ns(pid_t pid)
{
	char path[48], *text;
	uint64_t ns;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	text = harness_read_file(path);
	assert_non_null(text);
	ns = strtoull(text, NULL, 10);
	free(text);
	return ns;
}

static void ask(struct client *client, const struct text *text, int status)
{
	struct response r = {0};

	assert_true(client_send(client, text->at, text->len));
	client_read(client, &r, false);
	if (r.status != status)
		fail_msg("%.60s...: %d instead of %d", text->at, r.status, status);
	response_free(&r);
}

/* What one such request costs the frontend: the least of some rounds. */
static uint64_t cost_of(
    const struct daemon *d, pid_t frontend, const struct text *text, int status)
{
	uint64_t least = UINT64_MAX;
	struct client client;

	client_open(&client, &d->tcp);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t before = cpu_ns(frontend), cost;

		for (unsigned i = 0; i < EACH; i++)
			ask(&client, text, status);
		cost = (cpu_ns(frontend) - before) / EACH;
		least = cost < least ? cost : least;
	}
	client_close(&client);
	return least;
}

static const struct shape bodies[] = {
    {"one member often", "{\"0\":1", ",\"x\":1", 1330, "}", 400},
    {"known members", "{\"pool\":\"a\"", ",\"pool\":\"a\"", 660, "}", 400},
    {"empty members", "{\"\":\"\"", ",\"\":\"\"", 1300, "}", 400},
    {"digits", "{\"timeout_ms\":", "1", 7900, "}", 400},
    {"digits of a fraction", "{\"timeout_ms\":0.", "1", 7900, "}", 400},
    {"digits with an exponent", "{\"timeout_ms\":", "1", 7000, "e-6990}", 400},
    {"an exponent", "{\"timeout_ms\":1e", "9", 7900, "}", 400},
    {"a minus and digits", "{\"timeout_ms\":-", "1", 7900, "}", 400},
    {"escapes", "{\"password\":\"", "\\u00e9", 1300, "\"}", 422},
    {"escapes that fit", "{\"password\":\"", "\\u0061", 1024, "\",\"x\":1}", 400},
    {"escaped base64", "{\"password_b64\":\"", "\\u0061", 1300, "\",\"x\":1}", 400},
    {"pairs of units", "{\"password\":\"", "\\ud83d\\ude00", 650, "\"}", 422},
    {"short escapes", "{\"password\":\"", "\\n", 1020, "\",\"x\":1}", 400},
    {"text of two bytes each", "{\"password\":\"", "\xc3\xa9", 512, "\",\"x\":1}", 400},
    {"a long text", "{\"password\":\"", "a", 7900, "\"}", 422},
    {"a long hash", "{\"hash\":\"", "$", 7900, "\"}", 400},
    {"a long name", "{\"", "a", 7900, "\":1}", 400},
    {"an escaped name", "{\"", "\\u0061", 1300, "\":1}", 400},
    {"spaces", "", " ", 7900, "{\"x\":1}", 400},
    {"blanks of all kinds", "{", "\t\r\n ", 1980, "\"x\":1}", 400},
    {"lists", "", "[", 7900, "", 400},
    {"objects", "", "{\"a\":", 1600, "", 400},
    {"quotes", "", "\"", 7900, "", 400},
    {"backslashes", "{\"password\":\"", "\\\\", 3900, "\"}", 422},
};

#define CODED POST("/v1/hash") "Transfer-Encoding: chunked\r\n\r\n"

/* What is sent as it is. */
static const struct shape requests[] = {
    {"header lines", "GET /livez HTTP/1.1\r\nHost: t\r\n",
        "X: aaaaaaaaaaaaaaaaaaaaaa\r\n", 98, "\r\n", 200},
    {"tabs", "GET /livez HTTP/1.1\r\nHost: t\r\nX:", "\t", 7900, "a\r\n\r\n", 200},
    {"tabs between", "GET /livez HTTP/1.1\r\nHost: t\r\nX: a", "\ta", 3900, "\r\n\r\n",
        200},
    {"blanks before a length", "GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length:\t",
        " ", 7800, "0\r\n\r\n", 200},
    {"commas in Connection", "GET /livez HTTP/1.1\r\nHost: t\r\nConnection: ", ",",
        7900, "\r\n\r\n", 200},
    {"commas in Expect", "GET /livez HTTP/1.1\r\nHost: t\r\nExpect: ", ",", 7900,
        "\r\n\r\n", 200},
    {"a long token", "GET /livez HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer ", "a",
        7900, "\r\n\r\n", 200},
    {"a long id", "GET /livez HTTP/1.1\r\nHost: t\r\nX-Request-Id: ", "a", 7900,
        "\r\n\r\n", 200},
    {"a long host", "GET /livez HTTP/1.1\r\nHost: ", "~", 1000, "\r\n\r\n", 200},
    {"a long path", "GET /", "a", 6000, " HTTP/1.1\r\nHost: t\r\n\r\n", 404},
    {"a long query", "GET /readyz?", "a", 6000, " HTTP/1.1\r\nHost: t\r\n\r\n", 200},
    {"a long number", "GET /user/", "1", 6000, " HTTP/1.1\r\nHost: t\r\n\r\n", 400},
    {"an escaped password", "GET /hash/", "%61", 2000, " HTTP/1.1\r\nHost: t\r\n\r\n",
        422},
    {"small chunks", CODED, "1\r\n \r\n", 480, "1\r\n{\r\n0\r\n\r\n", 400},
    {"chunk extensions", CODED "1", ";a", 900, "\r\n{\r\n0\r\n\r\n", 400},
    {"trailers", CODED "1\r\n{\r\n0\r\n", "a:\r\n", 400, "\r\n", 400},
};

static const struct shape members = {.name = "members", .status = 400};
static const struct shape ordinary = {
    "an ordinary one", "{\"password\":\"", "a", 12, "\",\"x\":1}", 400};

static void expect_cheap(const struct daemon *d, pid_t frontend,
    const struct shape *shape, struct text *text, uint64_t usual)
{
	uint64_t cost = cost_of(d, frontend, text, shape->status);

	if (cost > DEARER * usual)
		fail_msg("%s: %" PRIu64 " ns, %.1f times an ordinary request",
		    shape->name, cost, (double)cost / (double)usual);
	free(text->at);
}

static void no_request_is_much_dearer_than_others(void **state)
{
	struct daemon *d = *state;
	struct text text;
	uint64_t usual;
	pid_t frontend;

	daemon_start(d, "frontend.processes=1", "max_body=8K", NULL);
	frontend = process_find(d, "frontend 0");
	text = request_of(&ordinary, "/v1/hash");
	usual = cost_of(d, frontend, &text, 400);
	free(text.at);
	text = post_body(make_members(1022, "1"), "/v1/hash");
	expect_cheap(d, frontend, &members, &text, usual);
	text = post_body(make_members(908, "\"\""), "/v1/hash");
	expect_cheap(d, frontend, &members, &text, usual);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		text = request_of(&bodies[i], "/v1/hash");
		expect_cheap(d, frontend, &bodies[i], &text, usual);
	}
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		text = shape_make(&requests[i]);
		expect_cheap(d, frontend, &requests[i], &text, usual);
	}
	daemon_stop(d);
}

/* ---- 16 MiB ---- */

static const struct shape large[] = {
    {"one member often", "{\"0\":1", ",\"x\":1", 2700000, "}", 400},
    {"known members", "{\"pool\":\"a\"", ",\"pool\":\"a\"", 1300000, "}", 400},
    {"one password", "{\"password\":\"", "a", 16000000, "\"}", 422},
    {"one password in escapes", "{\"password\":\"", "\\u0061", 2600000, "\"}", 422},
    {"one password in base64", "{\"password_b64\":\"", "YWFh", 4000000, "\"}", 422},
    {"one hash", "{\"password\":\"a\",\"hash\":\"", "$", 16000000, "\"}", 422},
    {"digits", "{\"timeout_ms\":", "1", 16000000, "}", 400},
    {"digits with an exponent", "{\"timeout_ms\":1e", "1", 16000000, "}", 400},
    {"lists", "", "[", 16000000, "", 400},
    {"blanks", "{\"x\"", " ", 16000000, "}", 400},
};

/* The most memory that a process has had, in KiB. */
static uint64_t memory_peak(pid_t pid)
{
	char path[48], *text, *at;
	uint64_t kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	text = harness_read_file(path);
	assert_non_null(text);
	at = strstr(text, "VmHWM:");
	if (at != NULL)
		kib = strtoull(at + strlen("VmHWM:"), NULL, 10);
	free(text);
	return kib;
}

/* Sends it all, or as much as is taken, on a connection of its own. */
static int send_large(const struct daemon *d, const struct text *text)
{
	struct response r = {0};
	struct client client;
	int status;

	client_open(&client, &d->tcp);
	client_send(&client, text->at, text->len);
	client_read(&client, &r, false);
	status = r.status;
	response_free(&r);
	client_close(&client);
	return status;
}

static uint64_t large_cost(
    const struct daemon *d, pid_t frontend, const struct text *text, int status)
{
	uint64_t least = UINT64_MAX;

	for (unsigned round = 0; round < 2; round++) {
		uint64_t before = cpu_ns(frontend), cost;

		assert_int_equal(send_large(d, text), status);
		cost = cpu_ns(frontend) - before;
		least = cost < least ? cost : least;
	}
	return least;
}

static void expect_read(const struct daemon *d, pid_t frontend,
    const struct shape *shape, struct text *text, uint64_t usual)
{
	uint64_t cost = large_cost(d, frontend, text, shape->status);

	if (cost > FAREWELL * usual)
		fail_msg("%s: %.1f times the cost of reading it", shape->name,
		    (double)cost / (double)usual);
	free(text->at);
}

static void large_bodies_cost_no_more_than_reading_them(void **state)
{
	const struct shape read = {"read and dropped",
	    "GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 16000000\r\n\r\n", "a",
	    16000000, "", 200};
	struct daemon *d = *state;
	uint64_t usual, peak;
	struct text text;
	pid_t frontend;

	daemon_start(d, "frontend.processes=1", "max_body=16M", NULL);
	frontend = process_find(d, "frontend 0");
	peak = memory_peak(frontend);
	text = shape_make(&read);
	usual = large_cost(d, frontend, &text, 200);
	free(text.at);
	text = post_body(make_members(1400000, "1"), "/v1/hash");
	expect_read(d, frontend, &members, &text, usual);
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		text = request_of(&large[i],
		    strstr(large[i].lead, "hash") != NULL ? "/v1/verify" : "/v1/hash");
		expect_read(d, frontend, &large[i], &text, usual);
	}
	if (!SANITIZED) /* nothing was kept */
		assert_in_range(memory_peak(frontend), peak, peak + 1024);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(no_request_is_much_dearer_than_others),
	    daemon_test(large_bodies_cost_no_more_than_reading_them),
	};

	return cmocka_run_group_tests_name("wall: bodies", tests, NULL, NULL);
}
