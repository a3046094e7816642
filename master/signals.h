/*
 * The signals of the master: one table for the handler, for `-s` and for the help text.
 */
#ifndef MASTER_SIGNALS_H
#define MASTER_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/signalfd.h>

enum signal_action {
	SIGNAL_QUIT,    /* graceful: what is in flight is answered; a second one: now */
	SIGNAL_STOP,    /* at once */
	SIGNAL_RELOAD,  /* a new config takes over */
	SIGNAL_REOPEN,  /* the log files */
	SIGNAL_UPGRADE, /* a new binary takes over */
	SIGNAL_LEAVE,   /* the workers go, the master stays */
	SIGNAL_GROW,    /* a hasher more in default_pool */
	SIGNAL_SHRINK,  /* a hasher less */
	SIGNAL_REAP,    /* a child has died */
	SIGNAL_ACTION_END
};

struct signal_row {
	int signo;
	enum signal_action action;
	const char *name;    /* "HUP" */
	const char *word;    /* what -s calls it; NULL: not for -s */
	const char *meaning; /* for people */
};

extern const struct signal_row signal_rows[];
extern const size_t signal_row_count;

/* What the master and its children read from an fd instead of being interrupted: all
 * signals but those that say a process is broken, which end it whoever sends them. */
void signals_waited_for(sigset_t *set);

/*
 * Is it a command, sent by kill(2)? The kernel sends WINCH to all in the foreground of
 * a terminal that is resized, TTIN and TTOU to those in its background. A client of a
 * container's runtime forwards the WINCH of its own terminal: it comes from outside the
 * PID namespace, or from the container's init. `detached`: the master has no terminal.
 */
bool signal_is_command(const struct signalfd_siginfo *info, bool detached);

/* The kernel says that the terminal is gone; a reload is asked for by kill(2). */
bool signal_is_hangup(const struct signalfd_siginfo *info);

/* The row of that number, or of that word of -s; NULL where there is none. */
const struct signal_row *signal_find(int signo);
const struct signal_row *signal_find_word(const char *word);

#endif
