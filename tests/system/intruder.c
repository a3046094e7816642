#include "tests/system/intruder.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/fds.h"
#include "tests/system/harness.h"
#include "tests/system/process.h"

#ifdef __x86_64__

enum { SYSCALL_BYTES = 2, RED_ZONE = 128 };

/* Goes on to the next stop at a system call of that kind. Returns 0, or the signal that
 * ends it before. */
static int go_to(pid_t pid, unsigned char op)
{
	int status, pass = 0;

	for (;;) {
		struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};

		assert_return_code(
		    ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)pass), errno);
		assert_int_equal(waitpid(pid, &status, __WALL), pid);
		if (!WIFSTOPPED(status))
			return WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL;
		pass = 0;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			pass = status >> 16 == 0 ? WSTOPSIG(status) : 0;
			continue;
		}
		ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
		if (info.op == op)
			return 0;
	}
}

/* A call that the filter denies ends like others, with its signal on the way. */
static bool is_denied(pid_t pid)
{
	const struct __ptrace_peeksiginfo_args first = {.nr = 1};
	siginfo_t info;

	return ptrace(PTRACE_PEEKSIGINFO, pid, &first, &info) == 1 &&
	       info.si_signo == SIGSYS;
}

static void put_bytes(pid_t pid, uint64_t at, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += sizeof(long)) {
		long word = 0;

		memcpy(&word, (const char *)bytes + i,
		    len - i < sizeof(word) ? len - i : sizeof(word));
		assert_return_code(ptrace(PTRACE_POKEDATA, pid,
		                       (void *)(uintptr_t)(at + i), (void *)word),
		    errno);
	}
}

/* At the entry of its own call. The stack below the red zone is nobody's. */
static void put_call(
    pid_t pid, struct user_regs_struct regs, const struct intruder_call *call)
{
	const uint64_t room = (regs.rsp - RED_ZONE - INTRUDER_ROOM) & ~UINT64_C(15);
	uint64_t args[6];

	assert_true(call->len <= INTRUDER_ROOM);
	put_bytes(pid, room, call->bytes, call->len);
	for (size_t i = 0; i < 6; i++)
		args[i] = call->args[i] == INTRUDER_BYTES ? room : call->args[i];
	regs.orig_rax = (unsigned long long)call->number;
	regs.rdi = args[0];
	regs.rsi = args[1];
	regs.rdx = args[2];
	regs.r10 = args[3];
	regs.r8 = args[4];
	regs.r9 = args[5];
	assert_return_code(ptrace(PTRACE_SETREGS, pid, NULL, &regs), errno);
}

enum intruder_end intruder_do(pid_t pid, const struct intruder_call *call, long *result)
{
	struct user_regs_struct own, after;
	int status;

	*result = 0;
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD) != 0)
		return INTRUDER_UNABLE;
	assert_return_code(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), errno);
	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(go_to(pid, PTRACE_SYSCALL_INFO_ENTRY), 0);
	assert_return_code(ptrace(PTRACE_GETREGS, pid, NULL, &own), errno);
	put_call(pid, own, call);
	assert_int_equal(go_to(pid, PTRACE_SYSCALL_INFO_EXIT), 0);
	if (is_denied(pid)) {
		assert_return_code(ptrace(PTRACE_DETACH, pid, NULL, NULL), errno);
		return INTRUDER_DENIED;
	}
	assert_return_code(ptrace(PTRACE_GETREGS, pid, NULL, &after), errno);
	*result = (long)after.rax;
	own.rip -= SYSCALL_BYTES; /* its own call again */
	own.rax = own.orig_rax;
	own.orig_rax = (unsigned long long)-1;
	assert_return_code(ptrace(PTRACE_SETREGS, pid, NULL, &own), errno);
	assert_return_code(ptrace(PTRACE_DETACH, pid, NULL, NULL), errno);
	return INTRUDER_DONE;
}

#else

enum intruder_end intruder_do(pid_t pid, const struct intruder_call *call, long *result)
{
	(void)pid;
	(void)call;
	*result = 0;
	return INTRUDER_UNABLE;
}

#endif

int intruder_take(pid_t pid, int fd)
{
	int handle = process_handle(pid), taken;

	if (handle < 0)
		return -1;
	taken = (int)syscall(SYS_pidfd_getfd, handle, fd, 0);
	close(handle);
	return taken;
}

static bool is_listener(int fd, int family)
{
	int listening = 0, domain = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
	       listening != 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       domain == family;
}

int intruder_listener(pid_t pid, int family)
{
	static struct fd_list list;
	int found = -1;

	if (!fds_list(pid, &list))
		return -1;
	for (size_t i = 0; i < list.count && found < 0; i++) {
		const int taken = list.entries[i].inode != 0
		                      ? intruder_take(pid, list.entries[i].fd)
		                      : -1;

		if (taken < 0)
			continue;
		if (is_listener(taken, family))
			found = list.entries[i].fd;
		close(taken);
	}
	return found;
}
