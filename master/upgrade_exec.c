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

#include "common/contract.h"
#include "master/master.h"
#include "master/upgrade_both.h"

enum { UPGRADE_FIRST = 3 };

/* What this process was started with; never changes after main() has noted it. */
static struct {
	struct program program;
	char **argv;
	bool supervised;
} started;

/* Does it look as if a supervisor has started this process? A shell has a terminal, and
 * a successor was started by the old master. */
static bool started_by_supervisor(void)
{
	const int fd = open("/dev/tty", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return !upgrade_is_heir() && (fd < 0 || getppid() == 1);
}

int upgrade_remember(int argc, char **argv)
{
	program_note(&started.program, argv[0]);
	started.supervised = started_by_supervisor();
	started.argv = calloc((size_t)argc + 2, sizeof(char *));
	if (started.argv == NULL)
		return -1;
	if (argc > 0)
		memcpy(started.argv, argv, (size_t)argc * sizeof(char *));
	/* the first one is the title's place by now */
	started.argv[0] = started.program.path;
	return 0;
}

const struct program *upgrade_program(void)
{
	return &started.program;
}

bool upgrade_is_supervised(void)
{
	return started.supervised;
}

/* Descriptors for the program to come: from 3 on the sockets, then the three others.
 * They are moved out of the way first, lest one is overwritten before it was copied. */
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
	char text[PATH_MAX + 128];

	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	if (watched) /* what was for us is for our successor */
		setenv("WATCHDOG_PID", text, 1);
	snprintf(text, sizeof(text), "%zu", sockets);
	setenv("LISTEN_FDS", text, 1);
	snprintf(text, sizeof(text), "%d %d %d %s (%s)", UPGRADE_FIRST + (int)sockets,
	    pidfile ? UPGRADE_FIRST + (int)sockets + 1 : -1, activated, ARGOND_VERSION,
	    started.program.file);
	setenv(UPGRADE_VARIABLE, text, 1);
	snprintf(text, sizeof(text), "%d %d", UPGRADE_FIRST + (int)sockets + 2,
	    (int)getpid());
	if (pidfile)
		setenv(UPGRADE_LOCK_VARIABLE, text, 1);
}

static void upgrade_exec_failed(int channel, int error)
{
	char why[2 * PATH_MAX + 128], link[PATH_MAX] = "";

	if (error == ENOENT)
		program_dangling(&started.program, link);
	snprintf(why, sizeof(why), "%s: %s%s%s", started.program.path, strerror(error),
	    link[0] != '\0' ? "; a symbolic link that leads nowhere: " : "", link);
	upgrade_explain(channel, why);
}

/* In the forked child. The exit status of what cannot be executed is the shell's. */
void upgrade_exec(const struct master *m, int channel)
{
	const struct listener_set *set = &m->current->listeners;
	int fds[LIMIT_LISTENERS + 3];
	size_t n = 0;
	sigset_t none;

	setpgid(0, 0);
	for (; n < set->count; n++)
		fds[n] = set->sockets[n]->fd;
	fds[n++] = channel;
	fds[n++] = m->lockfile.fd;
	fds[n++] = m->lockfile.lock;
	upgrade_environment(set->count, m->lockfile.fd >= 0, m->activated.count > 0,
	    m->watchdog.repeat > 0.);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (upgrade_place(fds, n) == 0)
		execv(started.program.path, started.argv);
	upgrade_exec_failed(UPGRADE_FIRST + (int)set->count, errno);
	_exit(126);
}
