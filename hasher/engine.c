/*
 * The engine's front: what is let in, what comes out, and that nothing is left
 * behind. How blocks get filled is a backend's matter.
 */
#include "hasher/engine.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/argon2_size.h"
#include "common/locked.h"
#include "common/secret.h"
#include "hasher/engine_internal.h"

/* The longest string H0 can absorb: its length is a 32-bit word. */
#define STRING_MAX UINT32_MAX

_Static_assert(sizeof(struct engine) <= ENGINE_OWN_BYTES, "tell the master");

static const struct kernel *kernel_for(enum engine_kind kind)
{
	switch (engine_kind_resolve(kind)) {
	case ENGINE_AVX512:
		return kernel_avx512();
	case ENGINE_AVX2:
		return kernel_avx2();
	default:
		return NULL;
	}
}

static const char *const fallback_missing =
    "this CPU lacks the instructions the configured engine needs";

unsigned engine_streams_free(const struct engine *engine)
{
	unsigned count = 0;

	for (unsigned i = 0; i < engine->stream_count; i++)
		count += engine->streams[i].job == NULL;
	return count;
}

static bool params_legal(const struct engine_params *params)
{
	uint64_t blocks;

	return params->type <= ENGINE_ARGON2ID &&
	       (params->version == 0x10 || params->version == 0x13) &&
	       params->time > 0 && params->tag_len >= ENGINE_TAG_MIN &&
	       params->tag_len <= ENGINE_TAG_MAX &&
	       argon2_job_blocks(params->memory_kib, params->lanes, &blocks);
}

static bool string_legal(const uint8_t *bytes, size_t length)
{
	return length <= STRING_MAX && (bytes != NULL || length == 0);
}

static bool input_legal(const struct engine_input *input)
{
	return string_legal(input->password, input->password_len) &&
	       input->salt_len >= ENGINE_SALT_MIN &&
	       string_legal(input->salt, input->salt_len) &&
	       string_legal(input->secret, input->secret_len) &&
	       string_legal(input->ad, input->ad_len);
}

enum engine_status engine_check(
    const struct engine *engine, const struct engine_params *params)
{
	size_t bytes;

	if (!params_legal(params))
		return ENGINE_BAD_PARAMS;
	if (!argon2_job_bytes(params->memory_kib, params->lanes, &bytes) ||
	    bytes > engine->arena.bytes)
		return ENGINE_TOO_BIG;
	if (engine_running(engine) == engine->stream_count ||
	    engine_streams_free(engine) == 0 || !arena_has_room(&engine->arena, bytes))
		return ENGINE_FULL;
	return ENGINE_OK;
}

bool engine_has_room(const struct engine *engine, const struct engine_params *params)
{
	return engine_check(engine, params) == ENGINE_OK;
}

static struct engine_job *job_unused(struct engine *engine)
{
	for (unsigned i = 0; i < engine->stream_count; i++) {
		if (!engine->jobs[i].used)
			return &engine->jobs[i];
	}
	return NULL;
}

static void job_drop(struct engine *engine, struct engine_job *job)
{
	engine->backend->drop(engine, job);
	arena_release(&engine->arena, &job->claim);
	explicit_bzero(job, sizeof(*job));
	secret_wipe_stack();
}

static void job_set(struct engine *engine, struct engine_job *job,
    const struct engine_params *params, uint64_t blocks)
{
	job->used = true;
	job->ticket = ++engine->last_ticket;
	job->params = *params;
	job->blocks = blocks;
	job->lane_length = (uint32_t)(blocks / params->lanes);
	job->segment_length = job->lane_length / ARGON2_SLICES;
	job->memory = (struct block *)(void *)(engine->arena.base + job->claim.offset);
}

enum engine_status engine_submit(struct engine *engine,
    const struct engine_params *params, const struct engine_input *input,
    unsigned *ticket)
{
	enum engine_status status = engine_check(engine, params);
	struct engine_job *job;
	uint64_t blocks;

	if (status == ENGINE_BAD_PARAMS || !input_legal(input))
		return ENGINE_BAD_PARAMS;
	if (status != ENGINE_OK)
		return status;
	job = job_unused(engine);
	if (job == NULL ||
	    !argon2_job_blocks(params->memory_kib, params->lanes, &blocks) ||
	    !arena_claim(
	        &engine->arena, (size_t)blocks * sizeof(struct block), &job->claim))
		return ENGINE_FULL;
	job_set(engine, job, params, blocks);
	status = engine->backend->begin(engine, job, input);
	if (status != ENGINE_OK) {
		job_drop(engine, job);
		return status;
	}
	secret_wipe_stack();
	*ticket = job->ticket;
	return ENGINE_OK;
}

void engine_job_end(struct engine_job *job, enum engine_status status)
{
	job->ended = true;
	job->status = status;
}

