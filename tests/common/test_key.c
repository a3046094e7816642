/* common/key.c: what may be a key file, and what is read of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
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

/* A config with a pool for each of these users and two keys of the same file. */
struct keyed {
	struct config config;
	struct config_key keys[2];
	struct config_pool pools[2];
};

static void keyed_make(struct keyed *keyed, const struct place *place,
    const char *first, const char *second)
{
	*keyed = (struct keyed){.config = {.key_count = 2, .pool_count = 2}};
	keyed->config.keys = keyed->keys;
	keyed->config.pools = keyed->pools;
	for (unsigned i = 0; i < 2; i++) {
		strcpy(keyed->keys[i].name, i == 0 ? "a" : "b");
		keyed->keys[i].file = (char *)(uintptr_t)place->file;
		keyed->pools[i].jobs = CONFIG_JOBS_HASH;
		keyed->pools[i].user = (char *)(uintptr_t)(i == 0 ? first : second);
	}
}

static int load(struct sealed *sealed, const struct place *place, const char *first,
    const char *second, struct config_error *err)
{
	struct keyed keyed;

	keyed_make(&keyed, place, first, second);
	return key_set_load(sealed, &keyed.config, err);
}

static void assert_refused_for(
    const struct place *place, const char *second, const char *expected)
{
	struct config_error err = {{0}};
	struct sealed sealed;

	assert_int_equal(load(&sealed, place, NULL, second, &err), -1);
	assert_int_equal(sealed.bytes, 0);
	if (strstr(err.text, expected) == NULL)
		assert_string_equal(err.text, expected);
}

static void assert_refused(const struct place *place, const char *expected)
{
	assert_refused_for(place, NULL, expected);
}

static void assert_taken(const struct place *place, const char *second)
{
	struct config_error err;
	struct sealed sealed;

	assert_int_equal(load(&sealed, place, NULL, second, &err), 0);
	sealed_close(&sealed);
}

static void all_bytes_of_the_files_are_keys(void **state)
{
	const struct place *place = *state;
	static const size_t sizes[] = {KEY_MIN, 32, KEY_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct config_error err;
		const struct key_set *set;
		struct sealed sealed;

		file_write(place, sizes[i], 0600);
		assert_int_equal(load(&sealed, place, NULL, NULL, &err), 0);
		/* what becomes of the file does not matter any more */
		file_write(place, 10, 0600);
		unlink(place->file);
		set = key_set_map(&sealed);
		assert_non_null(set);
		assert_int_equal(set->count, 2);
		assert_int_equal(set->keys[1].len, sizes[i]);
		for (size_t b = 0; b < sizes[i]; b++)
			assert_int_equal(set->keys[1].bytes[b], (uint8_t)b);
		key_set_unmap(set);
		sealed_close(&sealed);
	}
	assert_refused(place, "No such file");
	key_set_unmap(NULL);
}

static void no_key_is_no_set(void **state)
{
	const struct config config = {.key_count = 0};
	struct config_error err;
	struct sealed sealed;

	(void)state;
	assert_int_equal(key_set_load(&sealed, &config, &err), 0);
	assert_int_equal(sealed.bytes, 0);
	sealed_close(&sealed);
}

static void lengths_are_bounded(void **state)
{
	file_write(*state, KEY_MIN - 1, 0600);
	assert_refused(*state, "shorter than 8 bytes");
	file_write(*state, 0, 0600);
	assert_refused(*state, "shorter than 8 bytes");
	file_write(*state, KEY_MAX + 1, 0600);
	assert_refused(*state, "too long");
}

static void others_may_not_touch_it(void **state)
{
	static const mode_t modes[] = {0620, 0610, 0604, 0602, 0601, 0777};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		file_write(place, 32, 0600);
		assert_int_equal(chmod(place->file, modes[i]), 0);
		assert_refused(place, "others may read or write it");
	}
	assert_int_equal(chmod(place->file, 0400), 0);
	assert_taken(place, NULL);
}

