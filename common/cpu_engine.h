/*
 * The ways there are to fill Argon2's memory, their names in the config, and
 * what this machine can run. Knows nothing of a role: the config parser, -V
 * and the hasher all ask here.
 */
#ifndef COMMON_CPU_ENGINE_H
#define COMMON_CPU_ENGINE_H

#include <stdbool.h>

enum engine_kind {
	ENGINE_AUTO,      /* the best this CPU has */
	ENGINE_AVX512,    /* AVX-512F and VL, our own kernel */
	ENGINE_AVX2,      /* our own kernel */
	ENGINE_LIBARGON2, /* the packaged library: always there, the authority */
};

/* The word for `kind` as the config spells it; NULL for what is no kind. */
const char *engine_kind_name(enum engine_kind kind);

/* The kind called `name`; false, *kind untouched, where none is. */
bool engine_kind_parse(const char *name, enum engine_kind *kind);

/* Whether this CPU and its operating system can run `kind`. */
bool engine_kind_runs(enum engine_kind kind);

/* What `kind` comes down to here: ENGINE_AUTO becomes the fastest that runs,
 * a kind that does not run becomes ENGINE_LIBARGON2. */
enum engine_kind engine_kind_resolve(enum engine_kind kind);

/* Nanoseconds of CPU time in which the engine that `kind` comes down to fills a block
 * of 1 KiB, on the machine that all such constants were measured on (units.h). */
unsigned engine_kind_block_ns(enum engine_kind kind);

#endif
