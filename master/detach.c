#include "master/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/contract.h"
#include "common/log.h"

/* Another byte than the one that says that the daemon is ready. */
enum { DETACH_LOGGED = 'l' };

static void detach_launcher(int fd, const char *log)
{
	bool logged = false;
	char byte = 0;
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
		logged = logged || (n == 1 && byte == DETACH_LOGGED);
	} while ((n < 0 && errno == EINTR) || (n == 1 && byte == DETACH_LOGGED));
	if (n != 1 && logged)
		fprintf(
		    stderr, "argond: not started; the reason is in the log, %s\n", log);
	_exit(n == 1 ? EXIT_OK : EXIT_FAILED);
}

int detach_begin(const char *log)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	pid = fork();
	if (pid > 0) {
		close(fds[1]);
		detach_launcher(fds[0], log);
	}
	close(fds[0]);
	if (pid < 0 || setsid() < 0) {
		close(fds[1]);
		return -1;
	}
	return fds[1];
}

void detach_logged(int fd)
{
	const char byte = DETACH_LOGGED;

	if (write(fd, &byte, 1) != 1)
		log_debug("the command that waits for the start has gone");
}

int detach_terminal(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
	    dup2(fd, STDERR_FILENO) < 0)
		return -1;
	if (fd > STDERR_FILENO)
		close(fd);
	return 0;
}
