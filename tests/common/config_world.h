/*
 * What the tests of the config share: a file to write configs into, and ways to load
 * them.
 */
#ifndef TESTS_COMMON_CONFIG_WORLD_H
#define TESTS_COMMON_CONFIG_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/argon2_size.h"
#include "common/config_table.h"
#include "common/cpu.h"
#include "common/memory.h"
#include "common/paths.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define KIB(n) (UINT64_C(n) << 10)
#define MIB(n) (UINT64_C(n) << 20)

struct place {
	char folder[32];
	char file[64]; /* of the config under test */
};

static inline int place_make(void **state)
{
	static struct place place;

	snprintf(place.folder, sizeof(place.folder), "/tmp/argond-config-XXXXXX");
	if (mkdtemp(place.folder) == NULL)
		return -1;
	snprintf(place.file, sizeof(place.file), "%s/argond.conf", place.folder);
	*state = &place;
	return 0;
}

static inline int place_remove(void **state)
{
	struct place *place = *state;

	unlink(place->file);
	return rmdir(place->folder);
}

static inline void file_write(const struct place *place, const void *text, size_t len)
{
	FILE *file = fopen(place->file, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* Loads that text as a file, with overrides. */
static inline struct config *load_text(const struct place *place, const char *text,
    char *const *overrides, size_t count, struct config_error *err)
{
	memset(err, 0, sizeof(*err));
	file_write(place, text, strlen(text));
	return config_load(place->file, overrides, count, err);
}

static inline struct config *load_good(const struct place *place, const char *text)
{
	struct config_error err = {{0}};
	struct config *config = load_text(place, text, NULL, 0, &err);

	if (config == NULL)
		fail_msg("%s", err.text);
	return config;
}

static inline struct config *load_overrides(const struct place *place,
    const char *const *overrides, size_t count, struct config_error *err)
{
	char *copies[16] = {NULL};
	struct config *config;

	assert_true(count <= COUNT(copies));
	for (size_t i = 0; i < count; i++)
		copies[i] = strdup(overrides[i]);
	config = load_text(place, "", copies, count, err);
	for (size_t i = 0; i < count; i++)
		free(copies[i]);
	return config;
}

struct mistake {
	const char *text;
	const char *message; /* what follows FILE: */
};

static inline void refuse_file(
    const struct place *place, const struct mistake *mistakes, size_t count)
{
	char expected[1024];

	for (size_t i = 0; i < count; i++) {
		struct config_error err = {{0}};
		struct config *config =
		    load_text(place, mistakes[i].text, NULL, 0, &err);

		if (config != NULL)
			fail_msg("taken: %s", mistakes[i].text);
		snprintf(expected, sizeof(expected), "%s:%s", place->file,
		    mistakes[i].message);
		/* What is allowed may be a long list: its beginning will do. */
		if (strncmp(err.text, expected, strlen(expected)) != 0)
			assert_string_equal(err.text, expected);
		assert_null(strchr(err.text, '\n'));
	}
}

static inline char *print_text(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(config_print(config, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

#endif
