/*
 * Which system calls a process may make once it is set up: tables, a row each with what
 * it is for. A row may say what an argument must be; several rows of one call are
 * alternatives. What is in no table ends the process, but for mremap(), which fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "common/contract.h"
#include "common/log.h"
#include "common/sandbox.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#endif

enum {
	CONDITIONS = 2,
	SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL,
	BY_FILTER = 1, /* SYS_SECCOMP, whose header and <signal.h> exclude each other */
};

struct call {
	int number; /* libseccomp's; it knows which ones an architecture lacks */
	unsigned conditions;
	struct scmp_arg_cmp when[CONDITIONS];
};

struct table {
	const struct call *calls;
	size_t count;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE(calls)                                                                   \
	{                                                                              \
		calls, COUNT(calls)                                                    \
	}
#define CALL(name)                                                                     \
	{                                                                              \
		.number = SCMP_SYS(name)                                               \
	}
#define CALL_IF(name, condition)                                                       \
	{                                                                              \
		.number = SCMP_SYS(name), .conditions = 1, .when = { condition }       \
	}
#define CALL_IF_BOTH(name, one, two)                                                   \
	{                                                                              \
		.number = SCMP_SYS(name), .conditions = 2, .when = { one, two }        \
	}
/* Of a 32-bit argument, the bits of `mask` are `value`. */
#define BITS(argument, mask, value)                                                    \
	{                                                                              \
		.arg = (argument), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask),        \
		.datum_b = (value)                                                     \
	}
#define EQUAL(argument, value) BITS(argument, UINT32_MAX, value)
#define NULL_POINTER(argument)                                                         \
	{                                                                              \
		.arg = (argument), .op = SCMP_CMP_EQ, .datum_a = 0                     \
	}

/* clang-format off */

static const struct call for_all[] = {
	CALL(exit), CALL(exit_group),
	/* fds that it has: signals, links, control; standard error for the log */
	CALL(read), CALL(write), CALL(writev), CALL(close), CALL(recvmsg),
	CALL_IF_BOTH(sendto, BITS(3, (uint32_t)~SEND_FLAGS, 0), NULL_POINTER(4)),
	CALL(poll), CALL(ppoll),
	CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait),
	/* memory of its own, to hold data */
	CALL_IF_BOTH(mmap, BITS(2, PROT_EXEC, 0), BITS(3, MAP_ANONYMOUS, MAP_ANONYMOUS)),
	CALL_IF(mprotect, BITS(2, PROT_EXEC, 0)),
	CALL(munmap), CALL(madvise), CALL(brk),
	/* locks in libraries, time where the vDSO has none, random numbers, log lines */
	CALL(futex), CALL(clock_gettime), CALL(gettimeofday), CALL(time),
	CALL(getrandom), CALL(getpid), CALL(gettid),
	/* after SIGSTOP; after a handler */
	CALL(restart_syscall), CALL(rt_sigreturn),
	/* abort(): it resets the handler where SIGABRT is blocked (from glibc 2.41 on) or
	 * ignored. filter_add_abort() allows the signal itself. */
	CALL(rt_sigprocmask), CALL_IF(rt_sigaction, EQUAL(0, SIGABRT)),
	/* a name for a mapping: the tunable glibc.mem.decorate_maps */
	CALL_IF_BOTH(prctl, EQUAL(0, PR_SET_VMA), EQUAL(1, PR_SET_VMA_ANON_NAME)),
};

static const struct call for_frontend[] = {
	CALL(accept4), CALL(recvfrom), CALL_IF(shutdown, EQUAL(1, SHUT_WR)),
	/* a client that does not take its answer is cut off with a reset */
	CALL_IF_BOTH(setsockopt, EQUAL(1, SOL_SOCKET), EQUAL(2, SO_LINGER)),
	/* who is at the other end of a Unix socket? */
	CALL_IF_BOTH(getsockopt, EQUAL(1, SOL_SOCKET), EQUAL(2, SO_PEERCRED)),
	/* how much does the kernel hold for a connection? */
	CALL_IF_BOTH(getsockopt, EQUAL(1, SOL_SOCKET), EQUAL(2, SO_MEMINFO)),
	/* has a link been read to its end? */
	CALL_IF(ioctl, EQUAL(1, SIOCOUTQ)),
};

