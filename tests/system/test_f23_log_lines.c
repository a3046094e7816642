/*
 * F23: CR, LF, ESC, quotes, NUL, bytes of eight bits in whatever a client may send:
 * each line of the log is one line of ours, printable, of bounded length.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/log.h"
#include "tests/system/client.h"
#include "tests/system/process.h"

/* Where bytes of the client's go: %s is replaced by them. */
static const char *const places[] = {
    "GET /%s HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /hash/%s HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /hash_rayon/%s HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /user/%s HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /livez?%s HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /livez HTTP/1.1\r\nHost: %s\r\n\r\n",
    "GET /livez HTTP/1.1\r\nHost: t\r\nUser-Agent: %s\r\n\r\n",
    "GET /livez HTTP/1.1\r\nHost: t\r\nReferer: %s\r\n\r\n",
    "GET /livez HTTP/1.1\r\nHost: t\r\nX-Request-Id: %s\r\n\r\n",
    "GET /livez HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: %s\r\n\r\n",
    "GET /livez HTTP/1.1\r\nHost: t\r\n%s: x\r\n\r\n",
    "%s /livez HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /livez %s\r\nHost: t\r\n\r\n",
    ("POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Type: %s\r\n"
     "Content-Length: 2\r\n\r\n{}"),
    "%s",
};

/* A line as ours would be, were it believed. */
#define FORGED "2026-01-01T00:00:00.000Z [1] error master: forged"

static const struct text {
	const char *bytes;
	size_t len; /* 0: a string's */
} texts[] = {
    {"plain", 0}, {"\r\n" FORGED "\r\n", 0}, {"\n" FORGED, 0},
    {"%0d%0a" FORGED "%0a", 0}, {"\033[2J\033]0;title\007", 0},
    {"\"},{\"level\":\"error\"}\\", 0}, {"'`$(reboot)`;\"", 0}, {"a\0b", 3},
    {"\200\201\376\377\303\050", 0}, {"%00%1b%80%ff%22%5c", 0}, {"%s%n%1000000d%p", 0},
    {"\xe2\x80\xae\xe2\x80\xa8", 0}, /* right-to-left override, line separator */
};

enum { LONG = 9000 };

static void send_to(const struct daemon *d, const char *bytes, size_t len)
{
	struct response r = {0};
	struct client client;

	client_open(&client, &d->local);
	client_send(&client, bytes, len);
	client_half_close(&client);
	client_read(&client, &r, false);
	response_free(&r);
	client_close(&client);
}

/* One place with those bytes in it. */
static void send_in(
    const struct daemon *d, const char *place, const char *bytes, size_t len)
{
	const char *at = strstr(place, "%s");
	const size_t lead = (size_t)(at - place), tail = strlen(at + 2);
	char *text = malloc(lead + len + tail);

	assert_non_null(text);
	memcpy(text, place, lead);
	memcpy(text + lead, bytes, len);
	memcpy(text + lead + len, at + 2, tail);
	send_to(d, text, lead + len + tail);
	free(text);
}

static void send_all(const struct daemon *d)
{
	char bytes[LONG];

	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
			send_in(d, places[p], texts[t].bytes,
			    texts[t].len != 0 ? texts[t].len : strlen(texts[t].bytes));
		for (unsigned byte = 0; byte < 256; byte += harness_rounds(5, 1)) {
			const char one[] = {'a', (char)byte, 'b'};

			send_in(d, places[p], one, sizeof(one));
		}
		memset(bytes, p % 2 == 0 ? 'x' : '\\', sizeof(bytes));
		send_in(d, places[p], bytes, 128);
		send_in(d, places[p], bytes, 900);
		send_in(d, places[p], bytes, sizeof(bytes));
	}
}

/* ---- what is in the log */

static void expect_text_line(const char *line, size_t len)
{
	int year, pid;
	char level[16], who[32];

	if (sscanf(line, "%4d-%*2d-%*2dT%*2d:%*2d:%*d.%*3dZ [%d] %15s %31[^:]:", &year,
	        &pid, level, who) != 4 ||
	    pid <= 1)
		fail_msg("not a line of ours: %.*s", (int)len, line);
}

static void expect_json_line(const char *line, size_t len)
{
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(json) || json_object_size(json) != 5)
		fail_msg("not an object of ours: %.*s", (int)len, line);
	assert_true(json_integer_value(json_object_get(json, "pid")) > 1);
	json_decref(json);
}

static unsigned expect_lines(const char *text, bool json)
{
	unsigned lines = 0;

	for (const char *line = text, *end; *line != '\0'; line = end + 1, lines++) {
		end = strchr(line, '\n');
		assert_non_null(end); /* a whole line */
		assert_in_range(end - line + 1, 2, LOG_LINE_MAX);
		for (const char *at = line; at < end; at++)
			if (*at < 0x20 || *at > 0x7e)
				fail_msg("byte %02x in: %.*s", (unsigned char)*at,
				    (int)(end - line), line);
		(json ? expect_json_line : expect_text_line)(
		    line, (size_t)(end - line));
	}
	return lines;
}

static bool is_serving(void *arg)
{
	const struct daemon *d = arg;
	struct client client;
	bool there = client_try(&client, &d->local) == 0;

	client_close(&client);
	return there && client_fetch(&d->local, "/readyz", NULL, 0) == 200;
}

static void run(struct daemon *d, const char *format)
{
	char path[96], log[128], text_format[48], *text;
	unsigned lines;

	harness_path(path, d->dir, "argond.log");
	snprintf(log, sizeof(log), "log=%s", path);
	snprintf(text_format, sizeof(text_format), "log_format=%s", format);
	d->files_expected = true;
	daemon_launch(d, "profile.default.memory=64K", "profile.default.time=1",
	    "access_log=on", "log_level=debug", log, text_format, NULL);
	wait_until(is_serving, d, "readiness");
	send_all(d);
	daemon_stop(d);
	text = harness_read_file(path);
	assert_non_null(text);
	lines = expect_lines(text, strcmp(format, "json") == 0);
	assert_in_range(lines, 500, 1000000);
	assert_null(strstr(text, "forged"));
	free(text);
}

static void test_text(void **state)
{
	run(*state, "text");
}

static void test_json(void **state)
{
	run(*state, "json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_text),
	    daemon_test(test_json),
	};

	return cmocka_run_group_tests_name("F23 log lines", tests, NULL, NULL);
}
