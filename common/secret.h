/*
 * A byte buffer for secrets: it is wiped whenever its bytes are given up, be it
 * by growing, shrinking or freeing. Not NUL-terminated; any byte may be in it. Its
 * memory is locked (locked.h).
 */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct secret {
	uint8_t *data; /* owned; NULL while nothing was added */
	size_t len;    /* bytes in use */
	size_t cap;    /* bytes allocated */
};

/* Appends n bytes. Returns 0, or -1 (ENOMEM) with the buffer unchanged. */
int secret_append(struct secret *s, const void *bytes, size_t n);

/* Makes room for at least n bytes in all. Returns 0, or -1 (ENOMEM). */
int secret_reserve(struct secret *s, size_t n);

/* Hands the bytes of `from` to `to`, which is freed before; `from` is empty after. */
void secret_move(struct secret *to, struct secret *from);

/* Are these n bytes the same? Takes as long wherever they differ. */
bool secret_equal(const void *a, const void *b, size_t n);

/* Overwrites the part of the stack that calls before this one have used, and the vector
 * registers: what a library has left there. Its frames
 * are no deeper than 8 KiB. */
void secret_wipe_stack(void);

/* Wipes and frees; the buffer is empty and can be used again. */
void secret_free(struct secret *s);

#endif
