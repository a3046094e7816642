/* common/key.c: what may be a key file, and what is read of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/key.h"

struct place {
	char folder[32];
	char file[48];
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->folder, "/tmp/argond-key-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->file, sizeof(place->file), "%s/key", place->folder);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	unlink(place->file);
	rmdir(place->file);
	rmdir(place->folder);
	free(place);
	return 0;
}

static void file_write(const struct place *place, size_t len, mode_t mode)
{
	int fd = open(place->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(write(fd, &(uint8_t){(uint8_t)i}, 1), 1);
	close(fd);
}

static void assert_refused(const struct place *place, const char *expected)
{
	const char *why;

	assert_int_equal(key_file_open(place->file, NULL, &why), -1);
	assert_non_null(why);
	assert_string_equal(why, expected);
}

static void all_bytes_of_the_files_are_keys(void **state)
{
	const struct place *place = *state;
	struct config_key keys[] = {
	    {.name = "a", .file = (char *)(uintptr_t)place->file},
	    {.name = "b", .file = (char *)(uintptr_t)place->file}};
	const struct config config = {.keys = keys, .key_count = 2};
	static const size_t sizes[] = {KEY_MIN, 32, KEY_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct key_set *set;

		file_write(place, sizes[i], 0600);
		set = key_set_load(&config, NULL);
		assert_non_null(set);
		assert_int_equal(set->count, 2);
		assert_int_equal(set->keys[1].len, sizes[i]);
		for (size_t b = 0; b < sizes[i]; b++)
			assert_int_equal(set->keys[1].bytes[b], (uint8_t)b);
		key_set_free(set);
	}
	unlink(place->file);
	assert_null(key_set_load(&config, NULL));
	key_set_free(NULL);
}

static void lengths_are_bounded(void **state)
{
	file_write(*state, KEY_MIN - 1, 0600);
	assert_refused(*state, "shorter than 8 bytes");
	file_write(*state, 0, 0600);
	assert_refused(*state, "shorter than 8 bytes");
	file_write(*state, KEY_MAX + 1, 0600);
	assert_refused(*state, "longer than 1024 bytes");
}

static void others_may_not_touch_it(void **state)
{
	static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0777};
	const struct place *place = *state;
	const char *why;
	int fd;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		file_write(place, 32, 0600);
		assert_int_equal(chmod(place->file, modes[i]), 0);
		assert_refused(place, "others than its owner may read or write it");
	}
	assert_int_equal(chmod(place->file, 0400), 0);
	fd = key_file_open(place->file, NULL, &why);
	assert_true(fd >= 0);
	close(fd);
}

static void it_belongs_to_root_us_or_the_user(void **state)
{
	const struct place *place = *state;
	const char *why;
	uid_t nobody;
	int fd;

	if (geteuid() != 0)
		skip();
	assert_int_equal(config_user_find("nobody", &nobody), 0);
	file_write(place, 32, 0600);
	assert_int_equal(chown(place->file, nobody, (gid_t)-1), 0);
	assert_refused(place, "belongs to somebody else");
	fd = key_file_open(place->file, "nobody", &why);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chown(place->file, nobody + 1, (gid_t)-1), 0);
	assert_int_equal(key_file_open(place->file, "nobody", &why), -1);
	assert_int_equal(key_file_open(place->file, "no-such-user", &why), -1);
}

static void what_is_no_file_is_not_waited_for(void **state)
{
	const struct place *place = *state;

	assert_refused(place, "No such file or directory");
	assert_int_equal(mkfifo(place->file, 0600), 0);
	assert_refused(place, "not a regular file");
	unlink(place->file);
	assert_int_equal(mkdir(place->file, 0700), 0);
	assert_refused(place, "not a regular file");
	rmdir(place->file);
	assert_int_equal(symlink("/dev/zero", place->file), 0);
	assert_refused(place, "not a regular file");
}

#define KEY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEY_TEST(all_bytes_of_the_files_are_keys),
	    KEY_TEST(lengths_are_bounded),
	    KEY_TEST(others_may_not_touch_it),
	    KEY_TEST(it_belongs_to_root_us_or_the_user),
	    KEY_TEST(what_is_no_file_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
