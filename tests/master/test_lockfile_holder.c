/*
 * Who is signalled by way of the pidfile: the process that has the record lock, if the
 * number in the file is its own here; never a stranger.
 */
#include "master/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	char dir[64], path[96];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	snprintf(p->dir, sizeof(p->dir), "/tmp/argond-lock-XXXXXX");
	if (mkdtemp(p->dir) == NULL) {
		free(p);
		return -1;
	}
	snprintf(p->path, sizeof(p->path), "%s/pid", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	rmdir(p->dir);
	free(p);
	return 0;
}

static void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A master in a process of its own; what it is told by the pipe's end is to leave. */
struct holder {
	pid_t pid;
	int gate;
};

static struct holder holder_start(const char *path, bool record)
{
	struct holder holder;
	struct lockfile file;
	int ready[2], gate[2];
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	holder.pid = fork();
	assert_true(holder.pid >= 0);
	if (holder.pid == 0) {
		close(gate[1]);
		if (lockfile_open(&file, path) != 0)
			_exit(1);
		if (!record)
			lockfile_yield(&file);
		signal(SIGUSR1, SIG_DFL);
		(void)!write(ready[1], "", 1);
		(void)!read(gate[0], &byte, 1);
		_exit(0);
	}
	close(ready[1]);
	close(gate[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	holder.gate = gate[1];
	return holder;
}

/* Returns its wait status. */
static int holder_end(const struct holder *holder)
{
	int status;

	close(holder->gate);
	assert_int_equal(waitpid(holder->pid, &status, 0), holder->pid);
	return status;
}

static void the_holder_of_the_lock_is_signalled(void **state)
{
	struct place *p = *state;
	struct holder holder = holder_start(p->path, true);
	int status;

	assert_int_equal(lockfile_holder(p->path), holder.pid);
	assert_int_equal(lockfile_signal(p->path, SIGUSR1), holder.pid);
	assert_int_equal(waitpid(holder.pid, &status, 0), holder.pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	close(holder.gate);
	assert_int_equal(lockfile_signal(p->path, SIGUSR1), 0);
}

/* The file is shared with another pid namespace, where the number is right. */
static void a_number_that_is_not_the_holders_is_nobody(void **state)
{
	struct place *p = *state;
	struct holder holder = holder_start(p->path, true);
	char text[32];

	snprintf(text, sizeof(text), "%d\n", (int)getppid());
	file_write(p->path, text);
	errno = 0;
	assert_int_equal(lockfile_holder(p->path), -1);
	assert_int_equal(errno, EREMOTE);
	assert_int_equal(lockfile_signal(p->path, SIGUSR1), -1);
	assert_int_equal(errno, EREMOTE);
	assert_int_equal(holder_end(&holder), 0);
}

static void what_is_no_number_is_nobody(void **state)
{
	static const char *const texts[] = {"", "0\n", "-1\n", "-7\n", "7 8\n",
	    "99999999999999999999\n", "2147483648\n", "garbage\n", "0x7\n"};
	struct place *p = *state;
	struct holder holder = holder_start(p->path, true);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file_write(p->path, texts[i]);
		errno = 0;
		assert_int_equal(lockfile_signal(p->path, SIGUSR1), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(holder_end(&holder), 0);
}

static void nobody_signals_itself(void **state)
{
	struct place *p = *state;
	struct holder holder = holder_start(p->path, false);
	char text[32];

	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	file_write(p->path, text);
	assert_int_equal(lockfile_signal(p->path, SIGKILL), -1);
	assert_int_equal(holder_end(&holder), 0);
}

/* A lock to read can be set by anybody who may read the file. */
static void the_lock_of_a_reader_is_not_the_masters(void **state)
{
	const struct flock reading = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	struct place *p = *state;
	struct holder holder = holder_start(p->path, false);
	int ready[2], fd;
	char byte;
	pid_t stranger;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	stranger = fork();
	if (stranger == 0) {
		close(holder.gate);
		fd = open(p->path, O_RDONLY | O_CLOEXEC);
		if (fcntl(fd, F_SETLK, &reading) == 0)
			(void)!write(ready[1], "", 1);
		close(ready[1]);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(lockfile_holder(p->path), holder.pid);
	assert_int_equal(holder_end(&holder), 0);
	holder = holder_start(p->path, true); /* it cannot set its own, and goes on */
	assert_int_equal(lockfile_holder(p->path), holder.pid);
	assert_int_equal(holder_end(&holder), 0);
	assert_int_equal(kill(stranger, SIGKILL), 0);
	assert_int_equal(waitpid(stranger, NULL, 0), stranger);
}

/* Of an older version, which has no record lock, the name must be ours. */
static void a_stranger_with_the_number_is_nobody(void **state)
{
	struct place *p = *state;
	struct holder holder = holder_start(p->path, false);
	int ends[2];
	char text[32], byte;
	pid_t stranger;

	assert_int_equal(lockfile_holder(p->path), holder.pid);
	assert_int_equal(pipe2(ends, 0), 0);
	stranger = fork();
	if (stranger == 0) {
		close(ends[0]);
		dup2(ends[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", "echo; read x; :", (char *)NULL);
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1); /* it is another program now */
	snprintf(text, sizeof(text), "%d\n", (int)stranger);
	file_write(p->path, text);
	assert_int_equal(lockfile_holder(p->path), -1);
	assert_int_equal(lockfile_signal(p->path, SIGKILL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(kill(stranger, SIGKILL), 0);
	assert_int_equal(waitpid(stranger, NULL, 0), stranger);
	close(ends[0]);
	assert_int_equal(holder_end(&holder), 0);
}

#define lock_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    lock_test(the_holder_of_the_lock_is_signalled),
	    lock_test(a_number_that_is_not_the_holders_is_nobody),
	    lock_test(what_is_no_number_is_nobody),
	    lock_test(nobody_signals_itself),
	    lock_test(the_lock_of_a_reader_is_not_the_masters),
	    lock_test(a_stranger_with_the_number_is_nobody),
	};

	alarm(120); /* a process that waits for another one may do so for ever */
	return cmocka_run_group_tests_name("lockfile, holder", tests, NULL, NULL);
}
