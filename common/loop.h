/*
 * An event loop with a reserve of memory: libev ends the process where it gets none for
 * its tables, with whatever the process has in hand. What they grow by is little, so it
 * is kept aside.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

struct ev_loop;

/* Makes a loop with libev's flags. Where its tables later get no memory even with the
 * reserve, that is logged and the process exits with `status`. Returns NULL with errno
 * on failure. One of each process. */
struct ev_loop *loop_open(unsigned flags, int status);

#endif
