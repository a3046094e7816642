#include "common/cpu_engine.h"

#include <stddef.h>
#include <string.h>

static const char *const kind_names[] = {
    [ENGINE_AUTO] = "auto",
    [ENGINE_AVX512] = "avx512",
    [ENGINE_AVX2] = "avx2",
    [ENGINE_LIBARGON2] = "libargon2",
};

#define KIND_COUNT (sizeof(kind_names) / sizeof(kind_names[0]))

const char *engine_kind_name(enum engine_kind kind)
{
	size_t row = (size_t)kind;

	return row < KIND_COUNT ? kind_names[row] : NULL;
}

bool engine_kind_parse(const char *name, enum engine_kind *kind)
{
	for (size_t row = 0; row < KIND_COUNT; row++) {
		if (strcmp(name, kind_names[row]) == 0) {
			*kind = (enum engine_kind)row;
			return true;
		}
	}
	return false;
}

bool engine_kind_runs(enum engine_kind kind)
{
	switch (kind) {
	case ENGINE_AUTO:
	case ENGINE_LIBARGON2:
		return true;
	case ENGINE_AVX512:
#ifdef __x86_64__
		/* libgcc's answer includes whether the kernel saves the registers. */
		return __builtin_cpu_supports("avx512f") &&
		       __builtin_cpu_supports("avx512vl");
#else
		return false;
#endif
	case ENGINE_AVX2:
#ifdef __x86_64__
		return __builtin_cpu_supports("avx2");
#else
		return false;
#endif
	}
	return false;
}

enum engine_kind engine_kind_resolve(enum engine_kind kind)
{
	if (kind == ENGINE_AUTO) {
		if (engine_kind_runs(ENGINE_AVX512))
			return ENGINE_AVX512;
		kind = ENGINE_AVX2;
	}
	return engine_kind_runs(kind) ? kind : ENGINE_LIBARGON2;
}

unsigned engine_kind_block_ns(enum engine_kind kind)
{
	/* in the cache; hasher/ENGINE.md has the measurement */
	static const unsigned block_ns[KIND_COUNT] = {
	    [ENGINE_AVX512] = 130, [ENGINE_AVX2] = 210, [ENGINE_LIBARGON2] = 620};

	return block_ns[engine_kind_resolve(kind)];
}
