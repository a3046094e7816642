#include "tests/system/store.h"

sqlite3 *store_open(const struct daemon *d)
{
	sqlite3 *db;

	assert_int_equal(
	    sqlite3_open_v2(d->store, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, harness_limit_ms());
	return db;
}

sqlite3 *store_lock(const struct daemon *d)
{
	sqlite3 *db = store_open(d);

	assert_int_equal(
	    sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE;", NULL,
	        NULL, NULL),
	    SQLITE_OK);
	return db;
}

void store_unlock(sqlite3 *db)
{
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}
