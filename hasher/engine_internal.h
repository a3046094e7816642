/*
 * The engine's own parts, for its own files and tests. A backend is a row of
 * three functions; `streams` is the one for our kernels.
 */
#ifndef HASHER_ENGINE_INTERNAL_H
#define HASHER_ENGINE_INTERNAL_H

#include "hasher/arena.h"
#include "hasher/engine.h"
#include "hasher/kernel.h"

/* A job's input, copied, for the one backend that cannot absorb it at once. */
struct held_input;

struct engine_job {
	bool used;
	bool ended;
	unsigned ticket;
	enum engine_status status;
	struct engine_params params;
	struct arena_claim claim;
	struct block *memory;
	uint64_t blocks; /* in all lanes */
	uint32_t lane_length;
	uint32_t segment_length;
	uint32_t pass;
	uint32_t slice;
	uint32_t lanes_begun; /* in this slice */
	uint32_t lanes_ended;
	struct held_input *held;
	uint8_t tag[ENGINE_TAG_MAX];
};

/* A stream fills one lane's segment, then takes another lane's. */
struct engine_stream {
	struct kernel_lane lane;
	struct engine_job *job; /* NULL: free */
	uint32_t lane_number;
	uint32_t index; /* of lane.dst in the segment */
	uint32_t left;  /* blocks until the engine must look: page or segment end */
};

struct engine_backend {
	/* Takes the input in for a job whose memory is claimed. */
	enum engine_status (*begin)(struct engine *engine, struct engine_job *job,
	    const struct engine_input *input);
	/* Moves on by about *blocks blocks, and takes them off *blocks; stops
	 * early, with `ended` set, when a job ends. */
	void (*advance)(struct engine *engine, unsigned *blocks);
	/* Wipes what the backend knows of a job: ended or dropped. */
	void (*drop)(struct engine *engine, struct engine_job *job);
};

struct engine {
	const struct engine_backend *backend;
	const struct kernel *kernel; /* NULL with libargon2 */
	const char *fallback;
	struct arena arena;
	unsigned stream_count;
	unsigned last_ticket;
	uint64_t filled; /* blocks, by all jobs; the backends count */
	struct engine_job jobs[ENGINE_STREAMS_MAX];
	struct engine_stream streams[ENGINE_STREAMS_MAX];
};

extern const struct engine_backend engine_backend_streams;
extern const struct engine_backend engine_backend_libargon2;

/* engine_open() with a kernel of the caller's choice, NULL for libargon2: how
 * tests bring in a wrong one. */
int engine_open_with(struct engine **engine, const struct engine_config *config,
    const struct kernel *kernel);

/* Ends a job: its result is set and the next step hands it out. */
void engine_job_end(struct engine_job *job, enum engine_status status);

/* Streams that fill nothing; a job needs one at least. */
unsigned engine_streams_free(const struct engine *engine);

/* Runs the RFC's vectors and jobs of all shapes; NULL, or what was wrong. */
const char *engine_selftest(struct engine *engine);

#endif
