/*
 * The streams: lanes of running jobs, filled in turn by a kernel. Here is all
 * of RFC 9106, section 3.2, that happens less than once a block.
 *
 * A job's lanes are independent within a slice and meet at its end. Each is
 * begun by the first stream that is free; the stream that ends the last lane
 * of a slice begins the next slice, so a job always has a stream, and takes
 * others as they become free.
 */
#include <bsd/string.h>
#include <string.h>

#include "common/argon2_size.h"
#include "hasher/blake.h"
#include "hasher/engine_internal.h"

/* The first two blocks of each lane come from H0. */
#define FIRST_BLOCKS 2u

/* The longest run between two looks at what else is to do. */
#define RUN_MAX (1u << 30)

static void store_le(uint8_t *out, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t load_le64(const uint8_t *in)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)in[i] << (8 * i);
	return value;
}

static struct block *job_lane(const struct engine_job *job, uint32_t lane)
{
	return job->memory + (size_t)lane * job->lane_length;
}

/* Whether references in this segment do not depend on the password. */
static bool job_is_independent(const struct engine_job *job)
{
	if (job->params.type == ENGINE_ARGON2ID)
		return job->pass == 0 && job->slice < ARGON2_SLICES / 2;
	return job->params.type == ENGINE_ARGON2I;
}

static void arena_stain_blocks(
    struct engine *engine, const struct block *first, size_t count)
{
	size_t offset = (size_t)((const uint8_t *)first - engine->arena.base);

	arena_stain(&engine->arena, offset, count * sizeof(*first));
}

/* B[lane][column] = H'^1024(H0 || LE32(column) || LE32(lane)) */
static int job_first_block(const struct engine *engine, struct engine_job *job,
    const uint8_t h0[BLAKE_H0_BYTES], uint32_t lane, uint32_t column)
{
	struct block *block = job_lane(job, lane) + column;
	uint8_t seed[BLAKE_H0_BYTES + 8], bytes[ARGON2_BLOCK_BYTES];
	int bad;

	memcpy(seed, h0, BLAKE_H0_BYTES);
	store_le(seed + BLAKE_H0_BYTES, column, 4);
	store_le(seed + BLAKE_H0_BYTES + 4, lane, 4);
	bad = blake_long(bytes, sizeof(bytes), seed, sizeof(seed));
	for (size_t i = 0; i < BLOCK_WORDS; i++)
		block->word[engine->kernel->order[i]] = load_le64(bytes + 8 * i);
	explicit_bzero(seed, sizeof(seed));
	explicit_bzero(bytes, sizeof(bytes));
	return bad;
}

/* What a guess at the password, or the tag, could be checked against without
 * filling the memory again: gone as soon as the job is. */
static void job_wipe_ends(struct engine_job *job)
{
	for (uint32_t lane = 0; lane < job->params.lanes; lane++) {
		struct block *first = job_lane(job, lane);

		explicit_bzero(first, FIRST_BLOCKS * sizeof(*first));
		explicit_bzero(first + job->lane_length - 1, sizeof(*first));
	}
}

/* Tag = H'(XOR of the lanes' last blocks) */
static void job_finish(const struct engine *engine, struct engine_job *job)
{
	struct block sum;
	uint8_t bytes[ARGON2_BLOCK_BYTES];
	int bad;

	sum = job_lane(job, 0)[job->lane_length - 1];
	for (uint32_t lane = 1; lane < job->params.lanes; lane++) {
		const struct block *last = &job_lane(job, lane)[job->lane_length - 1];

		for (unsigned i = 0; i < BLOCK_WORDS; i++)
			sum.word[i] ^= last->word[i];
	}
	for (size_t i = 0; i < BLOCK_WORDS; i++)
		store_le(bytes + 8 * i, sum.word[engine->kernel->order[i]], 8);
	bad = blake_long(job->tag, job->params.tag_len, bytes, sizeof(bytes));
	explicit_bzero(&sum, sizeof(sum));
	explicit_bzero(bytes, sizeof(bytes));
	job_wipe_ends(job);
	engine_job_end(job, bad == 0 ? ENGINE_OK : ENGINE_FAULT);
}

/*
 * The window of references for the block at `index` of the segment (section
 * 3.4.2), as kernel_reference() wants it. In the own lane the block before is
 * left out; in another, only if this is the first of the segment.
 */
