/*
 * Doors that stood open beside those that were watched: seed routes beside token_file,
 * a loopback listener for a page of a browser (DNS rebinding), and request lines,
 * chunks and trailers that other servers might read otherwise.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/system/client.h"
#include "tests/system/process.h"

/* Sends the text on a connection of its own; returns the status of the first answer. */
static int status_of(const struct daemon *d, const char *text)
{
	struct response r = {0};
	struct client client;
	int status;

	client_open(&client, &d->tcp);
	client_ask(&client, &r, text);
	status = r.status;
	response_free(&r);
	client_close(&client);
	return status;
}

static void expect(const struct daemon *d, const char *text, int status)
{
	int got = status_of(d, text);

	if (got != status)
		fail_msg("%s: %d instead of %d", text, got, status);
}

/* ---- tokens ---- */

static void tokens_guard_all_that_costs_work(void **state)
{
	static const char *const guarded[] = {"GET /", "GET /hash/x",
	    "GET /hash_rayon/x", "GET /user/1", "HEAD /hash/x", "GET /hash/%78",
	    "GET http://t/hash/x", "GET /hash/x?a", "POST /v1/hash"};
	static const char *const open[] = {"GET /livez", "GET /readyz",
	    "GET /openapi.json", "OPTIONS /hash/x", "OPTIONS /", "OPTIONS *",
	    "OPTIONS /v1/hash"};
	struct daemon *d = *state;
	char path[96], option[128], text[256];

	harness_path(path, d->dir, "tokens");
	harness_write_file(path, "right\n");
	assert_int_equal(chmod(path, 0600), 0);
	snprintf(option, sizeof(option), "token_file=%s", path);
	d->files_expected = true;
	daemon_start(d, option, "seed_routes=on", "frontend.processes=1",
	    "profile.default.memory=64K", "profile.default.time=1", "hello_delay=0ms",
	    NULL);
	for (size_t i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++) {
		snprintf(
		    text, sizeof(text), "%s HTTP/1.1\r\nHost: t\r\n\r\n", guarded[i]);
		expect(d, text, 401);
		snprintf(text, sizeof(text),
		    "%s HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer wrong\r\n\r\n",
		    guarded[i]);
		expect(d, text, 401);
		snprintf(text, sizeof(text),
		    "%s HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer right\r\n\r\n",
		    guarded[i]);
		expect(d, text, strncmp(guarded[i], "POST", 4) == 0 ? 415 : 200);
	}
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: t\r\n\r\n", open[i]);
		expect(d, text, 200);
	}
	daemon_stop(d);
}

/* ---- hosts ---- */

