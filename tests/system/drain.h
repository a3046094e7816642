/*
 * What the tests of draining have in common.
 */
#ifndef TESTS_SYSTEM_DRAIN_H
#define TESTS_SYSTEM_DRAIN_H

#include "tests/system/client.h"
#include "tests/system/harness.h"

#define DRAIN_SMALL                                                                    \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1"
/* Whatever ends in this test does so without these limits. */
#define DRAIN_LONG                                                                     \
	"hello_delay=1m", "shutdown_timeout=10m", "keepalive_timeout=10m",             \
	    "header_timeout=10m", "body_timeout=10m"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"

/* Tells the master to leave, by TERM, and waits until it says so. */
void drain_begin(struct daemon *d);

/* It has ended with status 0, by itself and not by shutdown_timeout. */
void drain_expect_left(struct daemon *d);

/* `argond -s reload` succeeds. */
void drain_reload(struct daemon *d);

/* A connection that had an answer and is kept. */
void drain_open_idle(struct client *client, const struct address *to);

/* A connection whose request is not answered before hello_delay. */
void drain_open_busy(struct client *client, struct daemon *d);

/* Sends `ask` (or NULL); the answer has that status and is the last on its connection,
 * which is then closed by FIN. */
void drain_expect_last_answer(struct client *client, const char *ask, int status);

/* The connection is closed by FIN. */
void drain_expect_clean_end(struct client *client);

/* Waits until new connections to that address are refused. */
void drain_wait_refused(struct address *to);

void drain_signal_frontends(const struct daemon *d, int signo);

#endif
