/*
 * Strings given to the reader so that a byte read past their end is found by a
 * sanitizer or valgrind.
 */
#ifndef TESTS_COMMON_LEGACY_READING_H
#define TESTS_COMMON_LEGACY_READING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/legacy.h"

/* Is bcrypt given a digest of the password, and so any password taken? */
static inline bool is_prehashed(enum legacy_kind kind)
{
	return kind == LEGACY_DJANGO_BCRYPT_SHA256 || kind == LEGACY_WORDPRESS_BCRYPT;
}

/* Is any password taken, of whatever length and bytes? */
static inline bool takes_any(enum legacy_kind kind)
{
	return is_prehashed(kind) || (!legacy_is_crypt(kind) && kind != LEGACY_APR1);
}

static inline bool cuts_at_72(enum legacy_kind kind)
{
	return kind == LEGACY_BCRYPT || kind == LEGACY_DJANGO_BCRYPT;
}

/* Whether text[len] is well-formed, on memory of exactly that length. What is not must
 * leave nothing in *out, and a reason without a byte of the text in it. */
static inline bool reads(struct legacy *out, const char *text, size_t len)
{
	static const struct legacy nothing;
	char *exact = malloc(len > 0 ? len : 1);
	const char *why = NULL;
	int rc;

	assert_non_null(exact);
	if (len > 0)
		memcpy(exact, text, len);
	memset(out, 0xa5, sizeof(*out));
	rc = legacy_parse(out, exact, len, &why);
	if (rc == 0) {
		assert_null(why);
		assert_int_equal(legacy_identify(exact, len), out->kind);
	} else {
		assert_int_equal(rc, -1);
		assert_non_null(why);
		assert_memory_equal(out, &nothing, sizeof(nothing));
	}
	free(exact);
	return rc == 0;
}

/* For a message: what is not printable as '?'. */
static inline const char *shown(const char *text, size_t len)
{
	static char buf[100];
	size_t n = 0;

	for (; n < len && n + 1 < sizeof(buf); n++)
		buf[n] = isprint((unsigned char)text[n]) ? text[n] : '?';
	buf[n] = '\0';
	return buf;
}

static inline void assert_read(struct legacy *out, const char *text, size_t len)
{
	if (!reads(out, text, len))
		fail_msg("refused: %s", shown(text, len));
}

static inline void assert_refused(const char *text, size_t len, const char *what)
{
	struct legacy out;

	if (reads(&out, text, len))
		fail_msg("%s: taken: %s", what, shown(text, len));
}

#endif
