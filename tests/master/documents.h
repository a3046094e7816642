/*
 * Documents as text, and words in them: for tests that are run where the sources are.
 */
#ifndef TESTS_MASTER_DOCUMENTS_H
#define TESTS_MASTER_DOCUMENTS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"

/* gcc 12 takes the pointer for one to the local variable where this is inlined. */
__attribute__((noinline, unused)) static char *file_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (file == NULL)
		fail_msg(
		    "%s: %s; run this where the sources are", path, strerror(errno));
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	assert_int_equal(fclose(file), 0);
	return text;
}

static inline bool is_one_of(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(word, list) is_one_of(word, list, sizeof(list) / sizeof((list)[0]))

/* The letters out of `of` that begin at `at`. */
static inline size_t word_copy(const char *at, const char *of, char word[64])
{
	size_t len = strspn(at, of);

	snprintf(word, 64, "%.*s", (int)len, at);
	return len;
}

#endif
