/*
 * What a confined process can and cannot do any more. Each try is made in a child of
 * its own; one that is denied has to end it by SIGSYS and to leave the call's number on
 * the board.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

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
#ifndef SANITIZED
#define SANITIZED 0
#endif

struct place {
	struct board board;
	char folder[64], store[96];
	pid_t other; /* a process to be attacked */
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL || board_open(&place->board, 1) != 0)
		return -1;
	strcpy(place->folder, "/tmp/argond-sandbox-XXXXXX");
	if (mkdtemp(place->folder) == NULL || chmod(place->folder, 0777) != 0)
		return -1;
	snprintf(place->store, sizeof(place->store), "%s/store.db", place->folder);
	place->other = getpid();
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	board_close(&place->board);
	unlink(place->store);
	rmdir(place->folder);
	free(place);
	return 0;
}

/* Runs body(place, arg) in a child; returns its wait status. */
typedef int body_fn(struct place *place, const void *arg);

static int in_child(struct place *place, body_fn *body, const void *arg)
{
	int status = -1;
	pid_t pid;

	atomic_store(&board_slot(&place->board, 0)->denied, 0);
	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0)
		_exit(body(place, arg));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void assert_left(int status, const char *what)
{
	if (WIFSIGNALED(status))
		fail_msg("%s: SIG%s", what, sigabbrev_np(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		fail_msg("%s: step %d", what, WEXITSTATUS(status));
}

/* As a role is: signals blocked, all of the sandbox entered. */
static int confine(struct place *place, struct sandbox_spec *spec)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	return sandbox_enter(spec) == 0 &&
	               sandbox_seal(spec, board_slot(&place->board, 0)) == 0
	           ? 0
	           : -1;
}

static struct sandbox_spec spec_of(struct place *place, enum sandbox_kind kind)
{
	return (struct sandbox_spec){.kind = kind,
	    .store = kind == SANDBOX_LOOKUP ? place->store : NULL,
	    .filter = true};
}

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
    {"sendmsg", ALL, SYS_sendmsg, 0, A(bytes), 0, 0, 0, 0},
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
    {"seccomp", ALL, SYS_seccomp, 0, 0, 0, 0, 0, 0},
    {"rt_sigaction", ALL | CHECKED, SYS_rt_sigaction, SIGSYS, 0, A(bytes), 8, 0, 0},
    {"prlimit", ALL, SYS_prlimit64, 0, RLIMIT_NPROC, A(bytes), 0, 0, 0},
    {"mmap to execute", ALL, SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC,
        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0},
    {"mmap of a file", F | H | CHECKED, SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 0,
        0},
    {"mprotect to execute", ALL, SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC, 0, 0, 0},
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

/* A line of the log needs the time, a pid, memory of its own; its file may be new. */
static int write_log(struct place *place, const void *arg)
{
	enum sandbox_kind kind = *(const enum sandbox_kind *)arg;
	struct sandbox_spec spec = spec_of(place, kind);
	int fds[2];
	char line[256];
	void *much;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0 || confine(place, &spec) != 0)
		return 1;
	log_adopt(fds[1]);
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

/* ---- identity ---- */

static const struct passwd *nobody(void)
{
	if (getuid() != 0 || getpwnam("nobody") == NULL) {
		print_message("needs root and a user nobody\n");
		skip();
	}
	return getpwnam("nobody");
}

/* Without a filter, so that it is the kernel's rules that stand in the way. */
static int try_ways_back(struct place *place, const void *arg)
{
	const struct passwd *who = arg;
	struct sandbox_spec spec = {.kind = SANDBOX_HASHER, .user = "nobody"};
	const gid_t root = 0, many[] = {0, 1, 2};
	struct rlimit more = {1, 1}, core;
	uid_t u[3];
	gid_t g[3];

	if (setgroups(3, many) != 0 || confine(place, &spec) != 0)
		return 1;
	if (getresuid(&u[0], &u[1], &u[2]) != 0 || getresgid(&g[0], &g[1], &g[2]) != 0)
		return 2;
	for (int i = 0; i < 3; i++)
		if (u[i] != who->pw_uid || g[i] != who->pw_gid)
			return 3;
	if (getgroups(0, NULL) != 0)
		return 4;
	if (setuid(0) == 0 || setresuid(0, 0, 0) == 0 || setgid(0) == 0 ||
	    setgroups(1, &root) == 0)
		return 5;
	if (mount("/", "/", NULL, MS_BIND, NULL) == 0 || chroot("..") == 0)
		return 6;
	if (ptrace(PTRACE_ATTACH, place->other, NULL, NULL) == 0 ||
	    kill(place->other, 0) == 0)
		return 7;
	if (fork() >= 0)
		return 8;
	if (setrlimit(RLIMIT_NPROC, &more) == 0)
		return 9;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE) != 0)
		return 10;
	return getrlimit(RLIMIT_CORE, &core) == 0 && umask(0) == 077 ? 0 : 11;
}

