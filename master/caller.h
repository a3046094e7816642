/*
 * What the program that has started this one left behind in the process: execve() keeps
 * ignored and blocked signals, interval timers, the umask, limits and descriptors. What
 * of that would break a daemon is undone here; what an administrator may have chosen
 * (nice, scheduling class, CPU affinity, control group, hard limits) stays.
 */
#ifndef MASTER_CALLER_H
#define MASTER_CALLER_H

#include <stdbool.h>

/* Before anything else: signals, timers, umask. An ignored SIGHUP stays ignored. */
void caller_forget(void);

/* True after nohup(1): the daemon then stays when its terminal goes away. */
bool caller_ignores_hangup(void);

/* Closes every descriptor above 2 but those that are for us: LISTEN_FDS, and what the
 * old master of an upgrade hands on. */
void caller_close_files(void);

/* Soft limits up to the hard ones, where the soft ones would end the master or its
 * files. Called before the first line is logged, and again with `tell`, when the log is
 * open: then it says where they stay too tight. */
void caller_raise_limits(bool tell);

#endif
