/*
 * The engines against libargon2, which is the authority, and against what the
 * engine's header promises. ARGOND_TEST_ROUNDS sets how many random parameter
 * sets are tried, ARGOND_TEST_SEED repeats a run.
 */
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

#define ROUNDS_DEFAULT 20000u
#define MEBIBYTE ((size_t)1024 * 1024)
#define INPUT_MAX 1024

static const enum engine_kind kinds[] = {ENGINE_AVX512, ENGINE_AVX2, ENGINE_LIBARGON2};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* xorshift64*: the same everywhere, unlike rand(). */
static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

/* least..most, both included */
static uint32_t random_from(uint32_t least, uint32_t most)
{
	return least + (uint32_t)((random_next() >> 32) % ((uint64_t)most - least + 1));
}

static unsigned long environment_number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 0) : otherwise;
}

static struct engine *engine_new(enum engine_kind kind, unsigned streams, size_t arena_bytes)
{
	const struct engine_config config = {kind, streams, arena_bytes};
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

static struct engine_input sample_input(const struct sample *sample)
{
	return (struct engine_input){sample->password, sample->password_len, sample->salt, sample->salt_len,
	                             sample->secret,   sample->secret_len,   sample->ad,   sample->ad_len};
}

static void sample_reference(struct sample *sample)
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

	assert_int_equal(argon2_ctx(&context, (argon2_type)sample->params.type), ARGON2_OK);
}

static void random_bytes(uint8_t *out, size_t length)
{
	for (size_t i = 0; i < length; i++)
		out[i] = (uint8_t)(random_next() >> 56);
}

static void sample_draw(struct sample *sample)
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
	params->tag_len = random_from(0, 1) == 0 ? 32 : random_from(ENGINE_TAG_MIN, ENGINE_TAG_MAX);
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

/* One engine under test, with the samples it is working on. */
struct subject {
	struct engine *engine;
	struct sample *running[ENGINE_STREAMS_MAX];
	unsigned tickets[ENGINE_STREAMS_MAX];
	unsigned long ended, cancelled;
};

static void sample_print(const struct sample *sample, const struct subject *subject)
{
	const struct engine_params *p = &sample->params;

	print_error("%s: type %u version %#x m=%u t=%u p=%u tag %u; password %zu salt %zu secret %zu ad %zu\n",
	            engine_name(subject->engine), p->type, p->version, p->memory_kib, p->time, p->lanes, p->tag_len,
	            sample->password_len, sample->salt_len, sample->secret_len, sample->ad_len);
}

static void subject_check(struct subject *subject, const struct engine_result *result)
{
	for (unsigned i = 0; i < ENGINE_STREAMS_MAX; i++) {
		struct sample *sample = subject->running[i];

		if (sample == NULL || subject->tickets[i] != result->ticket)
			continue;
		if (result->status != ENGINE_OK || result->tag_len != sample->params.tag_len ||
		    memcmp(result->tag, sample->want, result->tag_len) != 0) {
			sample_print(sample, subject);
			fail_msg("status %d, or a tag that is not libargon2's", result->status);
		}
		free(sample);
		subject->running[i] = NULL;
		subject->ended++;
		return;
	}
	fail_msg("ticket %u was never given, or was cancelled", result->ticket);
}

static void subject_step(struct subject *subject)
{
	struct engine_result result;
	unsigned victim;

	if (engine_step(subject->engine, random_from(0, 3) == 0 ? 1 : random_from(1, 600), &result))
		subject_check(subject, &result);
	if (random_from(0, 99) > 0)
		return;
	victim = random_from(0, ENGINE_STREAMS_MAX - 1);
	if (subject->running[victim] == NULL)
		return;
	engine_cancel(subject->engine, subject->tickets[victim]);
	free(subject->running[victim]);
	subject->running[victim] = NULL;
	subject->cancelled++;
}

