/* frontend/v1_body.c: whatever is read, what was taken from it lies in what it owns. */
#include <stdint.h>
#include <stdlib.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned allowed = V1_PROFILE | V1_POOL | V1_TIMEOUT | V1_REHASH;
	struct v1_body body;
	const char *detail;
	enum problem problem = v1_body_read(
	    &body, data, size, V1_PASSWORD | V1_HASH_OR_NULL, allowed, &detail);
	volatile unsigned sum;

	if ((problem == PROBLEM_NONE) != (detail == NULL) &&
	    problem != PROBLEM_MEMORY_BUDGET)
		abort();
	sum = text_sum(body.hash) + text_sum(body.profile) + text_sum(body.pool);
	(void)sum;
	if (problem == PROBLEM_NONE && body.password.len > size)
		abort();
	v1_body_free(&body);
	return 0;
}