/* Of these, what is not for a listener, which belongs to the other frontends as well: they
 * would have what one of them does to it. */
static const int not_on_listeners[] = {SCMP_SYS(setsockopt), SCMP_SYS(shutdown)};

/* What SQLite does with a database, its journal and its write-ahead log, by all the names
 * that C libraries and architectures have for it. */
static const struct call for_lookup[] = {
	CALL(open), CALL(openat), CALL(unlink), CALL(unlinkat), CALL(getcwd),
	CALL(access), CALL(faccessat), CALL(faccessat2),
	CALL(stat), CALL(lstat), CALL(fstat), CALL(newfstatat), CALL(statx),
	CALL(readlink), CALL(readlinkat),
	CALL(lseek), CALL(pread64), CALL(pwrite64), CALL(fsync), CALL(fdatasync),
	CALL(ftruncate), CALL(fallocate), CALL(fchown), CALL(geteuid),
	/* a journal has the database's mode; no program that runs as its owner has one */
	CALL_IF(fchmod, BITS(1, 07000, 0)),
	CALL_IF(fcntl, EQUAL(1, F_GETFD)), CALL_IF(fcntl, EQUAL(1, F_SETFD)),
	CALL_IF(fcntl, EQUAL(1, F_GETLK)), CALL_IF(fcntl, EQUAL(1, F_SETLK)),
	/* the index of a write-ahead log is shared by those who read it */
	CALL_IF_BOTH(mmap, BITS(2, PROT_EXEC, 0), BITS(3, MAP_SHARED, MAP_SHARED)),
	/* waiting for a lock */
	CALL(nanosleep), CALL(clock_nanosleep),
};

#ifdef SANITIZED
/* What a sanitizer needs, most of it to tell what it has found. */
static const struct call for_sanitizer[] = {
	CALL(sigaltstack), CALL(rt_sigaction), CALL(openat), CALL(newfstatat), CALL(lseek),
	CALL(readlink), CALL(getcwd), CALL(uname), CALL(sched_yield), CALL(sched_getaffinity),
	CALL(sysinfo), CALL_IF(mmap, BITS(2, PROT_EXEC, 0)), CALL_IF(prlimit64, NULL_POINTER(2)),
	CALL(getrlimit), CALL_IF(ioctl, EQUAL(1, TCGETS)),
};
#endif

/* clang-format on */

static const struct table tables[SANDBOX_KINDS] = {
    [SANDBOX_FRONTEND] = TABLE(for_frontend),
    [SANDBOX_HASHER] = {NULL, 0}, /* nothing but what all have */
    [SANDBOX_LOOKUP] = TABLE(for_lookup),
};

/* Where a process writes down which call has ended it: a handler gets no argument. */
static struct board_slot *denied_slot;

/*
 * SIGSYS is blocked while its handler runs, and the kernel ends a process by a second
 * one whatever is installed for it: kill() is in no table. By hand, it is ignored.
 */
static void filter_denied(int signo, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_code != BY_FILTER)
		return;
	atomic_store(&denied_slot->denied, (uint32_t)info->si_syscall + 1);
	kill(getpid(), signo);
	_exit(CHILD_EXIT_FATAL);
}

/* All signals are blocked, for the signalfd; but for one that the kernel forces upon us
 * the handler runs only if it is not. */
