/*
 * Listening sockets that we are born with: from systemd (socket activation) or from the
 * master whose place we take (upgrade). Both speak sd_listen_fds(3): LISTEN_PID names
 * us, LISTEN_FDS says how many descriptors there are from 3 on.
 */
#ifndef MASTER_INHERIT_H
#define MASTER_INHERIT_H

#include <stdbool.h>

#include "common/config.h"
#include "master/listen.h"

/* Takes what LISTEN_* hands us into `set` (empty where that is nothing) and clears
 * these variables. `files`: the files of Unix sockets are argond's to remove (an
 * upgrade of a master that made them itself). Returns 0, or -1 where something is not
 * as it should be: *err says what, and nothing is taken. */
int inherit_listeners(struct listener_set *set, bool files, struct config_error *err);

/* Socket activation: what was handed to us is what the config listens on, whatever it
 * says. Returns 0, or -1 where there is no memory. */
int inherit_override(const struct listener_set *set, struct config *config);

#endif
