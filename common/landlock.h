/*
 * Landlock (landlock(7)): a process gives up files, TCP and signals to others for good,
 * without being root. What the kernel does not know is left out.
 */
#ifndef COMMON_LANDLOCK_H
#define COMMON_LANDLOCK_H

/* The version of the interface that this kernel has; 0 with errno: none, or it is not
 * on. */
int landlock_version(void);

/*
 * From here on the calling process, which has no_new_privs, opens no file but those in
 * `folder` and below it (NULL: none), which it may read, write, make and remove; binds
 * and connects no TCP socket, connects to no abstract Unix socket, signals no process
 * but itself, and looks into no other process (ptrace(2), /proc/PID/mem and the like),
 * whoever its user is. What is open stays open. A folder that is not there, or is not
 * to be seen, is none. Returns 0, also where the kernel has no Landlock, or -1 with
 * errno.
 */
int landlock_enter(const char *folder);

#endif
