/*
 * Process 1 of a container: it buries orphans that were never its children, is found by
 * `-s` although it is number 1, and TERM ends it, which the kernel would ignore for it
 * were it left to chance.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/process.h"

/* May we make namespaces here, as unshare(1) does? A container in a container often may
 * not, and below a chroot / is no mount whose propagation could be changed. */
static bool namespaces_allowed(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWPID | CLONE_NEWNS) == 0 &&
		              mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
		          ? 0
		          : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool has_child(void *arg)
{
	pid_t child;

	return process_children(*(const pid_t *)arg, &child, 1) == 1;
}

/* Starts it as process 1; d->pid is unshare(1), which waits for it. Returns the master.
 */
static pid_t container_start(struct daemon *d)
{
	pid_t master;

	if (harness_wrapped() || !namespaces_allowed())
		skip();
	setenv("ARGOND_WRAPPER", "unshare -pf --kill-child --mount-proc", 1);
	daemon_launch(d, NULL);
	unsetenv("ARGOND_WRAPPER");
	daemon_wait_ready(d);
	wait_until(has_child, &d->pid, "the process in the namespace");
	assert_int_equal(process_children(d->pid, &master, 1), 1);
	return master;
}

static void container_enter(pid_t master)
{
	char path[64];
	int mounts, pids, root;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)master);
	mounts = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)master);
	pids = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/root", (int)master);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (setns(pids, CLONE_NEWPID) != 0 || setns(mounts, CLONE_NEWNS) != 0)
		_exit(126);
	/* its / is not the namespace's where the tests run in a chroot */
	if (fchdir(root) != 0 || chroot(".") != 0)
		_exit(126);
	close(root);
	close(mounts);
	close(pids);
}

/* In the namespace: a process whose parent goes, and which then ends when it is told.
 * It says its number, which the kernel translates for us. */
static void orphan_make(int tell, int gate)
{
	char byte;

	if (fork() != 0)
		_exit(0); /* and the orphan has process 1 as its parent */
	setsid();         /* a stranger in every way */
	(void)!write(tell, "", 1);
	(void)!read(gate, &byte, 1);
	_exit(7);
}

/* Returns the orphan's number as it is outside. */
static pid_t orphan_number(int fd)
{
	char byte, space[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = space,
	    .msg_controllen = sizeof(space)};
	const struct cmsghdr *header;
	struct ucred who = {.pid = 0};

	assert_int_equal(recvmsg(fd, &msg, 0), 1);
	header = CMSG_FIRSTHDR(&msg);
	if (header != NULL)
		memcpy(&who, CMSG_DATA(header), sizeof(who));
	assert_true(who.pid > 0);
	return who.pid;
}

static bool is_buried(void *arg)
{
	return kill(*(const pid_t *)arg, 0) != 0 && errno == ESRCH;
}

static bool is_orphan(void *arg)
{
	const pid_t *both = arg; /* the orphan, and who is to be its parent */
	pid_t children[PROCESS_MAX];
	size_t n = process_children(both[1], children, PROCESS_MAX);

	for (size_t i = 0; i < n; i++)
		if (children[i] == both[0])
			return true;
	return false;
}