static void subject_submit(struct subject *subject, const struct sample *sample)
{
	struct engine_input input = sample_input(sample);
	enum engine_status status;
	unsigned ticket, row = 0;

	for (;;) {
		bool room = engine_has_room(subject->engine, &sample->params);

		status = engine_submit(subject->engine, &sample->params, &input, &ticket);
		assert_int_equal(status == ENGINE_OK, room);
		if (status != ENGINE_FULL)
			break;
		subject_step(subject);
	}
	assert_int_equal(status, ENGINE_OK);
	while (subject->running[row] != NULL)
		row++;
	subject->running[row] = malloc(sizeof(*sample));
	assert_non_null(subject->running[row]);
	memcpy(subject->running[row], sample, sizeof(*sample));
	subject->tickets[row] = ticket;
	for (uint32_t steps = random_from(0, 2); steps > 0; steps--)
		subject_step(subject);
}

static void subject_replace(struct subject *subject, enum engine_kind kind)
{
	if (subject->engine != NULL) {
		while (engine_running(subject->engine) > 0)
			subject_step(subject);
		engine_close(subject->engine);
	}
	subject->engine = engine_new(kind, random_from(1, ENGINE_STREAMS_MAX), random_from(2, 6) * MEBIBYTE);
}

/* All engines get the same jobs, with other batches, steps and cancels. */
static void test_random_jobs_are_libargon2s(void **state)
{
	unsigned long rounds = environment_number("ARGOND_TEST_ROUNDS", ROUNDS_DEFAULT);
	struct subject subjects[KINDS] = {{NULL, {NULL}, {0}, 0, 0}};
	struct sample sample;

	(void)state;
	for (unsigned long round = 0; round < rounds; round++) {
		sample_draw(&sample);
		for (size_t i = 0; i < KINDS; i++) {
			/* That one is only another way into the same library. */
			bool seldom = kinds[i] == ENGINE_LIBARGON2 && round % 8 != 0;

			if (!engine_kind_runs(kinds[i]))
				continue;
			if (round % 2000 == 0)
				subject_replace(&subjects[i], kinds[i]);
			if (!seldom)
				subject_submit(&subjects[i], &sample);
		}
	}
	for (size_t i = 0; i < KINDS; i++) {
		if (subjects[i].engine == NULL)
			continue;
		while (engine_running(subjects[i].engine) > 0)
			subject_step(&subjects[i]);
		print_message("%s: %lu hashes right, %lu cancelled\n", engine_name(subjects[i].engine),
		              subjects[i].ended, subjects[i].cancelled);
		assert_true(subjects[i].ended > 0);
		engine_close(subjects[i].engine);
	}
}

static const struct sample rfc_sample = {
    .params = {ENGINE_ARGON2ID, 0x13, 32, 3, 4, 32},
    .password_len = 32,
    .salt_len = 16,
    .secret_len = 8,
    .ad_len = 12,
};

/* RFC 9106, section 5; in the order of enum engine_type */
static const char *const rfc_tags[] = {
    "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb",
    "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8",
    "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659",
};

static void hash_alone(struct engine *engine, const struct sample *sample, unsigned blocks,
                       struct engine_result *result)
{
	struct engine_input input = sample_input(sample);
	unsigned ticket;

	assert_int_equal(engine_submit(engine, &sample->params, &input, &ticket), ENGINE_OK);
	while (!engine_step(engine, blocks, result))
		assert_int_equal(engine_running(engine), 1);
	assert_int_equal(result->ticket, ticket);
	assert_int_equal(result->status, ENGINE_OK);
	assert_int_equal(engine_running(engine), 0);
}

static void test_rfc_vectors(void **state)
{
	struct sample sample = rfc_sample;
	struct engine_result result;

	(void)state;
	memset(sample.password, 1, sample.password_len);
	memset(sample.salt, 2, sample.salt_len);
	memset(sample.secret, 3, sample.secret_len);
	memset(sample.ad, 4, sample.ad_len);
	for (size_t i = 0; i < KINDS; i++) {
		struct engine *engine;

		if (!engine_kind_runs(kinds[i]))
			continue;
		engine = engine_new(kinds[i], 4, ENGINE_ARENA_MIN);
		for (uint32_t type = 0; type < 3; type++) {
			char hex[65];

			sample.params.type = type;
			hash_alone(engine, &sample, 10, &result);
			assert_int_equal(result.tag_len, 32);
			for (unsigned n = 0; n < 32; n++)
				(void)snprintf(hex + (size_t)2 * n, 3, "%02x", result.tag[n]);
			assert_string_equal(hex, rfc_tags[type]);
		}
		engine_close(engine);
	}
}

