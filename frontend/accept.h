/*
 * Accepting: one connection at a time from the listeners that all frontends share, and
 * what is done when that fails.
 *
 * At the limit of open files a spare fd gives way to the client who comes: another
 * connection makes room for it (conn_place.c), else it is told 503. So nobody waits in
 * a queue that we do not look at, and the listeners never wake us for nothing.
 */
#ifndef FRONTEND_ACCEPT_H
#define FRONTEND_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

struct frontend;

/* One of the listening sockets that all frontends share. */
struct listener {
	struct frontend *frontend;
	struct ev_io watcher;
	bool open; /* connections are accepted from it, or may be later */
};

/* A frontend's way in: part of struct frontend, zeroed at the start but for the spare,
 * which is -1. */
struct accept {
	struct listener *listeners;
	size_t listener_count;
	size_t open_count;    /* listeners that are open */
	struct ev_timer rest; /* the listeners rest for a while */
	uint64_t others_seen; /* what the other frontends had done when a client was
	                         left to them */
	uint64_t left_ns;     /* when that was */
	unsigned left;        /* how often, since they have done something */
	uint64_t yielded_to;  /* what those with fewer connections had when a client was
	                         left to them; 0: none was */
	uint64_t trust_ns;    /* from when on that may be done again */
	unsigned failures;    /* in a row */
	int spare;            /* fd, or -1 */
	bool accepting;
};

/* Sets up and begins to accept. Returns 0, or -1. */
int accept_open(struct frontend *fe);

/* Lets the listeners be watched, or not, as it should be now. */
void accept_update(struct frontend *fe);

/* The frontend drains. Listeners that go on are left to others. Those that end (see
 * `ending` in board.h) are accepted from until the master has shut them down and their
 * queues are empty; then frontend_listeners_gone() is called. */
void accept_drain(struct frontend *fe);

/* Ends it, and frees what it had. */
void accept_close(struct frontend *fe);

#endif
