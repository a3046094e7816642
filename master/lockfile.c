#include "master/lockfile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

static int lockfile_name(struct lockfile *file, const char *path)
{
	file->path = strdup(path);
	if (file->path != NULL)
		return 0;
	log_error("pidfile: out of memory");
	return -1;
}

int lockfile_open(struct lockfile *file, const char *path)
{
	pid_t other = 0;

	*file = (struct lockfile){.fd = -1};
	if (path == NULL)
		return 0;
	if (lockfile_name(file, path) != 0)
		return -1;
	file->handle = pidfile_open(path, 0644, &other);
	if (file->handle == NULL) {
		if (errno == EEXIST)
			log_error("pidfile %s: argond is running already, process %d", path,
			    (int)other);
		else
			log_error("pidfile %s: %s", path, strerror(errno));
		return -1;
	}
	file->fd = pidfile_fileno(file->handle);
	if (lockfile_claim(file) == 0)
		return 0;
	log_error("pidfile %s: %s", path, strerror(errno));
	return -1;
}

/* Is the open file the one that has this name? */
static bool lockfile_is_named(const struct lockfile *file)
{
	struct stat open_one, named;

	return fstat(file->fd, &open_one) == 0 && lstat(file->path, &named) == 0 &&
	    S_ISREG(named.st_mode) && open_one.st_dev == named.st_dev &&
	    open_one.st_ino == named.st_ino;
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

int lockfile_claim(const struct lockfile *file)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", (int)getpid());

	if (file->fd < 0)
		return 0;
	if (ftruncate(file->fd, 0) != 0)
		return -1;
	return pwrite(file->fd, text, (size_t)len, 0) == len ? 0 : -1;
}

void lockfile_close(struct lockfile *file, bool ours)
{
	if (file->fd >= 0 && ours && lockfile_is_named(file))
		unlink(file->path);
	if (file->handle != NULL)
		pidfile_close(file->handle);
	else if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	*file = (struct lockfile){.fd = -1};
}
