/*
 * What is left to a process that was broken into: nobody's rights, no files, no new
 * sockets, and no way to look into its siblings.
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/fds.h"
#include "tests/system/process.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1 /* it makes mlockall() do nothing */
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define SMALL                                                                          \
	"profile.default.memory=64K", "profile.default.time=1", "hello_delay=5ms",     \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1"

/* ---- who they are ---- */

static const struct passwd *user_named(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (geteuid() != 0 || user == NULL) {
		print_message("needs root and a user %s\n", name);
		skip();
	}
	return user;
}

/* The daemon's folder is the user's, for the database is in it. */
static const struct passwd *give_folder(const struct daemon *d, const char *name)
{
	const struct passwd *user = user_named(name);

	assert_return_code(chown(d->dir, user->pw_uid, user->pw_gid), errno);
	assert_return_code(chmod(d->dir, 0755), errno);
	assert_return_code(chmod(d->conf, 0644), errno);
	return user;
}

/* The rest of the line of /proc/PID/status that begins with `name`. */
static void status_field(pid_t pid, const char *name, char value[256])
{
	char path[64], *text, *line;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	text = harness_read_file(path);
	assert_non_null(text);
	line = strstr(text, name);
	assert_non_null(line);
	line += strlen(name);
	line += strspn(line, ":\t ");
	snprintf(value, 256, "%.*s", (int)strcspn(line, "\n"), line);
	free(text);
}

static void expect_field(pid_t pid, const char *name, const char *expected)
{
	char value[256], title[PROCESS_TITLE];

	status_field(pid, name, value);
	if (strcmp(value, expected) == 0)
		return;
	process_title(pid, title);
	fail_msg("%s: %s is %s, not %s", title, name, value, expected);
}

static void expect_confined(pid_t pid, uid_t uid, gid_t gid)
{
	static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb"};
	char ids[64];

	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", uid, uid, uid, uid);
	expect_field(pid, "Uid", ids);
	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", gid, gid, gid, gid);
	expect_field(pid, "Gid", ids);
	expect_field(pid, "NoNewPrivs", "1");
	expect_field(pid, "Seccomp", "2");
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		expect_field(pid, sets[i], "0000000000000000");
}

static void expect_limit_none(pid_t pid, const char *name)
{
	char path[64], *text, *line;
	unsigned long soft = 1, hard = 1;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	text = harness_read_file(path);
	line = text != NULL ? strstr(text, name) : NULL;
	assert_non_null(line);
	assert_int_equal(sscanf(line + strlen(name), " %lu %lu", &soft, &hard), 2);
	assert_int_equal(soft, 0);
	assert_int_equal(hard, 0);
	free(text);
}

static unsigned long locked_kib(pid_t pid)
{
	char value[256];

	status_field(pid, "VmLck", value);
	return strtoul(value, NULL, 10);
}

static void expect_all_confined(const struct daemon *d, uid_t uid, gid_t gid)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX);

	assert_in_range(n, 5, PROCESS_MAX);
	for (size_t i = 0; i < n; i++) {
		expect_confined(pids[i], uid, gid);
		expect_limit_none(pids[i], "Max core file size");
		expect_limit_none(pids[i], "Max processes");
	}
}

static void expect_service(const struct daemon *d)
{
	static const char *const paths[] = {
	    "/livez", "/", "/hash/x", "/hash_rayon/x", "/user/1"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char text[256] = "";
		int status = client_fetch(&d->tcp, paths[i], text, sizeof(text));

		if (status != 200)
			fail_msg("%s: %d %s", paths[i], status, text);
	}
	assert_int_equal(client_fetch(&d->tcp, "/user/7", NULL, 0), 404);
}

/* Where the process's / is. */
static void root_of(pid_t pid, char root[256])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	n = readlink(path, root, 255);
	assert_return_code(n, errno);
	root[n] = '\0';
}

static void expect_roots(const struct daemon *d, const char *others)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX);
	pid_t lookup = process_find(d, "hasher lookup/0");
	char root[256];

	for (size_t i = 0; i < n; i++) {
		root_of(pids[i], root);
		if (pids[i] == lookup)
			assert_string_equal(root, d->dir);
		else if (strstr(root, others) == NULL)
			fail_msg("the root of a process is %s", root);
	}
}

static void test_as_root_with_a_user(void **state)
{
	struct daemon *d = *state;
	const struct passwd *user = give_folder(d, "nobody");

	daemon_start(d, SMALL, "user=nobody", NULL);
	expect_all_confined(d, user->pw_uid, user->pw_gid);
	expect_roots(d, "(deleted)");
	expect_service(d);
	if (!SANITIZED) {
		assert_true(locked_kib(process_find(d, "frontend 0")) > 0);
		assert_true(locked_kib(process_find(d, "hasher elastic/0")) > 0);
		/* but not the arena, which is to be given back */
		assert_true(locked_kib(process_find(d, "hasher elastic/0")) < 64 << 10);
	}
	daemon_stop(d);
}

