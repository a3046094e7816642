#include "common/sealed.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"

static void *sealed_map_as(const struct sealed *sealed, int protection)
{
	void *view = mmap(NULL, sealed->bytes, protection, MAP_SHARED, sealed->fd, 0);

	if (view == MAP_FAILED)
		return NULL;
	(void)madvise(view, sealed->bytes, MADV_DONTDUMP);
	if (mlock(view, sealed->bytes) != 0)
		log_debug("keys and tokens may be swapped: %s; see RLIMIT_MEMLOCK",
		    strerror(errno));
	return view;
}

int sealed_open(struct sealed *sealed, const char *name, size_t bytes)
{
	*sealed = (struct sealed){.bytes = bytes, .fd = -1};
	sealed->fd = memfd_open(name, bytes);
	if (sealed->fd >= 0)
		sealed->base = sealed_map_as(sealed, PROT_READ | PROT_WRITE);
	if (sealed->base != NULL)
		return 0;
	sealed_close(sealed);
	return -1;
}

/* The mapping stays with the process that has filled it, to be wiped through it, and
 * cannot be read there. */
int sealed_shut(struct sealed *sealed)
{
	if (mprotect(sealed->base, sealed->bytes, PROT_NONE) == 0 &&
	    madvise(sealed->base, sealed->bytes, MADV_DONTFORK) == 0 &&
	    memfd_seal(sealed->fd) == 0)
		return 0;
	sealed_close(sealed);
	return -1;
}

const void *sealed_map(const struct sealed *sealed)
{
	return sealed_map_as(sealed, PROT_READ);
}

void sealed_close(struct sealed *sealed)
{
	int saved = errno;

	if (sealed->bytes == 0)
		return;
	if (sealed->base != NULL) {
		if (mprotect(sealed->base, sealed->bytes, PROT_READ | PROT_WRITE) == 0)
			explicit_bzero(sealed->base, sealed->bytes);
		munmap(sealed->base, sealed->bytes);
	}
	if (sealed->fd >= 0)
		close(sealed->fd);
	*sealed = (struct sealed){0};
	errno = saved;
}
