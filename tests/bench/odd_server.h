/*
 * A server with a fault for each path, for tests of the load generator: a process with
 * a thread for each connection. What it has seen is in memory that the test shares.
 */
#ifndef TESTS_BENCH_ODD_SERVER_H
#define TESTS_BENCH_ODD_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ODD_SLOW_MS = 50 };

struct odd_seen {
	atomic_uint connections, requests;
	atomic_uint in_pieces; /* requests that took more than one read */
	atomic_uint
	    peers[256];     /* connections by the last part of the client's address */
	atomic_uint bodies; /* requests with a body "n=..." that came whole */
};

struct odd_server {
	pid_t pid;
	int listener;
	char target[32]; /* 127.0.0.1:PORT */
	char nobody[32]; /* the same, where connections are refused */
	int nobody_fd;   /* keeps its port */
	struct odd_seen *seen;
};

/* One connection. */
struct odd_conn {
	struct odd_seen *seen;
	int fd;
	unsigned asked; /* requests before this one */
	char text[4096];
	size_t len;
	char id[64]; /* of this request */
};

static inline void odd_say(struct odd_conn *conn, const char *text)
{
	/* that it has left is found out by the next read */
	(void)!send(conn->fd, text, strlen(text), MSG_NOSIGNAL);
}

static inline void odd_answer_as(
    struct odd_conn *conn, const char *status, const char *id, const char *body)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "HTTP/1.1 %s\r\nx-request-ID: %s\r\nContent-Length: %zu\r\n\r\n%s", status,
	    id, strlen(body), body);
	odd_say(conn, text);
}

/* Each returns whether the connection goes on. */
static inline bool odd_ok(struct odd_conn *conn)
{
	odd_answer_as(conn, "200 OK", conn->id, "fine");
	return true;
}

static inline bool odd_swap(struct odd_conn *conn)
{
	conn->id[strlen(conn->id) - 1] ^= 1; /* the neighbour's */
	return odd_ok(conn);
}

static inline bool odd_longer(struct odd_conn *conn)
{
	strcat(conn->id, "0");
	return odd_ok(conn);
}

static inline bool odd_shorter(struct odd_conn *conn)
{
	conn->id[strlen(conn->id) - 1] = '\0';
	return odd_ok(conn);
}

static inline bool odd_other(struct odd_conn *conn)
{
	odd_answer_as(conn, "200 OK", conn->id, "find");
	return true;
}

static inline bool odd_short(struct odd_conn *conn)
{
	odd_answer_as(conn, "200 OK", conn->id, "fin");
	return true;
}

static inline bool odd_anonymous(struct odd_conn *conn)
{
	odd_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
	return true;
}

static inline bool odd_garbage(struct odd_conn *conn)
{
	odd_say(conn, "fine\r\n\r\n");
	return true;
}

static inline bool odd_503(struct odd_conn *conn)
{
	odd_answer_as(conn, "503 Busy", conn->id, "later");
	return true;
}

static inline bool odd_429(struct odd_conn *conn)
{
	odd_answer_as(conn, "429 Too many", conn->id, "later");
	return true;
}

static inline bool odd_500(struct odd_conn *conn)
{
	odd_answer_as(conn, "500 No", conn->id, "fine");
	return true;
}

static inline bool odd_404(struct odd_conn *conn)
{
	odd_answer_as(conn, "404 No", conn->id, "fine");
	return true;
}

static inline bool odd_half(struct odd_conn *conn)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nX-Request-Id: %s\r\nContent-Length: 400\r\n\r\nfine",
	    conn->id);
	odd_say(conn, text);
	return false;
}

static inline bool odd_mute(struct odd_conn *conn)
{
	(void)conn;
	return false;
}

static inline bool odd_once(struct odd_conn *conn)
{
	return conn->asked == 0 && odd_ok(conn);
}

static inline bool odd_never(struct odd_conn *conn)
{
	(void)conn;
	return true;
}

static inline bool odd_slow(struct odd_conn *conn)
{
	usleep(ODD_SLOW_MS * 1000);
	return odd_ok(conn);
}

static inline bool odd_twice(struct odd_conn *conn)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nX-Request-Id: %s\r\nContent-Length: 4\r\n\r\nfine"
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	    conn->id);
	odd_say(conn, text);
	return true;
}

/* All that is allowed and unusual, a few bytes at a time. */
static inline bool odd_tricky(struct odd_conn *conn)
{
	char text[512];
	size_t len;

	len = (size_t)snprintf(text, sizeof(text),
	    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-Request: 1\r\n"
	    "X-REQUEST-ID:   %s  \r\nX-Request-Id-2: 1\r\nTransfer-Encoding: "
	    "chunked\r\n\r\n"
	    "2;x=y\r\nfi\r\n2\r\nne\r\n0\r\nTrailer: 1\r\n\r\n",
	    conn->id);
	for (size_t at = 0; at < len; at += 3)
		if (send(conn->fd, text + at, len - at < 3 ? len - at : 3,
		        MSG_NOSIGNAL) < 0)
			return false;
	return true;
}

