#include "master/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/capability.h"
#include "common/log.h"

enum { LOCKFILE_TRIES = 20, LOCKFILE_NAP_MS = 10 };

static int lockfile_name(struct lockfile *file, const char *path)
{
	file->path = strdup(path);
	if (file->path != NULL)
		return 0;
	log_error("pidfile: out of memory");
	return -1;
}

/* A regular file of that name, and no link to one. Returns its fd, or -1 with errno. */
static int lockfile_descriptor(const char *path, int flags)
{
	int fd =
	    open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* The number in the file, 0 where that is none. */
static pid_t lockfile_read(int fd)
{
	char text[16] = "";
	const char *error = NULL;
	long long value;

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	value = strtonum(text, 1, INT32_MAX, &error);
	return error == NULL ? (pid_t)value : 0;
}

/*
 * The flock() is handed on with the descriptor, and the kernel does not say which
 * process holds it. So the master in charge also has a record lock (fcntl(2)), whose
 * holder the kernel names, by its pid in the namespace of the process that asks.
 * Failing to set it is no error: -s then relies on the number in the file.
 */
static void lockfile_record(int fd, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

	(void)fcntl(fd, F_SETLK, &lock);
}

/* 0: a process of another pid namespace; -1: there is none. A read lock does not count:
 * it can be set without the right to write. */
static pid_t lockfile_record_holder(int fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK ? lock.l_pid
	                                                                : -1;
}

/* The number in the file and the holder: is the number one of another pid namespace? */
static bool lockfile_is_elsewhere(pid_t pid, pid_t holder)
{
	return holder == 0 || (holder > 0 && pid > 0 && holder != pid);
}

/* Is the open file the one that has this name? */
static bool lockfile_is_named(const struct lockfile *file)
{
	struct stat open_one, named;

	return fstat(file->fd, &open_one) == 0 && lstat(file->path, &named) == 0 &&
	       S_ISREG(named.st_mode) && open_one.st_dev == named.st_dev &&
	       open_one.st_ino == named.st_ino;
}

/* 1: locked; 0: to be tried again, since somebody has it or the name is another file's
 * by now; -1 with errno. *other is what the holder has written, -1 where that is not
 * its number here. */
static int lockfile_try(struct lockfile *file, pid_t *other)
{
	int saved;

	file->fd = lockfile_descriptor(file->path, O_RDWR | O_CREAT);
	if (file->fd < 0)
		return -1;
	if (flock(file->fd, LOCK_EX | LOCK_NB) == 0 && lockfile_is_named(file))
		return 1;
	saved = errno;
	*other = lockfile_read(file->fd);
	if (lockfile_is_elsewhere(*other, lockfile_record_holder(file->fd)))
		*other = -1;
	close(file->fd);
	file->fd = -1;
	errno = saved;
	return saved == EWOULDBLOCK || saved == ENOENT || saved == 0 ? 0 : -1;
}

static void lockfile_nap(void)
{
	const struct timespec nap = {.tv_nsec = LOCKFILE_NAP_MS * 1000000L};
	const int saved = errno;

	nanosleep(&nap, NULL);
	errno = saved;
}

/* More than once, for a `-s` holds it for a moment to see whether it can. */
static int lockfile_lock(struct lockfile *file, pid_t *other)
{
	int rc = 0;

	for (int i = 0; i < LOCKFILE_TRIES && rc == 0; i++) {
		if (i > 0)
			lockfile_nap();
		errno = 0;
		rc = lockfile_try(file, other);
	}
	if (rc == 0)
		errno = EEXIST;
	return rc == 1 ? 0 : -1;
}

int lockfile_open(struct lockfile *file, const char *path)
{
	pid_t other = 0;

	*file = (struct lockfile){.fd = -1};
	if (path == NULL)
		return 0;
	if (lockfile_name(file, path) != 0)
		return -1;
	if (lockfile_lock(file, &other) == 0 && lockfile_claim(file) == 0)
		return 0;
	if (errno == EEXIST && other > 0)
		log_error("pidfile %s: argond is running already, process %d", path,
		    (int)other);
	else if (errno == EEXIST)
		log_error("pidfile %s: argond is running already%s", path,
		    other < 0 ? ", in another pid namespace (a container?)" : "");
	else if (errno == ELOOP || errno == EINVAL)
		log_error("pidfile %s: not a regular file", path);
	else
		log_error("pidfile %s: %s%s", path, strerror(errno),
		    capability_hint(errno, CAP_DAC_OVERRIDE));
	return -1;
}

int lockfile_inherit(struct lockfile *file, int fd, const char *path)
{
	*file = (struct lockfile){.fd = fd};
	if (lockfile_name(file, path) != 0)
		return -1;
	if (lockfile_is_named(file))
		return 0;
	log_error("pidfile %s: the one handed on is another file", path);
	return -1;
}

/* The line is written before the file is cut to its length, so that a reader always
 * finds a whole number. The record lock comes last: -s compares its holder with the
 * number. */
int lockfile_claim(const struct lockfile *file)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid()), rc;

	if (file->fd < 0)
		return 0;
	errno = ENOSPC; /* what it is where only a part was written */
	if (pwrite(file->fd, text, (size_t)len, 0) != len)
		return -1;
	do
		rc = ftruncate(file->fd, len);
	while (rc != 0 && errno == EINTR);
	if (rc == 0)
		lockfile_record(file->fd, F_WRLCK);
	return rc;
}

