#include "master/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/string.h>

int place_open(struct place *place, const char *path, const char *suffix)
{
	char folder[PATH_MAX], *slash;
	const char *name;
	int n;

	*place = (struct place){.folder = -1};
	n = snprintf(place->path, sizeof(place->path), "%s%s", path, suffix);
	errno = ENAMETOOLONG;
	if (n < 0 || (size_t)n >= sizeof(place->path))
		return -1;
	strlcpy(folder, place->path, sizeof(folder));
	slash = strrchr(folder, '/');
	name = slash != NULL ? place->path + (slash - folder) + 1 : place->path;
	if (strlcpy(place->name, name, sizeof(place->name)) >= sizeof(place->name))
		return -1;
	if (slash != NULL)
		slash[slash == folder] = '\0';
	place->folder =
	    open(slash != NULL ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return place->folder >= 0 ? 0 : -1;
}

void place_close(struct place *place)
{
	const int saved = errno;

	if (place->folder >= 0)
		close(place->folder);
	place->folder = -1;
	errno = saved;
}

int place_pin(const struct place *place)
{
	return openat(place->folder, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

bool place_holds(const struct place *place, int fd)
{
	struct stat has, lies;

	return fstat(fd, &has) == 0 &&
	       fstatat(place->folder, place->name, &lies, AT_SYMLINK_NOFOLLOW) == 0 &&
	       has.st_dev == lies.st_dev && has.st_ino == lies.st_ino;
}

int place_remove(const struct place *place, int fd)
{
	errno = ENOENT;
	return place_holds(place, fd) ? unlinkat(place->folder, place->name, 0) : -1;
}

int place_address(const struct place *place, int pin, struct sockaddr_un *addr)
{
	char seen[64], path[sizeof(seen) + NAME_MAX + 2];

	snprintf(
	    seen, sizeof(seen), "/proc/self/fd/%d", pin >= 0 ? pin : place->folder);
	if (access(seen, F_OK) != 0)
		strlcpy(path, place->path, sizeof(path));
	else if (pin >= 0)
		strlcpy(path, seen, sizeof(path));
	else
		snprintf(path, sizeof(path), "%s/%s", seen, place->name);
	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlcpy(addr->sun_path, path, sizeof(addr->sun_path)) <
	    sizeof(addr->sun_path))
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}