static void there_is_no_way_back(void **state)
{
	const struct passwd *who = nobody();

	assert_left(in_child(*state, try_ways_back, who), "ways back");
}

static int try_to_see_files(struct place *place, const void *arg)
{
	struct sandbox_spec spec = {.kind = SANDBOX_HASHER, .user = arg};
	struct stat st;

	if (confine(place, &spec) != 0)
		return 1;
	if (stat("/etc/passwd", &st) == 0 || stat("/proc/self/mem", &st) == 0 ||
	    stat("../../../../etc/passwd", &st) == 0)
		return 2;
	if (open("/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0)
		return 3;
	return mkdir("/new", 0700) != 0 ? 0 : 4;
}

static void the_root_folder_is_empty_and_stays_so(void **state)
{
	nobody();
	assert_left(in_child(*state, try_to_see_files, "nobody"), "as nobody");
	assert_left(in_child(*state, try_to_see_files, NULL), "as root");
}

static int hold_no_capability(struct place *place, const void *arg)
{
	struct sandbox_spec spec = {.kind = SANDBOX_HASHER, .root = "/"};
	char line[256];
	int seen = 0;
	FILE *status;

	(void)arg;
	if (confine(place, &spec) != 0)
		return 1;
	status = fopen("/proc/self/status", "re");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "Cap", 3) == 0) {
			if (strspn(line + 7, "0\t") != 17)
				return 2;
			seen++;
		}
	return seen == 5 ? 0 : 3;
}

static void root_is_without_its_powers(void **state)
{
	nobody();
	assert_left(in_child(*state, hold_no_capability, NULL), "root without a user");
}

static int refuse(struct place *place, const void *arg)
{
	struct sandbox_spec spec = *(const struct sandbox_spec *)arg;

	log_adopt(-1); /* what it says is right, and no news */
	return confine(place, &spec) == 0 ? 1 : 0;
}

static void what_cannot_be_had_is_an_error(void **state)
{
	static const struct sandbox_spec specs[] = {
	    {.kind = SANDBOX_HASHER, .user = "no-such-user"},
	    {.kind = SANDBOX_HASHER, .user = "nobody", .group = "no-such-group"},
	    {.kind = SANDBOX_HASHER, .root = "/nowhere/at/all"},
	};

	nobody();
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		assert_left(in_child(*state, refuse, &specs[i]), "taken all the same");
}

/* ---- look-ups ---- */

static int use_store(struct place *place, const void *arg)
{
	struct sandbox_spec spec = spec_of(place, SANDBOX_LOOKUP);
	struct stat st;
	int fd;

	spec.user = arg;
	if (confine(place, &spec) != 0)
		return 1;
	if (arg != NULL && strcmp(spec.store, "/store.db") != 0)
		return 2;
	fd = open(spec.store, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || pwrite(fd, "x", 1, 0) != 1 || fsync(fd) != 0 ||
	    fstat(fd, &st) != 0)
		return 3;
	if (arg != NULL && stat("/etc/passwd", &st) == 0)
		return 4;
	return unlink(spec.store) == 0 ? 0 : 5;
}

static void a_look_up_has_the_folder_of_its_store(void **state)
{
	assert_left(in_child(*state, use_store, NULL), "as we are");
	nobody();
	assert_left(in_child(*state, use_store, "nobody"), "as nobody");
}

