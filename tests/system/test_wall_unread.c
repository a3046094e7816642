/*
 * Bodies that nobody wants: who is refused for its token, path, method or media type,
 * or for what its body begins with, has the answer before the rest has come. What is
 * left unread is never taken for a request.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/system/client.h"

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

#define POST(path)                                                                     \
	"POST " path " HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"

static const struct refused {
	const char *head;
	int status;
} refused[] = {
    {"POST /nowhere HTTP/1.1\r\nHost: t\r\n", 404},
    {"PUT /hash/ HTTP/1.1\r\nHost: t\r\n", 404},
    {"POST /livez HTTP/1.1\r\nHost: t\r\n", 405},
    {"GET /v1/hash HTTP/1.1\r\nHost: t\r\n", 405},
    {POST("/v1/hash"), 401},
    {POST("/v1/verify") "Authorization: Bearer wrong\r\n", 401},
    {"POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Type: text/plain\r\n"
     "Authorization: Bearer right\r\n",
        415},
    {"POST /v1/inspect HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer right\r\n", 415},
    {"GET /hash/x HTTP/1.1\r\nHost: t\r\n", 401},
};

static const char *const lengths[] = {
    "Content-Length: 44\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"};

/* A request in the body of one that is refused: it must never be answered. */
#define SMUGGLED "GET /livez HTTP/1.1\r\nHost: smuggled\r\n\r\n"

static void expect_last_answer(struct client *client, int status)
{
	struct response r = {0};

	client_read(client, &r, false);
	assert_int_equal(r.status, status);
	assert_true(response_has(&r, "Connection", "close"));
	response_free(&r);
}

/* Answered before the body has come, and what comes then is no request. */
static void expect_refused_at_once(
    const struct daemon *d, const struct refused *row, const char *length)
{
	struct client client;

	client_open(&client, &d->tcp);
	client_say(&client, row->head);
	client_say(&client, length);
	expect_last_answer(&client, row->status);
	client_say(&client, SMUGGLED);
	client_half_close(&client);
	client_expect_end(&client);
	client_close(&client);
}

/* The same where some of the body came along with the head. */
static void expect_refused_midway(
    const struct daemon *d, const struct refused *row, bool coded)
{
	struct text text = {NULL, 0};
	struct client client;

	text_add(&text, row->head, 1);
	text_add(&text, lengths[coded], 1);
	text_add(&text, coded ? "2c\r\nGET /livez" : "GET /livez", 1);
	client_open(&client, &d->tcp);
	client_send(&client, text.at, text.len);
	expect_last_answer(&client, row->status);
	client_say(&client, " HTTP/1.1\r\nHost: smuggled\r\n\r\n" SMUGGLED);
	client_half_close(&client);
	client_expect_end(&client);
	client_close(&client);
	free(text.at);
}

/* A body that is here already does no harm: the connection is kept, and what follows
 * it is the next request. */
static void expect_kept(const struct daemon *d, const struct refused *row, bool coded)
{
	static const char *const ends[] = {"Content-Length: 5\r\n\r\nGET /",
	    "Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n"};
	struct text text = {NULL, 0};
	struct response r = {0};
	struct client client;

	text_add(&text, row->head, 1);
	text_add(&text, ends[coded], 1);
	text_add(&text, "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n", 1);
	client_open(&client, &d->tcp);
	client_send(&client, text.at, text.len);
	client_read(&client, &r, false);
	assert_int_equal(r.status, row->status);
	client_read(&client, &r, false);
	assert_int_equal(r.status, 200);
	response_free(&r);
	client_close(&client);
	free(text.at);
}

static void write_tokens(struct daemon *d, char option[128])
{
	char path[96];

	harness_path(path, d->dir, "tokens");
	harness_write_file(path, "right\n");
	assert_int_equal(chmod(path, 0600), 0);
	snprintf(option, 128, "token_file=%s", path);
	d->files_expected = true;
}

static void what_is_refused_does_not_wait_for_its_body(void **state)
{
	struct daemon *d = *state;
	char tokens[128];

	write_tokens(d, tokens);
	daemon_start(d, tokens, "body_timeout=1h", "frontend.processes=1", NULL);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		for (unsigned coded = 0; coded < 2; coded++) {
			expect_refused_at_once(d, &refused[i], lengths[coded]);
			expect_refused_midway(d, &refused[i], coded != 0);
			expect_kept(d, &refused[i], coded != 0);
		}
	daemon_stop(d);
}

/* The first member too many is answered, whatever the head has promised. */
static void the_first_wrong_member_is_answered(void **state)
{
	static const struct refused rows[] = {{"{\"x\":1", 400},
	    {"{\"password\":\"a\",\"password\":\"", 400}, {"[", 400},
	    {"{\"password\":[", 400}, {"{\"timeout_ms\":-", 400}, {"\xff", 400}};
	struct daemon *d = *state;

	daemon_start(d, "body_timeout=1h", "frontend.processes=1", NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client client;

		client_open(&client, &d->tcp);
		client_say(&client, POST("/v1/hash") "Content-Length: 5000\r\n\r\n");
		client_say(&client, rows[i].head);
		expect_last_answer(&client, rows[i].status);
		client_say(&client, SMUGGLED);
		client_half_close(&client);
		client_expect_end(&client);
		client_close(&client);
	}
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(what_is_refused_does_not_wait_for_its_body),
	    daemon_test(the_first_wrong_member_is_answered),
	};

	return cmocka_run_group_tests_name("wall: unread", tests, NULL, NULL);
}
