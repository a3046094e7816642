/*
 * Look-ups: a real database, read in a process of the pool `lookup`; what delays it
 * delays nobody else.
 */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/store.h"

static void start(struct daemon *d)
{
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "pool.lookup.deadline=120s", NULL);
}

static void test_users(void **state)
{
	static const struct {
		const char *path;
		int status;
		const char *body; /* NULL: any */
	} rows[] = {
	    {"/user/1", 200, "User data for ID 1"},
	    {"/user/2", 404, "User not found"},
	    {"/user/0", 404, "User not found"},

	    {"/user/9223372036854775807", 404, "User not found"},
	    {"/user/9223372036854775808", 400, NULL},
	    {"/user/99999999999999999999999999", 400, NULL},
	    {"/user/one", 400, NULL},
	    {"/user/1x", 400, NULL},
	    {"/user/1%00", 400, NULL},
	    {"/user/1'", 400, NULL},
	    {"/user/%20", 400, NULL},
	};
	struct daemon *d = *state;
	char body[256];
	int status;

	start(d);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		status = client_fetch(&d->tcp, rows[i].path, body, sizeof(body));
		if (status != rows[i].status)
			fail_msg("%s: status %d: %s", rows[i].path, status, body);
		if (rows[i].body != NULL)
			assert_string_equal(body, rows[i].body);
	}
	daemon_stop(d);
}

/* The database is made on first use, and what is in it is what is answered. */
static void test_database(void **state)
{
	struct daemon *d = *state;
	sqlite3 *db;

	start(d);
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	assert_return_code(access(d->store, R_OK), errno);
	db = store_open(d);
	assert_int_equal(
	    sqlite3_exec(db, "DELETE FROM users", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 404);
	sqlite3_close(db);
	daemon_stop(d);
	start(d); /* a database that exists is taken as it is */
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 404);
	daemon_stop(d);
}

/* Somebody holds the database: who asks for a user waits, who asks for a hash does not.
 */
static void test_locked(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client waiting;
	struct load load = {.to = &d->tcp, .connections = 8, .requests = 80};
	sqlite3 *db;

	start(d);
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	db = store_lock(d);
	client_open(&waiting, &d->tcp);
	client_say(&waiting, "GET /user/1 HTTP/1.1\r\nHost: t\r\n\r\n");
	load_run(&load);
	load_expect_ok(&load, false);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	assert_false(client_receive(&waiting, 0)); /* it still waits */
	store_unlock(db);
	client_read(&waiting, &r, false);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "User data for ID 1");
	response_free(&r);
	client_close(&waiting);
	daemon_stop(d);
}

/* A database that stays locked costs the deadline, and only that. */
static void test_locked_for_good(void **state)
{
	struct daemon *d = *state;
	char deadline[48];
	sqlite3 *db;

	harness_ms(deadline, "pool.lookup.deadline", 1000);
	daemon_start(
	    d, "profile.default.memory=64K", "profile.default.time=1", deadline, NULL);
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	db = store_lock(d);
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 504);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	store_unlock(db);
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	daemon_stop(d);
}

/* A store that is no database: the pool says so, and the others serve. */
static void test_no_database(void **state)
{
	struct daemon *d = *state;
	char body[256];
	int status;

	harness_write_file(d->store, "this is a letter to my aunt, not a database");
	daemon_launch(d, "profile.default.memory=64K", "profile.default.time=1", NULL);
	daemon_wait_ready(d);
	status = client_fetch(&d->tcp, "/user/1", body, sizeof(body));
	assert_true(status == 500 || status == 503);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_users),
	    daemon_test(test_database),
	    daemon_test(test_locked),
	    daemon_test(test_locked_for_good),
	    daemon_test(test_no_database),
	};

	return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
