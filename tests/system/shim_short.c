/*
 * A kernel without memory for sockets: loaded into the daemon by LD_PRELOAD, it lets
 * calls of one process fail as the file named by SHIM_SHORT says (struct shim_short,
 * mapped, so that every process of the tree sees a change at once). What is watched
 * stays ready meanwhile, as it does with such a kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/system/shim_short.h"

static struct shim_short *shortage;

__attribute__((constructor)) static void shim_open(void)
{
	const char *path = getenv("SHIM_SHORT");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at = MAP_FAILED;

	if (fd >= 0) {
		at = mmap(
		    NULL, sizeof(*shortage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	shortage = at != MAP_FAILED ? at : NULL;
}

static int is_meant(uint32_t call)
{
	int32_t pid;

	if (shortage == NULL || (atomic_load(&shortage->calls) & call) == 0)
		return 0;
	pid = atomic_load(&shortage->pid);
	return pid == SHORT_ALL || (pid != 0 && pid == getpid());
}

static int fails(uint32_t call)
{
	if (!is_meant(call))
		return 0;
	atomic_fetch_add(&shortage->failed, 1);
	errno = atomic_load(&shortage->error);
	return 1;
}

static int is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
	return fails(SHORT_SEND) ? -1
	                         : syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return fails(SHORT_SEND) ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
	return fails(SHORT_RECV)
	           ? -1
	           : syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	return fails(SHORT_RECV) ? -1 : syscall(SYS_recvmsg, fd, message, flags);
}

ssize_t read(int fd, void *bytes, size_t len)
{
	return is_meant(SHORT_PIPE) && is_pipe(fd) && fails(SHORT_PIPE)
	           ? -1
	           : syscall(SYS_read, fd, bytes, len);
}

/* What the compiler calls instead where it knows how large a buffer is. */
ssize_t __recv_chk(int fd, void *bytes, size_t len, size_t room, int flags);
ssize_t __read_chk(int fd, void *bytes, size_t len, size_t room);

ssize_t __recv_chk(int fd, void *bytes, size_t len, size_t room, int flags)
{
	if (len > room)
		abort();
	return recv(fd, bytes, len, flags);
}

ssize_t __read_chk(int fd, void *bytes, size_t len, size_t room)
{
	if (len > room)
		abort();
	return read(fd, bytes, len);
}
