/*
 * Which of root's powers this process has (capabilities(7)): in a container, or in a
 * service with a bounding set, root may have few of them or none.
 */
#ifndef COMMON_CAPABILITY_H
#define COMMON_CAPABILITY_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/capability.h>

/* Is it in the effective set? */
bool capability_have(unsigned capability);

/* Why an operation has failed that root may do: ": root has no CAP_X here", or "" where
 * that is not the reason. Valid until the next call. */
const char *capability_hint(int error, unsigned capability);

/* The names of those that argond uses and does not have, with a blank between them; ""
 * where none is missing. buf is returned. */
const char *capability_missing(char *buf, size_t cap);

#endif
