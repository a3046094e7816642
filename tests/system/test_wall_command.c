/*
 * What a master is sent at its command socket by clients that may connect, or that
 * should not: nothing but a command is obeyed, and nobody keeps a command of others
 * away, the master from its work, or more descriptors than it has for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/fds.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

#define SMALL                                                                          \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1", "frontend.processes=1"

static struct address command_address(const struct daemon *d)
{
	struct address address = {.un.sun_family = AF_UNIX, .len = sizeof(address.un)};

	snprintf(
	    address.un.sun_path, sizeof(address.un.sun_path), "%s.command", d->pidfile);
	return address;
}

/* ---- what a master is sent */

static int command_connect(const struct daemon *d)
{
	const struct address address = command_address(d);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_return_code(fd, errno);
	assert_return_code(connect(fd, &address.any, address.len), errno);
	return fd;
}

/* The answer to the bytes, or "" where the connection was closed without one. */
static void expect_answer(
    const struct daemon *d, const void *bytes, size_t len, const char *expected)
{
	int fd = command_connect(d);
	char text[4096];
	ssize_t n;

	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
	n = recv(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	assert_string_equal(text, expected);
	close(fd);
}

#define UNKNOWN "1 failed this argond does not know the command"
#define VERSION "1 failed this argond speaks version 1 of the command protocol"

static void anything_but_a_command_is_refused(void **state)
{
	static char large[8192];
	struct daemon *d = *state;

	daemon_start(d, SMALL, NULL);
	memset(large, '1', sizeof(large));
	expect_answer(d, "", 0, "");
	expect_answer(d, "1", 1, VERSION);
	expect_answer(d, "2 reload", 8, VERSION);
	expect_answer(d, "reload", 6, VERSION);
	expect_answer(d, "1 ", 2, UNKNOWN);
	expect_answer(d, "1 reloa", 7, UNKNOWN);
	expect_answer(d, "1 reload ", 9, UNKNOWN);
	expect_answer(d, "1 reload\n", 9, UNKNOWN);
	expect_answer(d, "1 reload\0", 9, UNKNOWN);
	expect_answer(d, "1 HUP", 5, UNKNOWN);
	expect_answer(d, "1 \033c", 4, UNKNOWN);
	expect_answer(d, large, sizeof(large), VERSION);
	large[snprintf(large, sizeof(large), "1 reload")] = '1';
	expect_answer(d, large, sizeof(large), VERSION);
	expect_answer(d, "1 reopen", 8, "1 ok");
	expect_answer(d, "1 reload", 8, "1 ok");
	daemon_wait_log(d, "ready, generation 2$");
	assert_false(daemon_log_has(d, "generation 3"));
	daemon_stop(d);
}

/* Descriptors that come along are not kept, and nothing but the first packet counts. */
static void descriptors_and_second_packets_are_dropped(void **state)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = {0};
	struct iovec bytes = {(char[]){"1 reopen"}, 8};
	struct msghdr message = {.msg_iov = &bytes,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	struct daemon *d = *state;
	int fd, held[8];
	char text[64];
	struct fd_list *before = malloc(sizeof(*before)),
	               *after = malloc(sizeof(*after));

	assert_non_null(before);
	assert_non_null(after);
	daemon_start(d, SMALL, NULL);
	if (harness_wrapped() || !fds_list(d->pid, before)) {
		daemon_stop(d);
		skip();
	}
	for (size_t i = 0; i < 8; i++)
		held[i] = STDIN_FILENO;
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(held));
	memcpy(CMSG_DATA(head), held, sizeof(held));
	for (int i = 0; i < 50; i++) {
		fd = command_connect(d);
		assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), 8);
		(void)send(fd, "1 stop", 6, MSG_NOSIGNAL);
		(void)recv(fd, text, sizeof(text), 0); /* it has ended */
		close(fd);
	}
	expect_answer(d, "1 reload", 8, "1 ok");
	expect_answer(
	    d, "1 reload", 8, "1 ok"); /* the first one's processes are gone */
	assert_true(process_alive(d->pid));
	assert_false(daemon_log_has(d, "leaving"));
	assert_true(fds_list(d->pid, after));
	assert_in_range(after->count, 1, 3 * before->count);
	free(before);
	free(after);
	daemon_stop(d);
}

/* Many that say nothing, and many that wait: a command gets through, or hears why not,
 * and the master has a bounded number of them. */
