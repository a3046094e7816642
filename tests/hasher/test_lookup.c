/* hasher/lookup.c with hand.c: a real SQLite file, a real link and board. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/clock.h"
#include "common/log.h"
#include "hasher/hasher.h"

struct world {
	char dir[64], path[80];
	struct config config;
	struct config_pool pool;
	struct child child;
	struct hasher hasher;
	int links[2]; /* the hasher's end, the frontend's */
	uint64_t next_id;
	uint8_t message[JOB_REPLY_MAX];
	struct job_reply reply;
};

/* The pause between two tries for a lock: something happens in it, and no time passes.
 */
static void (*in_pause)(void);
static unsigned pauses;
static sqlite3 *locker;

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	(void)wanted;
	(void)left;
	assert_true(++pauses < 100);
	if (in_pause != NULL)
		in_pause();
	return 0;
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	strcpy(w->dir, "/tmp/argond-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/users.db", w->dir);
	w->child.store = w->config.store_path = w->path;
	strcpy(w->pool.name, "lookup");
	assert_int_equal(link_pair(w->links), 0);
	assert_int_equal(board_open(&w->child.board, 2), 0);
	w->child.config = &w->config;
	w->child.links = w->links;
	w->child.link_count = 1;
	w->hasher = (struct hasher){.child = &w->child,
	    .pool = &w->pool,
	    .batch = 1,
	    .board = &board_slot(&w->child.board, 1)->hasher};
	w->hasher.lookup = lookup_open(&w->hasher);
	assert_non_null(w->hasher.lookup);
	in_pause = NULL;
	pauses = 0;
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	lookup_close(w->hasher.lookup);
	sqlite3_close(locker);
	locker = NULL;
	board_close(&w->child.board);
	close(w->links[0]);
	close(w->links[1]);
	unlink(w->path);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static struct board_frontend *frontend(const struct world *w)
{
	return &board_slot(&w->child.board, 0)->frontend;
}

/* Looks that user up, for a frontend that wants it (or does not). */
static enum job_status look_up(struct world *w, int64_t user, bool wanted)
{
	const struct job job = {.id = job_id_make(1, ++w->next_id),
	    .kind = JOB_LOOKUP,
	    .user = user,
	    .deadline_ns = clock_ns() + 3600 * NS_PER_SEC};
	struct hand *hand = hand_claim(&w->hasher, 0, &job);
	const char *why;
	size_t len;
	pid_t sender;

	assert_non_null(hand);
	assert_true(board_claimed(board_slot(&w->child.board, 1), job.id));
	atomic_store(&frontend(w)->wanted[0], wanted ? job.id : 0);
	lookup_do(&w->hasher, hand);
	assert_false(board_claimed(board_slot(&w->child.board, 1), job.id));
	assert_int_equal(w->hasher.running, 0);
	assert_int_equal(
	    link_recv(w->links[1], w->message, sizeof(w->message), &len, &sender),
	    LINK_OK);
	assert_int_equal(job_reply_decode(&w->reply, w->message, len, &why), 0);
	assert_int_equal(w->reply.id, job.id);
	return (enum job_status)w->reply.status;
}

static void assert_text(const struct world *w, const char *text)
{
	assert_int_equal(w->reply.text_len, strlen(text));
	assert_memory_equal(w->reply.text, text, strlen(text));
}