static void other_hosts_are_refused(void **state)
{
	static const char *const served[] = {"app.example", "APP.example:8080",
	    "app.example.", "app.example.:80", "127.0.0.1", "127.0.0.1:9", "[::1]",
	    "[::1]:80", "[0:0:0:0:0:0:0:1]"};
	static const char *const others[] = {"localhost", "evil.example",
	    "app.example.evil", "xapp.example", "app.example..", "127.0.0.2", "[::2]",
	    "[::1", "app", "127.0.0.1.evil", "app.example%00", "a:b"};
	struct daemon *d = *state;
	char text[256];

	daemon_start(d, "frontend.processes=1", "seed_routes=on", "hello_delay=0ms",
	    "allowed_hosts=app.example", NULL);
	daemon_stop(d);
	harness_write_file(d->conf,
	    "allowed_hosts = {\"App.Example.\", \"127.0.0.1\", \"[0:0::1]\"}\n");
	daemon_start(d, "frontend.processes=1", "hello_delay=0ms", NULL);
	for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n",
		    served[i]);
		expect(d, text, 200);
		snprintf(text, sizeof(text),
		    "GET http://%s/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", served[i]);
		expect(d, text, 200);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		int status;

		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n",
		    others[i]);
		status = status_of(d, text);
		if (status != 421 && status != 400)
			fail_msg("%s: %d", text, status);
		snprintf(text, sizeof(text),
		    "GET http://%s/ HTTP/1.1\r\nHost: app.example\r\n\r\n", others[i]);
		status = status_of(d, text);
		if (status != 421 && status != 400)
			fail_msg("%s: %d", text, status);
	}
	expect(d, "GET / HTTP/1.0\r\n\r\n", 421);
	expect(d, "GET / HTTP/1.0\r\nHost: app.example\r\n\r\n", 200);
	expect(d, "GET /nowhere HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421);
	expect(d,
	    "POST /v1/hash HTTP/1.1\r\nHost: evil.example\r\n"
	    "Content-Length: 100\r\n\r\n",
	    421);
	expect(d, "GET /openapi.json HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421);
	expect(d, "GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200);
	expect(d, "GET /readyz HTTP/1.0\r\n\r\n", 200);
	/* the names of pools, and how many hashers they have, are no stranger's */
	expect(d, "GET /readyz?verbose HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421);
	expect(d, "GET /livez?verbose=1 HTTP/1.0\r\n\r\n", 421);
	expect(d, "GET /readyz?verbose HTTP/1.1\r\nHost: app.example\r\n\r\n", 200);
	expect(d, "OPTIONS / HTTP/1.0\r\n\r\n", 200);
	daemon_stop(d);
}

static void wrong_lists_are_said(void **state)
{
	static const char *const wrong[] = {"allowed_hosts=a b", "allowed_hosts=a:80",
	    "allowed_hosts=http://a", "allowed_hosts=[::1", "allowed_hosts=::1",
	    "allowed_hosts=[g]", "allowed_hosts=.", "allowed_hosts=a/b",
	    "allowed_hosts=a.."};
	struct daemon *d = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		daemon_launch(d, wrong[i], NULL);
		daemon_wait_end(d);
		if (!daemon_log_has(d, "allowed_hosts: .* is not a host; allowed: "))
			fail_msg("%s: not refused", wrong[i]);
	}
	daemon_check_log(d);
}

/* ---- request lines, chunks, trailers ---- */

static void odd_request_lines_are_refused(void **state)
{
	static const struct {
		const char *version;
		int status;
	} rows[] = {{"RTSP/1.0", 400}, {"ICE/1.0", 400}, {"SIP/2.0", 400},
	    {"HTTPS/1.1", 400}, {"HTTP/1.2", 505}, {"HTTP/2.0", 505}, {"HTTP/0.9", 505},
	    {"http/1.1", 400}, {"Http/1.1", 400}, {"HTTP/01.1", 400},
	    {"HTTP/1.01", 400}, {"HTTP/1.1x", 400}, {"HTTP/1.1 ", 400},
	    {"HTTP/1,1", 400}, {"HTTP/1", 400}, {"HTTP/11", 400}, {"HTTP 1.1", 400},
	    {"HTTP/1.1\t", 400}, {" HTTP/1.1", 400}, {"HTTP/-1.1", 400},
	    {"HTTP/1.", 400}, {"", 400}};
	struct daemon *d = *state;
	char text[128];

	daemon_start(d, "frontend.processes=1", NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "GET /livez %s\r\nHost: t\r\n\r\n",
		    rows[i].version);
		expect(d, text, rows[i].status);
	}
	daemon_stop(d);
}

#define CODED "GET /livez HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
#define TAIL "GET /livez HTTP/1.1\r\nHost: smuggled\r\n\r\n"

static void odd_chunks_are_refused_at_once(void **state)
{
	static const struct {
		const char *chunks;
		int status;
	} rows[] = {{"ffffffffffffffff\r\n", 413}, {"FFFFFFFFFFFFFFFF\r\n", 413},
	    {"fffffffffffffffe\r\n", 413}, {"8000000000000000\r\n", 413},
	    {"10000000000000000\r\n", 400}, {"fffffffff0000000000000001\r\n", 400},
	    {"0x1\r\n", 400}, {"+1\r\n", 400}, {"-1\r\n", 400}, {" 1\r\n", 400},
	    {"1 \r\n", 400}, {"\t1\r\n", 400}, {"1\n", 400}, {"\r\n", 400},
	    {";a\r\n", 400}, {"1\r\nx0\r\n", 400}, {"1\r\nx\n0\r\n\r\n", 400},
	    {"1,\r\n", 400}, {"0\r\n: x\r\n\r\n", 400}, {"0\r\n : x\r\n\r\n", 400},
	    {"0\r\n\t: x\r\n\r\n", 400}, {"0\r\na : x\r\n\r\n", 400},
	    {"0\r\nx\r\n\r\n", 400}, {"0\r\na: x\n\r\n", 400},
	    {"0\r\na: x\r\n b\r\n\r\n", 400}, {"0\r\n\na: x\r\n\r\n", 400},
	    {"0\r\nContent-Length: 5\r\n\r\n", 400},
	    {"0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	    {"0\r\nHost: a\r\n\r\n", 400}};
	struct daemon *d = *state;

	daemon_start(d, "frontend.processes=1", "body_timeout=1h", NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct response r = {0};
		struct client client;

		client_open(&client, &d->tcp);
		client_say(&client, CODED);
		client_say(&client, rows[i].chunks);
		client_read(&client, &r, false);
		if (r.status != rows[i].status)
			fail_msg("%s: %d instead of %d", rows[i].chunks, r.status,
			    rows[i].status);
		client_say(&client, TAIL); /* never answered */
		client_half_close(&client);
		client_expect_end(&client);
		client_close(&client);
		response_free(&r);
	}
	daemon_stop(d);
}

/* Zeros in front of a size are in the grammar, and of them there is a limit. */
static void leading_zeros_have_a_limit(void **state)
{
	struct daemon *d = *state;
	char text[8192];
	size_t len;

	daemon_start(d, "frontend.processes=1", NULL);
	len = (size_t)snprintf(text, sizeof(text), "%s", CODED);
	memset(text + len, '0', 1000);
	strcpy(text + len + 1000, "1\r\nx\r\n0\r\n\r\n");
	expect(d, text, 200);
	memset(text + len, '0', 5000);
	strcpy(text + len + 5000, "1\r\nx\r\n0\r\n\r\n");
	expect(d, text, 400);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(tokens_guard_all_that_costs_work),
	    daemon_test(other_hosts_are_refused),
	    daemon_test(wrong_lists_are_said),
	    daemon_test(odd_request_lines_are_refused),
	    daemon_test(odd_chunks_are_refused_at_once),
	    daemon_test(leading_zeros_have_a_limit),
	};

	return cmocka_run_group_tests_name("wall: hosts", tests, NULL, NULL);
}
