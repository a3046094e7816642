/*
 * Secrets that the master reads once for all processes of a generation: filled, shut,
 * and from then on only handed out. Once it is shut, it is in nobody's readable memory
 * but that of the processes that map it, which can never write it. Kept from core files
 * and, where RLIMIT_MEMLOCK allows it, from swap.
 */
#ifndef COMMON_SEALED_H
#define COMMON_SEALED_H

#include <stddef.h>

/* All zero: there is none. */
struct sealed {
	size_t bytes; /* 0: there is none */
	void *base; /* once it is shut: not accessible, and not inherited by children */
	int fd;     /* of the memfd; closed by exec */
};

/* Makes `bytes` (not 0) of zeros to be filled at ->base. `name` is seen in maps(5).
 * Returns 0, or -1 with errno and nothing made. */
int sealed_open(struct sealed *sealed, const char *name, size_t bytes);

/* It is filled. Returns 0, or -1 with errno: then it is closed. */
int sealed_shut(struct sealed *sealed);

/* Looks into what is shut, in the master or in a child that still has its fds: ->bytes
 * of it, to be given to munmap(), or NULL with errno. */
const void *sealed_map(const struct sealed *sealed);

/* Wipes it, for all who have it, and gives it back. None is fine. errno stays. */
void sealed_close(struct sealed *sealed);

#endif
