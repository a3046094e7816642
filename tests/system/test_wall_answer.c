/*
 * What answers at the command socket in the place of a master: its word is printed on
 * root's terminal, and an outcome is believed. Only a socket of the right user is
 * asked, what it says is made printable, and it is not waited for for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/confined.h"
#include "tests/system/masters.h"
#include "tests/system/run.h"

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

/* ---- what answers in the master's place */

/* Answers each packet with `bytes`, or closes without an answer where these are none;
 * SILENT says nothing. `user` NULL: it stays root. */
static const char silent[] = "";

static pid_t impostor_start(
    const struct daemon *d, const struct passwd *user, const char *bytes, size_t len)
{
	const struct address address = command_address(d);
	int ready[2];
	char byte;
	pid_t pid;

	assert_return_code(pipe2(ready, O_CLOEXEC), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		int fd, client;

		if (user != NULL &&
		    (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 ||
		        setuid(user->pw_uid) != 0))
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		umask(0);
		fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		if (bind(fd, &address.any, address.len) != 0 || listen(fd, 8) != 0)
			_exit(1);
		(void)!write(ready[1], "", 1);
		while ((client = accept(fd, NULL, NULL)) >= 0) {
			char heard[64];

			if (recv(client, heard, sizeof(heard), 0) > 0 &&
			    bytes == silent)
				continue; /* the connection stays */
			if (len > 0)
				(void)send(client, bytes, len, MSG_NOSIGNAL);
			close(client);
		}
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void impostor_end(const struct daemon *d, pid_t pid)
{
	const struct address address = command_address(d);

	assert_return_code(kill(pid, SIGKILL), errno);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_return_code(unlink(address.un.sun_path), errno);
}

/* With a small limit of its own: 2 * (1 ms + 2 s) + 1 ms + 500 ms. */
static struct run *ask_shortly(const struct daemon *d, const char *word)
{
	struct run *run = malloc(sizeof(*run));
	char pidfile[128];

	assert_non_null(run);
	snprintf(pidfile, sizeof(pidfile), "pidfile=%s", d->pidfile);
	run_argond(run, "-c", d->conf, "-o", pidfile, "-o", "ready_timeout=1ms", "-o",
	    "shutdown_timeout=1ms", "-s", word, NULL);
	return run;
}

static void expect_refused(struct run *run, const char *why)
{
	assert_int_equal(run->status, 1);
	assert_int_equal(run->err_lines, 1);
	if (strstr(run->err, why) == NULL)
		fail_msg("%s was expected, but: %s", why, run->err);
	for (const char *at = run->err; at[1] != '\0'; at++)
		assert_in_range((unsigned char)*at, ' ', '~');
	free(run);
}

/* Escape sequences, other bytes, other lines: of a process that may answer, for it is
 * of our own user. */
static void what_an_answer_says_is_printable(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *said;
	} rows[] = {
#define ROW(bytes, said) {bytes, sizeof(bytes) - 1, said}
	    ROW("1 failed \033]0;owned\a\033[2J", "\\x1b]0;owned\\x07\\x1b[2J"),
	    ROW("1 failed two\nlines\r", "two\\x0alines\\x0d"),
	    ROW("1 failed \233"
	        "31m\302\233",
	        "\\x9b31m\\xc2\\x9b"),
	    ROW("1 failed a\0b", "a\\x00b"),
	    ROW("1 failed ", "reload failed: "),
	    ROW("1 failed", "reload failed: "),
	    ROW("1 failedly", "does not understand"),
	    ROW("2 ok", "does not understand"),
	    ROW("1", "does not understand"),
	    ROW("1 ", "does not understand"),
	    ROW("\033c", "does not understand"),
	    ROW("\0", "does not understand"),
#undef ROW
	};
	struct daemon *d = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = impostor_start(d, NULL, rows[i].bytes, rows[i].len);

		expect_refused(ask_shortly(d, "reload"), rows[i].said);
		impostor_end(d, pid);
	}
}

