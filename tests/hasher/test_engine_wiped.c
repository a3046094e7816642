/*
 * What a job must not leave behind: in the arena, the engine, the stack, the whole
 * process.
 */
#include "tests/hasher/engine_world.h"

#define MARKER_BYTES 24
#define MASK 0x5a

/* The secrets of a job, masked so that this is not where they are found. */
struct traces {
	uint8_t password[MARKER_BYTES], h0[MARKER_BYTES], tag[MARKER_BYTES];
};

static void mask(uint8_t out[MARKER_BYTES], const uint8_t *in)
{
	for (unsigned i = 0; i < MARKER_BYTES; i++)
		out[i] = in[i] ^ MASK;
}

static bool bytes_hold(
    const uint8_t *bytes, size_t length, const uint8_t masked[MARKER_BYTES])
{
	const uint8_t *at = bytes, *end = bytes + length;

	while (end - at >= MARKER_BYTES) {
		unsigned n = 1;

		at =
		    memchr(at, masked[0] ^ MASK, (size_t)(end - at) - MARKER_BYTES + 1);
		if (at == NULL)
			return false;
		while (n < MARKER_BYTES && at[n] == (masked[n] ^ MASK))
			n++;
		if (n == MARKER_BYTES)
			return true;
		at++;
	}
	return false;
}

static void bytes_search(
    const char *where, const uint8_t *bytes, size_t length, const struct traces *traces)
{
	if (bytes_hold(bytes, length, traces->password))
		fail_msg("the password is left in %s", where);
	if (bytes_hold(bytes, length, traces->h0))
		fail_msg("H0 is left in %s", where);
	if (bytes_hold(bytes, length, traces->tag))
		fail_msg("the tag is left in %s", where);
}

/* All of this process's own writable memory, read through the system so that
 * what a sanitizer keeps from us is no obstacle. */
static void process_search(const struct traces *traces)
{
	static uint8_t window[1 << 16];
	FILE *maps = fopen("/proc/self/maps", "r");
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char line[512], mode[8];
	uintptr_t from, to;

	assert_non_null(maps);
	assert_true(memory >= 0);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 ||
		    mode[1] != 'w' || to - from > 64 * MEBIBYTE)
			continue;
		while (from < to) {
			ssize_t got =
			    pread(memory, window, sizeof(window), (off_t)from);

			if (got <= 0)
				break;
			line[strcspn(line, "\n")] = '\0';
			bytes_search(line, window, (size_t)got, traces);
			memset(window, 0, sizeof(window));
			/* Windows overlap; a match may lie across their border. */
			from += (size_t)got > MARKER_BYTES ? (size_t)got - MARKER_BYTES
			                                   : (size_t)got;
			if (got < (ssize_t)sizeof(window))
				break;
		}
	}
	(void)fclose(maps);
	(void)close(memory);
}

#define STACK_BELOW 8000

static __attribute__((noinline)) void stack_clear(void)
{
	uint8_t frames[2 * STACK_BELOW];

	explicit_bzero(frames, sizeof(frames));
}

/* The frames of calls that have returned, before others take their place. */
static __attribute__((noinline)) void stack_search(const struct traces *traces)
{
	static uint8_t below[STACK_BELOW];
	static int memory = -1;
	off_t here = (off_t)(uintptr_t)__builtin_frame_address(0);

	if (memory < 0)
		memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	assert_int_equal(
	    pread(memory, below, sizeof(below), here - STACK_BELOW), sizeof(below));
	bytes_search("dead stack frames", below, sizeof(below), traces);
}

static void traces_submit(struct engine *engine, const struct engine_params *params,
    struct traces *traces, unsigned *ticket)
{
	uint8_t password[64], h0[BLAKE_H0_BYTES];
	static const uint8_t salt[] = "sixteen byte sal";
	const struct engine_input input = {
	    password, sizeof(password), salt, 16, NULL, 0, NULL, 0};
	enum engine_status status;

