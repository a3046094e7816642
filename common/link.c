#include "common/link.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>

static int link_prepare(int fd)
{
	const int on = 1, room = LINK_BUFFER;

	/*
	 * On both ends: the credentials then fill the receiver's control buffer, which
	 * leaves the kernel no room to install an fd that somebody attached.
	 */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

int link_pair(int fds[2])
{
	int saved;

	if (socketpair(
	        AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
		return -1;
	if (link_prepare(fds[0]) == 0 && link_prepare(fds[1]) == 0)
		return 0;
	saved = errno;
	close(fds[0]);
	close(fds[1]);
	errno = saved;
	return -1;
}

bool link_is_short(int error)
{
	return error == ENOBUFS || error == ENOMEM;
}

bool link_must_wait(int error)
{
	return error == EAGAIN || link_is_short(error);
}

enum link_result link_send(int fd, const void *message, size_t len)
{
	ssize_t n;

	do
		n = send(fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len)
		return LINK_OK;
	if (n >= 0)
		return LINK_ERROR; /* cannot be: a packet goes whole or not at all */
	if (link_must_wait(errno))
		return errno == EAGAIN ? LINK_AGAIN : LINK_SHORT;
	return errno == EPIPE || errno == ECONNRESET ? LINK_CLOSED : LINK_ERROR;
}

/* The sender's pid, or 0 where none was attached. */
static pid_t link_sender(struct msghdr *header)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(header);
	struct ucred who;

	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_CREDENTIALS || c->cmsg_len != CMSG_LEN(sizeof(who)))
		return 0;
	memcpy(&who, CMSG_DATA(c), sizeof(who));
	return who.pid;
}

enum link_result link_recv(int fd, void *buf, size_t cap, size_t *len, pid_t *pid)
{
	/* room for credentials and nothing else: attached fds are dropped by the kernel
	 */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec part = {.iov_base = buf, .iov_len = cap};
	struct msghdr header = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	ssize_t n;

	do
		n = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (link_must_wait(errno))
			return errno == EAGAIN ? LINK_AGAIN : LINK_SHORT;
		return errno == ECONNRESET ? LINK_CLOSED : LINK_ERROR;
	}
	*len = (size_t)n;
	*pid = link_sender(&header);
	if (n == 0 && *pid == 0) /* the end: an empty message has a sender */
		return LINK_CLOSED;
	return (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ? LINK_BAD : LINK_OK;
}

long link_unread(int fd)
{
	int bytes;

	return ioctl(fd, SIOCOUTQ, &bytes) == 0 ? bytes : -1;
}