static void test_users_of_their_own(void **state)
{
	struct daemon *d = *state;
	const struct passwd *user = give_folder(d, "nobody");
	const uid_t nobody = user->pw_uid;
	const gid_t nogroup = user->pw_gid;

	user = user_named("daemon");
	daemon_start(d, SMALL, "user=daemon", "pool.lookup.user=nobody", NULL);
	expect_confined(process_find(d, "frontend 0"), user->pw_uid, user->pw_gid);
	expect_confined(
	    process_find(d, "hasher elastic/0"), user->pw_uid, user->pw_gid);
	expect_confined(process_find(d, "hasher lookup/0"), nobody, nogroup);
	expect_service(d);
	daemon_stop(d);
}

static void test_chroot(void **state)
{
	struct daemon *d = *state;
	char option[128];

	give_folder(d, "nobody");
	snprintf(option, sizeof(option), "chroot=%s", d->dir);
	daemon_start(d, SMALL, "user=nobody", option, NULL);
	expect_roots(d, d->dir);
	expect_service(d);
	daemon_stop(d);
}

static void test_as_root_without_a_user(void **state)
{
	struct daemon *d = *state;

	user_named("root");
	daemon_start(d, SMALL, NULL);
	expect_field(process_find(d, "hasher elastic/0"), "CapEff", "0000000000000000");
	expect_field(process_find(d, "frontend 0"), "CapPrm", "0000000000000000");
	expect_roots(d, "(deleted)");
	expect_service(d);
	daemon_stop(d);
}

/* Starts it without root's help. */
static void start_as_nobody(struct daemon *d)
{
	setenv("ARGOND_WRAPPER",
	    "prlimit --memlock=64K "
	    "setpriv --reuid=nobody --regid=nogroup --clear-groups",
	    1);
	daemon_start(d, SMALL, NULL);
	unsetenv("ARGOND_WRAPPER");
}

/* As whoever runs the tests or, if that is root, as nobody. */
static void test_unprivileged(void **state)
{
	struct daemon *d = *state;
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (uid == 0) {
		const struct passwd *user = give_folder(d, "nobody");

		uid = user->pw_uid;
		gid = user->pw_gid;
		start_as_nobody(d);
	} else {
		daemon_start(d, SMALL, NULL);
	}
	expect_all_confined(d, uid, gid);
	expect_service(d);
	daemon_stop(d);
}

/* ---- what they have open ---- */

struct census {
	const char *target;
	size_t count;
};

static void expect_fds(pid_t pid, const struct census *census)
{
	static struct fd_list list;
	size_t sum = 0;
	bool right = true;

	assert_true(fds_list(pid, &list));
	for (; census->target != NULL; census++) {
		right &= fds_count(&list, census->target) == census->count;
		sum += census->count;
	}
	if (right && sum == list.count)
		return;
	fds_print(pid, &list);
	fail_msg("process %d has not what it should have", (int)pid);
}

static void test_open_files(void **state)
{
	/* 2 frontends and as many places for their heirs: 4 links */
	static const struct census hasher[] = {{"/dev/null", 2}, {"pipe:", 2},
	    {"socket:", 4 + 1}, {"anon_inode:[eventpoll]", 1},
	    {"anon_inode:[signalfd]", 1}, {NULL, 0}};
	/* 2 listeners, links to 3 pools; the spare fd is an epoll set too */
	static const struct census frontend[] = {{"/dev/null", 2}, {"pipe:", 2},
	    {"socket:", 2 + 3 + 1}, {"anon_inode:[eventpoll]", 2},
	    {"anon_inode:[signalfd]", 1}, {NULL, 0}};
	struct daemon *d = *state;
	pid_t pids[PROCESS_MAX];
	size_t n;

	user_named("root");
	daemon_start(d, SMALL, NULL);
	n = process_all(d, "hasher ", pids, PROCESS_MAX);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		expect_fds(pids[i], hasher);
	n = process_all(d, "frontend ", pids, PROCESS_MAX);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++)
		expect_fds(pids[i], frontend);
	daemon_stop(d);
}

/* ---- their own user ---- */

static bool can_open(pid_t pid, const char *what, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	return open(path, flags | O_CLOEXEC) >= 0;
}

/* In a child: as that user, what of process `pid` can be had? Exit status 0: nothing.
 */
static int spy(const struct passwd *user, pid_t pid)
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
	return prlimit(pid, RLIMIT_NPROC, &more, NULL) == 0 ? 7 : 0;
}

static void expect_no_view(const struct daemon *d, const struct passwd *user)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX);
	int status;

	assert_int_equal(n, 5);
	for (size_t i = 0; i < n; i++) {
		pid_t pid = fork();

		assert_return_code(pid, errno);
		if (pid == 0)
			_exit(spy(user, pids[i]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static void test_their_own_user_sees_nothing(void **state)
{
	struct daemon *d = *state;
	const struct passwd *user = give_folder(d, "nobody");

	daemon_start(d, SMALL, "user=nobody", NULL);
	expect_no_view(d, user);
	expect_service(d);
	daemon_stop(d);
	start_as_nobody(d);
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
	daemon_start(d, SMALL, NULL);
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
	expect_service(d);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_as_root_with_a_user),
	    daemon_test(test_users_of_their_own),
	    daemon_test(test_chroot),
	    daemon_test(test_as_root_without_a_user),
	    daemon_test(test_unprivileged),
	    daemon_test(test_open_files),
	    daemon_test(test_their_own_user_sees_nothing),
	    daemon_test(test_a_denied_call_is_logged),
	};

	return cmocka_run_group_tests_name("confinement", tests, NULL, NULL);
}
