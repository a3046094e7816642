#include "master/status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/log.h"
#include "master/lockfile.h"
#include "master/master.h"

enum {
	STATUS_TEXT_MAX = 2048,
	STATUS_LOOK_MS = 50,     /* where the folder cannot be watched */
	STATUS_DOUBT_MS = 1000,  /* a notice may get lost, or not be readable at once */
	STATUS_SILENT_MS = 5000, /* of a successor: he will say nothing any more */
};

/* "BEGUN FINISHED ok|failed WHY" */
struct status {
	unsigned begun, finished;
	bool ok;
	char why[STATUS_TEXT_MAX];
};

static int status_path(char *path, const char *pidfile, const char *suffix)
{
	int n = snprintf(path, PATH_MAX, "%s.status%s", pidfile, suffix);

	return n > 0 && n < PATH_MAX ? 0 : -1;
}

static void status_write(
    const struct master *m, unsigned finished, bool ok, const char *why)
{
	const char *pidfile = m->lockfile.path; /* that we were started with */
	char path[PATH_MAX], fresh[PATH_MAX], text[STATUS_TEXT_MAX + 64];
	int fd, len;

	if (m->lockfile.fd < 0 || status_path(path, pidfile, "") != 0 ||
	    status_path(fresh, pidfile, ".new") != 0)
		return;
	len = snprintf(text, sizeof(text), "%u %u %s %s\n", m->reload.begun, finished,
	    ok ? "ok" : "failed", why);
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || len < 0 || (size_t)len >= sizeof(text) ||
	    write(fd, text, (size_t)len) != len || rename(fresh, path) != 0) {
		log_warn("status file %s: %s", path, strerror(errno));
		unlink(fresh);
	}
	if (fd >= 0)
		close(fd);
}

void status_begun(struct master *m)
{
	m->reload.begun++;
	status_write(m, m->reload.begun - 1, true, "");
}

void status_finished(struct master *m, bool ok, const char *why)
{
	status_write(m, m->reload.begun, ok, why);
}

void status_remove(const struct master *m)
{
	char path[PATH_MAX];

	/* without the lock it is another master's file */
	if (m->lockfile.fd >= 0 && status_path(path, m->lockfile.path, "") == 0)
		unlink(path);
}

static int status_read(const char *pidfile, struct status *status)
{
	char path[PATH_MAX], text[STATUS_TEXT_MAX + 64], word[8] = "";
	ssize_t n;
	int fd, at = 0;

	*status = (struct status){0};
	if (status_path(path, pidfile, "") != 0)
		return -1;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	if (sscanf(text, "%u %u %7s %n", &status->begun, &status->finished, word, &at) <
	    3)
		return -1;
	status->ok = strcmp(word, "ok") == 0;
	strlcpy(status->why, text + at, sizeof(status->why));
	status->why[strcspn(status->why, "\n")] = '\0';
	return 0;
}

unsigned status_last(const char *pidfile)
{
	struct status status;

	return status_read(pidfile, &status) == 0 ? status.begun : 0;
}

static int status_watch(const char *pidfile)
{
	char folder[PATH_MAX], *slash;
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	strlcpy(folder, pidfile, sizeof(folder));
	slash = strrchr(folder, '/');
	if (slash != NULL)
		slash[slash == folder] = '\0';
	if (fd >= 0 && inotify_add_watch(fd, slash != NULL ? folder : ".",
	                   IN_MOVED_TO | IN_DELETE) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* For the outcome: the folder is watched, and who has the place. */
struct wait {
	const char *pidfile;
	pid_t pid, first;     /* who has it now, and had it at first */
	struct pollfd fds[2]; /* inotify's, or -1; his */
	int silent_ms;        /* looks in vain since another one has it */
	bool gone;            /* nobody has it */
};

/* Who had the place is gone: has another one it, whose outcome counts? */
static void wait_follow(struct wait *wait)
{
	pid_t next = lockfile_holder(wait->pidfile);

	if (wait->fds[1].fd >= 0)
		close(wait->fds[1].fd);
	wait->fds[1].fd =
	    next > 0 && next != wait->pid ? (int)syscall(SYS_pidfd_open, next, 0) : -1;
	wait->gone = wait->fds[1].fd < 0;
	wait->pid = next;
}

static void wait_open(struct wait *wait, const char *pidfile, pid_t pid)
{
	*wait = (struct wait){.pidfile = pidfile,
	    .pid = pid,
	    .first = pid,
	    .fds = {{.fd = status_watch(pidfile), .events = POLLIN},
	        {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN}}};
	if (wait->fds[1].fd < 0) /* he may have gone before the waiting began */
		wait_follow(wait);
}

static void wait_close(struct wait *wait)
{
	for (size_t i = 0; i < 2; i++)
		if (wait->fds[i].fd >= 0)
			close(wait->fds[i].fd);
}

/* Until something happens, or for a while. Returns whether there is hope. */
static bool wait_look(struct wait *wait, char *why, size_t cap)
{
	const int nap = wait->fds[0].fd >= 0 ? STATUS_DOUBT_MS : STATUS_LOOK_MS;
	const int ready = poll(wait->fds, 2, nap);
	char events[4096];

	if (ready < 0 && errno != EINTR) {
		snprintf(why, cap, "cannot wait: %s", strerror(errno));
		return false;
	}
	if (ready == 0 && wait->pid != wait->first)
		wait->silent_ms += nap;
	if (wait->silent_ms >= STATUS_SILENT_MS) {
		snprintf(why, cap,
		    "process %d is in charge, and does not say how it went: can it "
		    "write beside the pidfile?",
		    (int)wait->pid);
		return false;
	}
	if (ready > 0 && (wait->fds[1].revents & POLLIN) != 0)
		wait_follow(wait);
	while (read(wait->fds[0].fd, events, sizeof(events)) > 0)
		continue;
	return true;
}

int status_wait(const char *pidfile, pid_t pid, unsigned last, char *why, size_t cap)
{
	struct status status = {0};
	struct wait wait;

	wait_open(&wait, pidfile, pid);
	strlcpy(why, "the master is gone", cap);
	/* one more look at the status where nobody is left */
	while (!(status_read(pidfile, &status) == 0 && status.finished > last))
		if (wait.gone || !wait_look(&wait, why, cap))
			break;
	wait_close(&wait);
	if (status.finished <= last)
		return -1;
	strlcpy(why, status.why, cap);
	return status.ok ? 0 : -1;
}