	random_bytes(password, sizeof(password));
	mask(traces->password, password);
	assert_int_equal(blake_h0(h0, params, &input), 0);
	mask(traces->h0, h0);
	explicit_bzero(h0, sizeof(h0));
	stack_clear();
	status = engine_submit(engine, params, &input, ticket);
	explicit_bzero(password, sizeof(password));
	stack_search(traces);
	assert_int_equal(status, ENGINE_OK);
}

static bool arena_is_zero(const struct engine *engine)
{
	const uint64_t *words = (const uint64_t *)(const void *)engine->arena.base;

	for (size_t i = 0; i < engine->arena.bytes / sizeof(*words); i++) {
		if (words[i] != 0)
			return false;
	}
	return true;
}

/* Two blocks at the start of each lane, one at its end: a guess or the tag
 * could be had from them without filling the memory again. */
static void ends_search(const struct engine *engine, const struct engine_params *params)
{
	const size_t block = ARGON2_BLOCK_BYTES;
	uint64_t blocks;

	assert_true(argon2_job_blocks(params->memory_kib, params->lanes, &blocks));
	for (uint32_t lane = 0; lane < params->lanes; lane++) {
		const uint8_t *first =
		    engine->arena.base + lane * (blocks / params->lanes) * block;
		const uint8_t *last = first + (blocks / params->lanes - 1) * block;

		for (size_t i = 0; i < 2 * block; i++)
			assert_int_equal(first[i] | last[i % block], 0);
	}
}

static void traces_search(const struct engine *engine, const struct traces *traces)
{
	bytes_search("the arena", engine->arena.base, engine->arena.bytes, traces);
	bytes_search("the engine", (const uint8_t *)engine, sizeof(*engine), traces);
	process_search(traces);
}

static void test_nothing_is_left_of_a_job(void **state)
{
	static const struct engine_params params[] = {
	    {ENGINE_ARGON2ID, 0x13, 1000, 1, 1, 64},
	    {ENGINE_ARGON2ID, 0x13, 700, 3, 4, 32},
	    {ENGINE_ARGON2I, 0x10, 77, 2, 2, 512},
	    {ENGINE_ARGON2D, 0x13, 1999, 1, 3, 24},
	};
	struct engine_result result;
	struct traces traces;
	unsigned ticket;

	(void)state;
	memset(&traces, 0, sizeof(traces));
	for (size_t i = 0; i < KINDS * sizeof(params) / sizeof(params[0]); i++) {
		const struct engine_params *shape = &params[i / KINDS];
		struct engine *engine;

		if (!engine_kind_runs(kinds[i % KINDS]))
			continue;
		engine = engine_new(kinds[i % KINDS], 4, ENGINE_ARENA_MIN);
		traces_submit(engine, shape, &traces, &ticket);
		while (!engine_step(engine, 50, &result)) {
		}
		mask(traces.tag, result.tag);
		explicit_bzero(&result, sizeof(result));
		/* Password, H0, tag: gone at once. The blocks: one wipe later. */
		traces_search(engine, &traces);
		ends_search(engine, shape);
		engine_wipe(engine);
		assert_false(engine_is_busy(engine));
		assert_true(arena_is_zero(engine));
		engine_close(engine);
		process_search(&traces);
	}
}

static void test_nothing_is_left_of_a_cancelled_job(void **state)
{
	const struct engine_params params = {ENGINE_ARGON2ID, 0x13, 600, 2, 2, 32};
	struct engine_result result;
	struct traces traces;
	unsigned ticket;

	(void)state;
	memset(&traces, 0, sizeof(traces));
	random_bytes(traces.tag, sizeof(traces.tag)); /* there will be none */
	for (size_t i = 0; i < KINDS; i++) {
		struct engine *engine;

		if (!engine_kind_runs(kinds[i]))
			continue;
		engine = engine_new(kinds[i], 2, ENGINE_ARENA_MIN);
		for (unsigned blocks = 0; blocks < 1200; blocks += 90) {
			traces_submit(engine, &params, &traces, &ticket);
			if (blocks > 0 && kinds[i] != ENGINE_LIBARGON2)
				assert_false(engine_step(engine, blocks, &result));
			engine_cancel(engine, ticket);
			assert_int_equal(engine_running(engine), 0);
			traces_search(engine, &traces);
			while (engine_is_busy(engine))
				assert_false(engine_step(engine, 64, &result));
			assert_true(arena_is_zero(engine));
		}
		engine_close(engine);
	}
}

