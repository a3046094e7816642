/*
 * What the two sides of an upgrade have in common (upgrade.c is the old master's,
 * upgrade_heir.c the new one's; upgrade.h tells the whole): the words on the channel,
 * what is handed on in the environment, and the pidfile, which is written by whoever is
 * in charge. For these files alone.
 */
#ifndef MASTER_UPGRADE_BOTH_H
#define MASTER_UPGRADE_BOTH_H

#include <stdbool.h>

#include "master/program.h"

struct master;

/* "CHANNEL PIDFILE ACTIVATED VERSION (FILE)": two descriptors (the second -1 where
 * there is none), whether systemd once bound the sockets, and what the old one runs
 * (for the log; an older version does not say it). */
#define UPGRADE_VARIABLE "ARGOND_UPGRADE"
/* "LOCK PID": the descriptor of the pidfile's lock, and for whom it is: an older
 * version has no lock, and hands on what it was handed itself. */
#define UPGRADE_LOCK_VARIABLE "ARGOND_UPGRADE_LOCK"

/* What is said on the channel; WHY is followed by words, at most so many bytes. */
enum { UPGRADE_READY = 'R', UPGRADE_GO = 'G', UPGRADE_DONE = 'D', UPGRADE_WHY = 'W' };
enum { UPGRADE_WORDS = 1024 };

/* In the new one: the descriptor of the lock that was handed on, or -1. */
int upgrade_handed_lock(void);

/* After a failed recv: is nothing wrong with the channel? Where the kernel has no
 * memory for it, it is not read from for a moment. */
bool upgrade_must_wait(struct master *m, int error);

/* The channel is closed, and nothing is expected of the other side any more. */
void upgrade_end(struct master *m);

/* We are in charge: our number into the pidfile, and the command socket at its name.
 * Returns 0, or -1 with errno. */
int upgrade_claim_files(struct master *m);
/* The same where nobody else could be, as soon as it can be done. Logged where it
 * cannot at once. */
void upgrade_claim(struct master *m);
/* Somebody else may write there from now on. */
void upgrade_claim_stop(struct master *m);

/* In the forked child, which becomes the new one: executes the program that
 * upgrade_remember() has noted. `channel` is its end. Exits where that fails. */
void upgrade_exec(const struct master *m, int channel) __attribute__((noreturn));
/* What upgrade_remember() has noted. */
const struct program *upgrade_program(void);
/* Whether a supervisor has started this process, as far as can be seen, and waits for
 * its exit. */
bool upgrade_is_supervised(void);

#endif
