/*
 * Locks that nobody else can hold: files with mode 0600. A file that others may open,
 * or a folder, is never locked, for whoever has a descriptor of it can lock it as well
 * and so prevent a start.
 *
 * The lock belongs to the open file (F_OFD_SETLK): it is handed on with its descriptor
 * and ends with the last of them.
 */
#ifndef MASTER_LOCK_H
#define MASTER_LOCK_H

#include "master/place.h"

/* Makes the file where there is none, and locks it. Returns its descriptor, or -1 with
 * errno at once (EWOULDBLOCK: another process has it). */
int lock_take(const struct place *place);

/* Does a process hold it? 1 or 0; -1 with errno where that is not to be seen. Changes
 * nothing. */
int lock_is_held(const struct place *place);

/* Removes the file and lets go. */
void lock_drop(const struct place *place, int fd);

#endif
