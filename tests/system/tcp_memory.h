/*
 * What the kernel holds for the TCP sockets of a port, as inet_diag tells it: also of
 * those that no process has any more.
 */
#ifndef TESTS_SYSTEM_TCP_MEMORY_H
#define TESTS_SYSTEM_TCP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/system/harness.h"

struct tcp_memory {
	size_t sockets;  /* connected at that end, or on their way out */
	size_t orphans;  /* of these, no process's */
	uint64_t unread; /* bytes received and not read, with what they are kept in */
	uint64_t unsent; /* the same of what the other side has not taken */
};

/* Of the sockets whose own address is this one. False where the kernel does not tell.
 */
bool tcp_memory(const struct address *at, struct tcp_memory *memory);

#endif
