/*
 * Argon2's block function for AVX-512 (F and VL).
 *
 * A block is an 8 x 8 matrix of word pairs. Vector 4i+j holds the 2 x 2 pairs
 * where rows 2i, 2i+1 meet words 4j..4j+3: four words of one row, then four of
 * the next. In this order both halves of G (RFC 9106, section 3.5) find their
 * operands in whole vectors: the rows' a, b, c, d are vectors 4i..4i+3, the
 * columns' are j, 4+j, 8+j, 12+j. Nothing is transposed; only the diagonal
 * steps move words, each time of three vectors in four.
 *
 * The rows' diagonals are not undone: each vector with the same j is turned
 * alike, so the columns still meet, and one permutation at the end sets both
 * right. That leaves 39 permutations a block, of 128 with transposes.
 */
#include "hasher/kernel.h"

#include <stddef.h>

#if defined(__x86_64__) && defined(__AVX512F__) && defined(__AVX512VL__)

#include <immintrin.h>

/* gcc's second scheduler sorts the chains of independent groups into bursts of
 * equal instructions, which costs 3 to 5 % here; the CPU does better alone. */
#ifndef __clang__
#pragma GCC optimize("no-schedule-insns2")
#endif

#define VECTORS 16

/* Each stream's next destination is fetched this many blocks early: old
 * contents to read, or lines to own before they are written. */
#define FETCH_AHEAD 4
#define INLINE static inline __attribute__((always_inline))

/* a + b + 2 * lo(a) * lo(b) */
INLINE __m512i mul_add(__m512i a, __m512i b)
{
	__m512i product = _mm512_mul_epu32(a, b);
	__m512i sum = _mm512_add_epi64(a, b);

	product = _mm512_add_epi64(product, product);
	return _mm512_add_epi64(sum, product);
}

/* Half of G for four independent groups of a, b, c, d. The order is measured:
 * a group's whole chain at a time, and left so by the compiler (see above). */
#define HALF_G(a, b, c, d, r1, r2)                                                     \
	do {                                                                           \
		for (size_t g = 0; g < 4; g++) {                                       \
			v[a(g)] = mul_add(v[a(g)], v[b(g)]);                           \
			v[d(g)] = _mm512_ror_epi64(v[d(g)] ^ v[a(g)], r1);             \
		}                                                                      \
		for (size_t g = 0; g < 4; g++) {                                       \
			v[c(g)] = mul_add(v[c(g)], v[d(g)]);                           \
			v[b(g)] = _mm512_ror_epi64(v[b(g)] ^ v[c(g)], r2);             \
		}                                                                      \
	} while (0)

#define ROW_A(g) (4 * (g))
#define ROW_B(g) (4 * (g) + 1)
#define ROW_C(g) (4 * (g) + 2)
#define ROW_D(g) (4 * (g) + 3)
#define COL_A(g) (g)
#define COL_B(g) (4 + (g))
#define COL_C(g) (8 + (g))
#define COL_D(g) (12 + (g))

/* Four words of each half turned so that the first becomes the last, etc. */
#define TURN_1 _MM_SHUFFLE(0, 3, 2, 1)
#define TURN_2 _MM_SHUFFLE(1, 0, 3, 2)
#define TURN_3 _MM_SHUFFLE(2, 1, 0, 3)

INLINE void rows(__m512i v[VECTORS])
{
	HALF_G(ROW_A, ROW_B, ROW_C, ROW_D, 32, 24);
	HALF_G(ROW_A, ROW_B, ROW_C, ROW_D, 16, 63);
	/* The diagonals seen from b, which is last to be ready. */
	for (size_t g = 0; g < 4; g++) {
		v[ROW_A(g)] = _mm512_permutex_epi64(v[ROW_A(g)], TURN_3);
		v[ROW_C(g)] = _mm512_permutex_epi64(v[ROW_C(g)], TURN_1);
		v[ROW_D(g)] = _mm512_permutex_epi64(v[ROW_D(g)], TURN_2);
	}
	HALF_G(ROW_A, ROW_B, ROW_C, ROW_D, 32, 24);
	HALF_G(ROW_A, ROW_B, ROW_C, ROW_D, 16, 63);
}

/* Vector j after the rows holds its words turned by 3, 0, 1, 2; a column is two
 * words of each half. These turn a, c of the columns by one in that order. */
#define INDEX(a, b, c, d, e, f, g, h) _mm512_setr_epi64(a, b, c, d, e, f, g, h)
#define EVEN_BACK INDEX(3, 6, 1, 4, 7, 2, 5, 0)
#define EVEN_ON INDEX(7, 2, 5, 0, 3, 6, 1, 4)
#define ODD_BACK INDEX(5, 0, 7, 2, 1, 4, 3, 6)
#define ODD_ON INDEX(1, 4, 3, 6, 5, 0, 7, 2)

INLINE __m512i halves_swap(__m512i x)
{
	return _mm512_shuffle_i64x2(x, x, TURN_2);
}

INLINE __m512i words_pick(__m512i x, __m512i index)
{
	return _mm512_permutexvar_epi64(index, x);
}

