/*
 * What stands around a hash in the column that it comes from: the name of a scheme
 * before it, a line's end or the rest of a buffer behind it. Private to given.c.
 */
#ifndef COMMON_GIVEN_FRAME_H
#define COMMON_GIVEN_FRAME_H

#include <stdbool.h>
#include <stddef.h>

struct given_frame {
	size_t skip, len;   /* the hash itself: where it begins, its bytes */
	bool framed;        /* there is something around it */
	unsigned argon2;    /* the types of Argon2 that it may be of: a bit for each */
	unsigned old_kinds; /* the old formats: a bit for each */
};

/*
 * Finds the hash in text[len]. Taken off are one line's end (LF or CRLF), or the NULs
 * behind an Argon2 string in a text of exactly 128 bytes (libsodium's
 * crypto_pwhash_STRBYTES), and the name of one scheme before it. Returns NULL, or a
 * constant sentence that says what is wrong.
 */
const char *given_frame_read(struct given_frame *frame, const char *text, size_t len);

#endif
