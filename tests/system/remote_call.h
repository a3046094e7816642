/*
 * System calls that a process makes because the test wants it to (ptrace): what code in
 * a process that was broken into could do. The process is stopped before its next
 * system call, makes others in its place, with its own rights and behind its own
 * filter, and goes on with the first one as if nothing had happened.
 */
#ifndef TESTS_SYSTEM_REMOTE_CALL_H
#define TESTS_SYSTEM_REMOTE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What remote_call() returns for a call that the process's seccomp filter denies. The
 * signal that would have ended the process is taken away: it lives. */
enum { REMOTE_DENIED = -5000 };

struct remote {
	pid_t pid;
	long number;            /* of the call it was about to make */
	unsigned long saved[6]; /* and its arguments */
	unsigned long instruction, stack, scratch;
};

/* Stops it. False where that is not possible here (no ptrace, another architecture):
 * the test then says so and skips. */
bool remote_open(struct remote *remote, pid_t pid);
/* Lets it go on. */
void remote_close(struct remote *remote);

/* The call's result, -errno, or REMOTE_DENIED. */
long remote_call(struct remote *remote, long number, unsigned long a, unsigned long b,
    unsigned long c, unsigned long d, unsigned long e, unsigned long f);
/* Copies into the process, from `offset` (0..4096) of a place that nobody uses; its
 * address there. */
unsigned long remote_put(
    struct remote *remote, size_t offset, const void *bytes, size_t n);
/* openat() of an absolute path. */
long remote_open_file(struct remote *remote, const char *path, int flags);

#endif
