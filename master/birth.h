/*
 * From fork() to the role's own function, in the child.
 */
#ifndef MASTER_BIRTH_H
#define MASTER_BIRTH_H

#include <sys/types.h>

#include "master/master.h"

/* Becomes the process that `p` describes, with `control` as its end of the control
 * socket, `said` as that of its pipe for the log (relay.h) and `master` as its parent.
 * Does not return: ends with the role's exit status. */
void birth_run(const struct process *p, int control, int said, pid_t master)
    __attribute__((noreturn));

#endif
