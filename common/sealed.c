#include "common/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

static void *sealed_map_as(const struct sealed *sealed, int fd, int protection)
{
	void *view = mmap(NULL, sealed->bytes, protection, MAP_SHARED, fd, 0);

	if (view == MAP_FAILED)
		return NULL;
	(void)madvise(view, sealed->bytes, MADV_DONTDUMP);
	if (mlock(view, sealed->bytes) != 0)
		log_debug("keys and tokens may be swapped: %s; see RLIMIT_MEMLOCK",
		    strerror(errno));
	return view;
}

/* What is mapped by the second fd can never be made writable, whoever has it. */
static int sealed_open_reading(struct sealed *sealed)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", sealed->fd);
	sealed->read_fd = open(path, O_RDONLY | O_CLOEXEC);
	return sealed->read_fd >= 0 ? 0 : -1;
}

int sealed_open(struct sealed *sealed, const char *name, size_t bytes)
{
	*sealed = (struct sealed){.bytes = bytes, .fd = -1, .read_fd = -1};
	sealed->fd = memfd_create(name, MFD_CLOEXEC);
	if (sealed->fd >= 0 && sealed_open_reading(sealed) == 0 &&
	    ftruncate(sealed->fd, (off_t)bytes) == 0)
		sealed->base =
		    sealed_map_as(sealed, sealed->fd, PROT_READ | PROT_WRITE);
	if (sealed->base != NULL)
		return 0;
	sealed_close(sealed);
	return -1;
}

int sealed_shut(struct sealed *sealed)
{
	if (munmap(sealed->base, sealed->bytes) == 0) {
		sealed->base = NULL;
		return 0;
	}
	sealed_close(sealed);
	return -1;
}

const void *sealed_map(const struct sealed *sealed)
{
	return sealed_map_as(sealed, sealed->read_fd, PROT_READ);
}

/* By write(), which needs no address space. */
static void sealed_wipe(const struct sealed *sealed)
{
	static const char zeros[4096];
	struct stat st;

	if (sealed->base != NULL)
		munmap(sealed->base, sealed->bytes);
	if (sealed->fd < 0 || fstat(sealed->fd, &st) != 0)
		return;
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros)) {
		size_t n = sizeof(zeros);

		if (st.st_size - at < (off_t)n)
			n = (size_t)(st.st_size - at);
		if (pwrite(sealed->fd, zeros, n, at) != (ssize_t)n)
			return;
	}
}

void sealed_close(struct sealed *sealed)
{
	int saved = errno;

	if (sealed->bytes == 0)
		return;
	sealed_wipe(sealed);
	if (sealed->read_fd >= 0)
		close(sealed->read_fd);
	if (sealed->fd >= 0)
		close(sealed->fd);
	*sealed = (struct sealed){0};
	errno = saved;
}
