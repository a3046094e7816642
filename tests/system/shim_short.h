/*
 * What a test and shim_short.c share: whose calls fail, which, and how often they did.
 */
#ifndef TESTS_SYSTEM_SHIM_SHORT_H
#define TESTS_SYSTEM_SHIM_SHORT_H

#include <stdatomic.h>
#include <stdint.h>

enum { SHORT_ALL = -1 };

enum {
	SHORT_SEND = 1, /* send, sendmsg */
	SHORT_RECV = 2, /* recv, recvmsg */
	SHORT_PIPE = 4, /* read from a pipe: in a process that may ask what it reads */
};

struct shim_short {
	_Atomic int32_t pid; /* 0: nobody's; SHORT_ALL: everybody's */
	_Atomic int32_t error;
	_Atomic uint32_t calls; /* SHORT_* */
	_Atomic uint32_t failed;
};

#endif
