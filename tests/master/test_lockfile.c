/*
 * The pidfile and its lock: who gets it, what it replaces, what is never touched.
 */
#include "master/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/lock.h"

struct place_of_test {
	char dir[64], path[96], other[96];
};

static int setup(void **state)
{
	struct place_of_test *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	snprintf(p->dir, sizeof(p->dir), "/tmp/argond-lock-XXXXXX");
	if (mkdtemp(p->dir) == NULL) {
		free(p);
		return -1;
	}
	snprintf(p->path, sizeof(p->path), "%s/pid", p->dir);
	snprintf(p->other, sizeof(p->other), "%s/other", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place_of_test *p = *state;

	if (unlink(p->path) != 0)
		rmdir(p->path);
	unlink(p->other);
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

static void assert_file(const char *path, const char *text)
{
	char found[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, found, sizeof(found) - 1) >= 0);
	close(fd);
	assert_string_equal(found, text);
}

static void assert_file_ours(const char *path)
{
	char text[16];

	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	assert_file(path, text);
}

/* The number in the pidfile where somebody has the lock, else 0. */
static pid_t lock_holder(const char *path)
{
	struct place place;
	int held;

	assert_int_equal(place_open(&place, path, LOCKFILE_SUFFIX), 0);
	held = lock_is_held(&place);
	place_close(&place);
	assert_in_range(held, 0, 1);
	return held == 1 ? lockfile_number(path) : 0;
}

static void without_a_path_there_is_none(void **state)
{
	struct lockfile file;

	(void)state;
	assert_int_equal(lockfile_open(&file, NULL), 0);
	assert_int_equal(file.fd, -1);
	assert_int_equal(lockfile_claim(&file), 0);
	lockfile_close(&file, true);
}

static void the_holder_is_in_the_file_until_he_leaves(void **state)
{
	struct place_of_test *p = *state;
	struct lockfile file;

	assert_int_equal(lock_holder(p->path), 0);
	assert_int_equal(lockfile_open(&file, p->path), 0);
	assert_true(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
	assert_file_ours(p->path);
	assert_int_equal(lock_holder(p->path), getpid());
	lockfile_close(&file, true);
	assert_int_equal(access(p->path, F_OK), -1);
	assert_int_equal(lock_holder(p->path), 0);
}

static void of_two_at_once_one_is_refused(void **state)
{
	struct place_of_test *p = *state;
	struct lockfile first, second;

	assert_int_equal(lockfile_open(&first, p->path), 0);
	assert_int_equal(lockfile_open(&second, p->path), -1);
	assert_int_equal(second.fd, -1);
	assert_file_ours(p->path);
	lockfile_close(&second, true);
	assert_int_equal(lock_holder(p->path), getpid()); /* as if nothing were */
	lockfile_close(&first, true);
}

/* Many start in the same moment: one gets it. */
static void of_many_in_a_race_one_wins(void **state)
{
	enum { RUNNERS = 8 };
	struct place_of_test *p = *state;
	struct lockfile file;
	int gate[2], hold[2], won = 0;

	alarm(60); /* with two winners, each would wait for the other's refusal */
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	for (int i = 0; i < RUNNERS; i++) {
		if (fork() == 0) {
			char byte;

			close(gate[1]);
			close(hold[1]);
			(void)!read(gate[0], &byte, 1); /* all start at its end */
			if (lockfile_open(&file, p->path) != 0)
				_exit(1);
			(void)!read(hold[0], &byte, 1);
			_exit(lock_holder(p->path) == getpid() ? 0 : 2);
		}
	}
	close(gate[1]);
	for (int i = 0; i < RUNNERS; i++) {
		int status;

		if (i == RUNNERS - 1)
			close(hold[1]); /* the others are refused: the winner may go */
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 2);
		won += WEXITSTATUS(status) == 0;
	}
	alarm(0);
	assert_int_equal(won, 1);
	close(gate[0]);
	close(hold[0]);
}

/* What is left of a dead one is taken over, and its number believed by nobody. */
static void a_number_without_a_lock_is_nobody(void **state)
{
	static const char *const texts[] = {
	    "1\n", "%d", "%d\n", "", "garbage\n", "-1\n", "99999999999\n", "12 34\n"};
	struct place_of_test *p = *state;
	struct lockfile file;
	char text[32];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strncmp(texts[i], "%d", 2) == 0)
			snprintf(
			    text, sizeof(text), "%d%s", (int)getppid(), texts[i] + 2);
		else
			snprintf(text, sizeof(text), "%s", texts[i]);
		file_write(p->path, text);
		assert_int_equal(lock_holder(p->path), 0);
		assert_file(p->path, text); /* looking changes nothing */
		assert_int_equal(lockfile_open(&file, p->path), 0);
		assert_file_ours(p->path);
		lockfile_close(&file, true);
	}
}

