/*
 * Connections from many addresses, and what becomes of them when all places are taken.
 */
#ifndef TESTS_FRONTEND_PLACE_WORLD_H
#define TESTS_FRONTEND_PLACE_WORLD_H

#include "tests/frontend/fixture.h"

/* A connection of a client with that address; with none ("") that of a Unix socket. */
static inline int open_from(struct fixture *f, const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr any = {.sa_family = AF_UNIX}, *from = &any;
	socklen_t len = sizeof(sa_family_t);
	int fds[2];

	tcp_pair(fds, false);
	if (inet_pton(AF_INET, address, &in.sin_addr) == 1) {
		from = (struct sockaddr *)&in;
		len = sizeof(in);
	} else if (inet_pton(AF_INET6, address, &in6.sin6_addr) == 1) {
		from = (struct sockaddr *)&in6;
		len = sizeof(in6);
	}
	assert_int_equal(conn_accept(&f->fe, fds[1], from, len), 0);
	return fds[0];
}

/* A client with a job that goes on. */
static inline int open_busy(struct fixture *f)
{
	unsigned pending = f->dispatch.pending;
	int fd = client_open(f);

	client_send(f, fd, GET("/hash/x"));
	await_tasks(f, pending + 1);
	return fd;
}

static inline bool is_open(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static inline void expect_refused(const struct answer *answer, unsigned status)
{
	assert_int_equal(answer->status, status);
	assert_true(answer_has(answer, "\r\nRetry-After: 1\r\n"));
	assert_true(answer_has(answer, "\r\nConnection: close\r\n"));
	assert_true(answer_has(answer, "\r\nX-Request-Id: "));
	assert_true(
	    answer_has(answer, status == 429 ? "urn:argond:problem:client-limit"
	                                     : "urn:argond:problem:queue-full"));
}

#endif
