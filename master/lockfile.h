/*
 * The pidfile and its lock: who holds the lock is the master in charge, and the pidfile
 * holds its number, for people and programs to read. The lock is a file of its own
 * beside it, which nobody else may open (lock.h). An upgrade hands both on by letting
 * the successor inherit the descriptors, so that there is no moment at which nobody has
 * the lock.
 *
 * A pidfile is made anew at each start and takes the name of what lay there: neither a
 * symbolic link nor a second name of another file is written through.
 */
#ifndef MASTER_LOCKFILE_H
#define MASTER_LOCKFILE_H

#include <stdbool.h>
#include <sys/types.h>

#define LOCKFILE_SUFFIX ".lock" /* of the lock's name, behind the pidfile's */

struct lockfile {
	int fd; /* of the pidfile; -1: there is none */
	int lock;
	char *path;
};

/* Takes the lock and writes our pid. `path` NULL: there is none. Returns 0, or -1
 * (logged). */
int lockfile_open(struct lockfile *file, const char *path);

/* Takes over the descriptors of a predecessor; nothing is written yet. `lock` -1: it
 * had none (an older version), and it is taken. 0, or -1 (logged). */
int lockfile_inherit(struct lockfile *file, int fd, int lock, const char *path);

/* Writes our pid: we are in charge (again). Returns 0, or -1 with errno. */
int lockfile_claim(const struct lockfile *file);

/* Lets go; the files are removed too where they are `ours`. */
void lockfile_close(struct lockfile *file, bool ours);

/* The number in the pidfile at `path`, whoever has written it; 0 where there is none.
 */
pid_t lockfile_number(const char *path);

#endif