/* What lies at the name makes room, and is not written to. */
static void a_link_in_its_place_is_replaced(void **state)
{
	struct place_of_test *p = *state;
	struct lockfile file;
	struct stat st;

	for (int i = 0; i < 3; i++) { /* to a file, to nothing, a second name */
		if (i != 1)
			file_write(p->other, "precious\n");
		if (i < 2)
			assert_int_equal(symlink(p->other, p->path), 0);
		else
			assert_int_equal(link(p->other, p->path), 0);
		assert_int_equal(lockfile_number(p->path), 0);
		assert_int_equal(lockfile_open(&file, p->path), 0);
		assert_file_ours(p->path);
		assert_int_equal(lstat(p->path, &st), 0);
		assert_true(S_ISREG(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0644);
		lockfile_close(&file, true);
		if (i != 1)
			assert_file(p->other, "precious\n");
		assert_int_equal(access(p->path, F_OK), -1);
		unlink(p->other);
	}
}

static void what_cannot_be_replaced_is_refused(void **state)
{
	struct place_of_test *p = *state;
	struct lockfile file;

	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_equal(lockfile_open(&file, p->path), -1);
	lockfile_close(&file, true);
	assert_int_equal(lock_holder(p->path), 0);
	assert_int_equal(rmdir(p->path), 0);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_int_equal(lockfile_number(p->path), 0); /* nobody waits for a writer */
	assert_int_equal(unlink(p->path), 0);
	snprintf(p->other, sizeof(p->other), "%s/none/pid", p->dir);
	assert_int_equal(lockfile_open(&file, p->other), -1);
	lockfile_close(&file, true);
	assert_int_equal(lockfile_number(p->other), 0);
}

/* An older master has no lock of its own: it is taken. */
static void a_lock_that_was_not_handed_on_is_taken(void **state)
{
	struct place_of_test *p = *state;
	struct lockfile first = {.fd = -1}, second;

	file_write(p->path, "1\n");
	first.fd = open(p->path, O_RDWR | O_CLOEXEC);
	assert_int_equal(lockfile_inherit(&second, first.fd, -1, p->path), 0);
	assert_int_equal(lock_holder(p->path), 1);
	assert_int_equal(lockfile_claim(&second), 0);
	assert_int_equal(lock_holder(p->path), getpid());
	lockfile_close(&second, true);
	assert_int_equal(lock_holder(p->path), 0);
}

/* The file of another one that has taken the name is not removed. */
static void only_ones_own_file_is_removed(void **state)
{
	struct place_of_test *p = *state;
	struct lockfile file;

	assert_int_equal(lockfile_open(&file, p->path), 0);
	assert_int_equal(unlink(p->path), 0);
	file_write(p->path, "another's\n");
	lockfile_close(&file, true);
	assert_file(p->path, "another's\n");
}

/* An upgrade: the lock goes on with the descriptor, and there is no moment without it.
 */
static void a_lock_is_handed_on(void **state)
{
	struct place_of_test *p = *state;
	struct lockfile first, second, third;

	assert_int_equal(lockfile_open(&first, p->path), 0);
	assert_int_equal(
	    lockfile_inherit(&second, dup(first.fd), dup(first.lock), p->path), 0);
	lockfile_close(&first, false);
	assert_int_equal(lockfile_open(&third, p->path), -1);
	lockfile_close(&third, true);
	assert_int_equal(lockfile_claim(&second), 0);
	assert_int_equal(lock_holder(p->path), getpid());
	lockfile_close(&second, true);
	assert_int_equal(access(p->path, F_OK), -1);
}

static void another_file_is_no_inheritance(void **state)
{
	struct place_of_test *p = *state;
	struct lockfile first, second;

	file_write(p->other, "1\n");
	assert_int_equal(lockfile_open(&first, p->path), 0);
	assert_int_equal(lockfile_inherit(&second, dup(first.fd), -1, p->other), -1);
	lockfile_close(&second, true);
	assert_file(p->other, "1\n");
	lockfile_close(&first, true);
}

/* A long number makes room for a short one without ever being a third. */
static void a_claim_leaves_nothing_of_the_old_number(void **state)
{
	struct place_of_test *p = *state;
	struct lockfile file;

	file_write(p->path, "123456789012\n34\n");
	assert_int_equal(lockfile_open(&file, p->path), 0);
	assert_file_ours(p->path);
	lockfile_close(&file, true);
}

#define lock_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_path_there_is_none),
	    lock_test(the_holder_is_in_the_file_until_he_leaves),
	    lock_test(of_two_at_once_one_is_refused),
	    lock_test(of_many_in_a_race_one_wins),
	    lock_test(a_number_without_a_lock_is_nobody),
	    lock_test(a_link_in_its_place_is_replaced),
	    lock_test(what_cannot_be_replaced_is_refused),
	    lock_test(only_ones_own_file_is_removed),
	    lock_test(a_lock_that_was_not_handed_on_is_taken),
	    lock_test(a_lock_is_handed_on),
	    lock_test(another_file_is_no_inheritance),
	    lock_test(a_claim_leaves_nothing_of_the_old_number),
	};

	return cmocka_run_group_tests_name("lockfile", tests, NULL, NULL);
}
