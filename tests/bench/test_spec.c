/* load_spec.c, load_target.c and load_request.c: from words to a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/load_request.h"
#include "tests/bench/load_spec.h"
#include "tests/bench/load_target.h"

static struct spec parsed(const char *text)
{
	struct spec spec;
	char error[SPEC_ERROR] = "";

	if (spec_parse(&spec, text, 7, error) != 0)
		fail_msg("%s: %s", text, error);
	return spec;
}

static void what_is_not_said_has_a_default(void **state)
{
	struct spec spec = parsed("rate=0");

	(void)state;
	assert_string_equal(spec.name, "s7");
	assert_string_equal(spec.path, "/");
	assert_string_equal(spec.method, "GET");
	assert_int_equal(spec.conns, 1);
	assert_true(spec.keepalive && spec.id);
	assert_true(spec.deadline_ns == 0);
	assert_true(spec.timeout_ns == 30000000000);
	spec_free(&spec);
}

static void every_key_is_read(void **state)
{
	struct spec spec = parsed(
	    "name=a-b_1,rate=12.5,conns=3,queue=4,method=PUT,path=/x/"
	    "%u?y,body=b,type=text/x,"
	    "header=A: b,header=C: "
	    "d,keepalive=0,id=0,status=404,expect=e,pieces=5,pause=6,"
	    "drop=7.5,drop_after=8ms,src=127.0.0.10-30,idle=9,idle_path=/i,deadline=1s,"
	    "timeout=1.5m,start=2s,stop=1h");

	(void)state;
	assert_string_equal(spec.name, "a-b_1");
	assert_true(spec.rate == 12.5 && spec.drop == 7.5);
	assert_int_equal(spec.conns, 3);
	assert_int_equal(spec.queue, 4);
	assert_string_equal(spec.method, "PUT");
	assert_string_equal(spec.path, "/x/%u?y");
	assert_string_equal(spec.body, "b");
	assert_string_equal(spec.type, "text/x");
	assert_int_equal(spec.header_count, 2);
	assert_string_equal(spec.header[0], "A: b");
	assert_string_equal(spec.header[1], "C: d");
	assert_false(spec.keepalive || spec.id);
	assert_int_equal(spec.status, 404);
	assert_string_equal(spec.expect, "e");
	assert_int_equal(spec.pieces, 5);
	assert_true(spec.pause_ns == 6000000 && spec.drop_after_ns == 8000000);
	assert_true(spec.src.first == 0x7f00000a && spec.src.count == 21);
	assert_int_equal(spec.idle, 9);
	assert_string_equal(spec.idle_path, "/i");
	assert_true(spec.deadline_ns == 1000000000 && spec.timeout_ns == 90000000000);
	assert_true(spec.start_ns == 2000000000 && spec.stop_ns == 3600000000000);
	spec_free(&spec);
}

static void a_comma_can_be_in_a_value(void **state)
{
	struct spec spec = parsed("body={\"a\":1\\,\"b\":\"\\\\n=\"},expect=\\,");

	(void)state;
	assert_string_equal(spec.body, "{\"a\":1,\"b\":\"\\n=\"}");
	assert_string_equal(spec.expect, ",");
	assert_string_equal(spec.method, "POST");
	spec_free(&spec);
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *error;
	} mistakes[] = {{"", "key=value"}, {"rate", "key=value"},
	    {"rate=1,", "key=value"}, {"speed=1", "no such key"},
	    {"rate=1,rate=2", "twice"}, {"rate=-1", "rate=-1"}, {"rate=1x", "rate=1x"},
	    {"rate=", "rate="}, {"rate=2e6", "rate=2e6"}, {"rate=nan", "rate=nan"},
	    {"conns=1.5", "conns=1.5"}, {"conns=0", "conns=0"},
	    {"conns=100001", "conns=100001"}, {"path=x", "path=x"},
	    {"path=/a b", "path=/a b"}, {"path=/\r\nA: b", "not possible"},
	    {"header=A", "header=A"}, {"header=A: \n", "not possible"},
	    {"name=", "name="}, {"name=a.b", "name=a.b"},
	    {"name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "not possible"},
	    {"keepalive=2", "keepalive=2"}, {"keepalive=", "keepalive="},
	    {"drop=101", "drop"}, {"timeout=0", "timeout=0"},
	    {"timeout=1y", "timeout=1y"}, {"start=2s,stop=2s", "stop"},
	    {"status=1", "status=1"}, {"src=127.0.0", "src=127.0.0"},
	    {"src=127.0.0.9-8", "src"}, {"src=127.0.0.9-256", "src"},
	    {"src=127.0.0.9-", "src"},
	    {"header=A: b,header=A: b,header=A: b,header=A: b,header=A: b,header=A: b,"
	     "header=A: b,header=A: b,header=A: b",
	        "header"}};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		struct spec spec;
		char error[SPEC_ERROR] = "";

		if (spec_parse(&spec, mistakes[i].text, 1, error) != -1)
			fail_msg("\"%s\" was read", mistakes[i].text);
		if (strstr(error, mistakes[i].error) == NULL)
			fail_msg("\"%s\": %s", mistakes[i].text, error);
		spec_free(&spec);
	}
}

static void times_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} times[] = {{"0ms", 0}, {"250ms", 250000000}, {"1.5s", 1500000000},
	    {"2m", 120000000000}, {"1h", 3600000000000}};
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		assert_int_equal(spec_time_parse(&ns, times[i].text, false), 0);
		assert_true(ns == times[i].ns);
	}
	assert_int_equal(spec_time_parse(&ns, "7", true), 0);
	assert_true(ns == 7000000);
	assert_int_equal(spec_time_parse(&ns, "7", false), -1);
	assert_int_equal(spec_time_parse(&ns, "-1s", true), -1);
	assert_int_equal(spec_time_parse(&ns, "", true), -1);
	assert_int_equal(spec_time_parse(&ns, "1e300s", true), -1);
}

static void targets_are_read(void **state)
{
	static const char *const wrong[] = {"", "127.0.0.1",
	    "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "host:80", "::1:80",
	    "[::1]", "[::g]:1", "[]:1", "unix:"};
	struct target target;

	(void)state;
	assert_int_equal(target_parse(&target, "127.0.0.1:8080"), 0);
	assert_int_equal(target.in.sin_family, AF_INET);
	assert_int_equal(ntohs(target.in.sin_port), 8080);
	assert_int_equal(target_parse(&target, "[::1]:81"), 0);
	assert_int_equal(target.in6.sin6_family, AF_INET6);
	assert_int_equal(ntohs(target.in6.sin6_port), 81);
	assert_memory_equal(&target.in6.sin6_addr, &in6addr_loopback, 16);
	assert_int_equal(target_parse(&target, "unix:/run/x.sock"), 0);
	assert_int_equal(target.any.sa_family, AF_UNIX);
	assert_string_equal(target.un.sun_path, "/run/x.sock");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (target_parse(&target, wrong[i]) != -1)
			fail_msg("%s was read", wrong[i]);
}

static void assert_request(const char *words, uint64_t number, const char *expected)
{
	struct spec spec = parsed(words);
	char text[2048];
	size_t len = request_write(&spec, number, "ID", text);

	assert_true(len <= request_size_max(&spec));
	text[len] = '\0';
	assert_string_equal(text, expected);
	spec_free(&spec);
}

static void a_request_is_written(void **state)
{
	(void)state;
	assert_request("path=/p/%u", 12,
	    "GET /p/12 HTTP/1.1\r\nHost: load\r\nX-Request-Id: ID\r\n\r\n");
	assert_request("id=0,keepalive=0,header=A: %u-%u", 3,
	    "GET / HTTP/1.1\r\nHost: load\r\nConnection: close\r\nA: 3-3\r\n\r\n");
	assert_request("id=0,path=/v1/hash,body=[%u\\,%u]", 100,
	    "POST /v1/hash HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n"
	    "Content-Length: 9\r\n\r\n[100,100]");
	assert_request("id=0,body=%u", UINT64_MAX,
	    "POST / HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n"
	    "Content-Length: 20\r\n\r\n18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_not_said_has_a_default),
	    cmocka_unit_test(every_key_is_read),
	    cmocka_unit_test(a_comma_can_be_in_a_value),
	    cmocka_unit_test(mistakes_are_named),
	    cmocka_unit_test(times_have_units),
	    cmocka_unit_test(targets_are_read),
	    cmocka_unit_test(a_request_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
