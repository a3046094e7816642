/*
 * Upgrade (USR2): a new program takes our place without a connection being lost.
 *
 *   old                                   new
 *   forks and executes the file it was
 *   started from, with its sockets    ──►  starts a generation on them
 *                                     ◄──  READY: all its processes are
 *   GO: it is your turn               ──►  writes its pid into the pidfile and makes a
 *                                          command socket, or leaves
 *                                     ◄──  DONE
 *   drains, leaves                         serves
 *
 * Until DONE the old one serves as if nothing were; when the new one dies after it, and
 * the old one is still there, it takes the place back, with the config that it had.
 * When the old one dies first, the new one goes on alone. The lock on the pidfile is
 * inherited: it is never free in between; and a new one that cannot write there does
 * not say DONE.
 *
 * The channel stays until the old one has gone: as long as it is there, the new one
 * begins no reload and no upgrade. So there are never more than two masters, and the
 * one who may take the place back is the only one who could.
 */
#ifndef MASTER_UPGRADE_H
#define MASTER_UPGRADE_H

#include <stdbool.h>
#include <sys/types.h>

#include <ev.h>

#include "common/config.h"
#include "common/loop.h"
#include "master/lockfile.h"

struct master;

struct upgrade {
	bool wanted; /* asked for and not begun */
	/* in the old one */
	pid_t successor; /* 0: none */
	bool told;       /* GO: it may be in charge at any moment */
	int leave;       /* the signal that told us to leave since then, or 0 */
	bool handed_on;  /* DONE: it is in charge */
	bool given_up;   /* we have killed it, and wait for its death */
	char why[1024];  /* its reason for leaving, or ours for giving it up, or "" */
	/* in the new one */
	bool heir;        /* we have a predecessor, who has not said GO yet */
	bool predecessor; /* he has, and drains */
	char word;        /* to be said to him again */
	/* in both */
	int channel; /* to the other one, or -1 */
	struct ev_io watcher;
	struct loop_rest rest;
	struct ev_timer limit;
	struct ev_timer claim; /* the pidfile could not be written: the next try */
};

/* Notes the path and the arguments that this process was started with: an upgrade
 * executes what lies at that path then, so a symbolic link in it may lead to another
 * file by that time. Returns 0, or -1 where there is no memory. */
int upgrade_remember(int argc, char **argv);

/* In the old one: begins (nothing else is under way); a child that has died may be the
 * successor: returns whether it was. */
void upgrade_begin(struct master *m);
bool upgrade_reaped(struct master *m, pid_t pid, int status);
/* We are told to leave by `signo`. A successor that is not in charge goes with us; one
 * that has been told GO may be, with requests in hand: what it says is waited for, it
 * is told to leave as well, and we are once more. Returns whether that is so, and
 * nothing is to be done now. */
bool upgrade_postpones(struct master *m, int signo);
/* A signal that came too late, when the successor was in charge: it goes to him.
 * Returns whether there is one. */
bool upgrade_forward(const struct master *m, int signo);
bool upgrade_under_way(const struct master *m);

/* In the new one, at any time: tells the old one why it leaves. `channel` -1: the one
 * that the environment names, where we have been started by an upgrade at all. */
void upgrade_explain(int channel, const char *why);

/* In the new one, before anything is done: are we an heir? He is detached where his
 * predecessor is, and must stay the process that he is, for the sockets are for that
 * one. */
bool upgrade_is_heir(void);

/* In the new one, before anything is opened: are we an heir? Takes what was handed on:
 * the channel, the pidfile and its lock (-1 where there is none), whether systemd once
 * bound the sockets. */
int upgrade_inherit(
    struct upgrade *up, int pidfile[2], bool *activated, struct config_error *err);
/* In the new one: the loop is there; our processes are READY. */
void upgrade_watch(struct master *m);
void upgrade_announce(struct master *m);

void upgrade_close(struct master *m);

#endif