/* More lanes than streams, down to one stream and one block a step. */
static void test_any_lanes_on_any_streams(void **state)
{
	struct engine_result result;
	struct sample sample;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		for (unsigned streams = 1; streams <= 5 && engine_kind_runs(kinds[i]); streams++) {
			struct engine *engine = engine_new(kinds[i], streams, ENGINE_ARENA_MIN);

			for (uint32_t lanes = 1; lanes < 34; lanes += 1 + lanes / 4) {
				sample_draw(&sample);
				sample.params.lanes = lanes;
				sample.params.memory_kib = 8 * lanes + 3;
				sample_reference(&sample);
				hash_alone(engine, &sample, lanes % 2 == 0 ? 1 : UINT32_MAX, &result);
				assert_memory_equal(result.tag, sample.want, sample.params.tag_len);
			}
			engine_close(engine);
		}
	}
}

struct refusal {
	const char *what;
	struct engine_params params;
	enum engine_status status;
};

static const struct refusal refusals[] = {
    {"type", {3, 0x13, 64, 1, 1, 32}, ENGINE_BAD_PARAMS},
    {"type far out", {UINT32_MAX, 0x13, 64, 1, 1, 32}, ENGINE_BAD_PARAMS},
    {"version 0", {2, 0, 64, 1, 1, 32}, ENGINE_BAD_PARAMS},
    {"version 0x11", {2, 0x11, 64, 1, 1, 32}, ENGINE_BAD_PARAMS},
    {"version 0x14", {2, 0x14, 64, 1, 1, 32}, ENGINE_BAD_PARAMS},
    {"t=0", {2, 0x13, 64, 0, 1, 32}, ENGINE_BAD_PARAMS},
    {"p=0", {2, 0x13, 64, 1, 0, 32}, ENGINE_BAD_PARAMS},
    {"p=2^24", {2, 0x13, UINT32_MAX, 1, 1 << 24, 32}, ENGINE_BAD_PARAMS},
    {"p=2^32-1", {2, 0x13, UINT32_MAX, 1, UINT32_MAX, 32}, ENGINE_BAD_PARAMS},
    {"m=0", {2, 0x13, 0, 1, 1, 32}, ENGINE_BAD_PARAMS},
    {"m<8p", {2, 0x13, 31, 1, 4, 32}, ENGINE_BAD_PARAMS},
    {"8p overflows", {2, 0x13, 8, 1, 0x20000001, 32}, ENGINE_BAD_PARAMS},
    {"no tag", {2, 0x13, 64, 1, 1, 0}, ENGINE_BAD_PARAMS},
    {"short tag", {2, 0x13, 64, 1, 1, 3}, ENGINE_BAD_PARAMS},
    {"long tag", {2, 0x13, 64, 1, 1, ENGINE_TAG_MAX + 1}, ENGINE_BAD_PARAMS},
    {"tag 2^32-1", {2, 0x13, 64, 1, 1, UINT32_MAX}, ENGINE_BAD_PARAMS},
    {"m=2^32-1", {2, 0x13, UINT32_MAX, 1, 1, 32}, ENGINE_TOO_BIG},
    {"m=2^32-1, all at most", {2, 0x13, UINT32_MAX, UINT32_MAX, ARGON2_LANES_MAX, 32}, ENGINE_TOO_BIG},
    {"a block over the arena", {2, 0x13, 2048 + 4, 1, 1, 32}, ENGINE_TOO_BIG},
};

