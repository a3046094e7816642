#include "common/secret.h"

#include <string.h>

#include <bsd/string.h>

#include "common/locked.h"

int secret_reserve(struct secret *s, size_t n)
{
	size_t cap = s->cap ? s->cap : 64;
	uint8_t *data;

	if (n <= s->cap)
		return 0;
	while (cap < n)
		if (__builtin_mul_overflow(cap, (size_t)2, &cap))
			return -1;
	data = locked_alloc(cap);
	if (data == NULL)
		return -1;
	if (s->len > 0)
		memcpy(data, s->data, s->len);
	locked_free(s->data);
	s->data = data;
	s->cap = cap;
	return 0;
}

int secret_append(struct secret *s, const void *bytes, size_t n)
{
	size_t want;

	if (n == 0)
		return 0;
	if (__builtin_add_overflow(s->len, n, &want) || secret_reserve(s, want) != 0)
		return -1;
	memcpy(s->data + s->len, bytes, n);
	s->len = want;
	return 0;
}

void secret_move(struct secret *to, struct secret *from)
{
	secret_free(to);
	*to = *from;
	*from = (struct secret){0};
}

bool secret_equal(const void *a, const void *b, size_t n)
{
	/* volatile: a compiler must not see that it could stop early */
	const volatile uint8_t *left = a, *right = b;
	uint8_t difference = 0;

	for (size_t i = 0; i < n; i++)
		difference |= (uint8_t)(left[i] ^ right[i]);
	return difference == 0;
}

void secret_free(struct secret *s)
{
	locked_free(s->data);
	*s = (struct secret){0};
}

#ifdef __x86_64__

#define EACH_OF_16(text) ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n" text "\n.endr"
#define CLOBBERS_16                                                                    \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",        \
	    "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

__attribute__((noinline, target("avx512f"))) static void wipe_high_registers(void)
{
	__asm__ volatile(".irp r,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
	                 "vpxorq %%zmm\\r,%%zmm\\r,%%zmm\\r\n"
	                 ".endr" ::
	                     : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21",
	                 "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28",
	                 "xmm29", "xmm30", "xmm31");
}

/* Whoever copies memory leaves some of it in the vector registers, and the dynamic
 * linker puts these on the stack of a process that calls a function for the first time.
 */
static void wipe_registers(void)
{
	if (__builtin_cpu_supports("avx512f"))
		wipe_high_registers();
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroall" ::: CLOBBERS_16);
	else
		__asm__ volatile(EACH_OF_16("pxor %%xmm\\r,%%xmm\\r")::: CLOBBERS_16);
}

#else

static void wipe_registers(void)
{
}

#endif

__attribute__((noinline)) void secret_wipe_stack(void)
{
	uint8_t frames[8192];

	explicit_bzero(frames, sizeof(frames));
	wipe_registers();
}
