#include "common/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * A description of our own of the terminal, pipe or file behind stderr: O_NONBLOCK set
 * on the inherited one would be set for the shell, too. Where it cannot be had (a
 * socket, a foreign owner) the inherited one is used as it is.
 */
static int sink_open_stderr(void)
{
	int fd = open(
	    "/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd >= 0 ? fd : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

/* syslog(3) waits when the daemon behind /dev/log does not read; we must not. */
static int sink_open_syslog(void)
{
	const struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int sink_open_path(const char *path)
{
	struct stat st;
	int fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY |
	        O_CLOEXEC,
	    0640);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

void log_sink_wrap(struct log_sink *sink, int fd, bool syslog)
{
	struct stat st;

	sink->fd = fd;
	sink->kind = LOG_SINK_FILE;
	if (syslog)
		sink->kind = LOG_SINK_SYSLOG;
	else if (fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
		sink->kind = LOG_SINK_SOCKET;
}

int log_sink_open(struct log_sink *sink, const char *target)
{
	bool syslog = strcmp(target, "syslog") == 0;
	int fd;

	if (syslog)
		fd = sink_open_syslog();
	else if (strcmp(target, "stderr") == 0)
		fd = sink_open_stderr();
	else
		fd = sink_open_path(target);
	if (fd < 0)
		return -1;
	log_sink_wrap(sink, fd, syslog);
	return 0;
}

bool log_sink_write(const struct log_sink *sink, const char *line, size_t len)
{
	struct pollfd ready = {.fd = sink->fd, .events = POLLOUT};

	if (sink->fd < 0)
		return false;
	if (sink->kind != LOG_SINK_FILE)
		return send(sink->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		       (ssize_t)len;
	/* an inherited pipe may block: ask first (a line is shorter than PIPE_BUF) */
	if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
		return false;
	return write(sink->fd, line, len) == (ssize_t)len;
}

void log_sink_close(struct log_sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
}
