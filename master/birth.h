/*
 * From fork() to the role's own function, in the child.
 */
#ifndef MASTER_BIRTH_H
#define MASTER_BIRTH_H

#include <sys/types.h>

#include "common/limits.h"
#include "master/master.h"

/* The limits that the process has. Its oom_score_adj is set by the master before it
 * forks: a process that nobody may look into cannot write its own. */
struct limits_spec birth_limits(const struct process *p);

/* Becomes the process that `p` describes, with `control` as its end of the control
 * socket, `said` as that of its pipe for the log (relay.h) and `master` as its parent.
 * Does not return: ends with the role's exit status. */
void birth_run(const struct process *p, int control, int said, pid_t master)
    __attribute__((noreturn));

#endif
