/*
 * Argon2's block function for AVX2.
 *
 * Blocks stay in the order of the RFC: a vector is four words of a row. The
 * rows' a, b, c, d are the vectors 4r..4r+3. A pair of columns has two vectors
 * for each of a, b, c, d, from two rows, so a diagonal step moves words between
 * two vectors and one of the four needs no instruction at all. There are 16
 * registers for 32 vectors: four rows, or four columns, are done at a time, as
 * four chains of operations that do not wait for each other.
 */
#include "hasher/kernel.h"

#include <stddef.h>

#if defined(__x86_64__) && defined(__AVX2__)

#include <immintrin.h>

#ifndef __clang__
#pragma GCC optimize("no-schedule-insns2")
#endif

#define VECTORS 32
#define FETCH_AHEAD 4
#define INLINE static inline __attribute__((always_inline))

/* Rows, or vectors of a column's a, done at a time. With 4 the compiler has to
 * keep some in memory, which costs less than two chains waiting do. */
#define WIDTH 4

/* a + b + 2 * lo(a) * lo(b) */
INLINE __m256i mul_add(__m256i a, __m256i b)
{
	__m256i product = _mm256_mul_epu32(a, b);
	__m256i sum = _mm256_add_epi64(a, b);

	product = _mm256_add_epi64(product, product);
	return _mm256_add_epi64(sum, product);
}

INLINE __m256i turn_32(__m256i x)
{
	return _mm256_shuffle_epi32(x, _MM_SHUFFLE(2, 3, 0, 1));
}

INLINE __m256i turn_24(__m256i x)
{
	return _mm256_shuffle_epi8(
	    x, _mm256_setr_epi8(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, 3,
	           4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10));
}

INLINE __m256i turn_16(__m256i x)
{
	return _mm256_shuffle_epi8(
	    x, _mm256_setr_epi8(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, 2,
	           3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9));
}

INLINE __m256i turn_63(__m256i x)
{
	return _mm256_add_epi64(x, x) ^ _mm256_srli_epi64(x, 63);
}

/* G for WIDTH groups, v[4g..4g+3] = a, b, c, d of group g */
INLINE void groups_mix(__m256i v[4 * WIDTH])
{
	for (size_t g = 0; g < WIDTH; g++) {
		v[4 * g] = mul_add(v[4 * g], v[4 * g + 1]);
		v[4 * g + 3] = turn_32(v[4 * g + 3] ^ v[4 * g]);
	}
	for (size_t g = 0; g < WIDTH; g++) {
		v[4 * g + 2] = mul_add(v[4 * g + 2], v[4 * g + 3]);
		v[4 * g + 1] = turn_24(v[4 * g + 1] ^ v[4 * g + 2]);
	}
	for (size_t g = 0; g < WIDTH; g++) {
		v[4 * g] = mul_add(v[4 * g], v[4 * g + 1]);
		v[4 * g + 3] = turn_16(v[4 * g + 3] ^ v[4 * g]);
	}
	for (size_t g = 0; g < WIDTH; g++) {
		v[4 * g + 2] = mul_add(v[4 * g + 2], v[4 * g + 3]);
		v[4 * g + 1] = turn_63(v[4 * g + 1] ^ v[4 * g + 2]);
	}
}

/* P on WIDTH rows, a group each. The diagonals are taken from b, which is the
 * last to be ready, so a, c and d move. */
INLINE void rows_mix(__m256i v[4 * WIDTH])
{
	groups_mix(v);
	for (size_t g = 0; g < WIDTH; g++) {
		v[4 * g] = _mm256_permute4x64_epi64(v[4 * g], _MM_SHUFFLE(2, 1, 0, 3));
		v[4 * g + 2] =
		    _mm256_permute4x64_epi64(v[4 * g + 2], _MM_SHUFFLE(0, 3, 2, 1));
		v[4 * g + 3] =
		    _mm256_permute4x64_epi64(v[4 * g + 3], _MM_SHUFFLE(1, 0, 3, 2));
	}
	groups_mix(v);
	for (size_t g = 0; g < WIDTH; g++) {
		v[4 * g] = _mm256_permute4x64_epi64(v[4 * g], _MM_SHUFFLE(0, 3, 2, 1));
		v[4 * g + 2] =
		    _mm256_permute4x64_epi64(v[4 * g + 2], _MM_SHUFFLE(2, 1, 0, 3));
		v[4 * g + 3] =
		    _mm256_permute4x64_epi64(v[4 * g + 3], _MM_SHUFFLE(1, 0, 3, 2));
	}
}

/* Words 0, 1 of two columns in *x, 2, 3 in *y: on by one, so that the last
 * comes first, or back by one. */
INLINE void column_on(__m256i *x, __m256i *y)
{
	__m256i first = _mm256_alignr_epi8(*x, *y, 8);

	*y = _mm256_alignr_epi8(*y, *x, 8);
	*x = first;
}

INLINE void column_back(__m256i *x, __m256i *y)
{
	__m256i first = _mm256_alignr_epi8(*y, *x, 8);

	*y = _mm256_alignr_epi8(*x, *y, 8);
	*x = first;
}

INLINE void swap(__m256i *x, __m256i *y)
{
	__m256i first = *y;

	*y = *x;
	*x = first;
}