/* Another process at the database. */
static void do_sql(const struct world *w, const char *sql)
{
	if (locker == NULL)
		assert_int_equal(sqlite3_open(w->path, &locker), SQLITE_OK);
	assert_int_equal(sqlite3_exec(locker, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void the_store_is_made_with_user_one(void **state)
{
	struct world *w = *state;

	assert_int_equal(look_up(w, 1, true), JOB_OK);
	assert_text(w, "User data for ID 1");
	assert_int_equal(look_up(w, 2, true), JOB_NOT_FOUND);
	assert_int_equal(look_up(w, INT64_MIN, true), JOB_NOT_FOUND);
	assert_int_equal(look_up(w, INT64_MAX, true), JOB_NOT_FOUND);
	assert_int_equal(atomic_load(&w->hasher.board->done), 4);
}

static void a_store_that_is_there_is_used_as_it_is(void **state)
{
	struct world *w = *state;

	do_sql(w, "CREATE TABLE users (id INTEGER PRIMARY KEY, data TEXT NOT NULL);"
	          "INSERT INTO users VALUES (7, 'seven')");
	assert_int_equal(look_up(w, 7, true), JOB_OK);
	assert_text(w, "seven");
	assert_int_equal(look_up(w, 1, true), JOB_NOT_FOUND); /* nothing was added */
	do_sql(w, "UPDATE users SET data = 'changed'");
	assert_int_equal(look_up(w, 7, true), JOB_OK);
	assert_text(w, "changed");
}

static void what_a_reply_cannot_carry_is_a_failure(void **state)
{
	struct world *w = *state;

	assert_int_equal(look_up(w, 1, true), JOB_OK);
	do_sql(w,
	    "INSERT INTO users VALUES (2, ''), (3, 'a' || char(10) || 'b'), (4, x'00'),"
	    "(5, printf('%.*c', 1025, 'x')), (6, printf('%.*c', 1024, 'x'))");
	for (int64_t user = 2; user <= 5; user++)
		assert_int_equal(look_up(w, user, true), JOB_FAILED);
	assert_int_equal(look_up(w, 6, true), JOB_OK);
	assert_int_equal(w->reply.text_len, LIMIT_TEXT);
}

static void unlock(void)
{
	if (pauses == 3)
		assert_int_equal(
		    sqlite3_exec(locker, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
}

static void a_lock_is_waited_for(void **state)
{
	struct world *w = *state;

	assert_int_equal(look_up(w, 1, true), JOB_OK);
	do_sql(w, "BEGIN EXCLUSIVE");
	in_pause = unlock;
	assert_int_equal(look_up(w, 1, true), JOB_OK);
	assert_int_equal(pauses, 3);
}

static void a_lock_on_a_new_connection_is_waited_for(void **state)
{
	struct world *w = *state;

	do_sql(w, "CREATE TABLE users (id INTEGER PRIMARY KEY, data TEXT NOT NULL);"
	          "INSERT INTO users VALUES (7, 'seven'); BEGIN EXCLUSIVE");
	in_pause = unlock;
	assert_int_equal(look_up(w, 7, true), JOB_OK);
	assert_text(w, "seven");
}

static struct board_frontend *leaves;

static void leave(void)
{
	if (pauses == 3)
		atomic_store(&leaves->wanted[0], 0);
}

static void who_has_left_is_not_waited_for(void **state)
{
	struct world *w = *state;

	assert_int_equal(look_up(w, 1, true), JOB_OK);
	do_sql(w, "BEGIN EXCLUSIVE");
	assert_int_equal(look_up(w, 1, false), JOB_DROPPED);
	assert_int_equal(pauses, 0);
	leaves = frontend(w);
	in_pause = leave;
	assert_int_equal(look_up(w, 1, true), JOB_DROPPED);
	assert_int_equal(pauses, 3);
	assert_int_equal(atomic_load(&w->hasher.board->dropped), 2);
	do_sql(w, "COMMIT");
	assert_int_equal(look_up(w, 1, true), JOB_OK);
}

/* `users` is a view that never ends: it ends when nobody wants it. */
static void a_query_that_takes_too_long_is_given_up(void **state)
{
	struct world *w = *state;

	do_sql(w, "CREATE TABLE one (x); INSERT INTO one VALUES (1);"
	          "CREATE VIEW users AS WITH RECURSIVE n(i) AS"
	          " (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
	          " SELECT -i AS id, 'data' AS data FROM n, one");
	assert_int_equal(look_up(w, 1, false), JOB_DROPPED);
	do_sql(w, "DROP VIEW users;"
	          "CREATE TABLE users (id INTEGER PRIMARY KEY, data TEXT NOT NULL);"
	          "INSERT INTO users VALUES (7, 'seven')");
	assert_int_equal(look_up(w, 7, true), JOB_OK);
}

static void a_store_that_is_none_fails_and_may_come_back(void **state)
{
	struct world *w = *state;
	int fd;

	assert_int_equal(mkdir(w->path, 0700), 0);
	assert_int_equal(look_up(w, 1, true), JOB_FAILED);
	assert_int_equal(rmdir(w->path), 0);
	fd = open(w->path, O_CREAT | O_WRONLY, 0600);
	assert_true(write(fd, "this is a file of some other kind, it seems", 43) == 43);
	close(fd);
	assert_int_equal(look_up(w, 1, true), JOB_FAILED);
	assert_int_equal(unlink(w->path), 0);
	assert_int_equal(look_up(w, 1, true), JOB_OK);
}

/* ---- a database that somebody else has made ---- */

/* As a view `users` whose data is that expression. */
static enum job_status look_up_made(struct world *w, const char *data)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
	    "DROP VIEW IF EXISTS users; CREATE VIEW users AS SELECT 1 AS id, %s AS "
	    "data",
	    data);
	do_sql(w, sql);
	return look_up(w, 1, true);
}

static void a_made_up_schema_has_no_reach(void **state)
{
	static const char *const evil[] = {
	    "(SELECT file FROM pragma_database_list LIMIT 1)", /* outside of the file */
	    "load_extension('x')", "hex(zeroblob(300000))", "hex(zeroblob(400000000))",
	    "(SELECT group_concat(zeroblob(900000)) FROM pragma_function_list)"};
	struct world *w = *state;

	/* as it may be: a view is no crime */
	assert_int_equal(look_up_made(w, "lower('ABC')"), JOB_OK);
	assert_text(w, "abc");
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++)
		if (look_up_made(w, evil[i]) == JOB_OK)
			fail_msg(
			    "%s: %.*s", evil[i], (int)w->reply.text_len, w->reply.text);
	assert_true(sqlite3_memory_highwater(0) < 64 << 20);
	assert_int_equal(look_up_made(w, "upper('abc')"), JOB_OK);
}

/* Some bytes of any page are changed, and in every other round of the header. */
static void a_damaged_file_is_survived(void **state)
{
	struct world *w = *state;
	char good[16384], bad[sizeof(good)];
	ssize_t size;
	int fd;

	do_sql(w, "CREATE TABLE users (id INTEGER PRIMARY KEY, data TEXT NOT NULL);"
	          "CREATE INDEX i ON users (data);"
	          "INSERT INTO users VALUES (1, 'one'), (2, printf('%.*c', 900, 'x'))");
	sqlite3_close(locker);
	locker = NULL;
	fd = open(w->path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	size = read(fd, good, sizeof(good));
	assert_in_range(size, 4096, (int)sizeof(good));
	srandom(1);
	for (unsigned round = 0; round < 2000; round++) {
		memcpy(bad, good, (size_t)size);
		for (unsigned i = 0; i < 1 + round % 8; i++)
			bad[round % 2 ? 16 + random() % 200 : random() % size] =
			    (char)random();
		lookup_close(w->hasher.lookup);
		w->hasher.lookup = lookup_open(&w->hasher);
		assert_int_equal(pwrite(fd, bad, (size_t)size, 0), size);
		(void)look_up(w, 1, true);
		(void)look_up(w, 2, true);
		assert_return_code(ftruncate(fd, size), errno);
	}
	close(fd);
	(void)look_up(w, 1, false);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(the_store_is_made_with_user_one),
	    WITH_WORLD(a_store_that_is_there_is_used_as_it_is),
	    WITH_WORLD(what_a_reply_cannot_carry_is_a_failure),
	    WITH_WORLD(a_lock_is_waited_for),
	    WITH_WORLD(a_lock_on_a_new_connection_is_waited_for),
	    WITH_WORLD(who_has_left_is_not_waited_for),
	    WITH_WORLD(a_query_that_takes_too_long_is_given_up),
	    WITH_WORLD(a_made_up_schema_has_no_reach),
	    WITH_WORLD(a_damaged_file_is_survived),
	    WITH_WORLD(a_store_that_is_none_fails_and_may_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
