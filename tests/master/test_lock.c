/*
 * Locks that nobody else can hold.
 */
#include "master/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	char dir[64], path[96], other[96];
	struct place place;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -1;
	snprintf(w->dir, sizeof(w->dir), "/tmp/argond-lock-XXXXXX");
	if (mkdtemp(w->dir) == NULL) {
		free(w);
		return -1;
	}
	snprintf(w->path, sizeof(w->path), "%s/lock", w->dir);
	snprintf(w->other, sizeof(w->other), "%s/other", w->dir);
	*state = w;
	return place_open(&w->place, w->path, "");
}

static int teardown(void **state)
{
	struct world *w = *state;
	int rc;

	place_close(&w->place);
	unlink(w->path);
	unlink(w->other);
	rc = rmdir(w->dir); /* nothing else is left behind */
	free(w);
	return rc;
}

static void one_has_it_until_it_lets_go(void **state)
{
	struct world *w = *state;
	struct stat st;
	int fd;

	assert_int_equal(lock_is_held(&w->place), 0);
	fd = lock_take(&w->place);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(lock_is_held(&w->place), 1);
	assert_int_equal(lock_is_held(&w->place), 1); /* looking changes nothing */
	errno = 0;
	assert_int_equal(lock_take(&w->place), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	lock_drop(&w->place, fd);
	assert_int_equal(access(w->path, F_OK), -1);
	assert_int_equal(lock_is_held(&w->place), 0);
}

/* An upgrade: it goes on with the descriptor, in another process. */
static void it_goes_with_its_descriptor(void **state)
{
	struct world *w = *state;
	const int fd = lock_take(&w->place);
	int gate[2], status;
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		char byte;

		close(gate[1]);
		(void)!read(gate[0], &byte, 1);
		_exit(0);
	}
	close(gate[0]);
	close(fd);
	assert_int_equal(lock_is_held(&w->place), 1);
	close(gate[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(lock_is_held(&w->place), 0);
}

/* A file that others may open: made by hand, or before. */
static void what_others_may_open_is_replaced(void **state)
{
	static const mode_t modes[] = {0644, 0640, 0602, 0660};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		int fd = open(w->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), ours;
		struct stat before, after;

		assert_int_equal(fchmod(fd, modes[i]), 0);
		assert_int_equal(fstat(fd, &before), 0);
		assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* no such lock */
		ours = lock_take(&w->place);
		assert_true(ours >= 0);
		assert_int_equal(fstat(ours, &after), 0);
		assert_true(before.st_ino != after.st_ino);
		assert_int_equal(after.st_mode & 07777, 0600);
		lock_drop(&w->place, ours);
		close(fd);
	}
}

static void what_another_user_has_made_is_replaced(void **state)
{
	struct world *w = *state;
	struct stat st;
	int fd;

	if (geteuid() != 0)
		skip();
	close(open(w->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(chown(w->path, 12345, 12345), 0);
	fd = lock_take(&w->place);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, geteuid());
	lock_drop(&w->place, fd);
}

static void what_is_no_file_is_refused(void **state)
{
	struct world *w = *state;

	assert_int_equal(symlink(w->other, w->path), 0);
	assert_int_equal(lock_take(&w->place), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(lock_is_held(&w->place), -1);
	assert_int_equal(access(w->other, F_OK), -1);
	assert_int_equal(unlink(w->path), 0);
	assert_int_equal(mkfifo(w->path, 0600), 0);
	assert_int_equal(lock_take(&w->place), -1);
	assert_int_equal(errno, EINVAL);
}

/* The name is another file's by the time of the removal. */
static void only_ones_own_file_is_removed(void **state)
{
	struct world *w = *state;
	const int fd = lock_take(&w->place);

	assert_int_equal(rename(w->path, w->other), 0);
	close(open(w->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	lock_drop(&w->place, fd);
	assert_int_equal(access(w->path, F_OK), 0);
	assert_int_equal(access(w->other, F_OK), 0);
}

/* Many take it and let go at once: never two of them have it. */
static void there_are_never_two(void **state)
{
	enum { RUNNERS = 8, ROUNDS = 300 };
	struct world *w = *state;
	int status;

	for (int i = 0; i < RUNNERS; i++) {
		if (fork() != 0)
			continue;
		for (int n = 0; n < ROUNDS; n++) {
			const int fd = lock_take(&w->place);
			int mark;

			if (fd < 0)
				continue;
			mark = open(
			    w->other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
			if (mark < 0)
				_exit(1); /* somebody else is here */
			close(mark);
			unlink(w->other);
			lock_drop(&w->place, fd);
		}
		_exit(0);
	}
	for (int i = 0; i < RUNNERS; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

#define lock_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    lock_test(one_has_it_until_it_lets_go),
	    lock_test(it_goes_with_its_descriptor),
	    lock_test(what_others_may_open_is_replaced),
	    lock_test(what_another_user_has_made_is_replaced),
	    lock_test(what_is_no_file_is_refused),
	    lock_test(only_ones_own_file_is_removed),
	    lock_test(there_are_never_two),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
