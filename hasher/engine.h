/*
 * Argon2 (RFC 9106), many hashes at a time in one thread.
 *
 * A job is handed in with engine_submit(), moved on with engine_step(), and
 * comes back from it with its tag. Up to `streams` lanes are filled in turn, a
 * block each, so that one lane's wait for memory is another's work; a job of p
 * lanes uses up to p streams, fewer where fewer are free. Jobs differ in type,
 * version and cost as they like, join while others run, and can be cancelled
 * between any two steps.
 *
 * The engine logs nothing, keeps no clock, and makes no system call but in
 * engine_open and engine_close, and in the steps that give memory back: behind a
 * job that needed more than keep_bytes, and after engine_rest() (the libargon2
 * backend also keeps a job's input on the heap between submit and step).
 *
 * Secrets: the input is absorbed at once, so the caller may wipe his. What
 * could answer a guess at a password cheaply (H0, the tag, the first and last
 * blocks of each lane) is wiped before the job's result is handed out. The
 * other blocks are overwritten by the next job or wiped by the steps that
 * follow, whichever comes first: step while engine_is_busy().
 */
#ifndef HASHER_ENGINE_H
#define HASHER_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cpu_engine.h"

#define ENGINE_STREAMS_MAX 16u
#define ENGINE_TAG_MIN 4u
#define ENGINE_TAG_MAX 512u
#define ENGINE_SALT_MIN 8u

/* The least arena: smaller requests are rounded up to one huge page. */
#define ENGINE_ARENA_MIN ((size_t)2 * 1024 * 1024)

/* Upper bound of what an engine holds on the heap beside its arena and the
 * arena's one bit for each 64 KiB. */
#define ENGINE_OWN_BYTES ((size_t)128 * 1024)

struct engine;

struct engine_config {
	enum engine_kind kind;
	unsigned streams;   /* 1..ENGINE_STREAMS_MAX lanes in turn */
	size_t arena_bytes; /* of blocks; argon2_arena_bytes() tells how many */
	size_t keep_bytes;  /* of these, what usual jobs need: only that stays with us
	                       between jobs; 0: all */
};

enum engine_type { ENGINE_ARGON2D, ENGINE_ARGON2I, ENGINE_ARGON2ID };

struct engine_params {
	uint32_t type;       /* enum engine_type: the RFC's y */
	uint32_t version;    /* 0x10 or 0x13 */
	uint32_t memory_kib; /* m, 8 * lanes .. 2^32-1 */
	uint32_t time;       /* t, from 1 */
	uint32_t lanes;      /* p, 1..2^24-1 */
	uint32_t tag_len;    /* ENGINE_TAG_MIN..ENGINE_TAG_MAX */
};

/* Borrowed for the call. A pointer may be NULL where its length is 0. */
struct engine_input {
	const uint8_t *password;
	size_t password_len;
	const uint8_t *salt; /* ENGINE_SALT_MIN bytes or more */
	size_t salt_len;
	const uint8_t *secret;
	size_t secret_len;
	const uint8_t *ad;
	size_t ad_len;
};

enum engine_status {
	ENGINE_OK,
	ENGINE_BAD_PARAMS, /* out of the RFC's ranges, or of ours for the tag */
	ENGINE_TOO_BIG,    /* can never fit this arena */
	ENGINE_FULL,       /* no stream or no room now: again when a job is done */
	ENGINE_NO_MEMORY,
	ENGINE_FAULT, /* a library refused what was legal */
};

struct engine_result {
	unsigned ticket;
	enum engine_status status; /* ENGINE_OK, ENGINE_NO_MEMORY or ENGINE_FAULT */
	uint32_t tag_len;
	uint8_t tag[ENGINE_TAG_MAX]; /* the caller's to wipe */
};

/* Makes an engine with config->kind resolved for this CPU, and checks it
 * against the RFC's vectors and libargon2 (some milliseconds). A kernel that
 * gives one wrong byte is replaced by libargon2. Returns 0, or -1 with errno:
 * EINVAL for a config out of range, ENOMEM, or EPROTO where even libargon2
 * fails the vectors. */
int engine_open(struct engine **engine, const struct engine_config *config);

/* Checks everything, takes room and a stream, absorbs the input. On ENGINE_OK
 * *ticket names the job until engine_step() returns it or it is cancelled. On
 * any other status nothing has changed. */
enum engine_status engine_submit(struct engine *engine,
    const struct engine_params *params, const struct engine_input *input,
    unsigned *ticket);

/* Fills about `blocks` blocks in all (at least one for each stream), or up to
 * the end of a job if that comes first: then returns true with *result set.
 * Memory that ended jobs left behind is given back or wiped on the side, about
 * as much as was filled. With nothing running it only does that. libargon2 runs a job
 * whole, whatever `blocks` says. */
bool engine_step(struct engine *engine, unsigned blocks, struct engine_result *result);

/* Drops a job, running or ended; its ticket is no longer valid. A ticket that
 * names none is ignored. */
void engine_cancel(struct engine *engine, unsigned ticket);

/* Jobs submitted whose result was not handed out yet. */
unsigned engine_running(const struct engine *engine);

/* Blocks of 1 KiB filled since the engine was opened, by jobs that were dropped
 * too; libargon2's are counted when its job has ended. */
uint64_t engine_filled(const struct engine *engine);

/* Whether a step has anything to do: jobs, or memory to wipe. */
bool engine_is_busy(const struct engine *engine);

/* What engine_submit() would say of these params now, input aside. */
enum engine_status engine_check(
    const struct engine *engine, const struct engine_params *params);

/* engine_check() == ENGINE_OK */
bool engine_has_room(const struct engine *engine, const struct engine_params *params);

/* Wipes at once what ended jobs left behind, and gives back what is more than
 * usual jobs need: in some milliseconds where that is much. Nothing of them
 * remains then. */
void engine_wipe(struct engine *engine);

/* Without jobs: none is expected soon, and the steps from now on give all of the
 * arena's memory back, until the next job. */
void engine_rest(struct engine *engine);

/* What runs: "avx512", "avx2" or "libargon2". */
const char *engine_name(const struct engine *engine);

/* Why it is not what was asked for, as a sentence for the log; NULL if it is. */
const char *engine_fallback_reason(const struct engine *engine);

/* Whether a step ends when its blocks are filled, so that a job can be cancelled under
 * way; else it takes as long as a job does. */
bool engine_is_interruptible(const struct engine *engine);

/* Cancels all, wipes, frees. NULL is fine. */
void engine_close(struct engine *engine);

#endif
