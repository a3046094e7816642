/*
 * A live process that was broken into: it makes the system calls that a test gives it,
 * under its own limits and filters, and goes on with its work.
 */
#ifndef TESTS_SYSTEM_INTRUDER_H
#define TESTS_SYSTEM_INTRUDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* An argument that stands for the address of `bytes` in the process. */
#define INTRUDER_BYTES UINT64_C(0x5eed5eed5eed5eed)

enum { INTRUDER_ROOM = 512 }; /* for `bytes` */

struct intruder_call {
	long number;
	uint64_t args[6];
	const void *bytes; /* what a pointer among the arguments points to, or NULL */
	size_t len;
};

enum intruder_end {
	INTRUDER_UNABLE, /* ptrace is not permitted, or not written for this machine */
	INTRUDER_DENIED, /* the process's filter has ended it */
	INTRUDER_DONE,   /* *result is what the call has returned, or -errno */
};

/* Makes process `pid` do the call instead of its next one, which it does afterwards. */
enum intruder_end intruder_do(
    pid_t pid, const struct intruder_call *call, long *result);

/* In process `pid`, the fd of the listening socket of that address family, or -1. */
int intruder_listener(pid_t pid, int family);
/* A duplicate of that fd for the test, or -1 where that is not permitted. */
int intruder_take(pid_t pid, int fd);

#endif
