#include "master/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/capability.h"
#include "common/log.h"
#include "master/command_send.h"
#include "master/lock.h"

enum { LOCKFILE_TRIES = 20, LOCKFILE_NAP_MS = 10 };

static int lockfile_name(struct lockfile *file, const char *path)
{
	file->path = strdup(path);
	if (file->path != NULL)
		return 0;
	log_error("pidfile: out of memory");
	return -1;
}

/* A master that was killed may have a child which has just been forked, and has not
 * closed its descriptors yet. */
static int lockfile_lock(const struct place *place)
{
	const struct timespec nap = {.tv_nsec = LOCKFILE_NAP_MS * 1000000L};
	int fd;

	for (int i = 1; (fd = lock_take(place)) < 0; i++) {
		if (errno != EWOULDBLOCK || i == LOCKFILE_TRIES)
			break;
		nanosleep(&nap, NULL);
		errno = EWOULDBLOCK;
	}
	return fd;
}

/* A pidfile of our own, whatever lies at the name but a folder. */
static int lockfile_create(const struct place *place, const struct place *fresh)
{
	int fd, saved;

	if (unlinkat(fresh->folder, fresh->name, 0) != 0 && errno != ENOENT)
		return -1;
	fd = openat(fresh->folder, fresh->name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	if (lockfile_claim(&(struct lockfile){.fd = fd}) == 0 &&
	    renameat(fresh->folder, fresh->name, place->folder, place->name) == 0)
		return fd;
	saved = errno;
	unlinkat(fresh->folder, fresh->name, 0);
	close(fd);
	errno = saved;
	return -1;
}

/* Whoever may write to the folder decides which master `-s` finds there. */
static void lockfile_tell_folder(const char *path, const struct place *place)
{
	struct stat st;

	if (fstat(place->folder, &st) != 0)
		return;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		log_warn("pidfile %s: its folder belongs to user %u, who can put other "
		         "files there; it should belong to the user of the master",
		    path, (unsigned)st.st_uid);
	else if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
		log_warn("pidfile %s: everybody may write to its folder", path);
}

static int lockfile_make(struct lockfile *file)
{
	struct place place, fresh = {.folder = -1}, lock = {.folder = -1};

	if (place_open(&place, file->path, "") == 0 &&
	    place_open(&fresh, file->path, ".new") == 0 &&
	    place_open(&lock, file->path, LOCKFILE_SUFFIX) == 0) {
		file->lock = lockfile_lock(&lock);
		if (file->lock >= 0)
			file->fd = lockfile_create(&place, &fresh);
		if (file->lock >= 0 && file->fd < 0) {
			const int saved = errno;

			lock_drop(&lock, file->lock);
			file->lock = -1;
			errno = saved;
		}
		if (file->fd >= 0)
			lockfile_tell_folder(file->path, &place);
	}
	place_close(&lock);
	place_close(&fresh);
	place_close(&place);
	return file->fd >= 0 ? 0 : -1;
}

static void lockfile_tell_running(const char *path)
{
	const pid_t other = command_master(path), number = lockfile_number(path);

	if (other >= 0 && number > 0 && other != number)
		log_error("pidfile %s: argond is running already, in another pid "
		          "namespace (a container?)",
		    path);
	else if (other > 0)
		log_error("pidfile %s: argond is running already, process %d", path,
		    (int)other);
	else
		log_error("pidfile %s: argond is running already", path);
}

int lockfile_open(struct lockfile *file, const char *path)
{
	*file = (struct lockfile){.fd = -1, .lock = -1};
	if (path == NULL)
		return 0;
	if (lockfile_name(file, path) != 0)
		return -1;
	if (lockfile_make(file) == 0) {
		/* for a master of before there was a lock of its own, which refuses to
		 * start where this is locked; nothing depends on it here */
		(void)flock(file->fd, LOCK_EX | LOCK_NB);
		return 0;
	}
	if (errno == EWOULDBLOCK)
		lockfile_tell_running(path);
	else
		log_error("pidfile %s: %s%s", path, strerror(errno),
		    capability_hint(errno, CAP_DAC_OVERRIDE));
	return -1;
}

/* Is the open file the one that has this name? */
static bool lockfile_is_named(const struct lockfile *file)
{
	struct place place;
	const bool named =
	    place_open(&place, file->path, "") == 0 && place_holds(&place, file->fd);

	place_close(&place);
	return named;
}

int lockfile_inherit(struct lockfile *file, int fd, int lock, const char *path)
{
	struct place place;

	*file = (struct lockfile){.fd = fd, .lock = lock};
	if (lockfile_name(file, path) != 0)
		return -1;
	if (!lockfile_is_named(file)) {
		log_error("pidfile %s: the one handed on is another file", path);
		return -1;
	}
	if (lock >= 0)
		return 0;
	if (place_open(&place, path, LOCKFILE_SUFFIX) == 0)
		file->lock = lockfile_lock(&place);
	place_close(&place);
	if (file->lock >= 0)
		return 0;
	log_error("pidfile %s%s: %s", path, LOCKFILE_SUFFIX, strerror(errno));
	return -1;
}

/* The line is written before the file is cut to its length, so that a reader always
 * finds a whole number. */
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
	return rc;
}

/* The pidfile first: as long as the lock is there, it is the holder's. */
void lockfile_close(struct lockfile *file, bool ours)
{
	struct place place;

	if (file->fd >= 0 && ours) {
		if (place_open(&place, file->path, "") != 0 ||
		    (place_remove(&place, file->fd) != 0 && errno != ENOENT))
			log_warn("pidfile %s stays: %s", file->path, strerror(errno));
		place_close(&place);
	}
	if (file->lock >= 0 && ours) {
		if (place_open(&place, file->path, LOCKFILE_SUFFIX) == 0)
			(void)place_remove(&place, file->lock);
		place_close(&place);
	}
	if (file->fd >= 0)
		close(file->fd);
	if (file->lock >= 0)
		close(file->lock);
	free(file->path);
	*file = (struct lockfile){.fd = -1, .lock = -1};
}

pid_t lockfile_number(const char *path)
{
	const int fd =
	    open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char text[16] = "";
	const char *error = NULL;
	long long value = 0;
	struct stat st;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    pread(fd, text, sizeof(text) - 1, 0) > 0) {
		text[strcspn(text, "\n")] = '\0';
		value = strtonum(text, 1, INT32_MAX, &error);
	}
	close(fd);
	return error == NULL ? (pid_t)value : 0;
}
