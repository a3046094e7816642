/*
 * Nobody fills the log from outside: of what a client can cause at will, each process
 * says one line a second. The access log is another matter: it is off unless asked for.
 */
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "tests/system/client.h"
#include "tests/system/log_tail.h"
#include "tests/system/process.h"

enum { FLOOD = 100 };

static unsigned count_lines(const struct daemon *d)
{
	return (unsigned)log_tail_count(d->log, 0, "Z ["); /* a time and a pid */
}

/* Asks so many times, on connections that are opened anew where they are closed. */
static void flood(const struct daemon *d, const char *text)
{
	struct response r = {0};
	struct client client;

	client_open(&client, &d->tcp);
	for (unsigned i = 0; i < FLOOD; i++) {
		client_ask(&client, &r, text);
		if (r.status != 0 && !response_has(&r, "Connection", "close"))
			continue;
		client_close(&client);
		client_open(&client, &d->tcp);
	}
	client_close(&client);
	response_free(&r);
}

/* Lines that the flood has added: one for each second that it took, and a first one. */
static void expect_few_lines(
    struct daemon *d, const char *what, const char *text, unsigned processes)
{
	const unsigned before = count_lines(d);
	const uint64_t since = harness_now_ms();
	unsigned lines, seconds;

	flood(d, text);
	seconds = (unsigned)((harness_now_ms() - since) / 1000) + 2;
	lines = count_lines(d) - before;
	if (lines > seconds * processes)
		fail_msg("%s: %u lines in %u seconds", what, lines, seconds);
}

/* ---- look-ups ---- */

static void do_sql(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

#define USER(id) "GET /user/" id " HTTP/1.1\r\nHost: t\r\n\r\n"

static void look_ups_that_fail_are_told_of_once_a_second(void **state)
{
	struct daemon *d = *state;

	/* it can be opened, and each query of it fails */
	do_sql(d->store, "CREATE TABLE t (x); INSERT INTO t VALUES (1);"
	                 "CREATE VIEW users AS SELECT 1 AS id,"
	                 " abs(-9223372036854775807 - x) AS data FROM t");
	d->files_expected = true;
	daemon_start(d, "frontend.processes=1", "pool.lookup.max_processes=1", NULL);
	expect_few_lines(d, "a query that fails", USER("1"), 1);
	daemon_wait_log(d, "store .*: integer overflow");
	daemon_stop(d);
}

static void a_store_that_is_none_is_told_of_once_a_second(void **state)
{
	struct daemon *d = *state;

	harness_write_file(d->store, "this is no database, and it is not empty either");
	d->files_expected = true;
	daemon_start(d, "frontend.processes=1", "pool.lookup.max_processes=1", NULL);
	expect_few_lines(d, "no database", USER("1"), 1);
	daemon_wait_log(d, "store .*: file is not a database");
	daemon_stop(d);
}

/* ---- all other requests ---- */

#define POST(body)                                                                     \
	"POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n" body

static void refused_requests_are_no_lines(void **state)
{
	static const char *const texts[] = {"GET /nowhere HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\r\n\r\n",
	    "GET / HTTP/2.0\r\nHost: t\r\n\r\n",
	    "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n",
	    "POST /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n",
	    "GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999\r\n\r\n",
	    "GET /livez HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nx",
	    POST("Content-Length: 2\r\n\r\n{}"), POST("Content-Length: 2\r\n\r\n{x"),
	    POST("Content-Length: 30\r\n\r\n{\"password\":\"\",\"timeout_ms\":1}"),
	    USER("x"), USER("2"), "GET /hash/%zz HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET /hash/x HTTP/1.1\r\nHost: evil\r\n\r\n"};
	struct daemon *d = *state;

	daemon_start(d, "frontend.processes=1", "pool.elastic.max_processes=1",
	    "pool.lookup.max_processes=1", NULL);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_few_lines(d, texts[i], texts[i], 0);
	daemon_stop(d);
}

/* A hasher that leaves after each job says so, but not each time. */
static void retiring_hashers_are_told_of_once_a_second(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, "frontend.processes=1", "profile.default.memory=64K",
	    "profile.default.time=1", "pool.elastic.max_jobs=1",
	    "pool.elastic.max_processes=1", "pool.elastic.batch=1", NULL);
	expect_few_lines(d, "hashers that retire",
	    POST("Content-Length: 16\r\n\r\n{\"password\":\"x\"}"), 1);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(look_ups_that_fail_are_told_of_once_a_second),
	    daemon_test(a_store_that_is_none_is_told_of_once_a_second),
	    daemon_test(refused_requests_are_no_lines),
	    daemon_test(retiring_hashers_are_told_of_once_a_second),
	};

	return cmocka_run_group_tests_name("wall: log", tests, NULL, NULL);
}
