#include "common/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/* All of its pages are there at once: none can be missing when they are used. */
int memfd_open(const char *name, size_t bytes)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL), saved;

	if (fd < 0 && errno == EINVAL) /* an older kernel */
		fd = memfd_create(name, flags);
	if (fd < 0 || fallocate(fd, 0, 0, (off_t)bytes) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* F_SEAL_WRITE would say more, but not while somebody has a writable mapping: processes
 * write to their slots of the board, and the master wipes keys and tokens by theirs. */
int memfd_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS,
	    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL);
}
