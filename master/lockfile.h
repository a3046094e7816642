/*
 * The pidfile and its lock: who holds the lock is the master in charge, and the file
 * holds his number. An upgrade hands the lock on by letting the successor inherit the
 * descriptor, so that there is no moment at which nobody has it.
 *
 * What stands in a file that nobody has locked is not believed, and a name that leads
 * elsewhere (a symbolic link) is not followed: in a folder that others may write to,
 * neither a file of theirs nor a process of theirs can be made ours.
 */
#ifndef MASTER_LOCKFILE_H
#define MASTER_LOCKFILE_H

#include <stdbool.h>
#include <sys/types.h>

struct lockfile {
	int fd; /* -1: there is no pidfile */
	char *path;
};

/* Takes the lock and writes our pid. `path` NULL: there is none. Returns 0, or -1
 * (logged). */
int lockfile_open(struct lockfile *file, const char *path);

/* Takes over the descriptor of a predecessor; nothing is written yet. 0, or -1
 * (logged). */
int lockfile_inherit(struct lockfile *file, int fd, const char *path);

/* Writes our pid: we are in charge (again). Returns 0, or -1 with errno. */
int lockfile_claim(const struct lockfile *file);

/* The successor may claim the file from now on. */
void lockfile_yield(const struct lockfile *file);

/* Lets go; the file is removed too where it is `ours`. */
void lockfile_close(struct lockfile *file, bool ours);

/* For `-s`, changes nothing: the master that holds the lock, and whose number is in the
 * file. 0 where nobody holds it or there is no such file; -1 with errno (EINVAL: held,
 * but the file does not say by whom; EREMOTE: the number is one of another pid
 * namespace). */
pid_t lockfile_holder(const char *path);

/* Sends it a signal. Returns as lockfile_holder(); -1 also where that cannot be. */
pid_t lockfile_signal(const char *path, int signo);

#endif
