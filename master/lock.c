#include "master/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that is removed between its being opened and locked is opened anew. */
enum { LOCK_TRIES = 16 };

static int lock_open(const struct place *place, int flags)
{
	const int fd = openat(place->folder, place->name,
	    flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* May others open it? Then they may lock it. */
static bool lock_is_open_to_others(int fd)
{
	struct stat st;

	return fstat(fd, &st) != 0 || st.st_uid != geteuid() ||
	       (st.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

/* 1: locked; 0: to be tried again; -1 with errno. */
static int lock_try(const struct place *place, int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		if (errno == EACCES)
			errno = EWOULDBLOCK;
		return -1;
	}
	if (!lock_is_open_to_others(fd))
		return place_holds(place, fd);
	/* made by another user, or its mode was changed: a new one takes its place */
	return place_remove(place, fd) == 0 || errno == ENOENT ? 0 : -1;
}

int lock_take(const struct place *place)
{
	int fd, rc, saved;

	for (int i = 0; i < LOCK_TRIES; i++) {
		fd = lock_open(place, O_RDWR | O_CREAT);
		if (fd < 0)
			return -1;
		rc = lock_try(place, fd);
		if (rc == 1)
			return fd;
		saved = errno;
		close(fd);
		errno = saved;
		if (rc < 0)
			return -1;
	}
	errno = EBUSY;
	return -1;
}

int lock_is_held(const struct place *place)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	const int fd = lock_open(place, O_RDONLY);
	int rc, saved;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	rc = fcntl(fd, F_OFD_GETLK, &lock);
	saved = errno;
	close(fd);
	errno = saved;
	return rc == 0 ? lock.l_type == F_WRLCK : -1;
}

void lock_drop(const struct place *place, int fd)
{
	(void)place_remove(place, fd);
	close(fd);
}
