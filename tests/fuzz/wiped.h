/*
 * Secrets that are watched: a program that includes this (once) has its own secret.c
 * and locked.c, which give no memory back in which a byte of a secret is left.
 */
#ifndef TESTS_FUZZ_WIPED_H
#define TESTS_FUZZ_WIPED_H

#include <malloc.h>

#include "tests/fuzz/fuzz.h"

enum { WIPED_UNIT = 64 };

/* locked.c has the size in a unit before the bytes. What malloc() has added behind them
 * was never ours. */
static inline void wiped_free(void *block)
{
	const uint8_t *bytes = (const uint8_t *)block + WIPED_UNIT;
	size_t size;

	memcpy(&size, block, sizeof(size));
	CHECK(size <= malloc_usable_size(block) - WIPED_UNIT);
	for (size_t i = 0; i < size; i++)
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
