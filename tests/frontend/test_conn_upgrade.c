/*
 * A request may offer an upgrade, as some clients do with each one. The offer is
 * ignored (RFC 9110 section 7.8): the request is answered, and the connection goes on
 * with the next one.
 */
#include "tests/frontend/fixture.h"

#define OFFER                                                                          \
	"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"                      \
	"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
#define LINE(method, path) method " " path " HTTP/1.1\r\nHost: a\r\n"

static const struct row {
	const char *text;
	unsigned status;
} rows[] = {
    {LINE("GET", "/livez") OFFER "\r\n", 200},
    {LINE("HEAD", "/livez") OFFER "\r\n", 200},
    {LINE("GET", "/none") OFFER "\r\n", 404},
    {LINE("HEAD", "/none") OFFER "\r\n", 404},
    {LINE("POST", "/livez") OFFER "\r\n", 405},
    {LINE("POST", "/livez") OFFER "Content-Length: 0\r\n\r\n", 405},
    {LINE("POST", "/livez") OFFER "Content-Length: 5\r\n\r\nGET /", 405},
    {LINE("POST", "/v1/hash") OFFER "Content-Length: 5\r\n\r\nGET /", 415},
    {LINE("POST", "/v1/hash") OFFER "Transfer-Encoding: chunked\r\n\r\n"
                                    "5;a=\"b\"\r\nGET /\r\n0\r\n\r\n",
        415},
    {LINE("GET", "/livez") "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                           "Sec-WebSocket-Version: 13\r\n\r\n",
        200},
    {LINE("GET", "/livez") "Upgrade: a\r\nUpgrade: b/1, c\r\nConnection: upgrade\r\n"
                           "Connection: Upgrade\r\n\r\n",
        200},
    {LINE("POST", "/livez") OFFER "Content-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
        405},
    {"GET /livez HTTP/1.0\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n\r\n",
        200},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* The answers to all rows come in order, and none of them ends the connection. */
static void expect_answers(struct fixture *f, int fd)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct answer answer;

		client_receive_as(f, fd, &answer, rows[i].text[0] == 'H');
		if (answer.eof || answer.status != rows[i].status)
			fail_msg("%u instead of %u for %s", answer.status,
			    rows[i].status, rows[i].text);
		assert_false(answer_has(&answer, "\r\nConnection: close\r\n"));
		assert_false(answer_has(&answer, "\r\nUpgrade:"));
	}
}

static void offers_one_after_another_are_answered_on_one_connection(void **state)
{
	struct fixture *f = *state;
	int fd = client_open(f);

	for (unsigned round = 0; round < 5; round++)
		for (size_t i = 0; i < ROWS; i++) {
			struct answer answer;

			client_send(f, fd, rows[i].text);
			client_receive_as(f, fd, &answer, rows[i].text[0] == 'H');
			assert_false(answer.eof);
			assert_int_equal(answer.status, rows[i].status);
		}
	assert_int_equal(f->fe.conn_count, 1);
	assert_int_equal(f->fe.request_counter, 5 * ROWS);
	close(fd);
}

static void pipelined_offers_are_answered_in_order(void **state)
{
	struct fixture *f = *state;
	int fd = client_open(f);
	static char text[ROWS * 512];
	char *at = text;

	for (size_t i = 0; i < ROWS; i++)
		at = stpcpy(at, rows[i].text);
	client_send_bytes(f, fd, text, (size_t)(at - text));
	expect_answers(f, fd);
	for (const char *byte = text; byte < at; byte++) {
		client_send_bytes(f, fd, byte, 1);
		ev_run(f->fe.loop, EVRUN_NOWAIT);
	}
	expect_answers(f, fd);
	close(fd);
}

/* The body is asked for as always. */
static void offer_with_expect_gets_100_continue(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	client_ask(f, fd,
	    LINE("GET", "/livez") OFFER
	    "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n",
	    &answer);
	assert_string_equal(answer.text, "HTTP/1.1 100 Continue\r\n\r\n");
	client_ask(f, fd, "abc", &answer);
	assert_answer(&answer, 200, "ok");
	client_ask(f, fd, GET("/livez"), &answer);
	assert_answer(&answer, 200, "ok");
	close(fd);
}

static void close_beside_an_offer_closes(void **state)
{
	static const char *const texts[] = {
	    LINE("GET", "/livez") "Connection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n",
	    LINE("GET", "/livez") "Connection: Upgrade\r\nUpgrade: h2c\r\n"
	                          "Connection: close\r\n\r\n",
	    "GET /livez HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct answer answer;
		int fd = client_open(f);

		client_ask(f, fd, texts[i], &answer);
		assert_answer(&answer, 200, "ok");
		assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
		client_expect_end(f, fd);
		close(fd);
	}
}

/* What really is another protocol is refused, and the connection ends. */
static void other_protocols_are_refused(void **state)
{
	static const struct row refused[] = {
	    {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n" OFFER "\r\n", 501},
	    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
	    {"GET / RTSP/1.0\r\n\r\n", 400},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct answer answer;
		int fd = client_open(f);

		client_ask(f, fd, refused[i].text, &answer);
		assert_int_equal(answer.status, refused[i].status);
		assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
		client_expect_end(f, fd);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(offers_one_after_another_are_answered_on_one_connection),
	    FIXTURE_TEST(pipelined_offers_are_answered_in_order),
	    FIXTURE_TEST(offer_with_expect_gets_100_continue),
	    FIXTURE_TEST(close_beside_an_offer_closes),
	    FIXTURE_TEST(other_protocols_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