void lockfile_yield(const struct lockfile *file)
{
	if (file->fd >= 0)
		lockfile_record(file->fd, F_UNLCK);
}

void lockfile_close(struct lockfile *file, bool ours)
{
	if (file->fd >= 0 && ours && lockfile_is_named(file) && unlink(file->path) != 0)
		log_warn("pidfile %s stays: %s", file->path, strerror(errno));
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	*file = (struct lockfile){.fd = -1};
}

/* The beginning of a file of /proc. */
static bool proc_read(const char *path, char *text, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, cap - 1) : -1;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Does it run a program of the same name? There is no other check for a master of a
 * version without record lock. Process 1 may be the master, in a container, or init. */
static bool lockfile_is_argond(pid_t pid)
{
	char path[32], ours[32], its[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return proc_read("/proc/self/comm", ours, sizeof(ours)) &&
	       proc_read(path, its, sizeof(its)) && strcmp(ours, its) == 0;
}

/* Does the process belong to who wrote the file? Nobody can name a process of others.
 */
static bool lockfile_is_owners(int fd, pid_t pid)
{
	char path[32], text[1024];
	const char *line;
	unsigned real, effective;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (fstat(fd, &st) != 0)
		return false;
	if (!proc_read(path, text, sizeof(text))) /* hidden: the kernel knows as well */
		return geteuid() != 0 && geteuid() == st.st_uid && kill(pid, 0) == 0;
	line = strstr(text, "\nUid:");
	return line != NULL && sscanf(line, "\nUid: %u %u", &real, &effective) == 2 &&
	       effective == st.st_uid;
}

/* Of a file that is locked: the number in it, if that is the master's; else -1 with
 * errno. */
static pid_t lockfile_master(int fd)
{
	const pid_t pid = lockfile_read(fd), holder = lockfile_record_holder(fd);

	errno = EREMOTE;
	if (lockfile_is_elsewhere(pid, holder))
		return -1;
	errno = EINVAL;
	if (pid == 0 || !lockfile_is_owners(fd, pid) ||
	    (holder < 0 && !lockfile_is_argond(pid)))
		return -1;
	return pid;
}

pid_t lockfile_holder(const char *path)
{
	int fd = lockfile_descriptor(path, O_RDONLY), saved;
	pid_t pid = -1;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		pid = 0;
	else if (errno == EWOULDBLOCK)
		pid = lockfile_master(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return pid;
}

/* The lock is looked at again when a pidfd is open: the signal must not reach another
 * process that has got the same number since. */
static pid_t lockfile_signal_once(const char *path, int signo)
{
	const pid_t pid = lockfile_holder(path);
	int handle, rc, saved;

	if (pid <= 0)
		return pid;
	errno = EINVAL;
	if (pid == getpid())
		return -1;
	handle = (int)syscall(SYS_pidfd_open, pid, 0);
	if (handle < 0 && (errno == ENOSYS || errno == EPERM)) /* an old kernel */
		return kill(pid, signo) == 0 ? pid : -1;
	if (handle < 0)
		return -1;
	errno = ESRCH;
	rc = lockfile_holder(path) == pid
	         ? (int)syscall(SYS_pidfd_send_signal, handle, signo, NULL, 0)
	         : -1;
	saved = errno;
	close(handle);
	errno = saved;
	return rc == 0 ? pid : -1;
}

/* More than once: in an upgrade the lock goes from one process to another. */
pid_t lockfile_signal(const char *path, int signo)
{
	pid_t pid = -1;

	for (int i = 0; i < LOCKFILE_TRIES; i++) {
		if (i > 0)
			lockfile_nap();
		pid = lockfile_signal_once(path, signo);
		if (pid >= 0 || (errno != ESRCH && errno != EREMOTE))
			break;
	}
	return pid;
}
