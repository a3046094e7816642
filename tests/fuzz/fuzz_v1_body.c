/* frontend/v1_body.c: whatever is read, what was taken from it lies in what it owns. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/v1_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte of a text can be read. */
static unsigned text_sum(struct text text)
{
	unsigned sum = 0;

	for (size_t i = 0; text.at != NULL && i < text.len; i++)
		sum += (unsigned char)text.at[i];
	return sum;
}

enum { PASSWORD_MAX = 256 };

static const struct v1_form form = {.required = V1_PASSWORD | V1_HASH_OR_NULL,
    .allowed = V1_PROFILE | V1_POOL | V1_TIMEOUT | V1_REHASH};

/* In pieces of so many bytes, each of which is gone when the next one comes. */
static enum problem read_body(
    struct v1_body **body, const uint8_t *data, size_t size, size_t piece)
{
	enum problem problem = PROBLEM_NONE;
	const char *detail;

	*body = v1_body_open(&form, PASSWORD_MAX);
	if (*body == NULL)
		abort();
	for (size_t at = 0, n; at < size && problem == PROBLEM_NONE; at += n) {
		char *copy;

		n = size - at < piece ? size - at : piece;
		copy = malloc(n);
		if (copy == NULL)
			abort();
		memcpy(copy, data + at, n);
		problem = v1_body_feed(*body, copy, n, &detail);
		free(copy);
	}
	return problem == PROBLEM_NONE ? v1_body_end(*body, &detail) : problem;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v1_body *body, *other;
	enum problem problem = read_body(&body, data, size, size > 0 ? size : 1);
	volatile unsigned sum;

	sum = text_sum(body->hash) + text_sum(body->profile) + text_sum(body->pool);
	(void)sum;
	if (problem == PROBLEM_NONE &&
	    (body->password.len > size || body->password.len > PASSWORD_MAX + 2))
		abort();
	/* the pieces make no difference */
	if (read_body(&other, data, size, 1 + size % 7) != problem)
		abort();
	if (problem == PROBLEM_NONE &&
	    (other->password.len != body->password.len ||
	        other->hash.len != body->hash.len || other->there != body->there))
		abort();
	v1_body_close(other);
	v1_body_close(body);
	return 0;
}
