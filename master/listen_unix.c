#include "master/listen_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>

enum { LOCK_TRIES = 200, LOCK_PAUSE_MS = 5 };

const char *listen_unix_path(const struct config_listen *spec)
{
	return ((const struct sockaddr_un *)(const void *)&spec->addr)->sun_path;
}

/*
 * A socket file left behind by a process that is gone is removed: nobody answers there.
 * A live one, or anything that is not a socket, is not ours to touch.
 */
static int unix_clear(const struct config_listen *spec)
{
	struct stat st;
	int fd, rc;

	if (lstat(listen_unix_path(spec), &st) != 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	rc = connect(fd, (const struct sockaddr *)&spec->addr, spec->addr_len);
	if (rc != 0 && errno == ECONNREFUSED)
		rc = unlink(listen_unix_path(spec));
	else {
		errno = EADDRINUSE;
		rc = -1;
	}
	close(fd);
	return rc;
}

/* Mode and group of the socket file: 0666 less the umask where the config says nothing.
 */
int listen_unix_permit(const struct config_listen *spec)
{
	mode_t mask = umask(0);

	umask(mask);
	if (spec->has_group &&
	    lchown(listen_unix_path(spec), (uid_t)-1, spec->group) != 0)
		return -1;
	return chmod(
	    listen_unix_path(spec), spec->has_mode ? spec->mode : 0666 & ~mask);
}

/*
 * Between bind() and listen() nobody answers at our socket, so that another start would
 * take it for a dead one's. Whoever binds here therefore holds a lock on the folder; it
 * is held for an instant.
 */
static int unix_lock(const struct config_listen *spec)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1], *slash;
	int fd, rc = -1;

	strlcpy(folder, listen_unix_path(spec), sizeof(folder));
	slash = strrchr(folder, '/');
	if (slash != NULL)
		slash[slash == folder] = '\0';
	fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	for (int i = 0; i < LOCK_TRIES && (rc = flock(fd, LOCK_EX | LOCK_NB)) != 0; i++)
		nanosleep(&pause, NULL);
	if (rc == 0)
		return fd;
	close(fd);
	errno = EBUSY;
	return -1;
}

static int unix_bind(struct listener_socket *entry)
{
	const struct config_listen *spec = &entry->spec;
	struct stat st;
	mode_t mask;
	int rc;

	if (unix_clear(spec) != 0)
		return -1;
	mask = umask(0777); /* nobody connects before mode and group are right */
	rc = bind(entry->fd, (const struct sockaddr *)&spec->addr, spec->addr_len);
	umask(mask);
	if (rc != 0 || lstat(listen_unix_path(spec), &st) != 0)
		return -1;
	entry->dev = st.st_dev;
	entry->ino = st.st_ino;
	if (listen(entry->fd, LISTEN_BACKLOG) != 0)
		return -1;
	return listen_unix_permit(spec);
}

int listen_unix_bind(struct listener_socket *entry)
{
	int lock = unix_lock(&entry->spec), rc, saved;

	if (lock < 0)
		return -1;
	rc = unix_bind(entry);
	saved = errno;
	close(lock);
	errno = saved;
	return rc;
}
