/*
 * A process that was broken into, and what its neighbours and its own user get from it:
 * no view of each other, and a call that is not allowed is its last.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/confined.h"
#include "tests/system/process.h"

/* ---- their own user ---- */

static bool can_open(pid_t pid, const char *what, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	return open(path, flags | O_CLOEXEC) >= 0;
}

/* In a child: as that user, what of process `pid` can be had? Exit status 0: nothing.
 * The master's limits can be changed by who may also end it. */
static int spy(const struct passwd *user, pid_t pid, bool master)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)&byte, 1};
	const struct rlimit more = {1, 1};
	int handle;

	if (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 ||
	    setuid(user->pw_uid) != 0)
		return 1;
	if (can_open(pid, "mem", O_RDONLY) || can_open(pid, "mem", O_RDWR))
		return 2;
	if (can_open(pid, "maps", O_RDONLY) || can_open(pid, "environ", O_RDONLY) ||
	    can_open(pid, "fd", O_RDONLY))
		return 3;
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 ||
	    ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0)
		return 4;
	if (process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno != EPERM)
		return 5;
	handle = (int)syscall(SYS_pidfd_open, pid, 0);
	if (handle >= 0 && syscall(SYS_pidfd_getfd, handle, 2, 0) >= 0)
		return 6;
	return prlimit(pid, RLIMIT_NPROC, &more, NULL) == 0 && !master ? 7 : 0;
}

static void expect_no_view(const struct daemon *d, const struct passwd *user)
{
	pid_t pids[PROCESS_MAX + 1];
	size_t n = process_children(d->pid, pids, PROCESS_MAX);
	int status;

	assert_int_equal(n, 5);
	pids[n++] = d->pid;
	for (size_t i = 0; i < n; i++) {
		pid_t pid = fork();

		assert_return_code(pid, errno);
		if (pid == 0)
			_exit(spy(user, pids[i], pids[i] == d->pid));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static void test_their_own_user_sees_nothing(void **state)
{
	struct daemon *d = *state;
	const struct passwd *user = confined_folder(d, "nobody");

	daemon_start(d, CONFINED_SMALL, "user=nobody", NULL);
	expect_no_view(d, user);
	confined_expect_service(d);
	daemon_stop(d);
	confined_start_as_nobody(d);
	expect_no_view(d, user);
	daemon_stop(d);
}

/* ---- a call that is not allowed ---- */

#ifdef __x86_64__
/* Makes the process's next system call another one. False: not permitted. */
static bool change_call(pid_t pid, unsigned long number)
{
	struct user_regs_struct regs;
	int status;

	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD) != 0)
		return false;
	assert_return_code(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), errno);
	do {
		struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};

		assert_int_equal(waitpid(pid, &status, __WALL), pid);
		assert_true(WIFSTOPPED(status));
		ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY)
			break;
		assert_return_code(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), errno);
	} while (true);
	assert_return_code(ptrace(PTRACE_GETREGS, pid, NULL, &regs), errno);
	regs.orig_rax = number;
	assert_return_code(ptrace(PTRACE_SETREGS, pid, NULL, &regs), errno);
	assert_return_code(ptrace(PTRACE_DETACH, pid, NULL, NULL), errno);
	return true;
}
#else
static bool change_call(pid_t pid, unsigned long number)
{
	(void)pid;
	(void)number;
	return false;
}
#endif

static void test_a_denied_call_is_logged(void **state)
{
	static const struct {
		const char *who;
		unsigned long number;
		const char *words;
	} deaths[] = {
	    {"frontend 1", SYS_socket, "\\(socket\\)"},
	    {"hasher elastic/0", SYS_execve, "\\(execve\\)"},
	    {"hasher lookup/0", SYS_ptrace, "\\(ptrace\\)"},
	};
	struct daemon *d = *state;
	char pattern[192];

	d->bugs_expected = true;
	daemon_start(d, CONFINED_SMALL, NULL);
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		pid_t pid = process_find(d, deaths[i].who);

		if (!change_call(pid, deaths[i].number)) {
			daemon_stop(d);
			print_message("ptrace is not permitted\n");
			skip();
		}
		kill(pid, SIGUSR1); /* something to do */
		snprintf(pattern, sizeof(pattern),
		    "%s \\(%d\\) killed by SIGSYS, by its seccomp filter.* %lu %s",
		    deaths[i].who, (int)pid, deaths[i].number, deaths[i].words);
		daemon_wait_log(d, pattern);
		process_wait_new(d, deaths[i].who, pid);
	}
	confined_expect_service(d);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_their_own_user_sees_nothing),
	    daemon_test(test_a_denied_call_is_logged),
	};

	return cmocka_run_group_tests_name("confinement inside", tests, NULL, NULL);
}