static void a_crowd_keeps_no_command_away(void **state)
{
	enum { CROWD = 100 };
	struct daemon *d = *state;
	struct fd_list *list = malloc(sizeof(*list));
	int fds[CROWD];
	char said[512];

	assert_non_null(list);
	daemon_start(d, SMALL, NULL);
	for (int i = 0; i < CROWD; i++)
		fds[i] = command_connect(d);
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
	if (fds_list(d->pid, list))
		assert_in_range(list->count, 1, 90);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	assert_int_equal(masters_send(d, "reopen", said, sizeof(said)), 0);
	free(list);
	daemon_stop(d);
}

/* They do not read their answers, and the master goes on. */
static void who_does_not_read_is_not_waited_for(void **state)
{
	enum { CROWD = 200 };
	struct daemon *d = *state;
	int fds[CROWD];
	char said[512];

	daemon_start(d, SMALL, NULL);
	for (int i = 0; i < CROWD; i++) {
		fds[i] = command_connect(d);
		assert_int_equal(send(fds[i], "1 nonsense", 10, MSG_NOSIGNAL), 10);
	}
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	daemon_stop(d);
}

enum { MOST_WAITING = 8 };

static bool all_have_asked(void *arg)
{
	const struct daemon *d = arg;

	return log_tail_count(d->log, 0, "info master: upgrade: process ") ==
	       MOST_WAITING;
}

/* Those that wait for an upgrade of a master that does not get on with it. */
static void too_many_that_wait_are_told_so(void **state)
{
	struct daemon *d = *state;
	int fds[MOST_WAITING];
	char text[64];

	masters_copy(d);
	d->files_expected = true;
	daemon_start(d, SMALL, NULL);
	masters_replace(d, "#!/bin/sh\nexec sleep 100\n", 0755);
	for (int i = 0; i < MOST_WAITING; i++) {
		fds[i] = command_connect(d);
		assert_int_equal(send(fds[i], "1 upgrade", 9, MSG_NOSIGNAL), 9);
	}
	wait_until(all_have_asked, d, "all to have asked");
	expect_answer(d, "1 reload", 8, "1 failed too many commands are waited for");
	expect_answer(d, "1 reopen", 8, "1 ok");
	expect_answer(d, "1 stop", 6, "1 ok");
	for (int i = 0; i < MOST_WAITING; i++) {
		assert_true(recv(fds[i], text, sizeof(text), 0) > 0);
		assert_memory_equal(text, "1 failed ", 9);
		close(fds[i]);
	}
	assert_true(WIFEXITED(daemon_wait_end(d)));
	daemon_check_log(d);
}

/* ---- who may ask */

/* As another user: the exit status is the errno of connect(), or of what comes then. */
static int ask_as(const struct daemon *d, const struct passwd *user)
{
	const struct address address = command_address(d);
	pid_t pid = fork();
	int status;

	assert_return_code(pid, errno);
	if (pid == 0) {
		char text[64];
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

		if (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 ||
		    setuid(user->pw_uid) != 0)
			_exit(255);
		if (connect(fd, &address.any, address.len) != 0)
			_exit(errno);
		(void)send(fd, "1 stop", 6, MSG_NOSIGNAL);
		_exit(recv(fd, text, sizeof(text), 0) > 0 ? 0 : EPIPE);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The mode of the file is the first wall, and the credentials are the second. */
static void another_user_is_refused(void **state)
{
	struct daemon *d = *state;
	const struct passwd *user = confined_user("nobody");
	const struct address address = command_address(d);

	assert_return_code(chmod(d->dir, 0755), errno);
	daemon_start(d, SMALL, NULL);
	assert_int_equal(ask_as(d, user), EACCES);
	assert_return_code(chmod(address.un.sun_path, 0666), errno);
	assert_int_equal(ask_as(d, user), EPIPE);
	daemon_wait_log(d, "warning master: command socket: process .* is refused");
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(anything_but_a_command_is_refused),
	    daemon_test(descriptors_and_second_packets_are_dropped),
	    daemon_test(a_crowd_keeps_no_command_away),
	    daemon_test(who_does_not_read_is_not_waited_for),
	    masters_test(too_many_that_wait_are_told_so),
	    daemon_test(another_user_is_refused),
	};

	return cmocka_run_group_tests_name("walls: commands", tests, NULL, NULL);
}