/* Under load nobody wipes: the next job's blocks take the old ones' place, and
 * at the end the steps wipe what is left, untold. */
static void test_steps_wipe_behind_a_queue(void **state)
{
	struct engine *engine =
	    engine_new(engine_kind_resolve(ENGINE_AUTO), 3, 2 * ENGINE_ARENA_MIN);
	struct engine_params params = {ENGINE_ARGON2ID, 0x13, 0, 1, 1, 32};
	struct engine_result result;
	struct traces traces;
	unsigned ticket;

	(void)state;
	memset(&traces, 0, sizeof(traces));
	for (unsigned n = 0; n < 60; n++) {
		params.memory_kib = random_from(8, 1300);
		while (!engine_has_room(engine, &params))
			(void)engine_step(engine, 300, &result);
		traces_submit(engine, &params, &traces, &ticket);
	}
	while (engine_is_busy(engine))
		(void)engine_step(engine, 300, &result);
	assert_true(arena_is_zero(engine));
	engine_close(engine);
}

static void rest(struct engine *engine)
{
	struct engine_result result;

	engine_rest(engine);
	while (engine_is_busy(engine))
		assert_false(engine_step(engine, 1024, &result));
}

static void test_rest_gives_memory_back(void **state)
{
	struct engine *engine =
	    engine_new(engine_kind_resolve(ENGINE_AUTO), 2, 32 * MEBIBYTE);
	struct engine_result result;
	struct sample sample;

	(void)state;
	assert_true(arena_untouched(engine));
	sample_draw(&sample);
	sample.params = (struct engine_params){ENGINE_ARGON2ID, 0x13, 20000, 1, 1, 32};
	hash_alone(engine, &sample, 5000, &result);
	assert_true(arena_resident(engine) > 15 * MEBIBYTE);
	rest(engine);
	assert_true(arena_untouched(engine));
	hash_alone(engine, &sample, 5000, &result);
	while (engine_is_busy(engine))
		assert_false(engine_step(engine, 1024, &result));
	assert_true(arena_resident(engine) > 15 * MEBIBYTE);
	engine_close(engine);
}

/* A costly job leaves more behind than can be looked after between two messages: each
 * step does a part of it, whichever engine has filled it, and beside other jobs. */
static void test_excess_is_given_back_in_steps(void **state)
{
	const struct engine_params large = {ENGINE_ARGON2ID, 0x13, 40 * 1024, 1, 1, 32};

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		const struct engine_config config = {.kind = kinds[i],
		    .streams = 2,
		    .arena_bytes = 64 * MEBIBYTE,
		    .keep_bytes = 4 * MEBIBYTE};
		struct engine_result result;
		struct engine *engine;
		struct sample sample;
		size_t before, after;

		if (!engine_kind_runs(kinds[i]))
			continue;
		assert_int_equal(engine_open(&engine, &config), 0);
		sample_draw(&sample);
		sample.params = large;
		hash_alone(engine, &sample, 5000, &result);
		for (before = arena_resident(engine); before > 4 * MEBIBYTE;
		     before = after) {
			assert_true(engine_is_busy(engine));
			assert_false(engine_step(engine, 1024, &result));
			after = arena_resident(engine);
			assert_true(after < before);
			assert_true(before - after <= 2 * MEBIBYTE);
		}
		while (engine_is_busy(engine))
			assert_false(engine_step(engine, 1024, &result));
		assert_true(arena_is_zero(engine));
		engine_close(engine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing_is_left_of_a_job),
	    cmocka_unit_test(test_nothing_is_left_of_a_cancelled_job),
	    cmocka_unit_test(test_steps_wipe_behind_a_queue),
	    cmocka_unit_test(test_rest_gives_memory_back),
	    cmocka_unit_test(test_excess_is_given_back_in_steps),
	};

	return cmocka_run_group_tests_name("engine_wiped", tests, random_start, NULL);
}
