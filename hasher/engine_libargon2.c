/*
 * The packaged library behind the engine's interface: the authority, and what
 * runs where no kernel of ours can. It hashes a job whole, in one step, on one
 * thread (with more it would start threads and leak its memory where it may
 * not), in the job's part of our arena instead of a mapping for each hash.
 * It calls us back to get memory and to give it back, and never between: a job
 * that nobody wants any more ends with its process (master/watch.c).
 */
#include <argon2.h>
#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

#include "common/locked.h"
#include "hasher/engine_internal.h"

struct held_input {
	struct engine_input input; /* its pointers point into bytes[] */
	size_t length;
	uint8_t bytes[];
};

/* libargon2's allocator callback is given no context: this is it, for the time
 * of one call. An engine is one thread's, and each thread has its own. */
static _Thread_local struct engine_job *allocating;

static int claim_take(uint8_t **memory, size_t bytes)
{
	if (bytes > allocating->claim.bytes)
		return ARGON2_MEMORY_ALLOCATION_ERROR;
	*memory = (uint8_t *)allocating->memory;
	return ARGON2_OK;
}

static void claim_give(uint8_t *memory, size_t bytes)
{
	(void)memory;
	(void)bytes;
}

static const uint8_t *held_string(uint8_t **at, const uint8_t *bytes, size_t length)
{
	const uint8_t *copy = *at;

	if (length > 0)
		memcpy(*at, bytes, length);
	*at += length;
	return copy;
}

static enum engine_status library_begin(
    struct engine *engine, struct engine_job *job, const struct engine_input *input)
{
	size_t length = sizeof(struct held_input);
	uint8_t *at;

	(void)engine;
	if (__builtin_add_overflow(length, input->password_len, &length) ||
	    __builtin_add_overflow(length, input->salt_len, &length) ||
	    __builtin_add_overflow(length, input->secret_len, &length) ||
	    __builtin_add_overflow(length, input->ad_len, &length))
		return ENGINE_NO_MEMORY;
	job->held = locked_alloc(length);
	if (job->held == NULL)
		return ENGINE_NO_MEMORY;
	job->held->length = length;
	job->held->input = *input;
	at = job->held->bytes;
	job->held->input.password =
	    held_string(&at, input->password, input->password_len);
	job->held->input.salt = held_string(&at, input->salt, input->salt_len);
	job->held->input.secret = held_string(&at, input->secret, input->secret_len);
	job->held->input.ad = held_string(&at, input->ad, input->ad_len);
	return ENGINE_OK;
}

static enum engine_status library_hash(struct engine_job *job)
{
	const struct engine_input *input = &job->held->input;
	argon2_context context = {
	    .out = job->tag,
	    .outlen = job->params.tag_len,
	    .pwd = (uint8_t *)input->password,
	    .pwdlen = (uint32_t)input->password_len,
	    .salt = (uint8_t *)input->salt,
	    .saltlen = (uint32_t)input->salt_len,
	    .secret = (uint8_t *)input->secret,
	    .secretlen = (uint32_t)input->secret_len,
	    .ad = (uint8_t *)input->ad,
	    .adlen = (uint32_t)input->ad_len,
	    .t_cost = job->params.time,
	    .m_cost = job->params.memory_kib,
	    .lanes = job->params.lanes,
	    .threads = 1,
	    .version = job->params.version,
	    .allocate_cbk = claim_take,
	    .free_cbk = claim_give,
	    .flags = ARGON2_DEFAULT_FLAGS,
	};
	int code;

	allocating = job;
	code = argon2_ctx(&context, (argon2_type)job->params.type);
	allocating = NULL;
	if (code == ARGON2_OK)
		return ENGINE_OK;
	return code == ARGON2_MEMORY_ALLOCATION_ERROR ? ENGINE_NO_MEMORY : ENGINE_FAULT;
}

/* The job that was submitted first; all others wait. */
static struct engine_job *job_oldest(struct engine *engine)
{
	struct engine_job *oldest = NULL;

	for (unsigned i = 0; i < engine->stream_count; i++) {
		struct engine_job *job = &engine->jobs[i];

		if (!job->used || job->ended)
			continue;
		/* Tickets wrap; the oldest is the furthest behind the last. */
		if (oldest == NULL || engine->last_ticket - job->ticket >
		                          engine->last_ticket - oldest->ticket)
			oldest = job;
	}
	return oldest;
}

static void library_advance(struct engine *engine, unsigned *blocks)
{
	struct engine_job *job = job_oldest(engine);

	if (job == NULL)
		return;
	/* The library wipes the memory of a hash that went well; one that did
	 * not may have written some. */
	engine_job_end(job, library_hash(job));
	engine->filled += (uint64_t)job->params.memory_kib * job->params.time;
	if (job->status != ENGINE_OK)
		arena_stain(&engine->arena, job->claim.offset, job->claim.bytes);
	*blocks = 0;
}

static void library_drop(struct engine *engine, struct engine_job *job)
{
	(void)engine;
	locked_free(job->held);
	job->held = NULL;
}

const struct engine_backend engine_backend_libargon2 = {
    .begin = library_begin,
    .advance = library_advance,
    .drop = library_drop,
};
