/*
 * A listening socket belongs to all frontends, and the kernel lets each of them change
 * it: it can be shut down, or be given options that every connection inherits. With
 * `seccomp` on no frontend has the calls for that; this finds what was done without it,
 * or by somebody else who has the socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "master/listen.h"
#include "master/listen_unix.h"

/* A TCP socket that was shut down listens no more. A Unix socket does, and refuses. */
static bool mend_is_shut(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLRDHUP};
	int listening = 0;
	socklen_t len = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 ||
	       listening == 0 || poll(&pollfd, 1, 0) != 0;
}

/* A port that the kernel chose is free again once the socket was shut down. */
static bool mend_is_elsewhere(const struct listener_socket *entry)
{
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);

	return getsockname(entry->fd, (struct sockaddr *)&addr, &len) != 0 ||
	       len != entry->bound_len || memcmp(&addr, &entry->bound, len) != 0;
}

/* close() of each connection waits for its client. */
static bool mend_lingers(int fd)
{
	struct linger linger = {0};
	socklen_t len = sizeof(linger);

	return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) != 0 ||
	       linger.l_onoff != 0;
}

/* The call gives the number of a filter's instructions; one that is not of them (eBPF)
 * is an error. */
static bool mend_filters(int fd)
{
	socklen_t len = 0;

	return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &len) != 0 || len != 0;
}

static bool mend_blocks(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags < 0 || (flags & O_NONBLOCK) == 0;
}

const char *listen_wrong(const struct listener_socket *entry)
{
	if (entry->fd < 0) /* it has ended: listen_end() */
		return NULL;
	if (mend_is_shut(entry->fd))
		return "it was shut down";
	if (mend_is_elsewhere(entry))
		return "it has lost its address";
	if (mend_lingers(entry->fd))
		return "SO_LINGER was set";
	if (mend_filters(entry->fd))
		return "a filter was attached";
	return mend_blocks(entry->fd) ? "O_NONBLOCK was taken away" : NULL;
}

/* Each step does nothing where it is not needed. A backlog of 0 is seen nowhere. */
static void mend_in_place(const struct listener_socket *entry)
{
	const int fd = entry->fd;
	const struct linger off = {.l_onoff = 0};
	const int none = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	(void)setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none));
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	(void)bind(fd, (const struct sockaddr *)&entry->bound, entry->bound_len);
	(void)listen(fd, LISTEN_BACKLOG);
}

/* At the same address, and so where the config leaves the port to the kernel at the
 * same port. The file of a Unix socket that is not ours to remove is not ours to
 * replace. */
static int mend_anew(struct listener_socket *entry)
{
	struct listener_socket fresh = {.spec = entry->spec, .fd = -1, .file = -1};
	int saved;

	fresh.spec.addr = entry->bound;
	fresh.spec.addr_len = entry->bound_len;
	if (entry->spec.addr.ss_family == AF_UNIX && entry->file < 0) {
		errno = EPERM;
		return -1;
	}
	(void)shutdown(entry->fd, SHUT_RDWR); /* else it has the address */
	if (listen_bind(&fresh) != 0) {
		saved = errno;
		listen_unix_release(&fresh, false);
		if (fresh.fd >= 0)
			close(fresh.fd);
		errno = saved;
		return -1;
	}
	close(entry->fd);
	if (entry->file >= 0)
		close(entry->file);
	entry->fd = fresh.fd;
	entry->file = fresh.file;
	entry->bound = fresh.bound;
	entry->bound_len = fresh.bound_len;
	return 0;
}

int listen_mend(struct listener_socket *entry, const struct config *config)
{
	mend_in_place(entry);
	if (listen_wrong(entry) != NULL && mend_anew(entry) != 0)
		return -1;
	listen_set_patience(entry, config);
	return 0;
}
