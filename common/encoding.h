/*
 * What an editor of another system may put at the start of a text file.
 */
#ifndef COMMON_ENCODING_H
#define COMMON_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the byte order mark that some editors put in front of UTF-8: 3, or 0 where
 * there is none (RFC 3629 section 6). */
size_t encoding_mark(const void *text, size_t len);

/* Is it UTF-16 or UTF-32? They begin with a mark of their own, or with characters of
 * which some bytes are NUL. */
bool encoding_is_wide(const void *text, size_t len);

#endif
