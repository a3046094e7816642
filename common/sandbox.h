/*
 * How a child gives up what it does not need, for good: root, groups, capabilities, the
 * file system, new privileges, and every system call that is not its work. In this
 * order:
 *
 *   sandbox_enter()   its own root folder, user and group; proves that there is no way
 *                     back
 *   (the caller)      what a change of credentials would undo: PR_SET_PDEATHSIG
 *   sandbox_seal()    nobody of the same user looks into its memory; Landlock; the
 *                     filter
 *
 * Not being root, a daemon keeps its user and has no root folder of its own; Landlock
 * takes the file system away from it, where the kernel has it. All the rest is the
 * same.
 *
 * The root folder (only root can change it): with `chroot` unset, an empty folder that
 * has no name any more, so that nothing can ever be made in it; where none can be had,
 * a warning. With `chroot` set, that folder or no start; "/" leaves the file system in
 * sight. A look-up's is the folder of its database.
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <stddef.h>

#include "common/board.h"
#include "common/config.h"

/* By what they may do. */
enum sandbox_kind { SANDBOX_FRONTEND, SANDBOX_HASHER, SANDBOX_LOOKUP, SANDBOX_KINDS };

struct sandbox_spec {
	enum sandbox_kind kind;
	const char *user, *group;    /* NULL: as we are; the user's own */
	const char *group_otherwise; /* of a user that has none of its own, or NULL */
	const char *root;            /* folder, or NULL: an empty one */
	const char *store;           /* SANDBOX_LOOKUP: the database, else NULL */
	const int *listeners;        /* SANDBOX_FRONTEND: fds that others have too */
	size_t listener_count;
	size_t locked; /* bytes for secrets; see locked.h */
	bool filter;
	bool core; /* somebody wants core files of it */
};

/* Pointers into the config. */
struct sandbox_spec sandbox_of_frontend(const struct config *config);
struct sandbox_spec sandbox_of_pool(
    const struct config *config, const struct config_pool *pool);

/* Returns 0, or -1 (logged). `store` is afterwards as the process sees it; it points
 * into static storage or the config. */
int sandbox_enter(struct sandbox_spec *spec);

/*
 * From here on no file can be opened but, by a look-up, in the folder of its database
 * and below (landlock.h); and a system call that is not in the tables of
 * sandbox_filter.c ends the process by SIGSYS, and slot->denied says which one it was.
 * Returns 0, or -1 (logged).
 */
int sandbox_seal(const struct sandbox_spec *spec, struct board_slot *slot);

/* sandbox_filter.c */
/* Has this kernel what the filters need? */
bool sandbox_filter_available(void);
/* Returns 0, or -1 (logged). */
int sandbox_filter_load(const struct sandbox_spec *spec, struct board_slot *slot);
/* "41 (socket)" for what a slot's `denied` holds; buf is returned. */
const char *sandbox_denied_words(uint32_t denied, char *buf, size_t cap);

#endif
