/*
 * `argond -s`: asks the master by the command socket (command.h) beside the pidfile.
 */
#ifndef MASTER_COMMAND_SEND_H
#define MASTER_COMMAND_SEND_H

#include <stddef.h>
#include <sys/types.h>

#include "master/signals.h"

struct config;

enum { COMMAND_WHY_MAX = 8192 }; /* bytes of what is said of a command that failed */

/*
 * Asks the master of that pidfile to do what the row says, and waits until it has said
 * how it went: of a reload or an upgrade, how that ended, or that of the successor that
 * has taken over meanwhile. `config` (NULL: one that cannot be read, so the built-in
 * times count) bounds the wait.
 *
 * A socket is believed only where its process is root's, ours or one of the user to
 * whom the folder belongs. Returns 0, or -1: `why` says what failed; what the master
 * has said in it is made printable.
 */
int command_send(const char *pidfile, const struct signal_row *row,
    const struct config *config, char why[COMMAND_WHY_MAX]);

/* The process that answers there, by its number here: 0 where it has none, in another
 * pid namespace; -1 with errno where none can be seen. Asks for nothing. */
pid_t command_master(const char *pidfile);

/* How long a reload or an upgrade may take: one that is under way first, the old
 * processes that leave after it, and then the one that was asked for; in ms. */
unsigned command_limit_ms(const struct config *config);

#endif
