/* common/sealed.c: who can read what is shut, and that nobody writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sealed.h"

static const char secret[] = "a pepper";

static void make(struct sealed *sealed)
{
	assert_int_equal(sealed_open(sealed, "argond-test", 10000), 0);
	memset(sealed->base, 1, 10000);
	memcpy(sealed->base, secret, sizeof(secret));
	assert_int_equal(sealed_shut(sealed), 0);
}

static void what_is_shut_can_be_read(void **state)
{
	struct sealed sealed;
	const char *view;

	(void)state;
	make(&sealed);
	view = sealed_map(&sealed);
	assert_non_null(view);
	assert_memory_equal(view, secret, sizeof(secret));
	assert_int_equal(view[9999], 1);
	munmap((void *)(uintptr_t)view, 10000);
	sealed_close(&sealed);
	assert_int_equal(sealed.bytes, 0);
	sealed_close(&sealed);
}

static void who_reads_it_cannot_write_it(void **state)
{
	struct sealed sealed;
	void *view;

	(void)state;
	make(&sealed);
	assert_ptr_equal(
	    mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, sealed.fd, 0),
	    MAP_FAILED);
	view = (void *)(uintptr_t)sealed_map(&sealed);
	assert_int_equal(mprotect(view, 10000, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(pwrite(sealed.fd, "x", 1, 0), -1);
	assert_memory_equal(view, secret, sizeof(secret));
	munmap(view, 10000);
	sealed_close(&sealed);
}

/* Lines of maps(5) with its name. */
static unsigned mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned n = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		n += strstr(line, "argond-test") != NULL;
	fclose(maps);
	return n;
}

/* The same in a child. */
static unsigned mappings_inherited(void)
{
	pid_t pid = fork();
	int status;

	assert_return_code(pid, errno);
	if (pid == 0)
		_exit((int)mappings());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (unsigned)WEXITSTATUS(status);
}

static void what_is_shut_is_in_nobodys_memory(void **state)
{
	struct sealed sealed;
	const void *view;

	(void)state;
	assert_int_equal(sealed_open(&sealed, "argond-test", 10000), 0);
	assert_int_equal(mappings_inherited(), 1);
	assert_int_equal(sealed_shut(&sealed), 0);
	assert_int_equal(write(STDOUT_FILENO, sealed.base, 1), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(mappings_inherited(), 0);
	view = sealed_map(&sealed);
	assert_int_equal(mappings_inherited(), 1);
	munmap((void *)(uintptr_t)view, 10000);
	assert_int_equal(fcntl(sealed.fd, F_GETFD), FD_CLOEXEC);
	sealed_close(&sealed);
	assert_int_equal(mappings(), 0);
}

/* Wiped for those who still have it, too. */
static void nothing_is_left_of_it(void **state)
{
	struct sealed sealed;
	const char *view;

	(void)state;
	make(&sealed);
	view = sealed_map(&sealed);
	errno = EBUSY;
	sealed_close(&sealed);
	assert_int_equal(errno, EBUSY);
	for (size_t i = 0; i < 10000; i++)
		assert_int_equal(view[i], 0);
	munmap((void *)(uintptr_t)view, 10000);
}

/* As many fds as are open now, and `more`. Returns what the limit was. */
static struct rlimit files_limit(unsigned more)
{
	struct rlimit old, limit;
	int next = dup(STDIN_FILENO);

	assert_return_code(next, errno);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = (struct rlimit){(rlim_t)next + more, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return old;
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
	struct sealed sealed;
	struct rlimit old, files = files_limit(1);

	(void)state;
	make(&sealed); /* it takes one */
	sealed_close(&sealed);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	files = files_limit(0);
	errno = 0;
	assert_int_equal(sealed_open(&sealed, "argond-test", 10000), -1);
	assert_int_equal(errno, EMFILE);
	assert_int_equal(sealed.bytes, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(
	    setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, old.rlim_max}), 0);
	files = files_limit(1); /* none was left open */
	assert_int_equal(sealed_open(&sealed, "argond-test", 10000), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(sealed.bytes, 0);
	assert_int_equal(sealed_open(&sealed, "argond-test", 4096), 0);
	sealed_close(&sealed);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(mappings(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_shut_can_be_read),
	    cmocka_unit_test(who_reads_it_cannot_write_it),
	    cmocka_unit_test(what_is_shut_is_in_nobodys_memory),
	    cmocka_unit_test(nothing_is_left_of_it),
	    cmocka_unit_test(what_cannot_be_made_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
