/*
 * A link: the SOCK_SEQPACKET socketpair between one frontend and all hashers of one
 * pool; and the same socket type between the master and each child (control).
 * Messages are whole or not there. Nothing here ever blocks.
 */
#ifndef COMMON_LINK_H
#define COMMON_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Bytes of a link's send buffer, of which the kernel makes twice as many: what Linux
 * allows everybody (net.core.wmem_max). Each message counts for its length and some 700
 * bytes, rounded up to a power of two: 184 of 1 KiB fit, 50 of 4 KiB.
 */
enum { LINK_BUFFER = 212992 };

/* Makes a pair, close-on-exec and non-blocking, whose messages carry their sender's pid
 * (SCM_CREDENTIALS, unix(7)). Returns 0, or -1 with errno. */
int link_pair(int fds[2]);

enum link_result {
	LINK_OK,
	LINK_AGAIN,  /* nothing there, or no room: poll() says when there is */
	LINK_SHORT,  /* the kernel has no memory for it now: poll() does not say when */
	LINK_CLOSED, /* the other end is gone */
	LINK_BAD,    /* a message that was too long, or carried what it should not */
	LINK_ERROR   /* errno says */
};

/* Is it an errno of a kernel that has no memory for a message now? The descriptor may
 * stay ready all the while: who waits for that alone is woken without end. */
bool link_is_short(int error);

/* Is it an errno of what can be tried again: the same, or nothing is there, or no room?
 */
bool link_must_wait(int error);

/* Sends one message. LINK_OK, LINK_AGAIN, LINK_SHORT, LINK_CLOSED or LINK_ERROR. */
enum link_result link_send(int fd, const void *message, size_t len);

/* Receives one message of at most `cap` bytes into buf; *len is its length (0 is
 * possible), *pid the sender's pid as the kernel says it, or 0. Attached fds are never
 * installed. */
enum link_result link_recv(int fd, void *buf, size_t cap, size_t *len, pid_t *pid);

/* Bytes (as the kernel counts them) sent from this end and not yet received; 0 means
 * that every message has been taken. -1 with errno on failure. */
long link_unread(int fd);

#endif
