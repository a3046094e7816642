#include "tests/system/remote_call.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/harness.h"

#ifdef __x86_64__

/* Far below the stack pointer, where no frame of a waiting process is. */
enum { SCRATCH_BELOW = 16384 };

static void registers_get(pid_t pid, struct user_regs_struct *regs)
{
	assert_return_code(ptrace(PTRACE_GETREGS, pid, NULL, regs), errno);
}

static void registers_set(pid_t pid, const struct user_regs_struct *regs)
{
	assert_return_code(ptrace(PTRACE_SETREGS, pid, NULL, regs), errno);
}

/* Goes on to the next beginning or end of a system call. True where a signal of its
 * filter came in between; other signals are for the process, and are lost to it: none
 * is sent to it meanwhile. */
static bool run_to_call(pid_t pid, int operation)
{
	bool denied = false;
	int status;

	do {
		struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};

		assert_return_code(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), errno);
		assert_int_equal(waitpid(pid, &status, __WALL), pid);
		assert_true(WIFSTOPPED(status));
		if (WSTOPSIG(status) == SIGSYS)
			denied = true;
		ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) && info.op == operation)
			return denied;
	} while (true);
}

bool remote_open(struct remote *remote, pid_t pid)
{
	struct user_regs_struct regs;
	int status;

	*remote = (struct remote){.pid = pid};
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD) != 0)
		return false;
	assert_return_code(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), errno);
	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	(void)run_to_call(pid, PTRACE_SYSCALL_INFO_ENTRY);
	registers_get(pid, &regs);
	remote->number = (long)regs.orig_rax;
	remote->saved[0] = regs.rdi;
	remote->saved[1] = regs.rsi;
	remote->saved[2] = regs.rdx;
	remote->saved[3] = regs.r10;
	remote->saved[4] = regs.r8;
	remote->saved[5] = regs.r9;
	remote->instruction = regs.rip - 2; /* of `syscall` */
	remote->scratch = (regs.rsp - SCRATCH_BELOW) & ~15UL;
	return true;
}

/* The registers for a call; the process stands before one. */
static void call_prepare(
    struct user_regs_struct *regs, long number, const unsigned long arguments[6])
{
	regs->orig_rax = (unsigned long)number;
	regs->rdi = arguments[0];
	regs->rsi = arguments[1];
	regs->rdx = arguments[2];
	regs->r10 = arguments[3];
	regs->r8 = arguments[4];
	regs->r9 = arguments[5];
}

/* Back before the instruction, for the call that the process has wanted. A filter's
 * signal comes behind the end of the call that it denies, so here: true. */
static bool call_again(struct remote *remote)
{
	struct user_regs_struct regs;

	registers_get(remote->pid, &regs);
	call_prepare(&regs, remote->number, remote->saved);
	regs.rax = (unsigned long)remote->number;
	regs.rip = remote->instruction;
	registers_set(remote->pid, &regs);
	return run_to_call(remote->pid, PTRACE_SYSCALL_INFO_ENTRY);
}

long remote_call(struct remote *remote, long number, unsigned long a, unsigned long b,
    unsigned long c, unsigned long d, unsigned long e, unsigned long f)
{
	const unsigned long arguments[6] = {a, b, c, d, e, f};
	struct user_regs_struct regs;
	bool denied;
	long result;

	registers_get(remote->pid, &regs);
	call_prepare(&regs, number, arguments);
	registers_set(remote->pid, &regs);
	denied = run_to_call(remote->pid, PTRACE_SYSCALL_INFO_EXIT);
	registers_get(remote->pid, &regs);
	result = (long)regs.rax;
	denied |= call_again(remote);
	return denied ? REMOTE_DENIED : result;
}

void remote_close(struct remote *remote)
{
	assert_return_code(ptrace(PTRACE_DETACH, remote->pid, NULL, NULL), errno);
}

#else

bool remote_open(struct remote *remote, pid_t pid)
{
	*remote = (struct remote){.pid = pid};
	return false;
}

long remote_call(struct remote *remote, long number, unsigned long a, unsigned long b,
    unsigned long c, unsigned long d, unsigned long e, unsigned long f)
{
	(void)remote, (void)number, (void)a, (void)b, (void)c, (void)d, (void)e,
	    (void)f;
	return -ENOSYS;
}

void remote_close(struct remote *remote)
{
	(void)remote;
}

#endif

unsigned long remote_put(
    struct remote *remote, size_t offset, const void *bytes, size_t n)
{
	struct iovec here = {(void *)(uintptr_t)bytes, n};
	struct iovec there = {(void *)(remote->scratch + offset), n};

	assert_int_equal(process_vm_writev(remote->pid, &here, 1, &there, 1, 0), n);
	return remote->scratch + offset;
}

long remote_open_file(struct remote *remote, const char *path, int flags)
{
	const unsigned long at = remote_put(remote, 0, path, strlen(path) + 1);

	return remote_call(remote, SYS_openat, (unsigned long)AT_FDCWD, at,
	    (unsigned long)flags, 0600, 0, 0);
}