static int filter_catch(struct board_slot *slot)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};
	sigset_t only;

	denied_slot = slot;
	action.sa_sigaction = filter_denied;
	sigfillset(&action.sa_mask);
	sigemptyset(&only);
	sigaddset(&only, SIGSYS);
	return sigaction(SIGSYS, &action, NULL) == 0 &&
	               sigprocmask(SIG_UNBLOCK, &only, NULL) == 0
	           ? 0
	           : -1;
}

static int filter_add(scmp_filter_ctx filter, const struct table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct call *call = &table->calls[i];
		int rc = seccomp_rule_add_array(
		    filter, SCMP_ACT_ALLOW, call->number, call->conditions, call->when);

		if (rc != 0 && rc != -EEXIST) /* two tables may have the same row */
			return rc;
	}
	return 0;
}

/* A process may end itself by SIGABRT: what a fortified function does. */
static int filter_add_abort(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp when[CONDITIONS] = {
	    EQUAL(0, (uint32_t)getpid()), EQUAL(2, SIGABRT)};

	return seccomp_rule_add_array(
	    filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), CONDITIONS, when);
}

/* A mapping of the board that grows has the slots of other processes behind its own,
 * and may write to them. realloc() copies where it is told that there is no memory. */
static int filter_add_no_growth(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOMEM), SCMP_SYS(mremap), 0);
}

static int filter_fill(scmp_filter_ctx filter, const struct sandbox_spec *spec)
{
	static const struct table all = TABLE(for_all);
	int rc =
	    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (rc == 0)
		rc = filter_add(filter, &all);
	if (rc == 0)
		rc = filter_add(filter, &tables[spec->kind]);
	if (rc == 0)
		rc = filter_add_abort(filter);
	if (rc == 0)
		rc = filter_add_no_growth(filter);
#ifdef SANITIZED
	if (rc == 0)
		rc = filter_add(filter, &(const struct table)TABLE(for_sanitizer));
#endif
	return rc;
}

/*
 * A filter cannot tell a listener from a connection but by its number. No call that a
 * frontend has makes a second number for an fd, and nobody sends it one. This filter is
 * a second one, as the rules of one filter cannot contradict each other.
 */
static int filter_guard(scmp_filter_ctx filter, const struct sandbox_spec *spec)
{
	int rc =
	    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	for (size_t i = 0; rc == 0 && i < spec->listener_count; i++)
		for (size_t c = 0; rc == 0 && c < COUNT(not_on_listeners); c++) {
			const struct scmp_arg_cmp it =
			    EQUAL(0, (uint32_t)spec->listeners[i]);

			rc = seccomp_rule_add_array(
			    filter, SCMP_ACT_TRAP, not_on_listeners[c], 1, &it);
		}
	return rc;
}

static int filter_load(uint32_t otherwise,
    int (*fill)(scmp_filter_ctx filter, const struct sandbox_spec *spec),
    const struct sandbox_spec *spec)
{
	scmp_filter_ctx filter = seccomp_init(otherwise);
	int rc = filter != NULL ? fill(filter, spec) : -ENOMEM;

	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}

int sandbox_filter_load(const struct sandbox_spec *spec, struct board_slot *slot)
{
	int rc = filter_catch(slot) == 0 ? 0 : -errno;

	/* the guard first: the other one has no call to load it by */
	if (rc == 0 && spec->listener_count > 0)
		rc = filter_load(SCMP_ACT_ALLOW, filter_guard, spec);
	if (rc == 0)
		rc = filter_load(SCMP_ACT_TRAP, filter_fill, spec);
	if (rc == 0)
		return 0;
	log_error("seccomp: %s; see the directive `seccomp`", strerror(-rc));
	return -1;
}

bool sandbox_filter_available(void)
{
	const uint32_t action = SECCOMP_RET_TRAP;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

const char *sandbox_denied_words(uint32_t denied, char *buf, size_t cap)
{
	int number = (int)(denied - 1);
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	snprintf(buf, cap, "%d (%s)", number, name != NULL ? name : "unknown");
	free(name);
	return buf;
}
