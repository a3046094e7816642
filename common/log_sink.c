#include "common/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int log_sink_standard(const char *target)
{
	static const char *const before[] = {
	    "", "/dev/", "/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"};
	static const char *const names[][2] = {
	    {"stdout", "stderr"}, {"1", "2"}}; /* by number from the third on */

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		for (int fd = 1; fd <= 2; fd++) {
			const size_t len = strlen(before[i]);

			if (strncmp(target, before[i], len) == 0 &&
			    strcmp(target + len, names[i >= 2][fd - 1]) == 0)
				return fd;
		}
	return -1;
}

/*
 * A description of our own of the terminal, pipe or file behind it: O_NONBLOCK set on
 * the inherited one would be set for the shell, too. Where it cannot be had (a socket,
 * a foreign owner) the inherited one is used as it is.
 */
static int sink_open_standard(int standard)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", standard);
	fd = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 ? fd : fcntl(standard, F_DUPFD_CLOEXEC, 3);
}

static int sink_connect(int type)
{
	const struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), saved;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* syslog(3) waits when the daemon behind /dev/log does not read; we must not. */
static int sink_open_syslog(void)
{
	int fd = sink_connect(SOCK_DGRAM);

	return fd < 0 && errno == EPROTOTYPE ? sink_connect(SOCK_STREAM) : fd;
}

static int sink_open_path(const char *path)
{
	struct stat st;
	int error, fd = open(path,
	               O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW |
	                   O_NOCTTY | O_CLOEXEC,
	               0640);

	if (fd < 0)
		return -1;
	errno = EINVAL;
	if (fstat(fd, &st) == 0) {
		if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode) ||
		    (S_ISREG(st.st_mode) && st.st_nlink <= 1))
			return fd;
		/* in a folder of another user the second name of a file of ours would
		 * have us write into that */
		errno = S_ISREG(st.st_mode) ? EMLINK : EINVAL;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* systemd names the journal's socket: standard output and error may each be it or not.
 */
static bool sink_is_journal(const struct stat *st)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char text[64];

	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st->st_dev,
	    (unsigned long long)st->st_ino);
	return stream != NULL && strcmp(stream, text) == 0;
}

void log_sink_wrap(struct log_sink *sink, int fd, bool syslog)
{
	struct stat st;
	int type = SOCK_DGRAM;
	socklen_t len = sizeof(type);

	*sink = (struct log_sink){.fd = fd};
	if (syslog) {
		sink->kind = LOG_SINK_SYSLOG;
		if (fd >= 0)
			(void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
		sink->stream = type == SOCK_STREAM;
	} else if (fd >= 0 && fstat(fd, &st) == 0) {
		if (S_ISSOCK(st.st_mode))
			sink->kind = LOG_SINK_SOCKET;
		sink->journal = sink_is_journal(&st);
	}
}

int log_sink_open(struct log_sink *sink, const char *target)
{
	const bool syslog = strcmp(target, "syslog") == 0;
	const int standard = log_sink_standard(target);
	int fd;

	if (syslog)
		fd = sink_open_syslog();
	else if (standard >= 0)
		fd = sink_open_standard(standard);
	else
		fd = sink_open_path(target);
	if (fd < 0 && !syslog)
		return -1;
	log_sink_wrap(sink, fd, syslog);
	return 0;
}

static bool sink_send(const struct log_sink *sink, const char *line, size_t len)
{
	const ssize_t n = send(sink->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0 && (size_t)n != len)
		errno = EPIPE; /* half a line in a stream: it is of no use any more */
	return n == (ssize_t)len;
}

bool log_sink_write(const struct log_sink *sink, const char *line, size_t len)
{
	struct pollfd ready = {.fd = sink->fd, .events = POLLOUT};

	errno = ENOTCONN;
	if (sink->fd < 0)
		return false;
	if (sink->kind != LOG_SINK_FILE)
		return sink_send(sink, line, sink->stream ? len + 1 : len);
	/* an inherited pipe may block: ask first (a line is shorter than PIPE_BUF) */
	if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
		return false;
	return write(sink->fd, line, len) == (ssize_t)len;
}

bool log_sink_is_lost(const struct log_sink *sink, int error)
{
	static const int errors[] = {
	    ECONNREFUSED, ENOTCONN, ECONNRESET, ENOENT, EDESTADDRREQ, EPIPE};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (error == errors[i])
			return sink->kind == LOG_SINK_SYSLOG;
	return false;
}

void log_sink_close(struct log_sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
}
