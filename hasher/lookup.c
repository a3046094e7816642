/*
 * Look-ups of users in a SQLite file. They block as long as the database does: that is
 * what a process of their own is for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "common/clock.h"
#include "common/log.h"
#include "hasher/hasher.h"

enum {
	LOOKUP_BUSY_MS = 5, /* between two tries for a lock */
	LOOKUP_LOOK_OPS =
	    1000, /* of SQLite's machine, between two looks at the board */
	LOOKUP_HEAP = 64 << 20, /* bytes that SQLite may have in all */
};

struct lookup {
	struct hasher *hasher;
	sqlite3 *db; /* NULL: to be opened (again) for the next job */
	sqlite3_stmt *find;
	const struct hand *hand; /* the job at work */
};

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, data TEXT NOT NULL);"
    "INSERT OR IGNORE INTO users VALUES (1, 'User data for ID 1');"
    "COMMIT;";

/*
 * The database is a file of others: a view in it is SQL that runs here, and a page of
 * it may be made up. These are what sqlite.org/security.html asks for, but for a check
 * of the whole file when it is opened, which a job would have to wait for; each page is
 * checked when it is read.
 */
static const struct {
	int what, on;
} lookup_switches[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1},
    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
};

static const struct {
	int what, most;
} lookup_limits[] = {
    {SQLITE_LIMIT_LENGTH, 1 << 20},
    {SQLITE_LIMIT_SQL_LENGTH, 100000},
    {SQLITE_LIMIT_EXPR_DEPTH, 100},
    {SQLITE_LIMIT_COMPOUND_SELECT, 10},
    {SQLITE_LIMIT_VDBE_OP, 25000},
    {SQLITE_LIMIT_FUNCTION_ARG, 8},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 10},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 10},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

static int lookup_distrust(sqlite3 *db)
{
	int rc = SQLITE_OK, on;

	for (size_t i = 0;
	     rc == SQLITE_OK && i < sizeof(lookup_switches) / sizeof(*lookup_switches);
	     i++) {
		rc = sqlite3_db_config(
		    db, lookup_switches[i].what, lookup_switches[i].on, &on);
		if (rc == SQLITE_OK && on != lookup_switches[i].on)
			rc = SQLITE_ERROR;
	}
	for (size_t i = 0; i < sizeof(lookup_limits) / sizeof(*lookup_limits); i++)
		sqlite3_limit(db, lookup_limits[i].what, lookup_limits[i].most);
	sqlite3_hard_heap_limit64(LOOKUP_HEAP);
	if (rc != SQLITE_OK)
		return rc;
	return sqlite3_exec(
	    db, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", NULL, NULL, NULL);
}

static void lookup_forget(struct lookup *l)
{
	sqlite3_finalize(l->find);
	sqlite3_close(l->db);
	l->find = NULL;
	l->db = NULL;
}

/* Waits for a lock as long as somebody waits for the answer. */
static int lookup_busy(void *arg, int tries)
{
	const struct lookup *l = arg;
	const struct timespec pause = {.tv_nsec = LOOKUP_BUSY_MS * 1000000L};

	(void)tries;
	if (l->hand == NULL || !hand_wanted(l->hasher, l->hand))
		return 0;
	nanosleep(&pause, NULL);
	return 1;
}

/* A query that takes long is given up when nobody waits for it any more. */
static int lookup_progress(void *arg)
{
	const struct lookup *l = arg;

	return l->hand != NULL && !hand_wanted(l->hasher, l->hand);
}

static bool lookup_has_table(sqlite3 *db)
{
	sqlite3_stmt *probe = NULL;
	bool has = sqlite3_prepare_v2(
	               db, "SELECT id, data FROM users", -1, &probe, NULL) == SQLITE_OK;

	sqlite3_finalize(probe);
	return has;
}

/* Each request can be the cause of a line. */
static void lookup_complain(const struct lookup *l)
{
	static struct log_limit limit;

	log_limited(&limit, LOG_LEVEL_ERROR, "store %s: %s",
	    l->hasher->child->config->store_path,
	    l->db != NULL ? sqlite3_errmsg(l->db) : "out of memory");
}

static int lookup_connect(struct lookup *l)
{
	const struct child *child = l->hasher->child;
	int rc = sqlite3_open_v2(child->store, &l->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK)
		rc = lookup_distrust(l->db);
	if (rc == SQLITE_OK) {
		sqlite3_busy_handler(l->db, lookup_busy, l);
		sqlite3_progress_handler(l->db, LOOKUP_LOOK_OPS, lookup_progress, l);
		if (!lookup_has_table(l->db) && sqlite3_errcode(l->db) != SQLITE_BUSY)
			rc = sqlite3_exec(l->db, schema, NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(
		    l->db, "SELECT data FROM users WHERE id = ?1", -1, &l->find, NULL);
	if (rc == SQLITE_OK)
		return 0;
	lookup_complain(l);
	lookup_forget(l);
	return -1;
}

struct lookup *lookup_open(struct hasher *h)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (l != NULL)
		l->hasher = h;
	return l;
}

void lookup_close(struct lookup *l)
{
	if (l != NULL)
		lookup_forget(l);
	free(l);
}

/* What is in the database is no more to be trusted than what is on a wire. */
static bool lookup_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return len > 0 && len <= LIMIT_TEXT;
}

static void lookup_answer(struct lookup *l, struct hand *hand, int rc)
{
	const char *text;
	size_t len;

	if (rc == SQLITE_DONE) {
		hand_answer(l->hasher, hand, JOB_NOT_FOUND, NULL, 0);
		return;
	}
	if (rc != SQLITE_ROW) {
		bool wanted = hand_wanted(l->hasher, hand);

		if (wanted)
			lookup_complain(l);
		hand_answer(
		    l->hasher, hand, wanted ? JOB_FAILED : JOB_DROPPED, NULL, 0);
		return;
	}
	text = (const char *)sqlite3_column_text(l->find, 0);
	len = (size_t)sqlite3_column_bytes(l->find, 0);
	if (text != NULL && lookup_printable(text, len))
		hand_answer(l->hasher, hand, JOB_OK, text, len);
	else
		hand_answer(l->hasher, hand, JOB_FAILED, NULL, 0);
}

void lookup_do(struct hasher *h, struct hand *hand)
{
	struct lookup *l = h->lookup;
	int rc;

	l->hand = hand;
	if (l->db == NULL && lookup_connect(l) != 0) {
		hand_answer(
		    h, hand, hand_wanted(h, hand) ? JOB_FAILED : JOB_DROPPED, NULL, 0);
		l->hand = NULL;
		return;
	}
	sqlite3_bind_int64(l->find, 1, hand->job.user);
	rc = sqlite3_step(l->find);
	lookup_answer(l, hand, rc);
	sqlite3_reset(l->find);
	l->hand = NULL;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE && rc != SQLITE_BUSY &&
	    rc != SQLITE_INTERRUPT)
		lookup_forget(l); /* a fresh start for the next job */
}