INLINE void columns(__m512i v[VECTORS])
{
	HALF_G(COL_A, COL_B, COL_C, COL_D, 32, 24);
	HALF_G(COL_A, COL_B, COL_C, COL_D, 16, 63);
	for (size_t g = 0; g < 4; g++) {
		v[COL_A(g)] =
		    words_pick(v[COL_A(g)], g % 2 == 0 ? EVEN_BACK : ODD_BACK);
		v[COL_C(g)] = words_pick(v[COL_C(g)], g % 2 == 0 ? EVEN_ON : ODD_ON);
		v[COL_D(g)] = halves_swap(v[COL_D(g)]);
	}
	HALF_G(COL_A, COL_B, COL_C, COL_D, 32, 24);
	HALF_G(COL_A, COL_B, COL_C, COL_D, 16, 63);
	/* Back to the order in memory: both diagonals at once. */
	v[0] = words_pick(v[0], INDEX(2, 5, 0, 7, 6, 1, 4, 3));
	v[4] = _mm512_permutex_epi64(v[4], TURN_1);
	v[8] = words_pick(v[8], INDEX(6, 1, 4, 3, 2, 5, 0, 7));
	v[12] = words_pick(v[12], INDEX(5, 6, 7, 4, 1, 2, 3, 0));
	v[1] = words_pick(v[1], ODD_ON);
	v[9] = words_pick(v[9], ODD_BACK);
	v[13] = halves_swap(v[13]);
	v[2] = words_pick(v[2], INDEX(0, 7, 2, 5, 4, 3, 6, 1));
	v[6] = _mm512_permutex_epi64(v[6], TURN_3);
	v[10] = words_pick(v[10], INDEX(4, 3, 6, 1, 0, 7, 2, 5));
	v[14] = words_pick(v[14], INDEX(7, 4, 5, 6, 3, 0, 1, 2));
	v[3] = words_pick(v[3], EVEN_BACK);
	v[7] = _mm512_permutex_epi64(v[7], TURN_2);
	v[11] = words_pick(v[11], EVEN_ON);
	v[15] = words_pick(v[15], INDEX(6, 7, 4, 5, 2, 3, 0, 1));
}

INLINE __m512i block_load(const struct block *block, size_t i)
{
	return _mm512_load_si512((const void *)&block->word[8 * i]);
}

INLINE void block_store(struct block *block, size_t i, __m512i x)
{
	_mm512_store_si512((void *)&block->word[8 * i], x);
}

/* From memory to the second cache: with many misses under way the first one's
 * few buffers are what limits, and the stream that computes now needs them. */
INLINE void block_fetch(const struct block *block)
{
	for (size_t i = 0; i < VECTORS; i++)
		_mm_prefetch((const char *)&block->word[8 * i], _MM_HINT_T1);
}

/* From there to the first. */
INLINE void block_near(const struct block *block)
{
	for (size_t i = 0; i < VECTORS; i++)
		_mm_prefetch((const char *)&block->word[8 * i], _MM_HINT_T0);
}

/* The reference of the block after dst, which has just been written. */
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
	__m512i v[VECTORS], r[VECTORS];

	for (size_t i = 0; i < VECTORS; i++)
		v[i] = r[i] = block_load(lane->prev, i) ^ block_load(lane->ref, i);
	rows(v);
	/* Here and not beside the reference's: not too many misses at a time. */
	block_fetch(dst + FETCH_AHEAD);
	columns(v);
	/* The first vector first: the next reference hangs on its word 0. */
	if (lane->accumulate) {
		for (size_t i = 0; i < VECTORS; i++)
			block_store(dst, i, v[i] ^ r[i] ^ block_load(dst, i));
	} else {
		for (size_t i = 0; i < VECTORS; i++)
			block_store(dst, i, v[i] ^ r[i]);
	}
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
	__m512i v[VECTORS];

	for (size_t i = 0; i < VECTORS; i++)
		v[i] = block_load(src, i);
	rows(v);
	columns(v);
	for (size_t i = 0; i < VECTORS; i++)
		block_store(dst, i, v[i] ^ block_load(src, i));
}

/* Word w of row r, for r = 2i + h, w = 4j + k: vector 4i + j, word 4h + k. */
#define WORD(r, w) (uint8_t)(8 * (4 * ((r) / 2) + (w) / 4) + 4 * ((r) % 2) + (w) % 4)
#define WORDS_4(r, w) WORD(r, w), WORD(r, (w) + 1), WORD(r, (w) + 2), WORD(r, (w) + 3)
#define ROW(r) WORDS_4(r, 0), WORDS_4(r, 4), WORDS_4(r, 8), WORDS_4(r, 12)

static const struct kernel kernel = {
    .kind = ENGINE_AVX512,
    .fill = fill,
    .mix = mix,
    .order = {ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7)},
};

const struct kernel *kernel_avx512(void)
{
	return &kernel;
}

#else

const struct kernel *kernel_avx512(void)
{
	return NULL;
}

#endif