static void stream_window(struct engine_stream *stream, uint32_t index)
{
	const struct engine_job *job = stream->job;
	struct kernel_lane *lane = &stream->lane;
	uint32_t ended = job->slice * job->segment_length;

	if (job->pass > 0)
		ended = job->lane_length - job->segment_length;
	lane->area = ended + index - 1;
	lane->area_other = index == 0 ? ended - 1 : ended;
}

/* Address block number `page` of this segment, in the order of its words. */
static void stream_addresses(const struct engine *engine,
    const struct engine_stream *stream, uint32_t page, uint64_t random[KERNEL_PAGE])
{
	const struct engine_job *job = stream->job;
	const uint8_t *order = engine->kernel->order;
	struct block input, once, twice;

	memset(&input, 0, sizeof(input));
	input.word[order[0]] = job->pass;
	input.word[order[1]] = stream->lane_number;
	input.word[order[2]] = job->slice;
	input.word[order[3]] = job->blocks;
	input.word[order[4]] = job->params.time;
	input.word[order[5]] = job->params.type;
	input.word[order[6]] = (uint64_t)page + 1;
	engine->kernel->mix(&once, &input);
	engine->kernel->mix(&twice, &once);
	for (unsigned i = 0; i < KERNEL_PAGE; i++)
		random[i] = twice.word[order[i]];
}

/* All references of the page stream->index is in, from that index on. */
static void stream_page(const struct engine *engine, struct engine_stream *stream)
{
	struct kernel_lane *lane = &stream->lane;
	uint32_t page = stream->index / KERNEL_PAGE, count = 0;
	uint64_t random[KERNEL_PAGE];

	stream->left = stream->job->segment_length - stream->index;
	if (stream->left > KERNEL_PAGE - stream->index % KERNEL_PAGE)
		stream->left = KERNEL_PAGE - stream->index % KERNEL_PAGE;
	stream_addresses(engine, stream, page, random);
	for (count = 0; count < stream->left; count++) {
		uint32_t index = stream->index + count;

		stream_window(stream, index);
		lane->refs[count] = kernel_reference(lane, random[index % KERNEL_PAGE]);
	}
	/* A kernel looks ahead of the block it writes. */
	for (uint32_t i = count; i < count + KERNEL_AHEAD + 1; i++)
		lane->refs[i] = lane->refs[count - 1];
	lane->ref = lane->refs[0];
	lane->next = 1;
}

/* References that follow from the block before; here for the first only. */
static void stream_dependent(struct engine_stream *stream)
{
	stream->left = stream->job->segment_length - stream->index;
	stream_window(stream, stream->index);
	stream->lane.ref = kernel_reference(&stream->lane, stream->lane.prev->word[0]);
	stream_window(stream, stream->index + 1);
}

static void stream_begin(
    struct engine *engine, struct engine_stream *stream, struct engine_job *job)
{
	struct kernel_lane *lane = &stream->lane;
	uint32_t first = job->slice * job->segment_length;

	stream->job = job;
	stream->lane_number = job->lanes_begun++;
	stream->index = job->pass == 0 && job->slice == 0 ? FIRST_BLOCKS : 0;

	lane->memory = job->memory;
	lane->own = job_lane(job, stream->lane_number);
	lane->dst = job_lane(job, stream->lane_number) + first + stream->index;
	lane->prev = first + stream->index == 0 ? lane->own + job->lane_length - 1
	                                        : lane->dst - 1;
	lane->lane_length = job->lane_length;
	/* In the first slice nothing of the other lanes is there yet. */
	lane->lanes = job->pass == 0 && job->slice == 0 ? 1 : job->params.lanes;
	lane->lane_inverse = UINT64_MAX / lane->lanes + 1;
	lane->start = 0;
	if (job->pass > 0 && job->slice + 1 < ARGON2_SLICES)
		lane->start = first + job->segment_length;
	lane->accumulate = job->pass > 0 && job->params.version == 0x13;
	lane->known = job_is_independent(job);
	if (job->pass == 0)
		arena_stain_blocks(engine, lane->own + first, job->segment_length);

	if (stream->index == job->segment_length)
		stream->left = 0;
	else if (lane->known)
		stream_page(engine, stream);
	else
		stream_dependent(stream);
}

static void stream_free(struct engine_stream *stream)
{
	memset(&stream->lane, 0, offsetof(struct kernel_lane, refs));
	stream->job = NULL;
}

