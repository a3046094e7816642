/*
 * Sweeps: for n = 1, 2 ... the nth call of a kind fails, until a whole round has passed
 * in which none did (the way of SQLite's tests). What must hold in every round:
 *   start   it is refused with a line that says why, and nothing is left behind; or it
 *           goes well
 *   serving at most the requests under way suffer, the next ones are answered; a
 *           process that goes is replaced, and the log says why
 *   reload, upgrade  the old one serves on, or the new one does
 *   stop    it ends, and nothing is left
 * and in none of them a crash, a leak, or a wait without end.
 *
 * Environment: ARGOND is the program with the injector, FAULTS_EVERY=k tries every kth
 * call only, from FAULTS_FROM (1) on; FAULTS_ONLY=pattern runs the tests of these
 * names, and FAULTS_VERBOSE=1 tells each round.
 */
#ifndef TESTS_FAULTS_WORLD_H
#define TESTS_FAULTS_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/faults/faults.h"
#include "tests/system/harness.h"

/* One sweep. */
struct sweep {
	enum fault_role role;
	enum fault_class class;
	bool other;   /* by the call's second errno */
	bool lasting; /* all calls from the nth on */
};

struct world {
	const struct sweep *sweep;
	struct faults *plan;
	struct daemon *d;
	char dir[64], path[96]; /* of the plan */
	char name[64];
	unsigned n; /* the round's */
};

/* The tests of a program; zeroed at first. */
enum { WORLD_TESTS = 128 };
struct world_list {
	struct CMUnitTest tests[WORLD_TESTS];
	struct sweep sweeps[WORLD_TESTS];
	char names[WORLD_TESTS][64];
	size_t count;
};

/* Adds a test, whose state is a struct world without a daemon. */
void world_add(struct world_list *list, const char *name, CMUnitTestFunction test,
    const struct sweep *sweep);
/* Adds one for each of these roles (1 << role, ...), class and errno. */
void world_add_all(
    struct world_list *list, const char *name, CMUnitTestFunction test, unsigned roles);
int world_run(struct world_list *list, const char *title);

/* A daemon with a folder of its own, and its end. */
void world_open(struct world *w);
void world_close(struct world *w);

/* The rounds: false after the one in which nothing has failed. The first call begins.
 */
bool world_next(struct world *w);
/* From here on calls are counted, and the nth fails; until here. */
void world_arm(struct world *w);
void world_disarm(struct world *w);
bool world_fired(const struct world *w);
/* "call 7, malloc (Cannot allocate memory) in conn_keep_id at frontend/conn.c:12" */
void world_where(const struct world *w, char *text, size_t cap);

/* Small and quick. `confined`: as it is meant to run; else children can be looked at
 * for leaks. */
void world_launch(struct world *w, bool confined);

/* Asks for everything once. `strictly`: every answer must be what it should be; else
 * one of them may be a 5xx or missing. */
void world_ask(struct world *w, bool strictly);

/* The log says why a process left that could not go on, no process has crashed; and it
 * does not complain. */
void world_check_words(struct world *w);
void world_check_log(struct world *w);
/* TERM, and what must hold then. */
void world_stop(struct world *w);
/* The master has ended by itself: it says why, and nothing is left. */
void world_expect_refused(struct world *w);

#endif
