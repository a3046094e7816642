/*
 * A name in a folder. The folder is opened once, and what lies at the name is pinned
 * down by a descriptor (O_PATH): whoever may write to the folder can replace a file
 * between two looks, but cannot make the master touch another one than it has looked
 * at. No symbolic link in the name's place is followed.
 */
#ifndef MASTER_PLACE_H
#define MASTER_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/un.h>

struct place {
	int folder;              /* O_PATH */
	char name[NAME_MAX + 1]; /* in it */
	char path[PATH_MAX];     /* of both, for systems without /proc */
};

/* Opens the folder of `path` followed by `suffix`; there need be no file of that name.
 * Returns 0, or -1 with errno. */
int place_open(struct place *place, const char *path, const char *suffix);
void place_close(struct place *place);

/* A descriptor (O_PATH) of what lies there, a symbolic link itself where it is one;
 * -1 with errno. */
int place_pin(const struct place *place);

/* Is the file of `fd` the one that lies there? */
bool place_holds(const struct place *place, int fd);

/* Removes the name if the file of `fd` lies there. Returns 0, or -1 with errno. What is
 * put there between the look and the removal is removed in its stead: only a folder in
 * which nobody else may write is safe from that. */
int place_remove(const struct place *place, int fd);

/* The address of a socket that is to be made there, or of the one that `pin` (else -1)
 * is. It leads through /proc/self/fd, so that neither the way to the folder is followed
 * anew nor its length matters; without /proc it is the path. Returns 0, or -1 with
 * errno (ENAMETOOLONG). */
int place_address(const struct place *place, int pin, struct sockaddr_un *addr);

#endif
