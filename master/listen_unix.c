#include "master/listen_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "master/lock.h"
#include "master/place.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* the same on every architecture */
#endif

const char *listen_unix_path(const struct config_listen *spec)
{
	return ((const struct sockaddr_un *)(const void *)&spec->addr)->sun_path;
}

/* Returns whether nobody answers at the socket that is pinned; else errno is set. */
static bool unix_is_dead(const struct place *place, int pin)
{
	struct sockaddr_un addr;
	int fd, rc;

	if (place_address(place, pin, &addr) != 0)
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	rc = connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
	if (rc != 0 && errno == ECONNREFUSED)
		rc = 1;
	close(fd);
	errno = EADDRINUSE;
	return rc == 1;
}

/*
 * A socket file left behind by a process that is gone is removed: nobody answers there.
 * A live one, or anything that is not a socket, is not ours to touch.
 */
static int unix_clear(const struct place *place)
{
	const int pin = place_pin(place);
	struct stat st;
	int rc = -1, saved;

	if (pin < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(pin, &st) == 0 && !S_ISSOCK(st.st_mode))
		errno = EEXIST;
	else if (unix_is_dead(place, pin))
		rc = place_remove(place, pin);
	saved = errno;
	close(pin);
	errno = saved;
	return rc;
}

/*
 * The file at the place, if it can be no other than the one that this user's master has
 * bound: a socket of its own with no second name. A socket of root's that somebody has
 * linked to from here has two.
 */
static int unix_pin_own(const struct place *place)
{
	const int pin = place_pin(place);
	struct stat st;

	if (pin >= 0 && fstat(pin, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    st.st_uid == geteuid() && st.st_nlink == 1)
		return pin;
	if (pin >= 0)
		close(pin);
	errno = EBUSY; /* somebody else writes to the folder at the same time */
	return -1;
}

static mode_t unix_mode(const struct config_listen *spec)
{
	mode_t mask = umask(0);

	umask(mask);
	return spec->has_mode ? spec->mode : 0666 & ~mask;
}

/* Of the file that is pinned, by whatever name it has now. */
static int unix_chmod(int pin, mode_t mode)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", pin);
	if (chmod(path, mode) == 0)
		return 0;
	return errno == ENOENT /* there is no /proc */
	           ? (int)syscall(SYS_fchmodat2, pin, "", mode, AT_EMPTY_PATH)
	           : -1;
}

int listen_unix_permit(const struct listener_socket *entry)
{
	const struct config_listen *spec = &entry->spec;
	const mode_t mode = unix_mode(spec);
	struct stat st;

	if (fstat(entry->file, &st) != 0)
		return -1;
	if (spec->has_group && st.st_gid != spec->group &&
	    fchownat(entry->file, "", (uid_t)-1, spec->group, AT_EMPTY_PATH) != 0)
		return -1;
	return (st.st_mode & 07777) != mode ? unix_chmod(entry->file, mode) : 0;
}

/* The file is born with the mode of the socket, less the umask (unix_bind() in the
 * kernel). Nobody connects before listen(), when the group is right as well. */
static int unix_bind(struct listener_socket *entry, const struct place *place)
{
	const struct config_listen *spec = &entry->spec;
	const mode_t mode = unix_mode(spec), mask = umask(0);
	int rc = fchmod(entry->fd, mode);

	if (rc == 0)
		rc = bind(
		    entry->fd, (const struct sockaddr *)&spec->addr, spec->addr_len);
	umask(mask);
	if (rc != 0)
		return -1;
	entry->file = unix_pin_own(place);
	if (entry->file < 0 || listen_unix_permit(entry) != 0)
		return -1;
	return listen(entry->fd, LISTEN_BACKLOG);
}

/*
 * Between bind() and listen() nobody answers at our socket, so that another start would
 * take it for a dead one's. Whoever binds here therefore holds a lock of its own; it is
 * held for an instant, and who meets it has lost the race.
 */
int listen_unix_bind(struct listener_socket *entry)
{
	const char *path = listen_unix_path(&entry->spec);
	struct place place, lock;
	int fd = -1, rc = -1, saved;

	if (place_open(&place, path, "") != 0)
		return -1;
	if (place_open(&lock, path, ".lock") == 0)
		fd = lock_take(&lock);
	if (fd >= 0 && unix_clear(&place) == 0)
		rc = unix_bind(entry, &place);
	saved = errno;
	if (fd >= 0)
		lock_drop(&lock, fd);
	place_close(&lock);
	place_close(&place);
	errno = saved == EWOULDBLOCK ? EADDRINUSE : saved;
	return rc;
}

void listen_unix_adopt(struct listener_socket *entry)
{
	struct place place;

	if (place_open(&place, listen_unix_path(&entry->spec), "") == 0)
		entry->file = unix_pin_own(&place);
	place_close(&place);
}

void listen_unix_release(struct listener_socket *entry, bool keep_file)
{
	const char *path = listen_unix_path(&entry->spec);
	struct place place;

	if (entry->file < 0)
		return;
	if (!keep_file) {
		if (place_open(&place, path, "") != 0 ||
		    (place_remove(&place, entry->file) != 0 && errno != ENOENT))
			log_warn("socket %s stays: %s", path, strerror(errno));
		place_close(&place);
	}
	close(entry->file);
	entry->file = -1;
}
