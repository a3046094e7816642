/* What is a request, what is none, and what is too much of one. */
#include "tests/frontend/http_judge.h"

static void test_good(void **state)
{
	static const struct row rows[] = {
	    ROW("GET / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NONE),
	    ROW("GET / HTTP/1.0\r\n\r\n", PROBLEM_NONE),
	    ROW("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NONE),
	    ROW("GET / HTTP/1.1\r\nHost:a\r\nX: \r\nY:\r\n\r\n", PROBLEM_NONE),
	    ROW("GET / HTTP/1.1\r\nhOST: \t a \t \r\n\r\n", PROBLEM_NONE),
	    ROW("GET http://h:80/p?q HTTP/1.1\r\nHost: h\r\n\r\n", PROBLEM_NONE),
	    ROW("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NONE),
	    ROW("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
	        PROBLEM_NONE),
	    ROW("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
	        PROBLEM_NONE),
	    ROW("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
	        "3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\n",
	        PROBLEM_NONE),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: "
	        "upgrade\r\n\r\n",
	        PROBLEM_NONE),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\n", -1),
	    ROW("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab", -1),
	};

	(void)state;
	JUDGE(rows);
}

static void test_request_line(void **state)
{
	static const struct row rows[] = {
	    ROW("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("\x16\x03\x01\x02\x00\x01", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTPP/1.1\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.x\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/11\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET a HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET * HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET http://u@h/x HTTP/1.1\r\nHost: h\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET http://h:x/ HTTP/1.1\r\nHost: h\r\n\r\n", PROBLEM_BAD_REQUEST),
	};

	(void)state;
	JUDGE(rows);
}

static void test_versions(void **state)
{
	static const struct row rows[] = {
	    ROW("GET / HTTP/2.0\r\nHost: a\r\n\r\n", PROBLEM_VERSION_NOT_SUPPORTED),
	    ROW("GET / HTTP/1.2\r\nHost: a\r\n\r\n", PROBLEM_VERSION_NOT_SUPPORTED),
	    ROW("GET / HTTP/0.9\r\nHost: a\r\n\r\n", PROBLEM_VERSION_NOT_SUPPORTED),
	    ROW("GET / HTTP/3.1\r\nHost: a\r\n\r\n", PROBLEM_VERSION_NOT_SUPPORTED),
	    ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PROBLEM_VERSION_NOT_SUPPORTED),
	    ROW("GET /\r\n\r\n", PROBLEM_BAD_REQUEST),
	};

	(void)state;
	JUDGE(rows);
}

static void test_methods(void **state)
{
	static const struct row rows[] = {
	    ROW("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NOT_IMPLEMENTED),
	    ROW("get / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NOT_IMPLEMENTED),
	    ROW("GETX / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NOT_IMPLEMENTED),
	    ROW("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", PROBLEM_NOT_IMPLEMENTED),
	    ROW("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NOT_IMPLEMENTED),
	    ROW("DESCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NOT_IMPLEMENTED),
	    ROW("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NOT_IMPLEMENTED),
	    ROW("PATCH / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NONE),
	    ROW("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NONE),
	    ROW("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_NONE),
	};

	(void)state;
	JUDGE(rows);
}

static void test_lines(void **state)
{
	static const struct row rows[] = {
	    ROW("GET / HTTP/1.1\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\n\n", PROBLEM_BAD_REQUEST),
	    ROW("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX:\r\n b\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n",
	        PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\n Host: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX: a\x1b[0m\r\n\r\n",
	        PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost : a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX y: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\n:\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nX: \xff\x80 \"'\r\n\r\n", PROBLEM_NONE),
	};

	(void)state;
	JUDGE(rows);
}

static void test_host(void **state)
{
	static const struct row rows[] = {
	    ROW("GET / HTTP/1.1\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost:\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a,b:\r\n\r\n", PROBLEM_NONE),
	    ROW("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: a\"\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: \x80\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: []\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", PROBLEM_NONE),
	    ROW("GET / HTTP/1.1\r\nHost: a-b.c_d:65535\r\n\r\n", PROBLEM_NONE),
	};

	(void)state;
	JUDGE(rows);
}

static void test_framing(void **state)
{
	static const struct row rows[] = {
	    ROW(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
	        PROBLEM_BAD_REQUEST),
	    ROW(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
	        PROBLEM_BAD_REQUEST),
	    ROW(POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
	        PROBLEM_BAD_REQUEST),
	    ROW(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n",
	        PROBLEM_BAD_REQUEST),
	    ROW(POST "Content-Length: 3, 3\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Content-Length: +3\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Content-Length: -3\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Content-Length: 0x3\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Content-Length: 3 4\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Content-Length:\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Content-Length: 99999999999999999999\r\n\r\n",
	        PROBLEM_BAD_REQUEST),
	    ROW(POST "Transfer-Encoding: gzip\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Transfer-Encoding: chunked, gzip\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Transfer-Encoding: chunked, chunked\r\n\r\n",
	        PROBLEM_BAD_REQUEST),
	    ROW(POST "Transfer-Encoding: chunkedx\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Transfer-Encoding: xchunked\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Transfer-Encoding: identity\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Transfer-Encoding:\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	        PROBLEM_BAD_REQUEST),
	    ROW("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
	        PROBLEM_BAD_REQUEST),
	    ROW(POST "Content-Length: 65\r\n\r\n", PROBLEM_TOO_LARGE),
	    ROW(POST "Content-Length: 64\r\n\r\n", -1),
	    ROW(POST "Content-Length: 18446744073709551615\r\n\r\n", PROBLEM_TOO_LARGE),
	};

	(void)state;
	JUDGE(rows);
}

static void test_chunks(void **state)
{
	static const struct row rows[] = {
	    ROW(CHUNKED "3\r\nabc\r\n0\r\n\r\n", PROBLEM_NONE),
	    ROW(CHUNKED "40\r\n", -1),
	    ROW(CHUNKED "3\nabc\r\n0\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "3\rXabc\r\n0\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "3\r\nabcd\r\n0\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "3\r\nabc\n0\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "3\r\nabc\rX0\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "3;a\nabc\r\n0\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "3;a\rXabc\r\n0\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "x\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "-1\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "0x3\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "3 \r\nabc\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "ffffffffffffffffff\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "0\r\nX: a\r\n\r\n", PROBLEM_NONE),
	    ROW(CHUNKED "0\r\nContent-Length: 5\r\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "0\r\nX: a\n\r\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "0\r\nX: a\r\n\n", PROBLEM_BAD_REQUEST),
	    ROW(CHUNKED "0\r\n\n", PROBLEM_BAD_REQUEST),
	};

	(void)state;
	JUDGE(rows);
}

/* --- limits: text of `count` pieces between two others --- */

static char *repeat(
    const char *before, const char *piece, size_t count, const char *after)
{
	size_t len = strlen(piece),
	       total = strlen(before) + len * count + strlen(after) + 1;
	char *text = malloc(total), *at = text;

	assert_non_null(text);
	at = stpcpy(at, before);
	for (size_t i = 0; i < count; i++)
		at = stpcpy(at, piece);
	strcpy(at, after);
	return text;
}

static void judge_repeat(const char *before, const char *piece, size_t count,
    const char *after, int expected)
{
	char *text = repeat(before, piece, count, after);

	assert_int_equal(judge_bytes(text, strlen(text)), expected);
	assert_int_equal(judge_drop_by_drop(text, strlen(text)), expected);
	free(text);
}

static void test_head_limits(void **state)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n";
	static const char tail[] = " HTTP/1.1\r\nHost: a\r\n\r\n";
	const size_t exact = HTTP_HEAD_MAX - (sizeof(get) - 1) - strlen("X: \r\n\r\n");

	(void)state;
	judge_repeat("GET ", "/", HTTP_TARGET_MAX, tail, PROBLEM_NONE);
	judge_repeat("GET ", "/", HTTP_TARGET_MAX + 1, tail, PROBLEM_TARGET_TOO_LONG);
	judge_repeat("GET ", "/", 100000, tail, PROBLEM_TARGET_TOO_LONG);
	judge_repeat(get, "X: y\r\n", HTTP_HEADERS_MAX - 1, "\r\n", PROBLEM_NONE);
	judge_repeat(
	    get, "X: y\r\n", HTTP_HEADERS_MAX, "\r\n", PROBLEM_HEADER_TOO_LARGE);
	judge_repeat(get, "X: y\r\n", 10000, "\r\n", PROBLEM_HEADER_TOO_LARGE);
	judge_repeat(
	    "GET / HTTP/1.1\r\nHost: a\r\nX: ", "y", exact, "\r\n\r\n", PROBLEM_NONE);
	judge_repeat("GET / HTTP/1.1\r\nHost: a\r\nX: ", "y", exact + 1, "\r\n\r\n",
	    PROBLEM_HEADER_TOO_LARGE);
	judge_repeat("GET / HTTP/1.1\r\nHost: a\r\nX: ", "y", 1 << 20, "\r\n\r\n",
	    PROBLEM_HEADER_TOO_LARGE);
	judge_repeat("GET / HTTP/1.1\r\nHost: a\r\n", "y", 1 << 20, ": \r\n\r\n",
	    PROBLEM_HEADER_TOO_LARGE);
	judge_repeat("GET", " ", 1 << 20, tail, PROBLEM_BAD_REQUEST);
	judge_repeat("", "G", 1 << 20, tail, PROBLEM_NOT_IMPLEMENTED);
	judge_repeat(
	    "", "\r\n", HTTP_EMPTY_MAX / 2, "GET / HTTP/1.0\r\n\r\n", PROBLEM_NONE);
	judge_repeat("", "\r\n", HTTP_EMPTY_MAX / 2 + 1, "GET / HTTP/1.0\r\n\r\n",
	    PROBLEM_BAD_REQUEST);
	judge_repeat("", "\r\n", 1000000, "", PROBLEM_BAD_REQUEST);
}

static void test_body_limits(void **state)
{
	(void)state;
	judge_repeat(CHUNKED, "1\r\nx\r\n", BODY_MAX, "0\r\n\r\n", PROBLEM_NONE);
	judge_repeat(CHUNKED, "1\r\nx\r\n", BODY_MAX + 1, "", PROBLEM_TOO_LARGE);
	judge_repeat(CHUNKED, "1\r\nx\r\n", 100000, "", PROBLEM_TOO_LARGE);
	judge_repeat(CHUNKED "1;", "e", HTTP_FRAMING_MAX - 100, "\r\nx\r\n0\r\n\r\n",
	    PROBLEM_NONE);
	judge_repeat(CHUNKED "1;", "e", HTTP_FRAMING_MAX + 100, "\r\nx\r\n0\r\n\r\n",
	    PROBLEM_BAD_REQUEST);
	judge_repeat(CHUNKED "1;", "e", 1 << 20, "", PROBLEM_BAD_REQUEST);
	judge_repeat(CHUNKED, "0", 1 << 20, "1\r\nx\r\n", PROBLEM_BAD_REQUEST);
	judge_repeat(CHUNKED "0\r\n", "X: y\r\n", 100000, "\r\n", PROBLEM_BAD_REQUEST);
}

static void test_expect(void **state)
{
	static const struct row rows[] = {
	    ROW(POST "Expect: a\r\nContent-Length: 1\r\n\r\n",
	        PROBLEM_EXPECTATION_FAILED),
	    ROW(POST "Expect:\r\n\r\n", PROBLEM_NONE),
	    ROW(POST "Expect: , 100-continue,\r\n\r\n", PROBLEM_NONE),
	    ROW(POST "Expect: 100-continue, a\r\n\r\n", PROBLEM_EXPECTATION_FAILED),
	    ROW(POST "Expect: 100-continue\r\nContent-Length: 65\r\n\r\n",
	        PROBLEM_TOO_LARGE),
	    ROW(POST "Expect: 100-Continue\r\n\r\n", PROBLEM_NONE),
	    ROW("GET / HTTP/1.0\r\nExpect: a\r\n\r\n", PROBLEM_NONE),
	};
	static const char wanted[] =
	    POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n";
	struct request request;

	(void)state;
	JUDGE(rows);
	request_begin(&request, BODY_MAX);
	assert_int_equal(
	    request_feed(&request, wanted, strlen(wanted)), strlen(wanted));
	assert_int_equal(request.state, REQUEST_BODY);
	assert_true(request.expects);
	request_free(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_request_line),
	    cmocka_unit_test(test_versions),
	    cmocka_unit_test(test_methods),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_host),
	    cmocka_unit_test(test_framing),
	    cmocka_unit_test(test_chunks),
	    cmocka_unit_test(test_head_limits),
	    cmocka_unit_test(test_body_limits),
	    cmocka_unit_test(test_expect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
