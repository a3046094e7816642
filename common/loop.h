/*
 * An event loop with a reserve of memory: libev ends the process where it gets none for
 * its tables, with whatever the process has in hand. What they grow by is little, so it
 * is kept aside.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>

#include <ev.h>

/* Makes a loop with libev's flags. Where its tables later get no memory even with the
 * reserve, that is logged and the process exits with `status`. Returns NULL with errno
 * on failure. One of each process. */
struct ev_loop *loop_open(unsigned flags, int status);

/*
 * A rest for a descriptor that is ready while the kernel has no memory to read from it
 * (ENOBUFS, ENOMEM): the loop would call its watcher again at once, and without end.
 * Zeroed at the start; part of what the watcher is part of.
 */
struct loop_rest {
	struct ev_timer timer;
};

/* Stops the watcher, and starts it again in a moment. */
void loop_rest(struct ev_loop *loop, struct loop_rest *rest, struct ev_io *io);

/* Stops the watcher, and its rest with it: nothing starts it again. */
void loop_stop(struct ev_loop *loop, struct loop_rest *rest, struct ev_io *io);

/* Is it watched, now or in a moment? */
bool loop_watches(const struct loop_rest *rest, const struct ev_io *io);

#endif
