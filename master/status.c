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

/* The process is gone: has it left the place to another one, whose outcome counts? */
static bool status_follow(const char *pidfile, pid_t *pid, struct pollfd *fd)
{
	pid_t next = lockfile_holder(pidfile);
	bool other = next > 0 && next != *pid;

	if (fd->fd >= 0)
		close(fd->fd);
	fd->fd = other ? (int)syscall(SYS_pidfd_open, next, 0) : -1;
	*pid = next;
	return fd->fd >= 0;
}

int status_wait(const char *pidfile, pid_t pid, unsigned last, char *why, size_t cap)
{
	struct pollfd fds[2] = {{.fd = status_watch(pidfile), .events = POLLIN},
	    {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN}};
	struct status status = {0};
	char events[4096];
	int ready;
	const pid_t first = pid;
	const int nap = fds[0].fd >= 0 ? STATUS_DOUBT_MS : STATUS_LOOK_MS;
	int silent_ms = 0; /* looks in vain since another one has the place */
	bool gone = false;

	if (fds[1].fd < 0) /* it may have gone before the waiting began */
		gone = !status_follow(pidfile, &pid, &fds[1]);
	strlcpy(why, "the master is gone", cap);
	while (!(status_read(pidfile, &status) == 0 && status.finished > last)) {
		if (gone)
			break;
		ready = poll(fds, 2, nap);
		if (ready < 0 && errno != EINTR) {
			snprintf(why, cap, "cannot wait: %s", strerror(errno));
			break;
		}
		if (ready == 0 && pid != first)
			silent_ms += nap;
		if (silent_ms >= STATUS_SILENT_MS) {
			snprintf(why, cap,
			    "process %d is in charge, and does not say how it went: "
			    "can it write beside the pidfile?",
			    (int)pid);
			break;
		}
		if ((fds[1].revents & POLLIN) != 0) /* one more look, then */
			gone = !status_follow(pidfile, &pid, &fds[1]);
		while (read(fds[0].fd, events, sizeof(events)) > 0)
			continue;
	}
	if (fds[0].fd >= 0)
		close(fds[0].fd);
	if (fds[1].fd >= 0)
		close(fds[1].fd);
	if (status.finished <= last)
		return -1;
	strlcpy(why, status.why, cap);
	return status.ok ? 0 : -1;
}
