/*
 * The injector: linked into the program of build/faults, and nowhere else. The linker
 * (--wrap) leads every call of argond's own objects and of the libraries that are
 * linked statically there (libev, libconfuse, SQLite, libseccomp) through
 * here; the sources know nothing of it.
 *
 * Not an LD_PRELOAD and no malloc() of our own: a sanitizer has to stay the allocator,
 * and the C library's inner calls, like those of a sanitizer that reports something,
 * must not count. What a library does inside the C library (getpwnam, fopen) is one
 * call that fails as a whole.
 *
 * A child's end is looked at for leaks as well: it leaves by _exit(), before which
 * nobody else would look.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sanitizer/lsan_interface.h>

#include "common/log_sink.h"
#include "master/birth.h"
#include "master/master.h"
#include "tests/faults/faults.h"

#include <seccomp.h> /* after <ev.h>: it defines EV_NONE */

extern const char __executable_start[];

static struct {
	struct faults *plan; /* NULL: nobody wants any */
	enum fault_role role;
	bool logging;
	bool filtered; /* by seccomp */
} inject;

__attribute__((constructor)) static void inject_begin(void)
{
	const char *path = getenv(FAULTS_VARIABLE);
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *plan;

	if (fd < 0)
		return;
	plan = mmap(
	    NULL, sizeof(struct faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	inject.role =
	    getenv("ARGOND_UPGRADE") != NULL ? FAULT_IN_HEIR : FAULT_IN_MASTER;
	inject.plan = plan != MAP_FAILED ? plan : NULL;
}

static void inject_note(
    struct faults *plan, const char *call, int error, const void *caller)
{
	atomic_store(
	    &plan->caller, (uint64_t)((const char *)caller - __executable_start));
	atomic_store(&plan->error, error);
	atomic_store(&plan->pid, getpid());
	strncpy(plan->call, call, sizeof(plan->call) - 1);
}

/* Is this the one? Then errno is set. */
static bool inject_here(
    enum fault_class class, const char *call, int usual, int other, const void *caller)
{
	struct faults *plan = inject.plan;
	uint32_t n;

	if (plan == NULL || atomic_load(&plan->armed) == 0 ||
	    atomic_load(&plan->role) != inject.role ||
	    atomic_load(&plan->class) != (inject.logging ? FAULT_LOG : class))
		return false;
	n = 1 + atomic_fetch_add(&plan->seen, 1);
	if (n < atomic_load(&plan->nth) ||
	    (n > atomic_load(&plan->nth) && atomic_load(&plan->lasting) == 0))
		return false;
	errno = atomic_load(&plan->other) != 0 ? other : usual;
	if (atomic_fetch_add(&plan->fired, 1) == 0)
		inject_note(plan, call, errno, caller);
	return true;
}

#define REAL(name) __real_##name
#define WRAP(name) __wrap_##name

/* name: its type, what it returns when it fails, its class, the usual and another
 * errno, its parameters and how they are passed on. */
#define CALL(name, type, failure, class, usual, other, params, args)                   \
	type REAL(name) params;                                                        \
	type WRAP(name) params;                                                        \
	type WRAP(name) params                                                         \
	{                                                                              \
		if (inject_here(                                                       \
		        class, #name, usual, other, __builtin_return_address(0)))      \
			return failure;                                                \
		return REAL(name) args;                                                \
	}

/* clang-format off */

#define MEMORY(name, params, args) \
	CALL(name, void *, NULL, FAULT_MEMORY, ENOMEM, ENOMEM, params, args)
MEMORY(malloc, (size_t n), (n))
MEMORY(calloc, (size_t n, size_t size), (n, size))
MEMORY(realloc, (void *p, size_t n), (p, n))
MEMORY(reallocarray, (void *p, size_t n, size_t size), (p, n, size))
MEMORY(aligned_alloc, (size_t align, size_t n), (align, n))
CALL(strdup, char *, NULL, FAULT_MEMORY, ENOMEM, ENOMEM, (const char *s), (s))
CALL(strndup, char *, NULL, FAULT_MEMORY, ENOMEM, ENOMEM, (const char *s, size_t n), (s, n))

#define MAP(name, params, args) \
	CALL(name, void *, MAP_FAILED, FAULT_MAP, ENOMEM, EPERM, params, args)
MAP(mmap, (void *p, size_t n, int prot, int flags, int fd, off_t at), (p, n, prot, flags, fd, at))
MAP(mremap, (void *p, size_t n, size_t m, int flags, void *to), (p, n, m, flags, to))
MAP(mmap64, (void *p, size_t n, int prot, int flags, int fd, off_t at), (p, n, prot, flags, fd, at))
CALL(mprotect, int, -1, FAULT_MAP, ENOMEM, EACCES, (void *p, size_t n, int prot), (p, n, prot))
CALL(madvise, int, -1, FAULT_MAP, ENOMEM, EAGAIN, (void *p, size_t n, int advice), (p, n, advice))

#define SOCKET(name, usual, other, params, args) \
	CALL(name, int, -1, FAULT_SOCKET, usual, other, params, args)
SOCKET(socket, EMFILE, ENOBUFS, (int family, int type, int protocol), (family, type, protocol))
SOCKET(socketpair, EMFILE, ENFILE, (int f, int t, int p, int fds[2]), (f, t, p, fds))
SOCKET(bind, EADDRINUSE, EACCES, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
SOCKET(listen, EADDRINUSE, EADDRINUSE, (int fd, int backlog), (fd, backlog))
SOCKET(accept4, EMFILE, ECONNABORTED,
    (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags))
SOCKET(connect, EAGAIN, ENOMEM, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
SOCKET(setsockopt, ENOMEM, ENOBUFS,
    (int fd, int level, int option, const void *value, socklen_t n), (fd, level, option, value, n))
SOCKET(getsockopt, ENOBUFS, ENOMEM,
    (int fd, int level, int option, void *value, socklen_t *n), (fd, level, option, value, n))
SOCKET(getsockname, ENOBUFS, ENOMEM, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
SOCKET(shutdown, ENOTCONN, ENOTCONN, (int fd, int how), (fd, how))

#define EVENT(name, usual, other, params, args) \
	CALL(name, int, -1, FAULT_EVENT, usual, other, params, args)
EVENT(epoll_create1, EMFILE, ENOMEM, (int flags), (flags))
EVENT(epoll_ctl, ENOSPC, ENOMEM, (int fd, int op, int on, struct epoll_event *e), (fd, op, on, e))
EVENT(epoll_wait, EINTR, EINTR, (int fd, struct epoll_event *e, int n, int ms), (fd, e, n, ms))
EVENT(poll, EINTR, ENOMEM, (struct pollfd *fds, nfds_t n, int ms), (fds, n, ms))
EVENT(signalfd, EMFILE, ENOMEM, (int fd, const sigset_t *set, int flags), (fd, set, flags))
EVENT(pipe2, EMFILE, ENFILE, (int fds[2], int flags), (fds, flags))
EVENT(memfd_create, EMFILE, ENOMEM, (const char *name, unsigned flags), (name, flags))

#define SEND(name, usual, other, params, args) \
	CALL(name, ssize_t, -1, FAULT_SEND, usual, other, params, args)
SEND(send, ENOBUFS, ENOMEM, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
SEND(sendto, ENOBUFS, ECONNREFUSED,
    (int fd, const void *p, size_t n, int flags, const struct sockaddr *a, socklen_t len),
    (fd, p, n, flags, a, len))
SEND(sendmsg, ENOBUFS, ENOMEM, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
SEND(write, ENOSPC, EIO, (int fd, const void *p, size_t n), (fd, p, n))
SEND(pwrite, ENOSPC, EIO, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
SEND(pwrite64, ENOSPC, EIO, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))

#define RECEIVE(name, usual, other, params, args) \
	CALL(name, ssize_t, -1, FAULT_RECEIVE, usual, other, params, args)
RECEIVE(recv, ECONNRESET, ENOMEM, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
RECEIVE(recvmsg, ENOMEM, EINTR, (int fd, struct msghdr *m, int flags), (fd, m, flags))
RECEIVE(read, EIO, EINTR, (int fd, void *p, size_t n), (fd, p, n))
RECEIVE(pread, EIO, EINTR, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
RECEIVE(pread64, EIO, EINTR, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))

#define FILES(name, type, failure, usual, other, params, args) \
	CALL(name, type, failure, FAULT_FILE, usual, other, params, args)
FILES(opendir, DIR *, NULL, EMFILE, EACCES, (const char *path), (path))
FILES(fopen, FILE *, NULL, EMFILE, EACCES, (const char *path, const char *mode), (path, mode))
FILES(mkdtemp, char *, NULL, EACCES, ENOSPC, (char *path), (path))
FILES(mkdir, int, -1, EACCES, ENOSPC, (const char *path, mode_t mode), (path, mode))
FILES(rmdir, int, -1, EACCES, EBUSY, (const char *path), (path))
FILES(unlink, int, -1, EACCES, EIO, (const char *path), (path))
FILES(rename, int, -1, EACCES, EIO, (const char *from, const char *to), (from, to))
FILES(unlinkat, int, -1, EACCES, EIO, (int dir, const char *path, int flags), (dir, path, flags))
FILES(renameat, int, -1, EACCES, EIO,
    (int dir, const char *from, int other, const char *to), (dir, from, other, to))
FILES(ftruncate, int, -1, EIO, EINTR, (int fd, off_t n), (fd, n))
FILES(ftruncate64, int, -1, EIO, EINTR, (int fd, off_t n), (fd, n))
FILES(fallocate, int, -1, ENOSPC, EINTR, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
FILES(fallocate64, int, -1, ENOSPC, EINTR, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
FILES(stat, int, -1, EACCES, ENOMEM, (const char *path, struct stat *st), (path, st))
FILES(lstat, int, -1, EACCES, ENOMEM, (const char *path, struct stat *st), (path, st))
FILES(fstat, int, -1, EIO, ENOMEM, (int fd, struct stat *st), (fd, st))
FILES(fstatat, int, -1, EACCES, ENOMEM,
    (int dir, const char *path, struct stat *st, int flags), (dir, path, st, flags))
FILES(stat64, int, -1, EACCES, ENOMEM, (const char *path, struct stat64 *st), (path, st))
FILES(lstat64, int, -1, EACCES, ENOMEM, (const char *path, struct stat64 *st), (path, st))
FILES(fstat64, int, -1, EIO, ENOMEM, (int fd, struct stat64 *st), (fd, st))
FILES(readlink, ssize_t, -1, EACCES, ENOMEM, (const char *path, char *to, size_t n), (path, to, n))
FILES(realpath, char *, NULL, EACCES, ENOMEM, (const char *path, char *to), (path, to))
FILES(flock, int, -1, ENOLCK, EINTR, (int fd, int how), (fd, how))
FILES(access, int, -1, EACCES, EIO, (const char *path, int mode), (path, mode))
FILES(dup2, int, -1, EBUSY, EINTR, (int from, int to), (from, to))
FILES(chdir, int, -1, EACCES, ENOMEM, (const char *path), (path))
FILES(chroot, int, -1, EPERM, ENOMEM, (const char *path), (path))
FILES(chmod, int, -1, EPERM, EIO, (const char *path, mode_t mode), (path, mode))
FILES(fchmod, int, -1, EPERM, EIO, (int fd, mode_t mode), (fd, mode))
FILES(fchownat, int, -1, EPERM, EIO,
    (int dir, const char *path, uid_t u, gid_t g, int flags), (dir, path, u, g, flags))

#define RIGHTS(name, failure, usual, other, params, args) \
	CALL(name, int, failure, FAULT_RIGHTS, usual, other, params, args)
RIGHTS(setrlimit, -1, EPERM, EINVAL, (int which, const struct rlimit *l), (which, l))
RIGHTS(getrlimit, -1, EFAULT, EINVAL, (int which, struct rlimit *l), (which, l))
RIGHTS(setpriority, -1, EPERM, ESRCH, (int which, id_t who, int value), (which, who, value))
RIGHTS(sched_getaffinity, -1, EINVAL, EPERM, (pid_t pid, size_t n, cpu_set_t *set), (pid, n, set))
RIGHTS(sched_setaffinity, -1, EINVAL, EPERM, (pid_t pid, size_t n, const cpu_set_t *set), (pid, n, set))
RIGHTS(setgroups, -1, EPERM, ENOMEM, (size_t n, const gid_t *ids), (n, ids))
RIGHTS(setresgid, -1, EPERM, EAGAIN, (gid_t r, gid_t e, gid_t s), (r, e, s))
RIGHTS(setresuid, -1, EPERM, EAGAIN, (uid_t r, uid_t e, uid_t s), (r, e, s))
RIGHTS(kill, -1, EPERM, EPERM, (pid_t pid, int signo), (pid, signo))
RIGHTS(mlock2, -1, ENOMEM, EPERM, (const void *p, size_t n, unsigned flags), (p, n, flags))
RIGHTS(sigaction, -1, EINVAL, EINVAL,
    (int signo, const struct sigaction *to, struct sigaction *old), (signo, to, old))
RIGHTS(sigprocmask, -1, EINVAL, EINVAL,
    (int how, const sigset_t *to, sigset_t *old), (how, to, old))
RIGHTS(setsid, -1, EPERM, EPERM, (void), ())
RIGHTS(setenv, -1, ENOMEM, ENOMEM, (const char *n, const char *v, int over), (n, v, over))
RIGHTS(seccomp_attr_set, -ENOMEM, ENOMEM, ENOMEM,
    (scmp_filter_ctx f, enum scmp_filter_attr attr, uint32_t value), (f, attr, value))
RIGHTS(seccomp_rule_add_array, -ENOMEM, ENOMEM, ENOMEM,
    (scmp_filter_ctx f, uint32_t act, int call, unsigned n, const struct scmp_arg_cmp *args),
    (f, act, call, n, args))

/* clang-format on */

/* ---- with arguments of their own kind ---- */

/* A mode is there where a file may be made. */
static mode_t open_mode(int flags, va_list ap)
{
	return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

#define OPEN(name, params, args)                                                       \
	int REAL(name)(params, ...);                                                   \
	int WRAP(name)(params, ...);                                                   \
	int WRAP(name)(params, ...)                                                    \
	{                                                                              \
		va_list ap;                                                            \
		mode_t mode;                                                           \
		va_start(ap, flags);                                                   \
		mode = open_mode(flags, ap);                                           \
		va_end(ap);                                                            \
		if (inject_here(FAULT_FILE, #name, EMFILE, EACCES,                     \
		        __builtin_return_address(0)))                                  \
			return -1;                                                     \
		return REAL(name)(args, mode);                                         \
	}
#define COMMA ,
OPEN(open, const char *path COMMA int flags, path COMMA flags)
OPEN(openat, int dir COMMA const char *path COMMA int flags, dir COMMA path COMMA flags)
OPEN(open64, const char *path COMMA int flags, path COMMA flags)

#define LONG(name, class, usual, other, params, last, args)                            \
	int REAL(name)(params, ...);                                                   \
	int WRAP(name)(params, ...);                                                   \
	int WRAP(name)(params, ...)                                                    \
	{                                                                              \
		va_list ap;                                                            \
		long a[4];                                                             \
		va_start(ap, last);                                                    \
		for (int i = 0; i < 4; i++)                                            \
			a[i] = va_arg(ap, long);                                       \
		va_end(ap);                                                            \
		if (inject_here(                                                       \
		        class, #name, usual, other, __builtin_return_address(0)))      \
			return -1;                                                     \
		return REAL(name)(args, a[0], a[1], a[2], a[3]);                       \
	}
LONG(fcntl, FAULT_FILE, ENOMEM, EINTR, int fd COMMA int what, what, fd COMMA what)
LONG(fcntl64, FAULT_FILE, ENOLCK, EINTR, int fd COMMA int what, what, fd COMMA what)
LONG(prctl, FAULT_RIGHTS, EPERM, EINVAL, int what, what, what)

/* ---- who it is ---- */

int REAL(seccomp_load)(const scmp_filter_ctx filter);
int WRAP(seccomp_load)(const scmp_filter_ctx filter);
int WRAP(seccomp_load)(const scmp_filter_ctx filter)
{
	if (inject_here(FAULT_RIGHTS, "seccomp_load", ENOMEM, ENOMEM,
	        __builtin_return_address(0)))
		return -ENOMEM;
	inject.filtered = true;
	return REAL(seccomp_load)(filter);
}

pid_t REAL(fork)(void);
pid_t WRAP(fork)(void);
pid_t WRAP(fork)(void)
{
	pid_t pid;

	if (inject_here(
	        FAULT_FORK, "fork", EAGAIN, ENOMEM, __builtin_return_address(0)))
		return -1;
	pid = REAL(fork)();
	if (pid == 0)
		inject.role = FAULT_IN_HELPER;
	return pid;
}

void REAL(birth_run)(const struct process *p, int control, int said, pid_t master);
void WRAP(birth_run)(const struct process *p, int control, int said, pid_t master);
void WRAP(birth_run)(const struct process *p, int control, int said, pid_t master)
{
	const struct config *config = p->role->generation->config;

	if (p->role->kind->listens)
		inject.role = FAULT_IN_FRONTEND;
	else if ((config->pools[p->role->pool].jobs & CONFIG_JOBS_LOOKUP) != 0)
		inject.role = FAULT_IN_LOOKUP;
	else
		inject.role = FAULT_IN_HASHER;
	REAL(birth_run)(p, control, said, master);
}

bool REAL(log_sink_write)(const struct log_sink *sink, const char *line, size_t len);
bool WRAP(log_sink_write)(const struct log_sink *sink, const char *line, size_t len);
bool WRAP(log_sink_write)(const struct log_sink *sink, const char *line, size_t len)
{
	bool written;

	inject.logging = true;
	written = REAL(log_sink_write)(sink, line, len);
	inject.logging = false;
	return written;
}

void REAL(_exit)(int status) __attribute__((noreturn));

/* A sanitizer looks for leaks from a process of its own, by /proc: neither is to be had
 * behind a filter, in another root folder, or (for all but root) at the limit of
 * processes. */
static bool inject_may_look(void)
{
	pid_t pid;

	if (inject.plan == NULL || inject.role == FAULT_IN_HELPER || inject.filtered ||
	    REAL(access)("/proc/self/task", R_OK) != 0)
		return false;
	pid = REAL(fork)();
	if (pid == 0)
		REAL(_exit)(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

/* Looking for leaks opens files in /proc. */
int WRAP(landlock_enter)(const char *folder);
int WRAP(landlock_enter)(const char *folder)
{
	(void)folder;
	return 0;
}

/* A leak is told on stderr, where the test looks for it. */
void WRAP(_exit)(int status) __attribute__((noreturn));
void WRAP(_exit)(int status)
{
	if (inject_may_look())
		(void)__lsan_do_recoverable_leak_check();
	REAL(_exit)(status);
}
