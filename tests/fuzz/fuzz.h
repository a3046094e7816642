/*
 * What fuzz targets share. A target is tests/fuzz/fuzz_NAME.c with its inputs in
 * tests/fuzz/corpus/NAME/: it states what must hold whatever the input, and aborts
 * where it does not. `make fuzz` has libFuzzer look for inputs; `make check` replays
 * those of the corpus and a few thousand mutations of them with replay.c, under any
 * compiler.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The names are libFuzzer's. Both but the first are optional. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* Bends an input in place, to at most `max` bytes; returns its new length. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
/* What libFuzzer, or replay.c, has to offer to a custom mutator: changes some bytes. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* What must hold. Not assert(): it is never compiled out. */
#define CHECK(condition)                                                               \
	do {                                                                           \
		if (!(condition)) {                                                    \
			fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, \
			    __func__, #condition);                                     \
			abort();                                                       \
		}                                                                      \
	} while (0)

/* An input is a tape: what stands on it decides what happens next. Past its end it
 * reads as zeros. */
struct tape {
	const uint8_t *at;
	size_t left;
};

static inline const uint8_t *tape_bytes(struct tape *tape, size_t want, size_t *got)
{
	const uint8_t *at = tape->at;

	*got = want < tape->left ? want : tape->left;
	if (*got > 0)
		tape->at += *got;
	tape->left -= *got;
	return at;
}

/* Fills a struct or an array with what comes next. */
static inline void tape_fill(struct tape *tape, void *to, size_t size)
{
	size_t got;
	const uint8_t *from = tape_bytes(tape, size, &got);

	memset(to, 0, size);
	if (got > 0)
		memcpy(to, from, got);
}

static inline uint8_t tape_byte(struct tape *tape)
{
	uint8_t byte;

	tape_fill(tape, &byte, sizeof(byte));
	return byte;
}

/* The same numbers everywhere (xorshift64*); the state must not be 0. */
static inline uint32_t fuzz_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

#endif
