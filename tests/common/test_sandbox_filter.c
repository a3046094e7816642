/*
 * The system calls that a confined process may make, and those that end it by SIGSYS
 * with their number on the board. Each try is made in a child of its own.
 */
#include "tests/common/sandbox_fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <sqlite3.h>

#include "common/log.h"

#include "tests/sanitized.h"

/* ---- what is denied ---- */

enum {
	F = 1 << SANDBOX_FRONTEND,
	H = 1 << SANDBOX_HASHER,
	L = 1 << SANDBOX_LOOKUP,
	ALL = F | H | L,
	CHECKED = 8, /* a sanitizer needs it */
};

static char bytes[4096];
static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/x"};

#define A(value) (long)(value)
static const struct attempt {
	const char *name;
	unsigned kinds;
	long number, a, b, c, d, e, f;
} attempts[] = {
    {"open", F | H | CHECKED, SYS_openat, AT_FDCWD, A("/etc/passwd"), O_RDONLY, 0, 0,
        0},
    {"open to write", F | H | CHECKED, SYS_openat, AT_FDCWD, A("/x"),
        O_WRONLY | O_CREAT, 0600, 0, 0},
    {"stat", F | H | CHECKED, SYS_newfstatat, AT_FDCWD, A("/"), A(bytes), 0, 0, 0},
    {"stat by an fd", F | H | CHECKED, SYS_newfstatat, 0, A(""), A(bytes),
        AT_EMPTY_PATH, 0, 0},
    {"statx", F | H, SYS_statx, 0, A("/"), AT_EMPTY_PATH, 0, A(bytes), 0},
    {"fstat", F | H, SYS_fstat, 0, A(bytes), 0, 0, 0, 0},
    {"ftruncate", F | H, SYS_ftruncate, 0, 0, 0, 0, 0, 0},
    {"fchmod", F | H, SYS_fchmod, -1, 0600, 0, 0, 0, 0},
    {"fchmod to a user's program", L, SYS_fchmod, -1, 04755, 0, 0, 0, 0},
    {"fchmod to a group's program", L, SYS_fchmod, -1, 02755, 0, 0, 0, 0},
    {"unlink", F | H, SYS_unlinkat, AT_FDCWD, A("/x"), 0, 0, 0, 0},
    {"rename", ALL, SYS_renameat2, AT_FDCWD, A("/x"), AT_FDCWD, A("/y"), 0, 0},
    {"mkdir", ALL, SYS_mkdirat, AT_FDCWD, A("/x"), 0700, 0, 0, 0},
    {"symlink", ALL, SYS_symlinkat, A("/"), AT_FDCWD, A("/x"), 0, 0, 0},
    {"memfd_create", ALL, SYS_memfd_create, A("x"), 0, 0, 0, 0, 0},
    {"dup", ALL, SYS_dup, 0, 0, 0, 0, 0, 0},
    {"fcntl to set flags", ALL, SYS_fcntl, 2, F_SETFL, 0, 0, 0, 0},
    {"socket", ALL, SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0},
    {"socketpair", ALL, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, A(bytes), 0, 0},
    {"connect", ALL, SYS_connect, 0, A(&address), sizeof(address), 0, 0, 0},
    {"bind", ALL, SYS_bind, 0, A(&address), sizeof(address), 0, 0, 0},
    {"listen", ALL, SYS_listen, 0, 1, 0, 0, 0, 0},
    {"accept", H | L, SYS_accept4, 0, 0, 0, 0, 0, 0},
    {"sendto an address", ALL, SYS_sendto, 0, A(bytes), 1, 0, A(&address),
        sizeof(address)},
    {"sendto with MSG_FASTOPEN", ALL, SYS_sendto, 0, A(bytes), 1, MSG_FASTOPEN, 0, 0},
    {"sendmsg", ALL, SYS_sendmsg, 0, A(bytes), 0, 0, 0, 0},
    {"shutdown for reading", ALL, SYS_shutdown, 0, SHUT_RD, 0, 0, 0, 0},
    {"shutdown of both", ALL, SYS_shutdown, 0, SHUT_RDWR, 0, 0, 0, 0},
    {"shutdown in 64 bits", ALL, SYS_shutdown, 0, A(UINT64_C(1) << 32), 0, 0, 0, 0},
    {"setsockopt", H | L, SYS_setsockopt, 0, SOL_SOCKET, SO_LINGER, A(bytes), 8, 0},
    {"setsockopt of another option", ALL, SYS_setsockopt, 0, SOL_SOCKET, SO_RCVBUF,
        A(bytes), 4, 0},
    {"getsockopt of a type", ALL, SYS_getsockopt, 0, SOL_SOCKET, SO_TYPE, A(bytes),
        A(bytes), 0},
    {"getsockopt of another option", ALL, SYS_getsockopt, 0, SOL_SOCKET, SO_ERROR,
        A(bytes), A(bytes), 0},
    {"ioctl", ALL, SYS_ioctl, 0, 0x5412 /* TIOCSTI */, A("x"), 0, 0, 0},
    {"execve", ALL, SYS_execve, A("/bin/true"), 0, 0, 0, 0, 0},
    {"execveat", ALL, SYS_execveat, 0, A(""), 0, 0, AT_EMPTY_PATH, 0},
    {"fork", ALL, SYS_clone, SIGCHLD, 0, 0, 0, 0, 0},
    {"clone3", ALL, SYS_clone3, 0, 0, 0, 0, 0, 0},
    {"ptrace", ALL, SYS_ptrace, PTRACE_TRACEME, 0, 0, 0, 0, 0},
    {"process_vm_readv", ALL, SYS_process_vm_readv, 1, 0, 0, 0, 0, 0},
    {"pidfd_open", ALL, SYS_pidfd_open, 1, 0, 0, 0, 0, 0},
    {"pidfd_getfd", ALL, SYS_pidfd_getfd, 0, 0, 0, 0, 0, 0},
    {"kill of init", ALL, SYS_kill, 1, 0, 0, 0, 0, 0},
    {"tgkill of init", ALL, SYS_tgkill, 1, 1, SIGABRT, 0, 0, 0},
    {"setuid", ALL, SYS_setuid, 0, 0, 0, 0, 0, 0},
    {"setresuid", ALL, SYS_setresuid, 0, 0, 0, 0, 0, 0},
    {"setgroups", ALL, SYS_setgroups, 0, 0, 0, 0, 0, 0},
    {"capset", ALL, SYS_capset, A(bytes), A(bytes), 0, 0, 0, 0},
    {"mount", ALL, SYS_mount, A("/"), A("/"), 0, MS_BIND, 0, 0},
    {"chroot", ALL, SYS_chroot, A("/"), 0, 0, 0, 0, 0},
    {"chdir", ALL, SYS_chdir, A(".."), 0, 0, 0, 0, 0},
    {"unshare", ALL, SYS_unshare, CLONE_NEWUSER, 0, 0, 0, 0, 0},
    {"setns", ALL, SYS_setns, 0, 0, 0, 0, 0, 0},
    {"prctl", ALL, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0, 0},
    {"prctl of another kind", ALL, SYS_prctl, PR_SET_VMA, 1, 0, 0, 0, 0},
    {"seccomp", ALL, SYS_seccomp, 0, 0, 0, 0, 0, 0},
    {"rt_sigaction", ALL | CHECKED, SYS_rt_sigaction, SIGSYS, 0, A(bytes), 8, 0, 0},
    {"prlimit", ALL, SYS_prlimit64, 0, RLIMIT_NPROC, A(bytes), 0, 0, 0},
    {"mmap to execute", ALL, SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC,
        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0},
    {"mmap of a file", F | H | CHECKED, SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 0,
        0},
    {"mprotect to execute", ALL, SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC, 0, 0, 0},
    {"nanosleep", F | CHECKED, SYS_nanosleep, A(bytes), 0, 0, 0, 0, 0},
    {"io_uring_setup", ALL, SYS_io_uring_setup, 1, A(bytes), 0, 0, 0, 0},
    {"bpf", ALL, SYS_bpf, 0, 0, 0, 0, 0, 0},
    {"perf_event_open", ALL, SYS_perf_event_open, 0, 0, 0, 0, 0, 0},
    {"userfaultfd", ALL, SYS_userfaultfd, 0, 0, 0, 0, 0, 0},
    {"keyctl", ALL, SYS_keyctl, 0, 0, 0, 0, 0, 0},
    {"shmget", ALL, SYS_shmget, 0, 4096, 0, 0, 0, 0},
    {"no call at all", ALL, 1023, 0, 0, 0, 0, 0, 0},
};

