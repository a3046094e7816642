/*
 * The fds of another process: what they are, who is at a socket's other end, and taking
 * one over (pidfd_getfd).
 */
#ifndef TESTS_SYSTEM_FDS_H
#define TESTS_SYSTEM_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { FDS_MAX = 1100 };

struct fd_entry {
	int fd;
	unsigned long inode; /* of a socket, else 0 */
	unsigned long peer;  /* inode of a Unix socket's other end, else 0 */
	int flags;           /* as open(2)'s: O_NONBLOCK ... */
	char target[128];    /* of the link in /proc/PID/fd */
};

struct fd_list {
	size_t count;
	struct fd_entry entries[FDS_MAX];
};

/* Lists them. False where that is not permitted or the process has gone. */
bool fds_list(pid_t pid, struct fd_list *list);
/* May we see what it has open? */
bool fds_visible(pid_t pid);
/* fds_list() with `peer` filled in; false also where the kernel does not tell
 * (unix_diag). */
bool fds_list_peers(pid_t pid, struct fd_list *list);
/* The entry whose socket has that inode, or NULL. */
const struct fd_entry *fds_find(const struct fd_list *list, unsigned long inode);
/* How many targets begin with `lead`. */
size_t fds_count(const struct fd_list *list, const char *lead);
/* Prints them, for a test that is about to fail. */
void fds_print(pid_t pid, const struct fd_list *list);

/* A link: a socket of `pid` whose other end is a socket of `other`. Returns a duplicate
 * of pid's end number `nth` (0, 1, ...), or -1 where there is none or it is not
 * permitted. */
int fds_take_link(pid_t pid, pid_t other, size_t nth);

#endif
