/* common/secret_file.c: that a file is read whole, and as it was at one moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/secret_file.h"

enum { SOME = 10 };

struct place {
	char path[48];
	uint8_t bytes[SOME + 1];
};

/* What happens to the file at the next read(), if anything. */
static struct {
	const char *path;
	const char *text;
	bool fails;
} meanwhile;

static void file_rewrite(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	/* times are as coarse as the kernel's ticks */
	assert_return_code(
	    futimens(fd, (struct timespec[2]){{.tv_sec = 1}, {.tv_sec = 1}}), errno);
	close(fd);
}

ssize_t read(int fd, void *to, size_t n)
{
	if (meanwhile.fails) {
		errno = EIO;
		return -1;
	}
	if (meanwhile.path != NULL) {
		const char *path = meanwhile.path;

		meanwhile.path = NULL;
		file_rewrite(path, meanwhile.text);
	}
	return syscall(SYS_read, fd, to, n);
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	int fd;

	assert_non_null(place);
	strcpy(place->path, "/tmp/argond-secret-XXXXXX");
	fd = mkstemp(place->path);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, "0123456789", SOME), SOME);
	close(fd);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	memset(&meanwhile, 0, sizeof(meanwhile));
	unlink(place->path);
	free(place);
	return 0;
}

static ssize_t read_file(struct place *place, size_t cap, const char **why)
{
	int fd = secret_file_open(place->path, why);
	ssize_t len;

	assert_return_code(fd, errno);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	len = secret_file_read(fd, place->bytes, cap, why);
	close(fd);
	return len;
}

static void all_of_it_is_read(void **state)
{
	struct place *place = *state;
	const char *why;

	assert_int_equal(read_file(place, SOME, &why), SOME);
	assert_null(why);
	assert_memory_equal(place->bytes, "0123456789", SOME);
	assert_int_equal(read_file(place, SOME + 1, &why), SOME);
	assert_int_equal(read_file(place, SOME - 1, &why), -1);
	assert_string_equal(why, "too long");
	assert_int_equal(place->bytes[SOME], 0);
	assert_int_equal(truncate(place->path, 0), 0);
	assert_int_equal(read_file(place, SOME, &why), 0);
	assert_null(why);
}

static void half_of_one_and_half_of_another_is_neither(void **state)
{
	static const char *const texts[] = {
	    "abcdefghij", "short", "", "longer than it was"};
	struct place *place = *state;
	const char *why;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		meanwhile.path = place->path;
		meanwhile.text = texts[i];
		assert_int_equal(read_file(place, SOME + 1, &why), -1);
		assert_non_null(why);
		if (strlen(texts[i]) <= SOME)
			assert_string_equal(why, "was written to while it was read");
	}
}

static void what_fails_is_told(void **state)
{
	struct place *place = *state;
	const char *why;

	meanwhile.fails = true;
	assert_int_equal(read_file(place, SOME, &why), -1);
	assert_string_equal(why, "Input/output error");
	meanwhile.fails = false;
	unlink(place->path);
	assert_int_equal(secret_file_open(place->path, &why), -1);
	assert_string_equal(why, "No such file or directory");
	assert_string_equal(secret_file_wrong(-1, NULL), "Bad file descriptor");
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FILE_TEST(all_of_it_is_read),
	    FILE_TEST(half_of_one_and_half_of_another_is_neither),
	    FILE_TEST(what_fails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
