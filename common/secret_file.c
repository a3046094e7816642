#include "common/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/config.h"
#include "common/errno_text.h"

int secret_file_open(const char *path, const char **why)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	*why = NULL;
	if (fd < 0 && *capability_hint(errno, CAP_DAC_OVERRIDE) != '\0')
		*why = "Permission denied: root has no CAP_DAC_OVERRIDE here";
	else if (fd < 0 || fstat(fd, &st) != 0)
		*why = errno_text(errno);
	else if (!S_ISREG(st.st_mode))
		*why = "not a regular file";
	if (*why == NULL)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What is root's may be read by a group: root has chosen it. So services get secrets
 * that they shall not be able to change, by a group (Kubernetes: fsGroup) or by an
 * access control list, whose mask stat() has for the group's permissions (systemd:
 * LoadCredential). */
static mode_t others_bits(uid_t owner)
{
	return (owner == 0 ? S_IWGRP | S_IXGRP : S_IRWXG) | S_IRWXO;
}

const char *secret_file_wrong(int fd, const char *user)
{
	uid_t other = 0;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return errno_text(errno);
	if (user != NULL && config_user_find(user, &other) != 0)
		return "the user that may own it cannot be found";
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != other)
		return "belongs to somebody else";
	if ((st.st_mode & others_bits(st.st_uid)) != 0)
		return "others may read or write it";
	return NULL;
}

static bool times_equal(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_as_before(int fd, const struct stat *before)
{
	struct stat now;

	return fstat(fd, &now) == 0 && now.st_size == before->st_size &&
	       times_equal(&now.st_mtim, &before->st_mtim) &&
	       times_equal(&now.st_ctim, &before->st_ctim);
}

/* Up to `cap` bytes, fewer only where it ends; -1 with errno. */
static ssize_t read_up_to(int fd, uint8_t *to, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = read(fd, to + len, cap - len);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

ssize_t secret_file_read(int fd, void *to, size_t cap, const char **why)
{
	struct stat before;
	ssize_t len = -1, more = -1;
	uint8_t next;

	*why = NULL;
	if (fstat(fd, &before) == 0 && (len = read_up_to(fd, to, cap)) >= 0)
		more = read_up_to(fd, &next, 1);
	if (more < 0)
		*why = errno_text(errno);
	else if (more > 0)
		*why = "too long";
	else if (!is_as_before(fd, &before))
		*why = "was written to while it was read";
	return *why == NULL ? len : -1;
}
