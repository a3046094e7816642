/*
 * What a process that was broken into can do to the master, to its siblings and to the
 * memory that they share, where all of them have the same user: the shipped unit, or
 * anybody's own daemon. Each deed is done in the live process, by its own rights and
 * behind its own filter. The look-up process is the one that may open files.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/fds.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"
#include "tests/system/wall.h"

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE };

static void a_lookup_sees_nothing_of_the_master_or_a_sibling(void **state)
{
	struct daemon *d = *state;
	struct remote remote;
	pid_t pids[PROCESS_MAX], self;
	size_t n;

	wall_start(d);
	self = wall_take(d, &remote, "hasher lookup/0");
	wall_expect_hidden(&remote, d->pid);
	n = process_children(d->pid, pids, PROCESS_MAX);
	for (size_t i = 0; i < n; i++)
		if (pids[i] != self)
			wall_expect_hidden(&remote, pids[i]);
	remote_close(&remote);
	wall_expect_service(d);
	daemon_stop(d);
}

static void a_successor_is_as_closed_as_its_master(void **state)
{
	struct daemon *d = *state;
	pid_t pids[PROCESS_MAX];
	size_t n;

	masters_copy(d);
	wall_start(d);
	assert_false(wall_is_dumpable(d->pid));
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	masters_wait_changed(d);
	assert_false(wall_is_dumpable(d->pid));
	n = process_children(d->pid, pids, PROCESS_MAX);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++)
		assert_false(wall_is_dumpable(pids[i]));
	wall_expect_service(d);
	daemon_stop(d);
}

/* What a file of /proc/PID begins with; -1 where it is no number or cannot be read. */
static long number_of(pid_t pid, const char *name)
{
	char path[64], *text, *end;
	long number;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	text = harness_read_file(path);
	number = text != NULL ? strtol(text, &end, 10) : -1;
	if (text != NULL && end == text)
		number = -1;
	free(text);
	return number;
}

static bool is_in_write(void *arg)
{
	return number_of(*(const pid_t *)arg, "syscall") == SYS_write;
}

/* A pipe that has room for nothing. */
static void pipe_full(int fds[2])
{
	static const char bytes[4096];
	ssize_t n;

	assert_return_code(pipe2(fds, O_CLOEXEC | O_NONBLOCK), errno);
	do
		n = write(fds[1], bytes, sizeof(bytes));
	while (n > 0);
	assert_return_code(fcntl(fds[1], F_SETFL, 0), errno);
}

/* Nobody reads what it says: the program waits in the middle of its work. */
static void every_mode_is_closed(void **state)
{
	static const char *const modes[] = {"-t", "-T", "-sreload", "-V", "-h", "-x"};
	struct daemon *d = *state;
	const struct passwd *user = confined_folder(d, "nobody");
	const char *words[32];
	int fds[2];

	if (harness_wrapped())
		skip();
	harness_command(words);
	pipe_full(fds);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		pid_t pid = fork();

		assert_return_code(pid, errno);
		if (pid == 0) {
			if (setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0 &&
			    dup2(fds[1], 1) == 1 && dup2(fds[1], 2) == 2)
				execl(
				    words[0], words[0], "-c", d->conf, modes[i], NULL);
			_exit(125);
		}
		wait_until(is_in_write, &pid, "a program that nobody listens to");
		assert_false(wall_is_dumpable(pid));
		assert_return_code(kill(pid, SIGKILL), errno);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	close(fds[0]);
	close(fds[1]);
	d->unchecked = false;
}

/* ---- system calls ---- */