static inline bool odd_until_end(struct odd_conn *conn)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "HTTP/1.0 200 OK\r\nX-Request-Id: %s\r\n\r\nfine and more", conn->id);
	odd_say(conn, text);
	return false;
}

static inline bool odd_goodbye(struct odd_conn *conn)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nX-Request-Id: %s\r\nConnection: close\r\n"
	    "Content-Length: 4\r\n\r\nfine",
	    conn->id);
	odd_say(conn, text);
	return true; /* and does not close: the client has to */
}

static const struct {
	const char *path;
	bool (*answer)(struct odd_conn *conn);
} odd_paths[] = {{"/ok", odd_ok}, {"/swap", odd_swap}, {"/longer", odd_longer},
    {"/shorter", odd_shorter}, {"/other", odd_other}, {"/short", odd_short},
    {"/anonymous", odd_anonymous}, {"/garbage", odd_garbage}, {"/503", odd_503},
    {"/429", odd_429}, {"/500", odd_500}, {"/404", odd_404}, {"/half", odd_half},
    {"/mute", odd_mute}, {"/once", odd_once}, {"/never", odd_never},
    {"/slow", odd_slow}, {"/twice", odd_twice}, {"/tricky", odd_tricky},
    {"/until_end", odd_until_end}, {"/goodbye", odd_goodbye}};

/* Reads one request, whole; false where there is none. */
static inline bool odd_read(struct odd_conn *conn)
{
	static const char length[] = "Content-Length: ";
	unsigned reads = 0;
	size_t want = 0;

	for (conn->len = 0; want == 0 || conn->len < want; reads++) {
		ssize_t n = recv(conn->fd, conn->text + conn->len,
		    sizeof(conn->text) - 1 - conn->len, 0);
		char *end, *body;

		if (n <= 0)
			return false;
		conn->len += (size_t)n;
		conn->text[conn->len] = '\0';
		end = strstr(conn->text, "\r\n\r\n");
		body = strstr(conn->text, length);
		if (end != NULL)
			want = (size_t)(end + 4 - conn->text) +
			       (body == NULL
			               ? 0
			               : strtoul(body + sizeof(length) - 1, NULL, 10));
	}
	if (reads > 1)
		conn->seen->in_pieces++;
	if (strstr(conn->text, "\r\n\r\nn=") != NULL)
		conn->seen->bodies++;
	return true;
}

static inline bool odd_answer(struct odd_conn *conn)
{
	char path[64] = "";
	const char *id = strstr(conn->text, "X-Request-Id: ");

	conn->seen->requests++;
	conn->id[0] = '\0';
	sscanf(conn->text, "%*s %63[^ ]", path);
	if (id != NULL)
		sscanf(id, "%*s %62s", conn->id);
	for (size_t i = 0; i < sizeof(odd_paths) / sizeof(*odd_paths); i++)
		if (strcmp(odd_paths[i].path, path) == 0)
			return odd_paths[i].answer(conn);
	return odd_404(conn);
}

static inline void *odd_serve(void *arg)
{
	struct odd_conn *conn = arg;

	while (odd_read(conn) && odd_answer(conn))
		conn->asked++;
	close(conn->fd);
	free(conn);
	return NULL;
}

static inline void odd_accept(int listener, struct odd_seen *seen)
{
	for (;;) {
		struct sockaddr_in from = {.sin_family = AF_INET};
		socklen_t len = sizeof(from);
		struct odd_conn *conn = calloc(1, sizeof(*conn));
		pthread_t thread;

		if (conn == NULL)
			_exit(1);
		conn->fd = accept(listener, (struct sockaddr *)&from, &len);
		conn->seen = seen;
		seen->connections++;
		seen->peers[ntohl(from.sin_addr.s_addr) & 0xff]++;
		if (conn->fd < 0 || pthread_create(&thread, NULL, odd_serve, conn) != 0)
			_exit(1);
		pthread_detach(thread);
	}
}

/* A socket on a port of its own, whose name goes into target[32]. */
static inline int odd_bind(char target[32])
{
	struct sockaddr_in addr = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
		return -1;
	snprintf(target, 32, "127.0.0.1:%u", (unsigned)ntohs(addr.sin_port));
	return fd;
}

/* Returns 0 or -1. It ends with the test's process. */
static inline int odd_start(struct odd_server *server)
{
	server->listener = odd_bind(server->target);
	server->nobody_fd = odd_bind(server->nobody);
	server->seen = mmap(NULL, sizeof(*server->seen), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (server->listener < 0 || server->nobody_fd < 0 ||
	    server->seen == MAP_FAILED || listen(server->listener, 1024) != 0)
		return -1;
	server->pid = fork();
	if (server->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		odd_accept(server->listener, server->seen);
	}
	return server->pid < 0 ? -1 : 0;
}

static inline void odd_stop(struct odd_server *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	close(server->listener);
	close(server->nobody_fd);
	munmap(server->seen, sizeof(*server->seen));
}

#endif
