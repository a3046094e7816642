/* The messages between the master and its children (child.h). */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/child.h"

enum link_result control_send(int fd, const struct control_message *message)
{
	return link_send(fd, message, sizeof(*message));
}

static bool control_valid(const struct control_message *message)
{
	return message->kind > 0 && message->kind < CONTROL_KIND_END &&
	       message->pool < LIMIT_POOLS && message->claims <= LIMIT_STREAMS &&
	       message->cause <= CONTROL_CAUSE_CRASHED;
}

static bool control_has_fd(uint32_t kind)
{
	return kind == CONTROL_SIGHT;
}

enum link_result control_recv(int fd, struct control_message *message)
{
	size_t len;
	pid_t sender;
	enum link_result result =
	    link_recv(fd, message, sizeof(*message), &len, &sender);

	if (result != LINK_OK)
		return result;
	if (len == 0)
		return LINK_CLOSED;
	return len == sizeof(*message) && control_valid(message) &&
	               !control_has_fd(message->kind)
	           ? LINK_OK
	           : LINK_BAD;
}

/* The one fd attached to a message, or -1. */
static int control_attached(struct msghdr *header)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL;
	     c = CMSG_NXTHDR(header, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    c->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

enum link_result control_recv_fd(int fd, struct control_message *message, int *attached)
{
	/* room for one fd: the padding of CMSG_SPACE would be room for a second */
	_Alignas(struct cmsghdr) char
	    control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_LEN(sizeof(int))];
	struct iovec part = {.iov_base = message, .iov_len = sizeof(*message)};
	struct msghdr header = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*attached = -1;
	if (n < 0 && (errno == EINTR || link_must_wait(errno)))
		return link_is_short(errno) ? LINK_SHORT : LINK_AGAIN;
	if (n <= 0)
		return LINK_CLOSED;
	*attached = control_attached(&header);
	if (n == (ssize_t)sizeof(*message) &&
	    (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
	    control_valid(message) && control_has_fd(message->kind) == (*attached >= 0))
		return LINK_OK;
	if (*attached >= 0)
		close(*attached);
	*attached = -1;
	return LINK_BAD;
}

enum link_result control_send_fd(int fd, enum control_kind kind, int attached)
{
	struct control_message message = {.kind = kind};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {.iov_base = &message, .iov_len = sizeof(message)};
	struct msghdr header = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &attached, sizeof(int));
	if (sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    (ssize_t)sizeof(message))
		return LINK_OK;
	if (link_must_wait(errno))
		return errno == EAGAIN ? LINK_AGAIN : LINK_SHORT;
	return LINK_ERROR;
}