static void a_long_answer_is_cut(void **state)
{
	struct daemon *d = *state;
	char bytes[100000];
	struct run *run;
	pid_t pid;

	memset(bytes, '\033', sizeof(bytes));
	bytes[snprintf(bytes, sizeof(bytes), "1 failed ")] = '\033';
	pid = impostor_start(d, NULL, bytes, sizeof(bytes));
	run = ask_shortly(d, "reload");
	assert_true(strlen(run->err) > 1000);
	assert_null(strchr(run->err, '\033'));
	assert_int_equal(run->status, 1);
	free(run);
	impostor_end(d, pid);
}

/* Neither a process that says nothing nor one that hangs up keeps the command. */
static void who_does_not_answer_is_not_waited_for_for_ever(void **state)
{
	struct daemon *d = *state;
	pid_t pid = impostor_start(d, NULL, silent, 0);

	expect_refused(ask_shortly(d, "reload"), "no outcome within 4 s");
	impostor_end(d, pid);
	pid = impostor_start(d, NULL, "", 0);
	expect_refused(ask_shortly(d, "upgrade"), "no outcome within 4 s");
	impostor_end(d, pid);
}

/* Of another user, in a folder in which everybody may make files. */
static void a_socket_of_another_user_is_not_believed(void **state)
{
	struct daemon *d = *state;
	const struct passwd *user = confined_user("nobody");
	pid_t pid;

	assert_return_code(chmod(d->dir, 01777), errno);
	assert_return_code(chmod(d->conf, 0644), errno);
	pid = impostor_start(d, user, "1 ok", 4);
	expect_refused(ask_shortly(d, "reload"), "not believed");
	expect_refused(ask_shortly(d, "stop"), "not believed");
	impostor_end(d, pid);
}

static void what_is_no_socket_is_not_asked(void **state)
{
	struct daemon *d = *state;
	const struct address address = command_address(d);
	const char *path = address.un.sun_path;
	struct address other = address;
	int fd;

	harness_write_file(path, "1 ok\n");
	expect_refused(ask_shortly(d, "reload"), "not a command socket");
	assert_return_code(unlink(path), errno);
	snprintf(other.un.sun_path, sizeof(other.un.sun_path), "%s/elsewhere", d->dir);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_return_code(bind(fd, &other.any, other.len), errno);
	assert_return_code(listen(fd, 1), errno);
	assert_return_code(symlink(other.un.sun_path, path), errno);
	expect_refused(ask_shortly(d, "reload"), "not a command socket");
	close(fd);
	assert_return_code(unlink(path), errno);
	assert_return_code(unlink(other.un.sun_path), errno);
	assert_return_code(mkfifo(path, 0600), errno);
	expect_refused(ask_shortly(d, "reload"), "not a command socket");
	assert_return_code(unlink(path), errno);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); /* of another kind */
	assert_return_code(bind(fd, &address.any, address.len), errno);
	assert_return_code(listen(fd, 1), errno);
	expect_refused(ask_shortly(d, "reload"), "not a command socket");
	close(fd);
	assert_return_code(unlink(path), errno);
}

/* What once was believed of whoever could write it. */
static void no_file_says_how_a_reload_went(void **state)
{
	struct daemon *d = *state;
	char path[128], said[512];

	d->files_expected = true;
	daemon_start(d, SMALL, NULL);
	snprintf(path, sizeof(path), "%s.status", d->pidfile);
	harness_write_file(path, "9 4294967295 failed \033]0;owned\a\n");
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
	assert_null(strchr(said, '\033'));
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(what_an_answer_says_is_printable),
	    daemon_test(a_long_answer_is_cut),
	    daemon_test(who_does_not_answer_is_not_waited_for_for_ever),
	    daemon_test(a_socket_of_another_user_is_not_believed),
	    daemon_test(what_is_no_socket_is_not_asked),
	    daemon_test(no_file_says_how_a_reload_went),
	};

	return cmocka_run_group_tests_name("walls: answers", tests, NULL, NULL);
}
