#include "tests/system/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/harness.h"

enum { WORDS = 64 };

static void become(int pipes[2][2], const char *const *words)
{
	if (dup2(pipes[0][1], STDOUT_FILENO) < 0 ||
	    dup2(pipes[1][1], STDERR_FILENO) < 0)
		_exit(126);
	if (harness_before_exec != NULL)
		harness_before_exec();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(words[0], (char *const *)(uintptr_t)words);
	_exit(127);
}

/* Reads from one of the pipes into text[cap]; false at its end. */
static bool collect(int fd, char *text, size_t cap, size_t *len)
{
	char spill[4096];
	bool room = *len + 1 < cap;
	ssize_t n = room ? read(fd, text + *len, cap - *len - 1)
	                 : read(fd, spill, sizeof(spill));

	if (n <= 0)
		return false;
	if (room)
		*len += (size_t)n;
	text[*len] = '\0';
	return true;
}

/* Reads both until both have ended, or the limit has passed. */
static bool collect_all(struct run *run, int pipes[2][2])
{
	struct pollfd fds[2] = {{.fd = pipes[0][0], .events = POLLIN},
	    {.fd = pipes[1][0], .events = POLLIN}};
	size_t len[2] = {0, 0};

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, harness_limit_ms()) < 1)
			return false;
		if (fds[0].revents != 0 &&
		    !collect(fds[0].fd, run->out, sizeof(run->out), &len[0]))
			fds[0].fd = -1;
		if (fds[1].revents != 0 &&
		    !collect(fds[1].fd, run->err, sizeof(run->err), &len[1]))
			fds[1].fd = -1;
	}
	return true;
}

static void finish(struct run *run, pid_t pid, bool ended)
{
	int status = 0;

	if (!ended)
		kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!ended)
		fail_msg("it does not end; it said: %s", run->err);
	run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	for (const char *at = run->err; *at != '\0'; at++)
		run->err_lines += *at == '\n';
}

void run_argond_words(struct run *run, const char *const *words)
{
	const char *all[WORDS];
	size_t n = harness_command(all);
	int pipes[2][2];
	bool ended;
	pid_t pid;

	*run = (struct run){0};
	for (; *words != NULL && n < WORDS - 1; words++)
		all[n++] = *words;
	all[n] = NULL;
	assert_return_code(pipe2(pipes[0], O_CLOEXEC), errno);
	assert_return_code(pipe2(pipes[1], O_CLOEXEC), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0)
		become(pipes, all);
	close(pipes[0][1]);
	close(pipes[1][1]);
	ended = collect_all(run, pipes);
	finish(run, pid, ended);
	close(pipes[0][0]);
	close(pipes[1][0]);
}