static void orphan_lives_and_dies(pid_t master)
{
	const int on = 1;
	int tell[2], gate[2], status;
	pid_t helper, both[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, tell), 0);
	assert_int_equal(
	    setsockopt(tell[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	helper = fork();
	if (helper == 0) {
		close(gate[1]);
		container_enter(master);
		helper = fork(); /* setns() is for children */
		if (helper == 0)
			orphan_make(tell[1], gate[0]);
		waitpid(helper, &status, 0);
		_exit(helper > 0 && status == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(helper, &status, 0), helper);
	assert_int_equal(status, 0);
	both[0] = orphan_number(tell[0]);
	both[1] = master;
	wait_until(is_orphan, both, "process 1 as the orphan's parent");
	close(gate[0]);
	close(gate[1]); /* it ends */
	wait_until(is_buried, &both[0], "the orphan's burial");
	close(tell[0]);
	close(tell[1]);
}

static void container_end(struct daemon *d, pid_t master, int signo)
{
	int status;

	assert_return_code(kill(master, signo), errno);
	status = daemon_wait_end(d);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(access(d->pidfile, F_OK), -1);
	assert_int_equal(access(d->socket, F_OK), -1);
	daemon_check_log(d);
}

static void test_orphans_are_buried(void **state)
{
	struct daemon *d = *state;
	pid_t master = container_start(d);

	for (int i = 0; i < 3; i++)
		orphan_lives_and_dies(master);
	assert_false(daemon_log_has(d, "warning|error"));
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	container_end(d, master, SIGTERM);
}

static void test_every_ending_works(void **state)
{
	static const int signals[] = {SIGTERM, SIGQUIT, SIGINT};
	struct daemon *d = *state;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		container_end(d, container_start(d), signals[i]);
}

/* `argond -s word` in the namespace, where the pidfile says 1. Returns its exit status.
 */
static int container_send(const struct daemon *d, pid_t master, const char *word)
{
	const char *words[32];
	size_t n = harness_command(words);
	char *path;
	pid_t helper;
	int status;

	path = realpath(
	    words[0], NULL); /* the folder that we are in is another one there */
	words[n++] = "-c";
	words[n++] = d->conf;
	words[n++] = "-s";
	words[n++] = word;
	words[n] = NULL;
	helper = fork();
	if (helper == 0) {
		container_enter(master);
		helper = fork();
		if (helper == 0) {
			execv(path, (char *const *)(uintptr_t)words);
			_exit(127);
		}
		waitpid(helper, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 126);
	}
	assert_int_equal(waitpid(helper, &status, 0), helper);
	assert_true(WIFEXITED(status));
	free(path);
	return WEXITSTATUS(status);
}

/* Elsewhere, process 1 is never signalled. */
static void test_the_pidfile_says_1(void **state)
{
	struct daemon *d = *state;
	pid_t master = container_start(d);
	char *text = harness_read_file(d->pidfile);

	assert_non_null(text);
	assert_string_equal(text, "1\n");
	free(text);
	assert_int_equal(container_send(d, master, "reload"), 0);
	daemon_wait_log(d, "ready, generation 2");
	container_end(d, master, SIGTERM);
}

/* The container would end with it. */
static void test_no_upgrade_of_process_1(void **state)
{
	struct daemon *d = *state;
	pid_t master = container_start(d);

	for (int i = 0; i < 3; i++) {
		daemon_log_mark(d);
		if (i == 0)
			assert_int_equal(container_send(d, master, "upgrade"), 1);
		else
			assert_return_code(kill(master, SIGUSR2), errno);
		daemon_wait_log(d, "error master: upgrade failed, this one stays: this "
		                   "is process 1, .* container instead$");
		assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	}
	assert_int_equal(container_send(d, master, "reload"), 0);
	container_end(d, master, SIGTERM);
}

/* From outside: what `docker run` does when its own terminal is resized. From within it
 * is a command. */
static void test_a_resize_outside_is_no_command(void **state)
{
	struct daemon *d = *state;
	pid_t master = container_start(d), helper;
	int status;

	assert_return_code(kill(master, SIGWINCH), errno);
	for (int i = 0; i < 2; i++) { /* then it has been read */
		daemon_log_mark(d);
		assert_return_code(kill(master, SIGUSR1), errno);
		daemon_wait_log(d, "log opened anew");
	}
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	helper = fork();
	if (helper == 0) {
		container_enter(master);
		helper = fork();
		if (helper == 0)
			_exit(kill(1, SIGWINCH) == 0 ? 0 : 1);
		waitpid(helper, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	assert_int_equal(waitpid(helper, &status, 0), helper);
	assert_int_equal(status, 0);
	daemon_wait_log(d, "the workers leave");
	container_end(d, master, SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_orphans_are_buried),
	    daemon_test(test_every_ending_works),
	    daemon_test(test_the_pidfile_says_1),
	    daemon_test(test_no_upgrade_of_process_1),
	    daemon_test(test_a_resize_outside_is_no_command),
	};

	return cmocka_run_group_tests_name("process 1", tests, NULL, NULL);
}
