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
#include <unistd.h>

#include "common/secret_file.h"

enum { SOME = 10 };

struct place {
	char path[48];
	uint8_t bytes[SOME + 1];
};

/* What happens at fstat(), before and after all of a file is read. */
static struct {
	unsigned after;   /* so many calls */
	const char *path; /* this file gets that text; NULL: none does */
	const char *text;
	bool fails;
} meanwhile;

static void file_rewrite(const char *path, const char *text)
{
	static time_t times;
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	times++; /* the clock of files is as coarse as the kernel's ticks */
	assert_return_code(
	    futimens(fd, (struct timespec[2]){{.tv_sec = times}, {.tv_sec = times}}),
	    errno);
	close(fd);
}

int fstat(int fd, struct stat *st)
{
	if (meanwhile.after > 0) {
		meanwhile.after--;
	} else if (meanwhile.fails) {
		errno = EIO;
		return -1;
	} else if (meanwhile.path != NULL) {
		file_rewrite(meanwhile.path, meanwhile.text);
		meanwhile.path = NULL;
	}
	return fstatat(fd, "", st, AT_EMPTY_PATH);
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

/* While it is open, and before it is known to be read as it was. */
static void what_is_written_to_is_not_taken(void **state)
{
	static const char *const texts[] = {
	    "abcdefghij", "short", "", "longer than it was"};
	struct place *place = *state;
	const char *why;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		meanwhile.after = 2; /* as it is opened, as it is begun */
		meanwhile.path = place->path;
		meanwhile.text = texts[i];
		file_rewrite(place->path, "0123456789");
		assert_int_equal(read_file(place, SOME + 1, &why), -1);
		assert_string_equal(why, "was written to while it was read");
	}
}

static void what_fails_is_told(void **state)
{
	struct place *place = *state;
	const char *why;

	for (unsigned calls = 1; calls < 3; calls++) {
		meanwhile.after = calls;
		meanwhile.fails = true;
		assert_int_equal(read_file(place, SOME, &why), -1);
		assert_non_null(why);
	}
	meanwhile.after = 0;
	assert_int_equal(secret_file_open(place->path, &why), -1);
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
	    FILE_TEST(what_is_written_to_is_not_taken),
	    FILE_TEST(what_fails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
