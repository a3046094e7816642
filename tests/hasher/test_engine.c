/*
 * The engines against RFC 9106's vectors, and against what the engine's header
 * promises.
 */
#include "tests/hasher/engine_world.h"

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
				(void)snprintf(
				    hex + (size_t)2 * n, 3, "%02x", result.tag[n]);
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
		for (unsigned streams = 1; streams <= 5 && engine_kind_runs(kinds[i]);
		     streams++) {
			struct engine *engine =
			    engine_new(kinds[i], streams, ENGINE_ARENA_MIN);

			for (uint32_t lanes = 1; lanes < 34; lanes += 1 + lanes / 4) {
				sample_draw(&sample);
				sample.params.lanes = lanes;
				sample.params.memory_kib = 8 * lanes + 3;
				sample_reference(&sample);
				hash_alone(engine, &sample,
				    lanes % 2 == 0 ? 1 : UINT32_MAX, &result);
				assert_memory_equal(
				    result.tag, sample.want, sample.params.tag_len);
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
    {"m=2^32-1, all at most", {2, 0x13, UINT32_MAX, UINT32_MAX, ARGON2_LANES_MAX, 32},
        ENGINE_TOO_BIG},
    {"a block over the arena", {2, 0x13, 2048 + 4, 1, 1, 32}, ENGINE_TOO_BIG},
};

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
			enum engine_status status =
			    engine_submit(engine, &refusals[r].params, &input, &ticket);

			if (status != refusals[r].status)
				fail_msg("%s: status %d", refusals[r].what, status);
			assert_int_equal(engine_check(engine, &refusals[r].params),
			    refusals[r].status);
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
	    {bytes, 8, bytes, 7, NULL, 0, NULL, 0},
	    {bytes, 8, NULL, 0, NULL, 0, NULL, 0},
	    {bytes, 8, NULL, 16, NULL, 0, NULL, 0},
	    {NULL, 1, bytes, 16, NULL, 0, NULL, 0},
	    {bytes, 8, bytes, 16, NULL, 1, NULL, 0},
	    {bytes, 8, bytes, 16, NULL, 0, NULL, 1},
	    {bytes, long_string, bytes, 16, NULL, 0, NULL, 0},
	    {bytes, 8, bytes, long_string, NULL, 0, NULL, 0},
	    {bytes, 8, bytes, 16, bytes, long_string, NULL, 0},
	    {bytes, 8, bytes, 16, NULL, 0, bytes, SIZE_MAX},
	};
	const struct engine_params params = {2, 0x13, 64, 1, 1, 32};
	struct engine *engine =
	    engine_new(engine_kind_resolve(ENGINE_AUTO), 2, ENGINE_ARENA_MIN);
	unsigned ticket;

	(void)state;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		assert_int_equal(engine_submit(engine, &params, &inputs[i], &ticket),
		    ENGINE_BAD_PARAMS);
	assert_true(arena_untouched(engine));
	engine_close(engine);
}

static void test_bad_configs_are_refused(void **state)
{
	const struct engine_config configs[] = {
	    {ENGINE_AUTO, 0, ENGINE_ARENA_MIN, 0},
	    {ENGINE_AUTO, ENGINE_STREAMS_MAX + 1, ENGINE_ARENA_MIN, 0},
	    {(enum engine_kind)9, 1, ENGINE_ARENA_MIN, 0},
	};
	const struct engine_config huge = {ENGINE_AUTO, 1, SIZE_MAX, 0};
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
	const struct engine_params whole = {2, 0x13, 2048, 1, 1, 32},
	                           small = {2, 0x13, 8, 1, 1, 32};
	struct engine_result result;
	unsigned ticket, other;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct engine *engine;

		if (!engine_kind_runs(kinds[i]))
			continue;
		engine = engine_new(kinds[i], 2, ENGINE_ARENA_MIN);
		assert_int_equal(
		    engine_submit(engine, &whole, &input, &ticket), ENGINE_OK);
		assert_int_equal(
		    engine_submit(engine, &small, &input, &other), ENGINE_FULL);
		while (!engine_step(engine, 100, &result)) {
		}
		assert_int_equal(result.ticket, ticket);
		/* What is stained is room. */
		assert_int_equal(
		    engine_submit(engine, &small, &input, &ticket), ENGINE_OK);
		assert_int_equal(
		    engine_submit(engine, &small, &input, &other), ENGINE_OK);
		assert_int_not_equal(ticket, other);
		assert_int_equal(
		    engine_submit(engine, &small, &input, &other), ENGINE_FULL);
		assert_int_equal(
		    engine_submit(engine, &whole, &input, &other), ENGINE_FULL);
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
		sample.params =
		    (struct engine_params){ENGINE_ARGON2ID, 0x13, 400, 3, 2, 32};
		sample_reference(&sample);
		for (unsigned n = 0; n < 3; n++) {
			struct engine_input input = sample_input(&sample);

			/* Two jobs of two lanes fill the streams; a third waits. */
			assert_int_equal(
			    engine_submit(engine, &sample.params, &input, &tickets[n]),
			    n < 2 || kinds[i] == ENGINE_LIBARGON2 ? ENGINE_OK
			                                          : ENGINE_FULL);
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

static void test_kinds_have_names(void **state)
{
	enum engine_kind kind = ENGINE_AVX2;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_true(
		    engine_kind_parse(engine_kind_name((enum engine_kind)i), &kind));
		assert_int_equal(kind, i);
	}
	kind = ENGINE_AVX2;
	assert_false(engine_kind_parse("", &kind));
	assert_false(engine_kind_parse("AVX2", &kind));
	assert_false(engine_kind_parse("avx", &kind));
	assert_int_equal(kind, ENGINE_AVX2);
	assert_null(engine_kind_name((enum engine_kind)4));
	assert_null(engine_kind_name((enum engine_kind) - 1));
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
	};

	return cmocka_run_group_tests_name("engine", tests, random_start, NULL);
}
