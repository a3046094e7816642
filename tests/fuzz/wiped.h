/*
 * Secrets that are watched: a program that includes this (once) has its own secret.c
 * and locked.c, which give no memory back in which a byte of a secret is left.
 */
#ifndef TESTS_FUZZ_WIPED_H
#define TESTS_FUZZ_WIPED_H

#include <malloc.h>

#include "tests/fuzz/fuzz.h"

enum { WIPED_UNIT = 64 }; /* secrets are allocated in multiples of this */

static inline void wiped_free(void *block)
{
	const uint8_t *bytes = block;
	size_t size = block != NULL ? malloc_usable_size(block) : 0;

	/* behind the unit in which locked.c has the size */
	for (size_t i = WIPED_UNIT; i < size / WIPED_UNIT * WIPED_UNIT; i++)
		CHECK(bytes[i] == 0);
	free(block);
}

/* (what it does is for its own analysis to judge) */
#ifdef __clang_analyzer__
#include "common/secret.h"
#else
#define free wiped_free
#include "common/locked.c"
#include "common/secret.c"
#undef free
#endif

#endif
