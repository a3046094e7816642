/*
 * Sending a message with an fd attached, as somebody does who hopes that the receiver
 * keeps it (unix(7), SCM_RIGHTS).
 */
#ifndef TESTS_FUZZ_ATTACH_H
#define TESTS_FUZZ_ATTACH_H

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* As sendmsg(); fd -1: nothing is attached. */
static inline ssize_t attach_send(int to, const void *bytes, size_t len, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (fd >= 0) {
		header.msg_control = control;
		header.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(to, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

#endif
