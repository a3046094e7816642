/*
 * How the new program of an upgrade is executed, and with what. Speaks systemd's socket
 * activation (sd_listen_fds(3)) as far as sockets go.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "master/caller.h"
#include "master/master.h"
#include "master/upgrade_both.h"

enum { UPGRADE_FIRST = 3 };

/* What we were started with; never changes after main() has noted it. */
static struct {
	char program[PATH_MAX];
	char **argv;
} started;

int upgrade_remember(int argc, char **argv)
{
	ssize_t n =
	    readlink("/proc/self/exe", started.program, sizeof(started.program) - 1);

	started.program[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		caller_program(started.program); /* without /proc */
	started.argv = calloc((size_t)argc + 1, sizeof(char *));
	if (started.argv == NULL)
		return -1;
	memcpy(started.argv, argv, (size_t)argc * sizeof(char *));
	started.argv[0] =
	    started.program; /* the first one is the title's place by now */
	return 0;
}

const char *upgrade_program(void)
{
	return started.program;
}

/* Descriptors for the program to come: from 3 on the sockets, then the two others. They
 * are moved out of the way first, lest one is overwritten before it was copied. */
static int upgrade_place(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0 &&
		    (fds[i] = fcntl(fds[i], F_DUPFD, UPGRADE_FIRST + (int)count)) < 0)
			return -1;
	for (size_t i = 0; i < count; i++) {
		int to = UPGRADE_FIRST + (int)i;

		if (fds[i] < 0)
			close(to); /* there is no pidfile: nothing at its place */
		else if (dup2(fds[i], to) < 0)
			return -1;
	}
	closefrom(UPGRADE_FIRST + (int)count);
	return 0;
}

static void upgrade_environment(
    size_t sockets, bool pidfile, bool activated, bool watched)
{
	char text[64];

	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	if (watched) /* what was for us is for our successor */
		setenv("WATCHDOG_PID", text, 1);
	snprintf(text, sizeof(text), "%zu", sockets);
	setenv("LISTEN_FDS", text, 1);
	snprintf(text, sizeof(text), "%d %d %d", UPGRADE_FIRST + (int)sockets,
	    pidfile ? UPGRADE_FIRST + (int)sockets + 1 : -1, activated);
	setenv(UPGRADE_VARIABLE, text, 1);
}

/* In the forked child. The exit status of what cannot be executed is the shell's. */
void upgrade_exec(const struct master *m, int channel)
{
	const struct listener_set *set = &m->current->listeners;
	int fds[LIMIT_LISTENERS + 2];
	size_t n = 0;
	char why[PATH_MAX + 64];
	sigset_t none;

	setpgid(0, 0);
	for (; n < set->count; n++)
		fds[n] = set->sockets[n]->fd;
	fds[n++] = channel;
	fds[n++] = m->lockfile.fd;
	upgrade_environment(set->count, m->lockfile.fd >= 0, m->activated.count > 0,
	    m->watchdog.repeat > 0.);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (upgrade_place(fds, n) == 0)
		execv(started.program, started.argv);
	snprintf(why, sizeof(why), "%s: %s", started.program, strerror(errno));
	upgrade_explain(UPGRADE_FIRST + (int)set->count, why);
	_exit(126);
}
