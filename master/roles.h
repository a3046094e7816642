/*
 * The kinds of process: one row each.
 */
#ifndef MASTER_ROLES_H
#define MASTER_ROLES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/child.h"

struct role_kind {
	const char *name;
	int (*run)(struct child *child);     /* its life; returns an exit status */
	int (*prepare)(struct child *child); /* before its last confinement; or NULL */
	bool listens;                        /* gets the listening sockets */
};

enum role_number { ROLE_FRONTEND, ROLE_HASHER, ROLE_COUNT };

extern const struct role_kind role_kinds[ROLE_COUNT];

#endif
