/*
 * Before an engine may answer anybody it answers us: RFC 9106's vectors, and
 * jobs of all shapes beside libargon2, as many at a time as there are streams.
 */
#include <argon2.h>
#include <string.h>

#include "hasher/engine_internal.h"

#define STEP_BLOCKS 64u

struct vector {
	struct engine_params params;
	uint8_t tag[32];
};

/* RFC 9106, section 5: one input, three types. */
static const struct vector vectors[] = {
    {{ENGINE_ARGON2D, 0x13, 32, 3, 4, 32},
        {0x51, 0x2b, 0x39, 0x1b, 0x6f, 0x11, 0x62, 0x97, 0x53, 0x71, 0xd3, 0x09, 0x19,
            0x73, 0x42, 0x94, 0xf8, 0x68, 0xe3, 0xbe, 0x39, 0x84, 0xf3, 0xc1, 0xa1,
            0x3a, 0x4d, 0xb9, 0xfa, 0xbe, 0x4a, 0xcb}},
    {{ENGINE_ARGON2I, 0x13, 32, 3, 4, 32},
        {0xc8, 0x14, 0xd9, 0xd1, 0xdc, 0x7f, 0x37, 0xaa, 0x13, 0xf0, 0xd7, 0x7f, 0x24,
            0x94, 0xbd, 0xa1, 0xc8, 0xde, 0x6b, 0x01, 0x6d, 0xd3, 0x88, 0xd2, 0x99,
            0x52, 0xa4, 0xc4, 0x67, 0x2b, 0x6c, 0xe8}},
    {{ENGINE_ARGON2ID, 0x13, 32, 3, 4, 32},
        {0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a,
            0x8b, 0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5,
            0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59}},
};

/* Beyond the vectors: several address pages, odd sizes, both versions, lanes
 * that do and do not divide the streams, short and long tags. */
static const struct engine_params shapes[] = {
    {ENGINE_ARGON2ID, 0x13, 1031, 2, 1, 32},
    {ENGINE_ARGON2ID, 0x10, 97, 3, 3, 64},
    {ENGINE_ARGON2I, 0x13, 1111, 2, 1, 16},
    {ENGINE_ARGON2I, 0x10, 140, 2, 5, 65},
    {ENGINE_ARGON2D, 0x13, 523, 3, 2, 4},
    {ENGINE_ARGON2D, 0x10, 64, 2, 1, 96},
    {ENGINE_ARGON2ID, 0x13, 8, 1, 1, 32},
    {ENGINE_ARGON2ID, 0x13, 600, 4, 7, 512},
};

#define VECTOR_COUNT (sizeof(vectors) / sizeof(vectors[0]))
#define SHAPE_COUNT (sizeof(shapes) / sizeof(shapes[0]))
#define JOB_COUNT (VECTOR_COUNT + SHAPE_COUNT)

struct check {
	struct engine_params params;
	uint8_t want[ENGINE_TAG_MAX];
	unsigned ticket;
	bool submitted;
	bool ended;
};

/* The RFC's input; its bytes serve for the shapes as well. */
static uint8_t password[32], salt[16], secret[8], ad[12];
static const struct engine_input input = {password, sizeof(password), salt,
    sizeof(salt), secret, sizeof(secret), ad, sizeof(ad)};

static void input_fill(void)
{
	memset(password, 1, sizeof(password));
	memset(salt, 2, sizeof(salt));
	memset(secret, 3, sizeof(secret));
	memset(ad, 4, sizeof(ad));
}

static int reference(const struct engine_params *params, uint8_t *tag)
{
	argon2_context context = {
	    .out = tag,
	    .outlen = params->tag_len,
	    .pwd = password,
	    .pwdlen = sizeof(password),
	    .salt = salt,
	    .saltlen = sizeof(salt),
	    .secret = secret,
	    .secretlen = sizeof(secret),
	    .ad = ad,
	    .adlen = sizeof(ad),
	    .t_cost = params->time,
	    .m_cost = params->memory_kib,
	    .lanes = params->lanes,
	    .threads = 1,
	    .version = params->version,
	};

	return argon2_ctx(&context, (argon2_type)params->type) == ARGON2_OK ? 0 : -1;
}

static const char *checks_prepare(struct check checks[JOB_COUNT])
{
	input_fill();
	memset(checks, 0, JOB_COUNT * sizeof(checks[0]));
	for (size_t i = 0; i < JOB_COUNT; i++) {
		struct check *check = &checks[i];

		if (i < VECTOR_COUNT) {
			check->params = vectors[i].params;
			memcpy(check->want, vectors[i].tag, sizeof(vectors[i].tag));
			continue;
		}
		check->params = shapes[i - VECTOR_COUNT];
		if (reference(&check->params, check->want) != 0)
			return "self-test: libargon2 failed to hash";
	}
	return NULL;
}

static const char *checks_submit(struct engine *engine, struct check checks[JOB_COUNT])
{
	for (size_t i = 0; i < JOB_COUNT; i++) {
		enum engine_status status;

		if (checks[i].submitted)
			continue;
		status =
		    engine_submit(engine, &checks[i].params, &input, &checks[i].ticket);
		if (status == ENGINE_FULL)
			break;
		if (status != ENGINE_OK)
			return "self-test: the engine refused a job";
		checks[i].submitted = true;
	}
	return NULL;
}

static const char *checks_result(
    struct check checks[JOB_COUNT], const struct engine_result *result)
{
	for (size_t i = 0; i < JOB_COUNT; i++) {
		struct check *check = &checks[i];

		if (!check->submitted || check->ended ||
		    check->ticket != result->ticket)
			continue;
		check->ended = true;
		if (result->status != ENGINE_OK)
			return "self-test: a job failed";
		if (result->tag_len != check->params.tag_len ||
		    memcmp(result->tag, check->want, result->tag_len) != 0)
			return i < VECTOR_COUNT
			           ? "self-test: a vector of RFC 9106 came out wrong"
			           : "self-test: a hash differs from libargon2's";
		return NULL;
	}
	return "self-test: an answer nobody asked for";
}

const char *engine_selftest(struct engine *engine)
{
	struct check checks[JOB_COUNT];
	struct engine_result result;
	size_t ended = 0;
	const char *wrong = checks_prepare(checks);

	while (wrong == NULL && ended < JOB_COUNT) {
		wrong = checks_submit(engine, checks);
		if (wrong != NULL || !engine_step(engine, STEP_BLOCKS, &result))
			continue;
		wrong = checks_result(checks, &result);
		ended++;
	}
	for (size_t i = 0; i < JOB_COUNT; i++) {
		if (checks[i].submitted && !checks[i].ended)
			engine_cancel(engine, checks[i].ticket);
	}
	return wrong;
}
