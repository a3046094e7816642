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

__attribute__((noinline)) void secret_wipe_stack(void)
{
	uint8_t frames[8192];

	explicit_bzero(frames, sizeof(frames));
}
