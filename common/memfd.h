/*
 * Memory that processes share by a descriptor (memfd_create(2)), whose size nobody can
 * change: a file that is cut ends all who have it mapped by SIGBUS.
 */
#ifndef COMMON_MEMFD_H
#define COMMON_MEMFD_H

#include <stddef.h>

/* A new one of `bytes` zeros, closed by exec, never to be executed. `name` is seen in
 * maps(5). Returns its descriptor, or -1 with errno. */
int memfd_open(const char *name, size_t bytes);

/*
 * Seals it, for good: its size stays, no further mapping is writable, and nobody writes
 * to it by its descriptor. Mappings that are writable already stay so. Returns 0, or -1
 * with errno.
 */
int memfd_seal(int fd);

#endif