static int follow_store(struct place *place, const void *arg)
{
	struct sandbox_spec spec = spec_of(place, SANDBOX_LOOKUP);

	spec.store = arg;
	spec.user = "nobody";
	return confine(place, &spec) == 0 && strcmp(spec.store, "/store.db") == 0 &&
	               open(spec.store, O_RDONLY | O_CLOEXEC) >= 0
	           ? 0
	           : 1;
}

static void a_store_behind_a_link_is_found(void **state)
{
	struct place *place = *state;
	char link[96] = "/tmp/argond-link-XXXXXX";
	int fd;

	nobody();
	fd = mkstemp(link);
	assert_return_code(fd, errno);
	close(fd);
	unlink(link);
	fd = open(place->store, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_return_code(fd, errno);
	close(fd);
	assert_return_code(symlink(place->store, link), errno);
	assert_left(in_child(place, follow_store, link), "a store behind a link");
	unlink(link);
}

static int have_no_folder(struct place *place, const void *arg)
{
	struct sandbox_spec spec = spec_of(place, SANDBOX_LOOKUP);
	struct stat st;

	spec.store = arg;
	spec.user = "nobody";
	return confine(place, &spec) == 0 && stat("/etc/passwd", &st) != 0 &&
	               open(spec.store, O_RDONLY | O_CLOEXEC) < 0
	           ? 0
	           : 1;
}

static void a_store_without_a_folder_is_only_not_there(void **state)
{
	nobody();
	assert_left(
	    in_child(*state, have_no_folder, "/nowhere/at/all.db"), "no folder");
}

/* ---- who is confined how ---- */

static void roles_inherit_the_user_or_have_their_own(void **state)
{
	struct config config = {.user = (char *)(uintptr_t) "a",
	    .group = (char *)(uintptr_t) "g",
	    .store_path = (char *)(uintptr_t) "/s",
	    .seccomp = true};
	struct config_pool pool = {.jobs = CONFIG_JOBS_LOOKUP};
	struct sandbox_spec spec = sandbox_of_frontend(&config);

	(void)state;
	assert_string_equal(spec.user, "a");
	assert_string_equal(spec.group, "g");
	assert_true(spec.filter);
	assert_null(spec.store);
	config.frontend.user = (char *)(uintptr_t) "f";
	spec = sandbox_of_frontend(&config);
	assert_string_equal(spec.user, "f");
	assert_null(spec.group);
	spec = sandbox_of_pool(&config, &pool);
	assert_int_equal(spec.kind, SANDBOX_LOOKUP);
	assert_string_equal(spec.user, "a");
	assert_string_equal(spec.store, "/s");
	pool = (struct config_pool){
	    .jobs = CONFIG_JOBS_HASH, .user = (char *)(uintptr_t) "p"};
	spec = sandbox_of_pool(&config, &pool);
	assert_int_equal(spec.kind, SANDBOX_HASHER);
	assert_string_equal(spec.user, "p");
	assert_null(spec.group);
	assert_null(spec.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_call_that_is_no_part_of_the_work_ends_the_process),
#ifdef __x86_64__
	    cmocka_unit_test(another_architectures_calls_are_no_way_around),
#endif
	    cmocka_unit_test(a_call_is_named),
	    cmocka_unit_test(a_process_may_abort),
	    cmocka_unit_test(somebodys_sigsys_is_ignored),
	    cmocka_unit_test(every_role_can_log),
	    cmocka_unit_test(there_is_no_way_back),
	    cmocka_unit_test(the_root_folder_is_empty_and_stays_so),
	    cmocka_unit_test(root_is_without_its_powers),
	    cmocka_unit_test(what_cannot_be_had_is_an_error),
	    cmocka_unit_test(a_look_up_has_the_folder_of_its_store),
	    cmocka_unit_test(a_store_behind_a_link_is_found),
	    cmocka_unit_test(a_store_without_a_folder_is_only_not_there),
	    cmocka_unit_test(roles_inherit_the_user_or_have_their_own),
	};

	return cmocka_run_group_tests_name("sandbox", tests, setup, teardown);
}