/* P on WIDTH columns: groups 2i and 2i + 1 hold the halves of two. */
INLINE void columns_mix(__m256i v[4 * WIDTH])
{
	groups_mix(v);
	for (size_t g = 0; g < WIDTH; g += 2) {
		column_on(&v[4 * g], &v[4 * g + 4]);
		column_back(&v[4 * g + 2], &v[4 * g + 6]);
		swap(&v[4 * g + 3], &v[4 * g + 7]);
	}
	groups_mix(v);
	for (size_t g = 0; g < WIDTH; g += 2) {
		column_back(&v[4 * g], &v[4 * g + 4]);
		column_on(&v[4 * g + 2], &v[4 * g + 6]);
		swap(&v[4 * g + 3], &v[4 * g + 7]);
	}
}

INLINE __m256i block_load(const struct block *block, size_t i)
{
	return _mm256_load_si256((const __m256i *)(const void *)&block->word[4 * i]);
}

INLINE void block_store(struct block *block, size_t i, __m256i x)
{
	_mm256_store_si256((__m256i *)(void *)&block->word[4 * i], x);
}

INLINE void block_fetch(const struct block *block)
{
	for (size_t i = 0; i < VECTORS; i += 2)
		_mm_prefetch((const char *)&block->word[4 * i], _MM_HINT_T1);
}

INLINE void block_near(const struct block *block)
{
	for (size_t i = 0; i < VECTORS; i += 2)
		_mm_prefetch((const char *)&block->word[4 * i], _MM_HINT_T0);
}

/* The vector that is the group's a (0), b, c or d (3) in the
 * columns: group g holds rows 2k + g % 2 of the columns' words 4q..4q+3. */
#define COLUMN_VECTOR(q, g, k) (4 * (2 * (k) + (g) % 2) + (q) + (g) / 2)

/* dst ^= P(work), by way of work */
INLINE void block_permute(struct block *dst, struct block *work)
{
	__m256i v[4 * WIDTH];

	for (size_t q = 0; q < 4; q += WIDTH / 2) {
		for (size_t i = 0; i < 4 * WIDTH; i++)
			v[i] = block_load(work, COLUMN_VECTOR(q, i / 4, i % 4));
		columns_mix(v);
		for (size_t i = 0; i < 4 * WIDTH; i++) {
			size_t at = COLUMN_VECTOR(q, i / 4, i % 4);

			block_store(dst, at, v[i] ^ block_load(dst, at));
		}
	}
}

INLINE void reference_next(struct kernel_lane *lane)
{
	if (lane->known) {
		lane->ref = lane->refs[lane->next];
		block_fetch(lane->refs[lane->next + KERNEL_AHEAD]);
		lane->next++;
	} else {
		lane->ref = kernel_reference(lane, lane->dst->word[0]);
		block_fetch(lane->ref);
		lane->area++;
	}
}

INLINE void lane_step(struct kernel_lane *lane)
{
	struct block *dst = lane->dst;
	const struct block *prev = lane->prev, *ref = lane->ref;
	struct block work;
	__m256i v[4 * WIDTH];

	for (size_t row = 0; row < 8; row += WIDTH) {
		for (size_t i = 0; i < 4 * WIDTH; i++)
			v[i] = block_load(prev, 4 * row + i) ^
			       block_load(ref, 4 * row + i);
		/* dst already takes what the permuted block is XORed into. */
		if (lane->accumulate) {
			for (size_t i = 0; i < 4 * WIDTH; i++)
				block_store(dst, 4 * row + i,
				    v[i] ^ block_load(dst, 4 * row + i));
		} else {
			for (size_t i = 0; i < 4 * WIDTH; i++)
				block_store(dst, 4 * row + i, v[i]);
		}
		rows_mix(v);
		for (size_t i = 0; i < 4 * WIDTH; i++)
			block_store(&work, 4 * row + i, v[i]);
	}
	block_fetch(dst + FETCH_AHEAD);
	block_permute(dst, &work);
	reference_next(lane);
	lane->prev = dst;
	lane->dst = dst + 1;
}

static void fill(struct kernel_lane *const lanes[], unsigned count, uint32_t blocks)
{
	for (; blocks > 0; blocks--) {
		for (unsigned i = 0; i < count; i++) {
			block_near(lanes[i + 1 < count ? i + 1 : 0]->ref);
			lane_step(lanes[i]);
		}
	}
}

static void mix(struct block *dst, const struct block *src)
{
	struct block work;
	__m256i v[4 * WIDTH];

	for (size_t row = 0; row < 8; row += WIDTH) {
		for (size_t i = 0; i < 4 * WIDTH; i++) {
			v[i] = block_load(src, 4 * row + i);
			block_store(dst, 4 * row + i, v[i]);
		}
		rows_mix(v);
		for (size_t i = 0; i < 4 * WIDTH; i++)
			block_store(&work, 4 * row + i, v[i]);
	}
	block_permute(dst, &work);
}

#define WORDS_8(i) (i), (i) + 1, (i) + 2, (i) + 3, (i) + 4, (i) + 5, (i) + 6, (i) + 7
#define WORDS_32(i) WORDS_8(i), WORDS_8((i) + 8), WORDS_8((i) + 16), WORDS_8((i) + 24)

static const struct kernel kernel = {
    .kind = ENGINE_AVX2,
    .fill = fill,
    .mix = mix,
    .order = {WORDS_32(0), WORDS_32(32), WORDS_32(64), WORDS_32(96)},
};

const struct kernel *kernel_avx2(void)
{
	return &kernel;
}

#else

const struct kernel *kernel_avx2(void)
{
	return NULL;
}

#endif
