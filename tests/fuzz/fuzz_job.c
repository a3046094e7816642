/*
 * The messages of a link (common/job.h), in both directions: what decodes encodes to
 * the same bytes and keeps all bounds; what does not decode leaves a reason. The
 * mutator makes well-formed messages and bends a field, for chance alone never finds
 * one.
 */
#include "common/job.h"
#include "tests/fuzz/fuzz.h"

static bool within(const uint8_t *part, size_t len, const uint8_t *data, size_t size)
{
	return part >= data && len <= size && part + len <= data + size;
}

static void check_job(const uint8_t *data, size_t size)
{
	uint8_t *again = malloc(size > 0 ? size : 1);
	const char *why = NULL;
	struct job job;

	CHECK(again != NULL);
	if (job_decode(&job, data, size, &why) == 0) {
		CHECK(job.id != 0 && job.flight < LIMIT_FLIGHTS);
		CHECK(job.kind > 0 && job.kind < JOB_KIND_END);
		CHECK(job.password_len <= LIMIT_PASSWORD);
		CHECK(job.hash_len <= LIMIT_TEXT);
		CHECK(job.kind != JOB_VERIFY || job.hash_len > 0);
		CHECK(job.hash_len == 0 ||
		      within((const uint8_t *)job.hash, job.hash_len, data, size));
		CHECK(within(job.password, job.password_len, data, size));
		CHECK(size <= JOB_MESSAGE_MAX);
		CHECK(job_encode(&job, again, size) == (ssize_t)size);
		CHECK(memcmp(again, data, size) == 0);
		/* nowhere to put the last byte */
		CHECK(job_encode(&job, again, size - 1) == -1);
	} else {
		CHECK(why != NULL && *why != '\0');
	}
	free(again);
}

static void check_reply(const uint8_t *data, size_t size)
{
	uint8_t *again = malloc(size > 0 ? size : 1);
	const char *why = NULL;
	struct job_reply reply;

	CHECK(again != NULL);
	if (job_reply_decode(&reply, data, size, &why) == 0) {
		CHECK(reply.id != 0 && reply.flight < LIMIT_FLIGHTS);
		CHECK(reply.status > 0 && reply.status < JOB_STATUS_END);
		CHECK(reply.text_len <= LIMIT_TEXT);
		CHECK(within((const uint8_t *)reply.text, reply.text_len, data, size));
		for (size_t i = 0; i < reply.text_len; i++)
			CHECK(reply.text[i] >= ' ' && reply.text[i] <= '~');
		CHECK(size <= JOB_REPLY_MAX);
		CHECK(job_reply_encode(&reply, again, size) == (ssize_t)size);
		CHECK(memcmp(again, data, size) == 0);
		CHECK(job_reply_encode(&reply, again, size - 1) == -1);
	} else {
		CHECK(why != NULL && *why != '\0');
	}
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_job(data, size);
	check_reply(data, size);
	return 0;
}

/* --- the mutator */

/* A number that is likely to be at some edge. */
static uint64_t some_number(uint64_t *random)
{
	static const uint64_t edges[] = {0, 1, 2, 8, LIMIT_SALT, LIMIT_SALT + 1,
	    LIMIT_FLIGHTS - 1, LIMIT_FLIGHTS, LIMIT_TAG, LIMIT_TAG + 1, LIMIT_TEXT,
	    LIMIT_PASSWORD, UINT32_MAX, UINT64_MAX, UINT64_MAX - 1, INT64_MAX};
	uint64_t number = (uint64_t)fuzz_random(random) << 32 | fuzz_random(random);

	switch (number & 3) {
	case 0:
		return edges[number / 4 % (sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return number >> 2 & 0xff;
	default:
		return number >> (number >> 2 & 63);
	}
}

static size_t job_make(uint8_t *data, size_t max, uint64_t *random)
{
	uint8_t password[LIMIT_PASSWORD];
	char hash[LIMIT_TEXT];
	struct job job = {.id = some_number(random) | 1,
	    .deadline_ns = some_number(random),
	    .flight = (uint32_t)some_number(random) % LIMIT_FLIGHTS,
	    .kind = (uint8_t)(1 + fuzz_random(random) % (JOB_KIND_END - 1)),
	    .alone = fuzz_random(random) % 2,
	    .profile = (uint8_t)fuzz_random(random),
	    .user = (int64_t)some_number(random),
	    .hash = hash,
	    .password = password};
	ssize_t len;

	if (job.kind != JOB_LOOKUP)
		job.password_len = some_number(random) % (LIMIT_PASSWORD + 1);
	if (job.kind == JOB_VERIFY) {
		job.hash_len = some_number(random) % (LIMIT_TEXT + 1);
		job.rehash = fuzz_random(random) % 2;
		job.nobody = fuzz_random(random) % 2;
	}
	for (size_t i = 0; i < job.hash_len; i++)
		hash[i] = (char)fuzz_random(random);
	for (size_t i = 0; i < job.password_len; i++)
		password[i] = (uint8_t)fuzz_random(random);
	len = job_encode(&job, data, max);
	return len > 0 ? (size_t)len : 0;
}

static size_t reply_make(uint8_t *data, size_t max, uint64_t *random)
{
	char text[LIMIT_TEXT];
	struct job_reply reply = {.id = some_number(random) | 1,
	    .flight = (uint32_t)some_number(random) % LIMIT_FLIGHTS,
	    .status = (uint8_t)(1 + fuzz_random(random) % (JOB_STATUS_END - 1)),
	    .work_ns = some_number(random),
	    .text = text};
	ssize_t len;

	if (reply.status == JOB_OK)
		reply.text_len = 1 + some_number(random) % LIMIT_TEXT;
	else if (reply.status == JOB_VALID)
		reply.text_len = some_number(random) % (LIMIT_TEXT + 1);
	for (size_t i = 0; i < reply.text_len; i++)
		text[i] = (char)(' ' + fuzz_random(random) % ('~' - ' ' + 1));
	len = job_reply_encode(&reply, data, max);
	return len > 0 ? (size_t)len : 0;
}

/* Writes a number over 1, 2, 4 or 8 bytes of the head, where the fields are, aligned as
 * they are. */
static void field_bend(uint8_t *data, size_t size, uint64_t *random)
{
	size_t width = (size_t)1 << fuzz_random(random) % 4;
	size_t at = fuzz_random(random) % (size < 64 ? size : 64) / width * width;
	uint64_t number = some_number(random);

	for (size_t i = 0; i < width && at + i < size; i++)
		data[at + i] = (uint8_t)(number >> (8 * i));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint64_t random = seed | UINT64_C(1) << 40;

	switch (fuzz_random(&random) % 5) {
	case 0:
		return job_make(data, max, &random);
	case 1:
		return reply_make(data, max, &random);
	case 2:
		return LLVMFuzzerMutate(data, size, max);
	default:
		if (size > 0)
			field_bend(data, size, &random);
		return size;
	}
}
