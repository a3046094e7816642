/*
 * A kernel that is wrong in one way or another must not answer anybody: the
 * self-test finds it, libargon2 takes over and the engine tells why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hasher/engine_internal.h"

/* The best kernel of this machine; the wrong ones are made of it. */
static const struct kernel *right;

static const struct kernel *kernel_right(void)
{
	if (engine_kind_runs(ENGINE_AVX512) && kernel_avx512() != NULL)
		return kernel_avx512();
	return engine_kind_runs(ENGINE_AVX2) ? kernel_avx2() : NULL;
}

static void mix_right(struct block *dst, const struct block *src)
{
	right->mix(dst, src);
}

static void mix_wrong(struct block *dst, const struct block *src)
{
	right->mix(dst, src);
	dst->word[127] ^= 1;
}

static void fill_right(
    struct kernel_lane *const lanes[], unsigned count, uint32_t blocks)
{
	right->fill(lanes, count, blocks);
}

/* Each block's last word, the least that can go wrong. */
static void fill_wrong_word(
    struct kernel_lane *const lanes[], unsigned count, uint32_t blocks)
{
	for (; blocks > 0; blocks--) {
		right->fill(lanes, count, 1);
		for (unsigned i = 0; i < count; i++)
			lanes[i]->dst[-1].word[127] ^= UINT64_C(1) << 63;
	}
}

static void fill_wrong_last_stream(
    struct kernel_lane *const lanes[], unsigned count, uint32_t blocks)
{
	right->fill(lanes, count, blocks);
	if (count > 1)
		lanes[count - 1]->dst[-1].word[5] ^= 4;
}

static void fill_wrong_accumulate(
    struct kernel_lane *const lanes[], unsigned count, uint32_t blocks)
{
	for (unsigned i = 0; i < count; i++)
		lanes[i]->accumulate = false;
	right->fill(lanes, count, blocks);
}

static void fill_wrong_reference(
    struct kernel_lane *const lanes[], unsigned count, uint32_t blocks)
{
	for (unsigned i = 0; i < count; i++)
		lanes[i]->area -= !lanes[i]->known && lanes[i]->area > 40;
	right->fill(lanes, count, blocks);
}

static void fill_wrong_lane(
    struct kernel_lane *const lanes[], unsigned count, uint32_t blocks)
{
	for (unsigned i = 0; i < count; i++)
		lanes[i]->area_other -= lanes[i]->area_other > 4;
	right->fill(lanes, count, blocks);
}

static void fill_nothing(
    struct kernel_lane *const lanes[], unsigned count, uint32_t blocks)
{
	(void)lanes;
	(void)count;
	(void)blocks;
}

struct fault {
	const char *what;
	void (*fill)(
	    struct kernel_lane *const lanes[], unsigned count, uint32_t blocks);
	void (*mix)(struct block *dst, const struct block *src);
};

static const struct fault faults[] = {
    {"a bit of each block", fill_wrong_word, mix_right},
    {"the last of several streams", fill_wrong_last_stream, mix_right},
    {"passes after the first", fill_wrong_accumulate, mix_right},
    {"dependent references", fill_wrong_reference, mix_right},
    {"references to other lanes", fill_wrong_lane, mix_right},
    {"address blocks", fill_right, mix_wrong},
    {"no block at all", fill_nothing, mix_right},
};

static const uint8_t rfc_tag[32] = {0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c,
    0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75,
    0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59};

static void assert_hashes_right(struct engine *engine)
{
	static const struct engine_params params = {
	    ENGINE_ARGON2ID, 0x13, 32, 3, 4, 32};
	uint8_t password[32], salt[16], secret[8], ad[12];
	const struct engine_input input = {password, sizeof(password), salt,
	    sizeof(salt), secret, sizeof(secret), ad, sizeof(ad)};
	struct engine_result result;
	unsigned ticket;

	memset(password, 1, sizeof(password));
	memset(salt, 2, sizeof(salt));
	memset(secret, 3, sizeof(secret));
	memset(ad, 4, sizeof(ad));
	assert_int_equal(engine_submit(engine, &params, &input, &ticket), ENGINE_OK);
	while (!engine_step(engine, 100, &result)) {
	}
	assert_int_equal(result.status, ENGINE_OK);
	assert_memory_equal(result.tag, rfc_tag, sizeof(rfc_tag));
}

static void test_a_right_kernel_stays(void **state)
{
	static const struct engine_config config = {
	    ENGINE_AUTO, 4, ENGINE_ARENA_MIN, 0};
	struct kernel kernel = *right;
	struct engine *engine;

	(void)state;
	kernel.fill = fill_right;
	assert_int_equal(engine_open_with(&engine, &config, &kernel), 0);
	assert_string_equal(engine_name(engine), engine_kind_name(kernel.kind));
	assert_null(engine_fallback_reason(engine));
	assert_hashes_right(engine);
	engine_close(engine);
}

static void test_wrong_kernels_are_replaced(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct engine_config config = {
		    ENGINE_AUTO, 1 + (unsigned)i, ENGINE_ARENA_MIN, 0};
		struct kernel kernel = *right;
		struct engine *engine;

		kernel.fill = faults[i].fill;
		kernel.mix = faults[i].mix;
		assert_int_equal(engine_open_with(&engine, &config, &kernel), 0);
		if (strcmp(engine_name(engine), "libargon2") != 0)
			fail_msg("not noticed: %s", faults[i].what);
		assert_non_null(engine_fallback_reason(engine));
		assert_non_null(strstr(engine_fallback_reason(engine), "self-test"));
		assert_hashes_right(engine);
		engine_close(engine);
	}
}

static void test_a_wrong_order_of_words_is_noticed(void **state)
{
	static const struct engine_config config = {
	    ENGINE_AUTO, 4, ENGINE_ARENA_MIN, 0};
	struct kernel kernel = *right;
	struct engine *engine;
	uint8_t word = kernel.order[126];

	(void)state;
	kernel.order[126] = kernel.order[127];
	kernel.order[127] = word;
	assert_int_equal(engine_open_with(&engine, &config, &kernel), 0);
	assert_string_equal(engine_name(engine), "libargon2");
	engine_close(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_right_kernel_stays),
	    cmocka_unit_test(test_wrong_kernels_are_replaced),
	    cmocka_unit_test(test_a_wrong_order_of_words_is_noticed),
	};

	right = kernel_right();
	if (right == NULL) {
		print_message("no kernel of ours runs on this machine: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
