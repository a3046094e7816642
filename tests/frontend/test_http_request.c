/* What a handler sees of a request, in whichever pieces it came. */
#include "tests/frontend/http_collect.h"
#include "tests/frontend/http_judge.h"

static struct secret body;

static void assert_text(struct text text, const char *expected)
{
	assert_int_equal(text.len, strlen(expected));
	if (text.len > 0)
		assert_memory_equal(text.at, expected, text.len);
}

static void parse_text(struct request *request, const char *text)
{
	request_begin(request, BODY_MAX);
	collect_body(request, &body);
	feed(request, text, strlen(text));
	assert_int_equal(outcome(request), PROBLEM_NONE);
}

static void test_targets(void **state)
{
	static const struct {
		const char *target, *path, *query;
	} rows[] = {
	    {"/", "/", ""},
	    {"/a?b=c?d", "/a", "b=c?d"},
	    {"/a?", "/a", ""},
	    {"/?", "/", ""},
	    {"//a//b;c", "//a//b;c", ""},
	    {"/%2F%00%zz", "/%2F%00%zz", ""},
	    {"http://h/a?b", "/a", "b"},
	    {"HTTP://h:80/a", "/a", ""},
	    {"https://[::1]:80/", "/", ""},
	    {"http://h", "/", ""},
	    {"http://h?q", "/", "q"},
	    {"http://h/?q", "/", "q"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request request;
		char text[128];

		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
		    rows[i].target);
		parse_text(&request, text);
		assert_text(request_path(&request), rows[i].path);
		assert_text(request_query(&request), rows[i].query);
		request_free(&request);
	}
}

static void test_fields(void **state)
{
	struct request request;

	(void)state;
	parse_text(&request,
	    "POST /x HTTP/1.1\r\nhost: h\r\nCONTENT-TYPE:application/json \r\n"
	    "authorization: Bearer  t\r\nx-request-ID: i1\r\n"
	    "Content-Length: 5\r\nX-Other: o\r\n\r\nhello");
	assert_int_equal(request.method, METHOD_POST);
	assert_text(request_header(&request, HEADER_HOST), "h");
	assert_text(request_header(&request, HEADER_CONTENT_TYPE), "application/json");
	assert_text(request_header(&request, HEADER_AUTHORIZATION), "Bearer  t");
	assert_text(request_header(&request, HEADER_X_REQUEST_ID), "i1");
	assert_text(request_header(&request, HEADER_EXPECT), "");
	assert_int_equal(request.body_len, 5);
	assert_int_equal(body.len, 5);
	assert_memory_equal(body.data, "hello", 5);
	request_free(&request);
	parse_text(&request, "GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: a\r\n"
	                     "X-Request-Id: b\r\n\r\n");
	assert_text(request_header(&request, HEADER_X_REQUEST_ID), "");
	request_free(&request);
}

/* Whatever comes in whichever pieces, the handler sees the same. */
static void test_every_split(void **state)
{
	static const char text[] =
	    "POST /p?q HTTP/1.1\r\nHost: h\r\nX-Request-Id: id\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n"
	    "3;e\r\nabc\r\n2\r\nde\r\n0\r\nT: t\r\n\r\n";

	(void)state;
	for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
		struct request request;
		char *first = malloc(cut);

		assert_non_null(first);
		memcpy(first, text, cut);
		request_begin(&request, BODY_MAX);
		collect_body(&request, &body);
		assert_int_equal(feed(&request, first, cut), cut);
		assert_int_equal(request_keep(&request), 0);
		free(first);
		assert_int_equal(feed(&request, text + cut, sizeof(text) - 1 - cut),
		    sizeof(text) - 1 - cut);
		assert_int_equal(outcome(&request), PROBLEM_NONE);
		assert_text(request_path(&request), "/p");
		assert_text(request_query(&request), "q");
		assert_text(request_header(&request, HEADER_X_REQUEST_ID), "id");
		assert_int_equal(body.len, 5);
		assert_memory_equal(body.data, "abcde", 5);
		request_free(&request);
	}
}

/* A copy of the head is that and no more: what follows may be somebody's password. */
static void test_copy_of_the_head(void **state)
{
	static const char text[] = POST "Content-Length: 2\r\n\r\nxyz";
	struct request request;

	(void)state;
	request_begin(&request, BODY_MAX);
	feed(&request, text, 10);
	assert_int_equal(request_keep(&request), 0);
	feed(&request, text + 10, sizeof(text) - 1 - 10);
	assert_int_equal(request.state, REQUEST_DONE);
	assert_int_equal(request.head.len, sizeof(text) - 1 - 3);
	assert_null(memmem(request.head.data, request.head.cap, "xyz", 3));
	request_free(&request);
}

/* A request takes none of the bytes of the next one, be it kept or borrowed. */
static void test_one_at_a_time(void **state)
{
	static const char *const texts[] = {"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n",
	    "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nGE",
	    CHUNKED "1\r\nx\r\n0\r\n\r\n", "HEAD /4 HTTP/1.0\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len = strlen(texts[i]);

		for (size_t cut = 0; cut < len; cut++) {
			char two[512];
			struct request request;

			snprintf(two, sizeof(two), "%s%s", texts[i], texts[0]);
			request_begin(&request, BODY_MAX);
			feed(&request, two, cut);
			assert_int_equal(request_keep(&request), 0);
			assert_int_equal(
			    feed(&request, two + cut, strlen(two) - cut), len - cut);
			assert_int_equal(outcome(&request), PROBLEM_NONE);
			request_free(&request);
		}
	}
}

static void test_keep_alive(void **state)
{
	static const struct {
		const char *text;
		bool keep;
	} rows[] = {
	    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
	    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
	    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", false},
	    {"GET / HTTP/1.0\r\n\r\n", false},
	    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
	    {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
	    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
	        true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request request;

		parse_text(&request, rows[i].text);
		assert_int_equal(request.keep_alive, rows[i].keep);
		request_free(&request);
	}
}

/* A new one may come with a new version of llhttp: then this must be looked at again.
 */
static void test_nothing_lenient(void **state)
{
	struct request request;

	(void)state;
	request_begin(&request, BODY_MAX);
	assert_int_equal(request.parser.lenient_flags, 0);
	feed(&request, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 28);
	assert_int_equal(request.parser.lenient_flags, 0);
	assert_int_equal(request.parser.type, HTTP_REQUEST);
	request_free(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_targets),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_every_split),
	    cmocka_unit_test(test_copy_of_the_head),
	    cmocka_unit_test(test_one_at_a_time),
	    cmocka_unit_test(test_keep_alive),
	    cmocka_unit_test(test_nothing_lenient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