/* Hands out a job that has ended; false where none has. */
static bool job_collect(struct engine *engine, struct engine_result *result)
{
	for (unsigned i = 0; i < engine->stream_count; i++) {
		struct engine_job *job = &engine->jobs[i];

		if (!job->used || !job->ended)
			continue;
		result->ticket = job->ticket;
		result->status = job->status;
		result->tag_len = job->status == ENGINE_OK ? job->params.tag_len : 0;
		memcpy(result->tag, job->tag, result->tag_len);
		job_drop(engine, job);
		return true;
	}
	return false;
}

bool engine_step(struct engine *engine, unsigned blocks, struct engine_result *result)
{
	unsigned left = blocks;

	if (job_collect(engine, result))
		return true;
	if (engine_running(engine) > 0)
		engine->backend->advance(engine, &left);
	else
		left = 0;
	/* As many blocks as were filled: a part of the time at most, and a job's
	 * memory is clean before the next of its size could have filled it. */
	(void)arena_wipe(
	    &engine->arena, (size_t)(blocks - left) * sizeof(struct block));
	return job_collect(engine, result);
}

void engine_cancel(struct engine *engine, unsigned ticket)
{
	for (unsigned i = 0; i < engine->stream_count; i++) {
		if (engine->jobs[i].used && engine->jobs[i].ticket == ticket)
			job_drop(engine, &engine->jobs[i]);
	}
}

unsigned engine_running(const struct engine *engine)
{
	unsigned count = 0;

	for (unsigned i = 0; i < engine->stream_count; i++)
		count += engine->jobs[i].used;
	return count;
}

uint64_t engine_filled(const struct engine *engine)
{
	return engine->filled;
}

bool engine_is_busy(const struct engine *engine)
{
	return engine_running(engine) > 0 || arena_is_stained(&engine->arena) ||
	       arena_has_excess(&engine->arena);
}

void engine_wipe(struct engine *engine)
{
	(void)arena_wipe(&engine->arena, engine->arena.bytes);
}

void engine_rest(struct engine *engine)
{
	arena_rest(&engine->arena);
}

const char *engine_name(const struct engine *engine)
{
	return engine_kind_name(
	    engine->kernel != NULL ? engine->kernel->kind : ENGINE_LIBARGON2);
}

const char *engine_fallback_reason(const struct engine *engine)
{
	return engine->fallback;
}

bool engine_is_interruptible(const struct engine *engine)
{
	return engine->kernel != NULL;
}

static void engine_use(
    struct engine *engine, const struct kernel *kernel, const char *fallback)
{
	engine->kernel = kernel;
	engine->backend =
	    kernel != NULL ? &engine_backend_streams : &engine_backend_libargon2;
	engine->fallback = fallback;
}

/* libargon2 takes over from a wrong kernel; nobody does from libargon2. */
static int engine_prove(struct engine *engine)
{
	const char *wrong = engine_selftest(engine);

	if (wrong != NULL && engine->kernel != NULL) {
		engine_use(engine, NULL, wrong);
		wrong = engine_selftest(engine);
	}
	engine_rest(engine);
	engine_wipe(engine);
	engine->filled = 0;
	return wrong == NULL ? 0 : EPROTO;
}

int engine_open_with(struct engine **out, const struct engine_config *config,
    const struct kernel *kernel)
{
	struct engine *engine;
	int error;

	if (config->streams == 0 || config->streams > ENGINE_STREAMS_MAX) {
		errno = EINVAL;
		return -1;
	}
	/* it has what passwords are digested to at first */
	engine = locked_zalloc(sizeof(*engine));
	if (engine == NULL)
		return -1;
	if (arena_open(&engine->arena, config->arena_bytes, config->keep_bytes) != 0) {
		error = errno;
		locked_free(engine);
		errno = error;
		return -1;
	}
	engine->stream_count = config->streams;
	engine_use(engine, kernel, NULL);
	error = engine_prove(engine);
	if (error != 0) {
		engine_close(engine);
		errno = error;
		return -1;
	}
	*out = engine;
	return 0;
}

int engine_open(struct engine **out, const struct engine_config *config)
{
	const struct kernel *kernel;

	if (engine_kind_name(config->kind) == NULL) {
		errno = EINVAL;
		return -1;
	}
	kernel = kernel_for(config->kind);
	if (engine_open_with(out, config, kernel) != 0)
		return -1;
	if (kernel == NULL && config->kind != ENGINE_LIBARGON2)
		(*out)->fallback = fallback_missing;
	return 0;
}

void engine_close(struct engine *engine)
{
	if (engine == NULL)
		return;
	for (unsigned i = 0; i < engine->stream_count; i++) {
		if (engine->jobs[i].used)
			job_drop(engine, &engine->jobs[i]);
	}
	arena_close(&engine->arena);
	locked_free(engine);
}