struct
try {
	enum sandbox_kind kind;
	const struct attempt *attempt;
};

static int make_attempt(struct place *place, const void *arg)
{
	const struct try *try = arg;
	const struct attempt *at = try->attempt;
	struct sandbox_spec spec = spec_of(place, try->kind);

	if (confine(place, &spec) != 0)
		return 1;
	syscall(at->number, at->a, at->b, at->c, at->d, at->e, at->f);
	return 2;
}

static void assert_denied(struct place *place, int status, const struct attempt *at)
{
	const uint32_t denied = atomic_load(&board_slot(&place->board, 0)->denied);

	if (!WIFSIGNALED(status))
		fail_msg("%s: went through (%d)", at->name, WEXITSTATUS(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
	if (denied != (uint32_t)at->number + 1)
		fail_msg("%s: the board says %u", at->name, denied);
}

static void a_call_that_is_no_part_of_the_work_ends_the_process(void **state)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		for (unsigned kind = 0; kind < SANDBOX_KINDS; kind++) {
			const struct try try = {(enum sandbox_kind)kind, &attempts[i]};

			if ((attempts[i].kinds & 1U << kind) == 0 ||
			    (SANITIZED && (attempts[i].kinds & CHECKED) != 0))
				continue;
			assert_denied(
			    *state, in_child(*state, make_attempt, &try), &attempts[i]);
		}
}

#ifdef __x86_64__
static int call_as_32_bit(struct place *place, const void *arg)
{
	struct sandbox_spec spec = spec_of(place, SANDBOX_HASHER);
	long rc;

	(void)arg;
	if (confine(place, &spec) != 0)
		return 1;
	/* getpid() of i386 */
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory");
	return 2;
}

static int call_as_x32(struct place *place, const void *arg)
{
	struct sandbox_spec spec = spec_of(place, SANDBOX_HASHER);

	(void)arg;
	if (confine(place, &spec) != 0)
		return 1;
	syscall(0x40000000 + SYS_getpid);
	return 2;
}

static void another_architectures_calls_are_no_way_around(void **state)
{
	int status = in_child(*state, call_as_x32, NULL);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = in_child(*state, call_as_32_bit, NULL);
	/* SIGSEGV: a kernel without them */
	assert_true(WIFSIGNALED(status) &&
	            (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV));
}
#endif

/* ---- what is denied on some fds ---- */

static int use_listener(struct place *place, const void *arg)
{
	static const int listeners[] = {3, 200, 17};
	struct sandbox_spec spec = spec_of(place, SANDBOX_FRONTEND);
	const long *const args = arg;

	spec.listeners = listeners;
	spec.listener_count = sizeof(listeners) / sizeof(listeners[0]);
	if (confine(place, &spec) != 0)
		return 1;
	/* fds that are not there: EBADF, where the filter lets them through */
	return syscall(args[0], args[1], args[2], args[3], bytes, 8) == -1 &&
	               errno == EBADF
	           ? 0
	           : 2;
}

static void a_listener_is_not_to_be_changed(void **state)
{
	static const long fds[][2] = {{3, 1}, {200, 1}, {17, 1}, {-1, 0}, {201, 0}};
	static const long calls[][3] = {
	    {SYS_setsockopt, SOL_SOCKET, SO_LINGER}, {SYS_shutdown, SHUT_WR, 0}};

	for (size_t i = 0; i < 2 * sizeof(fds) / sizeof(fds[0]); i++) {
		const long *const call = calls[i % 2], *const fd = fds[i / 2];
		const long args[] = {call[0], fd[0], call[1], call[2]};
		const long upper[] = {
		    call[0], (long)(UINT64_C(1) << 32) + fd[0], call[1], call[2]};
		int status = in_child(*state, use_listener, args);

		if (fd[1] == 0) {
			assert_left(status, "a connection");
			continue;
		}
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
		/* of an fd the kernel looks at 32 bits */
		status = in_child(*state, use_listener, upper);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	}
}

static void a_call_is_named(void **state)
{
	char text[64], expected[64];

	(void)state;
	snprintf(expected, sizeof(expected), "%d (ptrace)", SYS_ptrace);
	assert_string_equal(
	    sandbox_denied_words(SYS_ptrace + 1, text, sizeof(text)), expected);
	assert_string_equal(
	    sandbox_denied_words(UINT32_MAX, text, sizeof(text)), "-2 (unknown)");
}

/* ---- what goes on working ---- */

static int abort_itself(struct place *place, const void *arg)
{
	struct sandbox_spec spec = spec_of(place, SANDBOX_FRONTEND);

	(void)arg;
	if (confine(place, &spec) != 0)
		return 1;
	abort();
}

static void a_process_may_abort(void **state)
{
	int status = in_child(*state, abort_itself, NULL);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static int be_signalled(struct place *place, const void *arg)
{
	struct sandbox_spec spec = spec_of(place, SANDBOX_HASHER);
	const int *fds = arg;
	char byte;

	if (confine(place, &spec) != 0 || write(fds[1], "r", 1) != 1)
		return 1;
	return read(fds[1], &byte, 1) == 1 ? 0 : 2;
}

static void somebodys_sigsys_is_ignored(void **state)
{
	struct place *place = *state;
	int fds[2], status = -1;
	char byte;
	pid_t pid;

	assert_return_code(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0)
		_exit(be_signalled(place, fds));
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_return_code(kill(pid, SIGSYS), errno);
	assert_int_equal(write(fds[0], "g", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	close(fds[1]);
	assert_left(status, "a SIGSYS by hand");
}

/* A line of the log is written to a pipe; memory of its own is there as well. */
static int write_log(struct place *place, const void *arg)
{
	enum sandbox_kind kind = *(const enum sandbox_kind *)arg;
	struct sandbox_spec spec = spec_of(place, kind);
	int fds[2];
	char line[256];
	void *much;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0 || confine(place, &spec) != 0)
		return 1;
	log_confine(fds[1]);
	log_error("hello: %s", strerror(ENOENT));
	if (read(fds[0], line, sizeof(line)) <= 0)
		return 2;
	much = malloc(64 << 20);
	if (much == NULL)
		return 3;
	memset(much, 1, 64 << 20);
	free(much);
	return 0;
}

static void every_role_can_log(void **state)
{
	for (enum sandbox_kind kind = 0; kind < SANDBOX_KINDS; kind++)
		assert_left(in_child(*state, write_log, &kind), "a log line");
}

/* ---- a database ---- */

/* All that SQLite may come to do: both kinds of journal, one left by a crash, a lock
 * that is taken, a sort that does not fit into memory. */
static int use_sqlite(struct place *place, const void *arg)
{
	static const char *const steps[] = {
	    "PRAGMA cache_size = 10; PRAGMA cache_spill = ON",
	    "CREATE TABLE t (id INTEGER PRIMARY KEY, data TEXT)",
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
	    "9999)"
	    " INSERT INTO t SELECT i, hex(randomblob(200)) FROM n",
	    "SELECT count(*) FROM (SELECT data FROM t ORDER BY data DESC)",
	    "PRAGMA journal_mode = WAL", "UPDATE t SET data = 'x' WHERE id < 50",
	    "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode = DELETE",
	    "BEGIN EXCLUSIVE; DELETE FROM t WHERE id > 5; ROLLBACK",
	    "BEGIN EXCLUSIVE; DELETE FROM t WHERE id > 5; COMMIT; VACUUM"};
	struct sandbox_spec spec = spec_of(place, SANDBOX_LOOKUP);
	sqlite3 *db, *other;

	(void)arg;
	if (confine(place, &spec) != 0 || sqlite3_open(spec.store, &db) != SQLITE_OK ||
	    sqlite3_open(spec.store, &other) != SQLITE_OK)
		return 1;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (sqlite3_exec(db, steps[i], NULL, NULL, NULL) != SQLITE_OK)
			return 10 + (int)i;
	sqlite3_busy_timeout(other, 20);
	if (sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(other, "SELECT * FROM t", NULL, NULL, NULL) != SQLITE_BUSY)
		return 2;
	sqlite3_close(db);
	return sqlite3_close(other) == SQLITE_OK ? 0 : 3;
}

static int crash_in_sqlite(struct place *place, const void *arg)
{
	sqlite3 *db;

	(void)arg;
	if (sqlite3_open(place->store, &db) != SQLITE_OK ||
	    sqlite3_exec(db,
	        "PRAGMA cache_size = 10; BEGIN; CREATE TABLE t (data TEXT); WITH "
	        "RECURSIVE "
	        "n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "
	        "INSERT "
	        "INTO t SELECT hex(randomblob(200)) FROM n",
	        NULL, NULL, NULL) != SQLITE_OK)
		return 1;
	_exit(0); /* in the middle of it */
}

static void sqlite_works(void **state)
{
	struct place *place = *state;

	assert_left(in_child(place, crash_in_sqlite, NULL), "a crash");
	assert_left(in_child(place, use_sqlite, NULL), "SQLite");
	assert_left(in_child(place, use_sqlite, NULL) == 0 ? 1 << 8 : 0,
	    "a table that is there already");
	unlink(place->store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_call_that_is_no_part_of_the_work_ends_the_process),
#ifdef __x86_64__
	    cmocka_unit_test(another_architectures_calls_are_no_way_around),
#endif
	    cmocka_unit_test(a_listener_is_not_to_be_changed),
	    cmocka_unit_test(a_call_is_named),
	    cmocka_unit_test(a_process_may_abort),
	    cmocka_unit_test(somebodys_sigsys_is_ignored),
	    cmocka_unit_test(every_role_can_log),
	    cmocka_unit_test(sqlite_works),
	};

	return cmocka_run_group_tests_name("sandbox filter", tests, setup, teardown);
}
