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

#include "common/clock.h"
#include "common/config.h"
#include "common/log.h"
#include "master/lockfile.h"
#include "master/master.h"

enum {
	STATUS_TEXT_MAX = 2048,
	STATUS_LOOK_MS = 50,     /* where the folder cannot be watched */
	STATUS_DOUBT_MS = 1000,  /* a notice may get lost, or not be readable at once */
	STATUS_SILENT_MS = 5000, /* of a successor: he will say nothing any more */
	STATUS_BUILT_IN_MS = 30000, /* ready_timeout and shutdown_timeout */
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
	uint64_t start_ns, limit_ns;
	int silent_ms; /* looks in vain since another one has it */
	bool gone;     /* nobody has it */
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

static void wait_open(
    struct wait *wait, const char *pidfile, pid_t pid, unsigned limit_ms)
{
	*wait = (struct wait){.pidfile = pidfile,
	    .pid = pid,
	    .first = pid,
	    .fds = {{.fd = status_watch(pidfile), .events = POLLIN},
	        {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN}},
	    .start_ns = clock_ns(),
	    .limit_ns = (uint64_t)limit_ms * NS_PER_MS};
	if (wait->fds[1].fd < 0) /* he may have gone before the waiting began */
		wait_follow(wait);
}

static void wait_close(struct wait *wait)
{
	for (size_t i = 0; i < 2; i++)
		if (wait->fds[i].fd >= 0)
			close(wait->fds[i].fd);
}

/* Was the process told to stop (SIGSTOP, a debugger)? */
static bool process_is_stopped(pid_t pid)
{
	char path[32], text[512] = "", *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0)
		close(fd);
	at = n > 0 ? strrchr(text, ')') : NULL;
	return at != NULL && (strncmp(at, ") T", 3) == 0 || strncmp(at, ") t", 3) == 0);
}

static void wait_unseen(const struct wait *wait, char *why, size_t cap)
{
	const unsigned seconds = (unsigned)((clock_ns() - wait->start_ns) / NS_PER_SEC);

	if (process_is_stopped(wait->pid))
		snprintf(why, cap, "no outcome within %u s: process %d is stopped",
		    seconds, (int)wait->pid);
	else
		snprintf(why, cap,
		    "no outcome within %u s in %s.status: process %d cannot write it, "
		    "or is busy; its log says more",
		    seconds, wait->pidfile, (int)wait->pid);
}

/* Until something happens, or for a while. Returns whether there is hope. */
static bool wait_look(struct wait *wait)
{
	const int nap = wait->fds[0].fd >= 0 ? STATUS_DOUBT_MS : STATUS_LOOK_MS;
	const uint64_t spent = clock_ns() - wait->start_ns;
	char events[4096];
	int ready, left;

	if (spent >= wait->limit_ns || wait->silent_ms >= STATUS_SILENT_MS)
		return false;
	left = (int)((wait->limit_ns - spent) / NS_PER_MS) + 1;
	ready = poll(wait->fds, 2, nap < left ? nap : left);
	if (ready < 0 && errno != EINTR)
		return false;
	if (ready == 0 && wait->pid != wait->first)
		wait->silent_ms += nap;
	if (ready > 0 && (wait->fds[1].revents & POLLIN) != 0)
		wait_follow(wait);
	while (read(wait->fds[0].fd, events, sizeof(events)) > 0)
		continue;
	return true;
}

unsigned status_limit_ms(const struct config *config)
{
	const uint64_t ready =
	    (config != NULL ? config->ready_timeout_ms : STATUS_BUILT_IN_MS) +
	    LADDER_TAKE_OVER_MS;
	const uint64_t leave =
	    (config != NULL ? config->shutdown_timeout_ms : STATUS_BUILT_IN_MS) +
	    LADDER_LEAVE_MS;

	return (unsigned)(ready + leave + ready);
}

enum status_outcome status_wait(const char *pidfile, pid_t pid, unsigned last,
    unsigned limit_ms, char *why, size_t cap)
{
	struct status status = {0};
	struct wait wait;
	bool hope = true;

	wait_open(&wait, pidfile, pid, limit_ms);
	/* one more look at the status where nobody is left */
	while (!(status_read(pidfile, &status) == 0 && status.finished > last) && hope)
		hope = !wait.gone && wait_look(&wait);
	if (status.finished > last)
		strlcpy(why, status.why, cap);
	else if (wait.gone)
		strlcpy(why, "the master is gone", cap);
	else
		wait_unseen(&wait, why, cap);
	wait_close(&wait);
	if (status.finished > last)
		return status.ok ? STATUS_OK : STATUS_FAILED;
	return wait.gone ? STATUS_FAILED : STATUS_UNKNOWN;
}
