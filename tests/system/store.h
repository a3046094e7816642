/*
 * The daemon's database, in other hands.
 */
#ifndef TESTS_SYSTEM_STORE_H
#define TESTS_SYSTEM_STORE_H

#include <sqlite3.h>

#include "tests/system/harness.h"

/* Opens it, once it is there; to be closed. */
sqlite3 *store_open(const struct daemon *d);
/* Opens it, and nobody else can read it until store_unlock(). */
sqlite3 *store_lock(const struct daemon *d);
void store_unlock(sqlite3 *db);

#endif