/* One line for each way to get at another process. None of them is in a filter. */
static void expect_powerless(struct remote *remote, pid_t other)
{
	const unsigned long pid = (unsigned long)other;
	const unsigned long mine = remote_put(remote, 0, "\0\0\0\0\0\0\0", 8);
	const struct {
		const char *name;
		long number;
		unsigned long a, b, c, d, e;
	} rows[] = {
	    {"kill", SYS_kill, pid, SIGSTOP, 0, 0, 0},
	    {"kill 0", SYS_kill, pid, 0, 0, 0, 0},
	    {"tgkill", SYS_tgkill, pid, pid, SIGABRT, 0, 0},
	    {"tkill", SYS_tkill, pid, SIGSTOP, 0, 0, 0},
	    {"rt_sigqueueinfo", SYS_rt_sigqueueinfo, pid, SIGTERM, mine, 0, 0},
	    {"rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, pid, pid, SIGTERM, mine, 0},
	    {"pidfd_open", SYS_pidfd_open, pid, 0, 0, 0, 0},
	    {"pidfd_getfd", SYS_pidfd_getfd, 0, 3, 0, 0, 0},
	    {"pidfd_send_signal", SYS_pidfd_send_signal, 0, SIGTERM, 0, 0, 0},
	    {"ptrace", SYS_ptrace, PTRACE_SEIZE, pid, 0, 0, 0},
	    {"process_vm_readv", SYS_process_vm_readv, pid, mine, 0, mine, 0},
	    {"process_vm_writev", SYS_process_vm_writev, pid, mine, 0, mine, 0},
	    {"process_madvise", 440 /* its number everywhere */, 0, mine, 0, 0, 0},
	    {"kcmp", SYS_kcmp, pid, pid, KCMP_FILE, 3, 3},
	    {"prlimit64", SYS_prlimit64, pid, RLIMIT_NOFILE, mine, 0, 0},
	    {"setpriority", SYS_setpriority, PRIO_PROCESS, pid, 19, 0, 0},
	    {"ioprio_set", SYS_ioprio_set, 1, pid, 0, 0, 0},
	    {"sched_setaffinity", SYS_sched_setaffinity, pid, 8, mine, 0, 0},
	    {"sched_setscheduler", SYS_sched_setscheduler, pid, SCHED_IDLE, mine, 0, 0},
	    {"sched_setparam", SYS_sched_setparam, pid, mine, 0, 0, 0},
	    {"sched_setattr", SYS_sched_setattr, pid, mine, 0, 0, 0},
	    {"migrate_pages", SYS_migrate_pages, pid, 8, mine, mine, 0},
	    {"move_pages", SYS_move_pages, pid, 0, mine, mine, mine},
	    {"setpgid", SYS_setpgid, pid, 0, 0, 0, 0},
	    {"perf_event_open", SYS_perf_event_open, mine, pid, 0, 0, 0},
	    {"bpf", SYS_bpf, 0, mine, 8, 0, 0},
	    {"userfaultfd", SYS_userfaultfd, 0, 0, 0, 0, 0},
	    {"io_uring_setup", SYS_io_uring_setup, 1, mine, 0, 0, 0},
	    {"prctl", SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0},
	    {"execve", SYS_execve, mine, 0, 0, 0, 0},
	    {"clone", SYS_clone, SIGCHLD, 0, 0, 0, 0},
	    {"socket", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0, 0},
	    {"connect", SYS_connect, 3, mine, 2, 0, 0},
	    {"unshare", SYS_unshare, CLONE_NEWUSER, 0, 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long result = remote_call(remote, rows[i].number, rows[i].a, rows[i].b,
		    rows[i].c, rows[i].d, rows[i].e, 0);

		if (result != REMOTE_DENIED)
			fail_msg(
			    "%s on process %d: %ld", rows[i].name, (int)other, result);
	}
}

static void no_role_has_a_call_against_others(void **state)
{
	static const char *const roles[] = {
	    "frontend 0", "hasher elastic/0", "hasher lookup/0"};
	struct daemon *d = *state;
	struct remote remote;

	wall_start(d);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		wall_take(d, &remote, roles[i]);
		expect_powerless(&remote, d->pid);
		expect_powerless(&remote, process_find(d, "frontend 1"));
		remote_close(&remote);
	}
	wall_expect_service(d);
	daemon_stop(d);
}

/* ---- shared memory ---- */

/* In other hands, by the master's own descriptor: root may take one, whatever happens.
 */
static int shared_open(const struct daemon *d, const char *name, int flags)
{
	static struct fd_list list;
	char path[64], target[64];
	int fd = -1;

	snprintf(target, sizeof(target), "/memfd:%s", name);
	assert_true(fds_list(d->pid, &list));
	for (size_t i = 0; i < list.count && fd < 0; i++)
		if (strncmp(list.entries[i].target, target, strlen(target)) == 0) {
			snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)d->pid,
			    list.entries[i].fd);
			fd = open(path, flags | O_CLOEXEC);
			assert_return_code(fd, errno);
		}
	if (fd < 0)
		fail_msg("the master has no %s", name);
	return fd;
}

static void expect_unchangeable(int fd, const char *name)
{
	const int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	assert_return_code(fstat(fd, &st), errno);
	if ((seals & SEALS) != SEALS)
		fail_msg("%s: seals %x", name, (unsigned)seals);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 2 * st.st_size), -1);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, st.st_size),
	    -1);
	assert_ptr_equal(
	    mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
	    MAP_FAILED);
	assert_int_equal(st.st_mode & 0111, 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

static void shared_memory_keeps_its_size_and_its_bytes(void **state)
{
	static const char *const names[] = {
	    "argond-board", "argond-keys", "argond-tokens"};
	struct daemon *d = *state;

	wall_start(d);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = shared_open(d, names[i], O_RDWR);

		expect_unchangeable(fd, names[i]);
		close(fd);
	}
	wall_expect_service(d);
	daemon_stop(d);
}

/* Hashers go before frontends when memory ends, and these before the master, also where
 * nobody can write to his own file in /proc. */
static void who_goes_first_when_memory_ends_without_root(void **state)
{
	static const char *const names[] = {"frontend 0", "hasher elastic/0"};
	struct daemon *d = *state;
	int before, score = 0;

	wall_start(d);
	before = (int)number_of(d->pid, "oom_score_adj");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		score = (int)number_of(process_find(d, names[i]), "oom_score_adj");
		assert_true(score > before);
		before = score;
	}
	process_kill(process_find(d, names[1]));
	process_wait_new(d, names[1], 0);
	assert_int_equal(number_of(process_find(d, names[1]), "oom_score_adj"), score);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_lookup_sees_nothing_of_the_master_or_a_sibling),
	    masters_test(a_successor_is_as_closed_as_its_master),
	    daemon_test(every_mode_is_closed),
	    daemon_test(no_role_has_a_call_against_others),
	    daemon_test(shared_memory_keeps_its_size_and_its_bytes),
	    daemon_test(who_goes_first_when_memory_ends_without_root),
	};

	return cmocka_run_group_tests_name("wall: master", tests, NULL, NULL);
}