static bool arena_untouched(const struct engine *engine)
{
	size_t pages = engine->arena.bytes / (size_t)sysconf(_SC_PAGESIZE), count = 0;
	unsigned char *map = malloc(pages);

	assert_non_null(map);
	assert_int_equal(mincore(engine->arena.base, engine->arena.bytes, map), 0);
	for (size_t i = 0; i < pages; i++)
		count += map[i] & 1;
	free(map);
	return count == 0 && engine->arena.claim_count == 0 && engine_running(engine) == 0;
}

static void test_bad_params_are_refused_untouched(void **state)
{
	static const uint8_t bytes[64];
	const struct engine_input input = {bytes, 8, bytes, 16, NULL, 0, NULL, 0};
	unsigned ticket = 77;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct engine *engine;

		if (!engine_kind_runs(kinds[i]))
			continue;
		engine = engine_new(kinds[i], 2, ENGINE_ARENA_MIN);
		for (size_t r = 0; r < sizeof(refusals) / sizeof(refusals[0]); r++) {
			enum engine_status status = engine_submit(engine, &refusals[r].params, &input, &ticket);

			if (status != refusals[r].status)
				fail_msg("%s: status %d", refusals[r].what, status);
			assert_int_equal(engine_check(engine, &refusals[r].params), refusals[r].status);
			assert_false(engine_has_room(engine, &refusals[r].params));
		}
		assert_int_equal(ticket, 77);
		assert_true(arena_untouched(engine));
		engine_close(engine);
	}
}

static void test_bad_input_is_refused_untouched(void **state)
{
	static const uint8_t bytes[64];
	static const size_t long_string = (size_t)UINT32_MAX + 1;
	const struct engine_input inputs[] = {
	    {bytes, 8, bytes, 7, NULL, 0, NULL, 0},           {bytes, 8, NULL, 0, NULL, 0, NULL, 0},
	    {bytes, 8, NULL, 16, NULL, 0, NULL, 0},           {NULL, 1, bytes, 16, NULL, 0, NULL, 0},
	    {bytes, 8, bytes, 16, NULL, 1, NULL, 0},          {bytes, 8, bytes, 16, NULL, 0, NULL, 1},
	    {bytes, long_string, bytes, 16, NULL, 0, NULL, 0}, {bytes, 8, bytes, long_string, NULL, 0, NULL, 0},
	    {bytes, 8, bytes, 16, bytes, long_string, NULL, 0}, {bytes, 8, bytes, 16, NULL, 0, bytes, SIZE_MAX},
	};
	const struct engine_params params = {2, 0x13, 64, 1, 1, 32};
	struct engine *engine = engine_new(engine_kind_resolve(ENGINE_AUTO), 2, ENGINE_ARENA_MIN);
	unsigned ticket;

	(void)state;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		assert_int_equal(engine_submit(engine, &params, &inputs[i], &ticket), ENGINE_BAD_PARAMS);
	assert_true(arena_untouched(engine));
	engine_close(engine);
}

