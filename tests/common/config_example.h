/*
 * Directives with values as an administrator writes them: what is taken and how it is
 * printed, what is refused and with which words.
 */
#ifndef TESTS_COMMON_CONFIG_EXAMPLE_H
#define TESTS_COMMON_CONFIG_EXAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/config_table.h"

static char empty_file[] = "/tmp/argond-empty-XXXXXX";

/* An empty file, so that the one of the system, if there is one, is not read. */
static inline int empty_make(void **state)
{
	int fd = mkstemp(empty_file);

	(void)state;
	return fd == -1 ? -1 : close(fd);
}

static inline int empty_remove(void **state)
{
	(void)state;
	return unlink(empty_file);
}

struct example {
	const char *override;
	const char *result; /* printed as that, or "...: RESULT" is the error */
};

/* What -T prints for the directive of the override, in its section. */
static inline char *value_printed(const struct config *config, const char *override)
{
	char *text = NULL, *at, *end, section[64], name[64];
	const char *dot = strrchr(override, '.'), *equals = strchr(override, '=');
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	dot = dot != NULL && dot < equals ? dot : NULL;
	if (out == NULL) {
		fail();
		return NULL;
	}
	assert_int_equal(config_print(config, out), 0);
	fclose(out);
	at = text;
	if (dot != NULL && strncmp(override, "frontend.", 9) == 0)
		at = strstr(text, "\nfrontend {");
	else if (dot != NULL) {
		const char *title = strchr(override, '.') + 1;

		snprintf(section, sizeof(section), "\n%.*s \"%.*s\" {",
		    (int)(title - override - 1), override, (int)(dot - title), title);
		at = strstr(text, section);
	}
	dot = dot != NULL ? dot + 1 : override;
	snprintf(name, sizeof(name), "%.*s = ", (int)(equals - dot), dot);
	while (at != NULL && (at = strstr(at, name)) != NULL && at > text &&
	       strchr("\n\t", at[-1]) == NULL)
		at++;
	if (at == NULL) {
		fail_msg("%s is not printed", override);
		return NULL;
	}
	at += strlen(name);
	end = strchrnul(at, '\n');
	at = strndup(at, (size_t)(end - at));
	free(text);
	return at;
}

static inline void take(const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *override = strdup(examples[i].override);
		struct config_error err = {{0}};
		struct config *config = config_load(empty_file, &override, 1, &err);
		char *printed;

		if (config == NULL)
			fail_msg("%s: %s", override, err.text);
		printed = value_printed(config, override);
		assert_string_equal(printed, examples[i].result);
		free(printed);
		config_free(config);
		free(override);
	}
}

static inline void refuse(const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *override = strdup(examples[i].override), expected[1024];
		struct config_error err = {{0}};
		struct config *config = config_load(empty_file, &override, 1, &err);

		if (config != NULL)
			fail_msg("%s was taken", override);
		snprintf(expected, sizeof(expected), "-o %s: %.*s: %s", override,
		    (int)strcspn(override, "="), override, examples[i].result);
		assert_string_equal(err.text, expected);
		free(override);
	}
}

#define TAKE(list) take(list, sizeof(list) / sizeof((list)[0]))
#define REFUSE(list) refuse(list, sizeof(list) / sizeof((list)[0]))

#endif