/* Root has chosen the group; whoever else owns a file has not. */
static void a_group_may_read_what_is_roots(void **state)
{
	static const mode_t modes[] = {0640, 0440};
	const struct place *place = *state;
	struct config_error err;
	struct sealed sealed;
	uid_t nobody = geteuid();

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		unlink(place->file);
		file_write(place, 32, 0600);
		assert_return_code(chmod(place->file, modes[i]), errno);
		if (geteuid() == 0) {
			assert_taken(place, "nobody");
			assert_int_equal(config_user_find("nobody", &nobody), 0);
			assert_return_code(
			    chown(place->file, nobody, (gid_t)-1), errno);
		}
		assert_int_equal(load(&sealed, place, "nobody", "nobody", &err), -1);
		assert_non_null(strstr(err.text, "others may read"));
	}
}

static void it_belongs_to_root_us_or_every_user(void **state)
{
	const struct place *place = *state;
	uid_t nobody;

	if (geteuid() != 0)
		skip();
	assert_int_equal(config_user_find("nobody", &nobody), 0);
	file_write(place, 32, 0600);
	assert_taken(place, "nobody");
	assert_int_equal(chown(place->file, nobody, (gid_t)-1), 0);
	assert_refused(place, "belongs to somebody else");
	assert_refused_for(place, "nobody", "belongs to somebody else");
	assert_int_equal(load(&(struct sealed){0}, place, "nobody", "root",
	                     &(struct config_error){{0}}),
	    -1);
	assert_int_equal(chown(place->file, nobody + 1, (gid_t)-1), 0);
	assert_refused_for(place, "nobody", "belongs to somebody else");
	assert_int_equal(chown(place->file, 0, (gid_t)-1), 0);
	assert_refused_for(place, "no-such-user", "cannot be found");
}

static void it_may_belong_to_the_only_user(void **state)
{
	const struct place *place = *state;
	struct config_error err;
	struct sealed sealed;
	uid_t nobody;

	if (geteuid() != 0)
		skip();
	assert_int_equal(config_user_find("nobody", &nobody), 0);
	file_write(place, 32, 0600);
	assert_int_equal(chown(place->file, nobody, (gid_t)-1), 0);
	assert_int_equal(load(&sealed, place, "nobody", "nobody", &err), 0);
	sealed_close(&sealed);
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

static void other_bytes_by_an_old_name_are_told(void **state)
{
	const struct place *place = *state;
	struct keyed keyed, before;
	struct sealed now, old, none = {0};
	struct config_error err;

	file_write(place, 32, 0600);
	keyed_make(&before, place, NULL, NULL);
	keyed_make(&keyed, place, NULL, NULL);
	assert_int_equal(key_set_load(&old, &before.config, &err), 0);
	assert_int_equal(key_set_load(&now, &keyed.config, &err), 0);
	assert_int_equal(key_set_warn(&now, &keyed.config, &old, &before.config), 0);
	sealed_close(&now);

	file_write(place, 31, 0600);
	assert_int_equal(key_set_load(&now, &keyed.config, &err), 0);
	assert_int_equal(key_set_warn(&now, &keyed.config, &old, &before.config), 2);
	strcpy(keyed.keys[1].name, "c"); /* a new one */
	assert_int_equal(key_set_warn(&now, &keyed.config, &old, &before.config), 1);
	assert_int_equal(key_set_warn(&now, &keyed.config, &none, &before.config), 0);
	assert_int_equal(key_set_warn(&none, &keyed.config, &old, &before.config), 0);
	sealed_close(&now);
	sealed_close(&old);
}

#define KEY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEY_TEST(all_bytes_of_the_files_are_keys),
	    KEY_TEST(lengths_are_bounded),
	    KEY_TEST(others_may_not_touch_it),
	    KEY_TEST(no_key_is_no_set),
	    KEY_TEST(a_group_may_read_what_is_roots),
	    KEY_TEST(it_belongs_to_root_us_or_every_user),
	    KEY_TEST(it_may_belong_to_the_only_user),
	    KEY_TEST(what_is_no_file_is_not_waited_for),
	    KEY_TEST(other_bytes_by_an_old_name_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
