/*
 * What the tests of the engine share: random jobs, and what libargon2, which is the
 * authority, makes of them. ARGOND_TEST_SEED repeats a run.
 */
#ifndef TESTS_HASHER_ENGINE_WORLD_H
#define TESTS_HASHER_ENGINE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <argon2.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/argon2_size.h"
#include "hasher/blake.h"
#include "hasher/engine_internal.h"

#define MEBIBYTE ((size_t)1024 * 1024)
#define INPUT_MAX 1024

static const enum engine_kind kinds[] = {ENGINE_AVX512, ENGINE_AVX2, ENGINE_LIBARGON2};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* xorshift64*: the same everywhere, unlike rand(). */
static uint64_t random_state;

static inline uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

/* least..most, both included */
static inline uint32_t random_from(uint32_t least, uint32_t most)
{
	return least + (uint32_t)((random_next() >> 32) % ((uint64_t)most - least + 1));
}

static inline unsigned long environment_number(
    const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 0) : otherwise;
}

static inline struct engine *engine_new(
    enum engine_kind kind, unsigned streams, size_t arena_bytes)
{
	const struct engine_config config = {kind, streams, arena_bytes, 0};
	struct engine *engine;

	assert_int_equal(engine_open(&engine, &config), 0);
	assert_string_equal(engine_name(engine), engine_kind_name(kind));
	assert_null(engine_fallback_reason(engine));
	return engine;
}

struct sample {
	struct engine_params params;
	size_t password_len, salt_len, secret_len, ad_len;
	uint8_t password[INPUT_MAX], salt[64], secret[32], ad[64];
	uint8_t want[ENGINE_TAG_MAX];
};

static inline struct engine_input sample_input(const struct sample *sample)
{
	return (struct engine_input){sample->password, sample->password_len,
	    sample->salt, sample->salt_len, sample->secret, sample->secret_len,
	    sample->ad, sample->ad_len};
}

static inline void sample_reference(struct sample *sample)
{
	argon2_context context = {
	    .out = sample->want,
	    .outlen = sample->params.tag_len,
	    .pwd = sample->password,
	    .pwdlen = (uint32_t)sample->password_len,
	    .salt = sample->salt,
	    .saltlen = (uint32_t)sample->salt_len,
	    .secret = sample->secret,
	    .secretlen = (uint32_t)sample->secret_len,
	    .ad = sample->ad,
	    .adlen = (uint32_t)sample->ad_len,
	    .t_cost = sample->params.time,
	    .m_cost = sample->params.memory_kib,
	    .lanes = sample->params.lanes,
	    .threads = 1,
	    .version = sample->params.version,
	};

	assert_int_equal(
	    argon2_ctx(&context, (argon2_type)sample->params.type), ARGON2_OK);
}

static inline void random_bytes(uint8_t *out, size_t length)
{
	for (size_t i = 0; i < length; i++)
		out[i] = (uint8_t)(random_next() >> 56);
}

static inline void sample_draw(struct sample *sample)
{
	struct engine_params *params = &sample->params;

	params->type = random_from(0, 2);
	params->version = random_from(0, 1) == 0 ? 0x10 : 0x13;
	params->lanes = random_from(0, 1) == 0 ? 1 : random_from(1, 16);
	params->time = random_from(0, 3) == 0 ? random_from(1, 8) : random_from(1, 3);
	params->memory_kib = 8 * params->lanes + random_from(0, 40);
	/* Now and then more than one address block a segment. */
	if (random_from(0, 15) == 0)
		params->memory_kib += random_from(0, 1500);
	params->tag_len =
	    random_from(0, 1) == 0 ? 32 : random_from(ENGINE_TAG_MIN, ENGINE_TAG_MAX);
	sample->salt_len = random_from(ENGINE_SALT_MIN, sizeof(sample->salt));
	sample->secret_len = random_from(0, sizeof(sample->secret));
	sample->ad_len = random_from(0, sizeof(sample->ad));
	switch (random_from(0, 7)) {
	case 0:
		sample->password_len = 0;
		break;
	case 1:
		sample->password_len = INPUT_MAX;
		break;
	default:
		sample->password_len = random_from(0, 100);
	}
	random_bytes(sample->password, sample->password_len);
	random_bytes(sample->salt, sample->salt_len);
	random_bytes(sample->secret, sample->secret_len);
	random_bytes(sample->ad, sample->ad_len);
	sample_reference(sample);
}

/* Bytes of the arena that are in memory. Not those of the process: what a sanitizer
 * keeps comes and goes, and /proc counts it to some hundred pages only. */
static inline size_t arena_resident(const struct engine *engine)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = engine->arena.bytes / page, count = 0;
	unsigned char *map = malloc(pages);

	assert_non_null(map);
	assert_int_equal(mincore(engine->arena.base, engine->arena.bytes, map), 0);
	for (size_t i = 0; i < pages; i++)
		count += map[i] & 1;
	free(map);
	return count * page;
}

static inline bool arena_untouched(const struct engine *engine)
{
	return arena_resident(engine) == 0 && engine->arena.claim_count == 0 &&
	       engine_running(engine) == 0;
}

static inline void hash_alone(struct engine *engine, const struct sample *sample,
    unsigned blocks, struct engine_result *result)
{
	struct engine_input input = sample_input(sample);
	unsigned ticket;

	assert_int_equal(
	    engine_submit(engine, &sample->params, &input, &ticket), ENGINE_OK);
	while (!engine_step(engine, blocks, result))
		assert_int_equal(engine_running(engine), 1);
	assert_int_equal(result->ticket, ticket);
	assert_int_equal(result->status, ENGINE_OK);
	assert_int_equal(engine_running(engine), 0);
}

static inline int random_start(void **state)
{
	unsigned long seed =
	    environment_number("ARGOND_TEST_SEED", (unsigned long)time(NULL));

	(void)state;
	print_message("ARGOND_TEST_SEED=%lu\n", seed);
	random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	return 0;
}

#endif