/* Gives the job's waiting lanes to free streams. */
static void job_spread(struct engine *engine, struct engine_job *job)
{
	for (unsigned i = 0;
	     i < engine->stream_count && job->lanes_begun < job->params.lanes; i++) {
		if (engine->streams[i].job == NULL)
			stream_begin(engine, &engine->streams[i], job);
	}
}

/* All lanes of a slice are filled: on to the next slice, pass, or the tag. */
static void job_next_slice(struct engine *engine, struct engine_job *job)
{
	job->lanes_begun = 0;
	job->lanes_ended = 0;
	if (++job->slice == ARGON2_SLICES) {
		job->slice = 0;
		job->pass++;
	}
	if (job->pass == job->params.time)
		job_finish(engine, job);
	else
		job_spread(engine, job);
}

/* The stream has filled what it was told to: a page, or its segment. */
static void stream_next(struct engine *engine, struct engine_stream *stream)
{
	struct engine_job *job = stream->job;

	if (stream->index < job->segment_length) {
		stream_page(engine, stream);
		return;
	}
	stream_free(stream);
	job->lanes_ended++;
	if (job->lanes_begun < job->params.lanes)
		stream_begin(engine, stream, job);
	else if (job->lanes_ended == job->params.lanes)
		job_next_slice(engine, job);
}

static enum engine_status streams_begin(
    struct engine *engine, struct engine_job *job, const struct engine_input *input)
{
	uint8_t h0[BLAKE_H0_BYTES];
	int bad = blake_h0(h0, &job->params, input);

	for (uint32_t lane = 0; lane < job->params.lanes && bad == 0; lane++) {
		arena_stain_blocks(engine, job_lane(job, lane), FIRST_BLOCKS);
		bad = job_first_block(engine, job, h0, lane, 0) |
		      job_first_block(engine, job, h0, lane, 1);
	}
	explicit_bzero(h0, sizeof(h0));
	if (bad != 0)
		return ENGINE_FAULT;
	job_spread(engine, job);
	return ENGINE_OK;
}

/* The running lanes, and how many blocks all of them can go on. */
static unsigned streams_running(
    struct engine *engine, struct kernel_lane *lanes[], uint32_t *run)
{
	unsigned count = 0;

	*run = RUN_MAX;
	for (unsigned i = 0; i < engine->stream_count; i++) {
		struct engine_stream *stream = &engine->streams[i];

		if (stream->job == NULL)
			continue;
		lanes[count++] = &stream->lane;
		if (stream->left < *run)
			*run = stream->left;
	}
	return count;
}

/* Tells the streams they went on by `run` blocks; true if a job ended. */
static bool streams_ran(struct engine *engine, uint32_t run)
{
	struct engine_stream *stream;
	bool ended = false;

	for (unsigned i = 0; i < engine->stream_count; i++) {
		stream = &engine->streams[i];
		if (stream->job == NULL)
			continue;
		stream->index += run;
		stream->left -= run;
	}
	/* Only now: a stream that ends a slice begins lanes on others. */
	for (unsigned i = 0; i < engine->stream_count; i++) {
		struct engine_job *job = engine->streams[i].job;

		stream = &engine->streams[i];
		if (job == NULL || stream->left > 0)
			continue;
		stream_next(engine, stream);
		ended = ended || job->ended;
	}
	return ended;
}

static void streams_advance(struct engine *engine, unsigned *blocks)
{
	struct kernel_lane *lanes[ENGINE_STREAMS_MAX];
	bool ended = false;

	while (*blocks > 0 && !ended) {
		uint32_t run, share;
		unsigned count = streams_running(engine, lanes, &run);

		if (count == 0)
			break;
		share = *blocks / count > 0 ? *blocks / count : 1;
		if (run > share)
			run = share;
		engine->kernel->fill(lanes, count, run);
		engine->filled += (uint64_t)run * count;
		*blocks -= run * count < *blocks ? run * count : *blocks;
		ended = streams_ran(engine, run);
	}
}

static void streams_drop(struct engine *engine, struct engine_job *job)
{
	for (unsigned i = 0; i < engine->stream_count; i++) {
		if (engine->streams[i].job == job)
			stream_free(&engine->streams[i]);
	}
	/* Dropped in the middle; whatever was written starts with these. */
	if (!job->ended) {
		for (uint32_t lane = 0; lane < job->params.lanes; lane++)
			explicit_bzero(
			    job_lane(job, lane), FIRST_BLOCKS * sizeof(struct block));
	}
}

const struct engine_backend engine_backend_streams = {
    .begin = streams_begin,
    .advance = streams_advance,
    .drop = streams_drop,
};