static void test_bad_configs_are_refused(void **state)
{
	const struct engine_config configs[] = {
	    {ENGINE_AUTO, 0, ENGINE_ARENA_MIN},
	    {ENGINE_AUTO, ENGINE_STREAMS_MAX + 1, ENGINE_ARENA_MIN},
	    {(enum engine_kind)9, 1, ENGINE_ARENA_MIN},
	};
	const struct engine_config huge = {ENGINE_AUTO, 1, SIZE_MAX};
	struct engine *engine = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		errno = 0;
		assert_int_equal(engine_open(&engine, &configs[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(engine_open(&engine, &huge), -1);
	assert_int_equal(errno, ENOMEM);
	assert_null(engine);
	engine_close(NULL);
}

/* A job's way through: no stream, then no room, then again when one is done. */
static void test_full_until_a_job_is_done(void **state)
{
	static const uint8_t bytes[64];
	const struct engine_input input = {bytes, 8, bytes, 16, NULL, 0, NULL, 0};
	const struct engine_params whole = {2, 0x13, 2048, 1, 1, 32}, small = {2, 0x13, 8, 1, 1, 32};
	struct engine_result result;
	unsigned ticket, other;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct engine *engine;

		if (!engine_kind_runs(kinds[i]))
			continue;
		engine = engine_new(kinds[i], 2, ENGINE_ARENA_MIN);
		assert_int_equal(engine_submit(engine, &whole, &input, &ticket), ENGINE_OK);
		assert_int_equal(engine_submit(engine, &small, &input, &other), ENGINE_FULL);
		while (!engine_step(engine, 100, &result)) {
		}
		assert_int_equal(result.ticket, ticket);
		/* What is stained is room. */
		assert_int_equal(engine_submit(engine, &small, &input, &ticket), ENGINE_OK);
		assert_int_equal(engine_submit(engine, &small, &input, &other), ENGINE_OK);
		assert_int_not_equal(ticket, other);
		assert_int_equal(engine_submit(engine, &small, &input, &other), ENGINE_FULL);
		assert_int_equal(engine_submit(engine, &whole, &input, &other), ENGINE_FULL);
		engine_cancel(engine, ticket);
		engine_cancel(engine, ticket);
		assert_int_equal(engine_running(engine), 1);
		engine_close(engine);
	}
}

/* A stream in the middle is given up at once, the others never notice. */
static void test_cancel_leaves_others_alone(void **state)
{
	struct engine_result result;
	struct sample sample;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct engine *engine;
		unsigned tickets[3];

		if (!engine_kind_runs(kinds[i]))
			continue;
		engine = engine_new(kinds[i], 4, ENGINE_ARENA_MIN);
		sample_draw(&sample);
		sample.params = (struct engine_params){ENGINE_ARGON2ID, 0x13, 400, 3, 2, 32};
		sample_reference(&sample);
		for (unsigned n = 0; n < 3; n++) {
			struct engine_input input = sample_input(&sample);

			/* Two jobs of two lanes fill the streams; a third waits. */
			assert_int_equal(engine_submit(engine, &sample.params, &input, &tickets[n]),
			                 n < 2 || kinds[i] == ENGINE_LIBARGON2 ? ENGINE_OK : ENGINE_FULL);
		}
		if (kinds[i] == ENGINE_LIBARGON2)
			engine_cancel(engine, tickets[2]);
		else
			assert_false(engine_step(engine, 777, &result));
		engine_cancel(engine, tickets[0]);
		assert_int_equal(engine_running(engine), 1);
		while (!engine_step(engine, 100, &result)) {
		}
		assert_int_equal(result.ticket, tickets[1]);
		assert_memory_equal(result.tag, sample.want, 32);
		assert_int_equal(engine_running(engine), 0);
		engine_close(engine);
	}
}

/* --- nothing is left behind --- */

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

static bool bytes_hold(const uint8_t *bytes, size_t length, const uint8_t masked[MARKER_BYTES])
{
	const uint8_t *at = bytes, *end = bytes + length;

	while (end - at >= MARKER_BYTES) {
		unsigned n = 1;

		at = memchr(at, masked[0] ^ MASK, (size_t)(end - at) - MARKER_BYTES + 1);
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

static void bytes_search(const char *where, const uint8_t *bytes, size_t length, const struct traces *traces)
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
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w' || to - from > 64 * MEBIBYTE)
			continue;
		while (from < to) {
			ssize_t got = pread(memory, window, sizeof(window), (off_t)from);

			if (got <= 0)
				break;
			line[strcspn(line, "\n")] = '\0';
			bytes_search(line, window, (size_t)got, traces);
			memset(window, 0, sizeof(window));
			/* Windows overlap; a match may lie across their border. */
			from += (size_t)got > MARKER_BYTES ? (size_t)got - MARKER_BYTES : (size_t)got;
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
	assert_int_equal(pread(memory, below, sizeof(below), here - STACK_BELOW), sizeof(below));
	bytes_search("dead stack frames", below, sizeof(below), traces);
}

static void traces_submit(struct engine *engine, const struct engine_params *params, struct traces *traces,
                          unsigned *ticket)
{
	uint8_t password[64], h0[BLAKE_H0_BYTES];
	static const uint8_t salt[] = "sixteen byte sal";
	const struct engine_input input = {password, sizeof(password), salt, 16, NULL, 0, NULL, 0};
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
		const uint8_t *first = engine->arena.base + lane * (blocks / params->lanes) * block;
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
	    {ENGINE_ARGON2ID, 0x13, 1000, 1, 1, 64}, {ENGINE_ARGON2ID, 0x13, 700, 3, 4, 32},
	    {ENGINE_ARGON2I, 0x10, 77, 2, 2, 512},   {ENGINE_ARGON2D, 0x13, 1999, 1, 3, 24},
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
	struct engine *engine = engine_new(engine_kind_resolve(ENGINE_AUTO), 3, 2 * ENGINE_ARENA_MIN);
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

static size_t resident_bytes(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	unsigned long total, resident;

	assert_non_null(statm);
	assert_int_equal(fscanf(statm, "%lu %lu", &total, &resident), 2);
	(void)fclose(statm);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_trim_gives_memory_back(void **state)
{
	struct engine *engine = engine_new(engine_kind_resolve(ENGINE_AUTO), 2, 32 * MEBIBYTE);
	size_t before = resident_bytes(), after;
	struct engine_result result;
	struct sample sample;

	(void)state;
	assert_true(arena_untouched(engine));
	sample_draw(&sample);
	sample.params = (struct engine_params){ENGINE_ARGON2ID, 0x13, 20000, 1, 1, 32};
	hash_alone(engine, &sample, 5000, &result);
	assert_true(resident_bytes() > before + 15 * MEBIBYTE);
	engine_trim(engine);
	after = resident_bytes();
	assert_true(arena_untouched(engine));
	assert_true(after < before + MEBIBYTE);
	engine_close(engine);
}

static void test_kinds_have_names(void **state)
{
	enum engine_kind kind = ENGINE_AVX2;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_true(engine_kind_parse(engine_kind_name((enum engine_kind)i), &kind));
		assert_int_equal(kind, i);
	}
	kind = ENGINE_AVX2;
	assert_false(engine_kind_parse("", &kind));
	assert_false(engine_kind_parse("AVX2", &kind));
	assert_false(engine_kind_parse("avx", &kind));
	assert_int_equal(kind, ENGINE_AVX2);
	assert_null(engine_kind_name((enum engine_kind)4));
	assert_null(engine_kind_name((enum engine_kind)-1));
	assert_true(engine_kind_runs(engine_kind_resolve(ENGINE_AUTO)));
	assert_int_not_equal(engine_kind_resolve(ENGINE_AUTO), ENGINE_AUTO);
	assert_int_equal(engine_kind_resolve(ENGINE_LIBARGON2), ENGINE_LIBARGON2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds_have_names),
	    cmocka_unit_test(test_rfc_vectors),
	    cmocka_unit_test(test_any_lanes_on_any_streams),
	    cmocka_unit_test(test_bad_params_are_refused_untouched),
	    cmocka_unit_test(test_bad_input_is_refused_untouched),
	    cmocka_unit_test(test_bad_configs_are_refused),
	    cmocka_unit_test(test_full_until_a_job_is_done),
	    cmocka_unit_test(test_cancel_leaves_others_alone),
	    cmocka_unit_test(test_nothing_is_left_of_a_job),
	    cmocka_unit_test(test_nothing_is_left_of_a_cancelled_job),
	    cmocka_unit_test(test_steps_wipe_behind_a_queue),
	    cmocka_unit_test(test_trim_gives_memory_back),
	    cmocka_unit_test(test_random_jobs_are_libargon2s),
	};
	unsigned long seed = environment_number("ARGOND_TEST_SEED", (unsigned long)time(NULL));

	print_message("ARGOND_TEST_SEED=%lu\n", seed);
	random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
