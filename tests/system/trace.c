#include "tests/system/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/harness.h"

/* Why a call cannot block, or must be looked at. */
enum rule {
	NEVER,     /* it never waits, or is the one place to wait (epoll) */
	FD,        /* its fd (argument 0) is non-blocking */
	FD_OR_LOG, /* or is one to write a log line to, which is made sure of elsewhere
	            */
	FLAGS_2,   /* FD, or MSG_DONTWAIT in argument 2 */
	FLAGS_3,   /* in argument 3 */
	TIMEOUT_2, /* argument 2 is a timeout of 0 */
	WAKE,      /* futex: wakes, does not wait */
};

static const struct {
	long number;
	enum rule rule;
} calls[] = {
    {SYS_epoll_wait, NEVER},
    {SYS_epoll_pwait, NEVER},
    {SYS_epoll_pwait2, NEVER},
    {SYS_epoll_ctl, NEVER},
    {SYS_epoll_create1, NEVER},
    {SYS_eventfd2, NEVER},
    {SYS_timerfd_create, NEVER},
    {SYS_timerfd_settime, NEVER},
    {SYS_read, FD},
    {SYS_readv, FD},
    {SYS_write, FD_OR_LOG},
    {SYS_writev, FD_OR_LOG},
    {SYS_pwritev2, FD_OR_LOG},
    {SYS_accept4, FD},
    {SYS_recvfrom, FLAGS_3},
    {SYS_sendto, FLAGS_3},
    {SYS_recvmsg, FLAGS_2},
    {SYS_sendmsg, FLAGS_2},
    {SYS_poll, TIMEOUT_2},
    {SYS_close, NEVER},
    {SYS_close_range, NEVER},
    {SYS_shutdown, NEVER},
    {SYS_setsockopt, NEVER},
    {SYS_getsockopt, NEVER},
    {SYS_getsockname, NEVER},
    {SYS_getpeername, NEVER},
    {SYS_ioctl, NEVER},
    {SYS_fcntl, NEVER},
    {SYS_mmap, NEVER},
    {SYS_munmap, NEVER},
    {SYS_mremap, NEVER},
    {SYS_madvise, NEVER},
    {SYS_mprotect, NEVER},
    {SYS_brk, NEVER},
    {SYS_getrandom, NEVER},
    {SYS_clock_gettime, NEVER},
    {SYS_gettimeofday, NEVER},
    {SYS_time, NEVER},
    {SYS_getpid, NEVER},
    {SYS_gettid, NEVER},
    {SYS_getppid, NEVER},
    {SYS_rt_sigprocmask, NEVER},
    {SYS_rt_sigaction, NEVER},
    {SYS_rt_sigreturn, NEVER},
    {SYS_restart_syscall, NEVER},
    {SYS_futex, WAKE},
    {SYS_exit_group, NEVER},
    {SYS_exit, NEVER},
};

static bool fd_is_patient(pid_t pid, uint64_t fd, bool log)
{
	char path[64], *text, *line;
	long flags = 0;

	if (log && fd == STDERR_FILENO)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, (int)fd);
	text = harness_read_file(path);
	line = text != NULL ? strstr(text, "flags:") : NULL;
	if (line != NULL)
		flags = strtol(line + 6, NULL, 8);
	free(text);
	return line == NULL || (flags & O_NONBLOCK) != 0; /* a bad fd blocks nobody */
}

/* Could this call make the process wait? */
static bool could_block(pid_t pid, const struct __ptrace_syscall_info *info)
{
	const uint64_t *args = info->entry.args;
	size_t i = 0;

	while (i < sizeof(calls) / sizeof(calls[0]) &&
	       calls[i].number != (long)info->entry.nr)
		i++;
	if (i == sizeof(calls) / sizeof(calls[0]))
		return true; /* none that we know to be harmless */
	switch (calls[i].rule) {
	case NEVER:
		return false;
	case FD:
	case FD_OR_LOG:
		return !fd_is_patient(pid, args[0], calls[i].rule == FD_OR_LOG);
	case FLAGS_2:
		return (args[2] & MSG_DONTWAIT) == 0 &&
		       !fd_is_patient(pid, args[0], false);
	case FLAGS_3:
		return (args[3] & MSG_DONTWAIT) == 0 &&
		       !fd_is_patient(pid, args[0], false);
	case TIMEOUT_2:
		return (int)args[2] != 0;
	case WAKE:
		return ((int)args[1] & FUTEX_CMD_MASK) != FUTEX_WAKE;
	}
	return true;
}

/* Counts the call, and says so where one of its kind could block for the first time. */
static void look(pid_t pid, int report, unsigned long *seen)
{
	static bool said[1024];
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	++*seen;
	if (info.entry.nr >= 1024 || said[info.entry.nr] || !could_block(pid, &info))
		return;
	said[info.entry.nr] = true;
	dprintf(report, "system call %d (%d, ...) could block\n", (int)info.entry.nr,
	    (int)info.entry.args[0]);
}

/* Lets the traced process run from call to call until it has left. */
static void follow(pid_t pid, int report)
{
	unsigned long seen = 0;
	int status, pass;

	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		pass = 0;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			look(pid, report, &seen);
		else if (status >> 16 == 0)
			pass = WSTOPSIG(status); /* a signal of its own */
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)pass) != 0)
			break;
	}
	dprintf(report, "calls %lu\n", seen);
}

bool trace_open(struct trace *trace, pid_t pid)
{
	int pipe_fds[2];
	char answer = 'n';

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return false;
	trace->tracer = fork();
	if (trace->tracer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD) != 0)
			_exit(1);
		if (write(pipe_fds[1], "y", 1) == 1)
			follow(pid, pipe_fds[1]);
		_exit(0);
	}
	close(pipe_fds[1]);
	trace->report = pipe_fds[0];
	if (trace->tracer > 0 && read(trace->report, &answer, 1) == 1 && answer == 'y')
		return true;
	waitpid(trace->tracer, NULL, 0);
	close(trace->report);
	return false;
}

unsigned long trace_close(struct trace *trace, char *text, size_t cap)
{
	unsigned long seen = 0;
	size_t len = 0;
	ssize_t n;
	char *last;

	while (
	    len + 1 < cap && (n = read(trace->report, text + len, cap - len - 1)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	waitpid(trace->tracer, NULL, 0);
	close(trace->report);
	last = strstr(text, "calls ");
	if (last == NULL)
		return 0;
	seen = strtoul(last + 6, NULL, 10);
	*last = '\0';
	return seen;
}
