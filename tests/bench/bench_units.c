/*
 * What a hash costs beside its blocks, in the engine: the constants of common/units.c.
 *
 *   bench_units [-r rounds]
 *
 * For each engine that runs here, CPU time by the best of some rounds: a block in the
 * cache, and what a job, a lane, and a pass of a lane of Argon2i cost beside blocks.
 * The last column is what a job is charged, times what it takes.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/units.h"
#include "hasher/engine.h"

enum { STEP_BLOCKS = 1024, BLOCKS_MIN = 4096, ARENA = 64 << 20 };

static const struct engine_params cases[] = {
    {ENGINE_ARGON2ID, 0x13, 8, 1, 1, 32},
    {ENGINE_ARGON2ID, 0x13, 8, 16, 1, 32},
    {ENGINE_ARGON2ID, 0x13, 128, 1, 1, 32},
    {ENGINE_ARGON2ID, 0x13, 128, 1, 4, 32},
    {ENGINE_ARGON2ID, 0x13, 128, 1, 16, 32},
    {ENGINE_ARGON2ID, 0x13, 128, 16, 16, 32},
    {ENGINE_ARGON2I, 0x13, 128, 1, 16, 32},
    {ENGINE_ARGON2I, 0x13, 128, 16, 16, 32},
    {ENGINE_ARGON2ID, 0x13, 1024, 4, 1, 32},
    {ENGINE_ARGON2ID, 0x13, 19456, 2, 1, 32},
};
enum { SMALLEST, LANES_1 = 2, LANES_16 = 4, PASSES_1 = 6, PASSES_16, CACHED };
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static double cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void hash(struct engine *engine, const struct engine_params *params)
{
	static const uint8_t password[] = "correct horse battery staple", salt[16];
	const struct engine_input input = {.password = password,
	    .password_len = sizeof(password) - 1,
	    .salt = salt,
	    .salt_len = sizeof(salt)};
	struct engine_result result;
	unsigned ticket;

	if (engine_submit(engine, params, &input, &ticket) != ENGINE_OK)
		errx(1, "engine_submit");
	while (!engine_step(engine, STEP_BLOCKS, &result)) {
	}
}

/* Of a job, by the best round. */
static double job_ns(
    struct engine *engine, const struct engine_params *params, unsigned rounds)
{
	const unsigned jobs = 1 + BLOCKS_MIN / (params->memory_kib * params->time);
	double best = 0;

	for (unsigned round = 0; round < rounds; round++) {
		const double since = cpu_ns();
		double ns;

		for (unsigned i = 0; i < jobs; i++)
			hash(engine, params);
		ns = (cpu_ns() - since) / jobs;
		if (round == 0 || ns < best)
			best = ns;
	}
	return best;
}

static double blocks_of(const struct engine_params *params)
{
	return (double)params->memory_kib * params->time;
}

static void print_case(enum engine_kind kind, const struct engine_params *params,
    double ns, double block_ns)
{
	const struct job_cost cost = {.type = params->type,
	    .memory_kib = params->memory_kib,
	    .time = params->time,
	    .lanes = params->lanes};
	/* without what the way to the hasher and back is charged */
	const uint64_t units =
	    units_of_job(JOB_HASH, &cost, kind) - units_of_any_job(kind);

	printf(
	    "  argon2%s m=%-5u t=%-2u p=%-2u %9.1f us, beside blocks %7.1f us, charged "
	    "%6.2f times\n",
	    params->type == ENGINE_ARGON2I ? "i " : "id", params->memory_kib,
	    params->time, params->lanes, ns / 1e3,
	    (ns - blocks_of(params) * block_ns) / 1e3, (double)units * block_ns / ns);
}

static void bench_kind(enum engine_kind kind, unsigned rounds)
{
	const struct engine_config config = {
	    .kind = kind, .streams = 1, .arena_bytes = ARENA};
	double ns[CASES], block_ns, lane_ns, pass_ns;
	struct engine *engine;

	if (engine_open(&engine, &config) != 0)
		err(1, "engine_open");
	for (unsigned i = 0; i < CASES; i++)
		ns[i] = job_ns(engine, &cases[i], rounds);
	engine_close(engine);
	block_ns = ns[CACHED] / blocks_of(&cases[CACHED]);
	lane_ns = (ns[LANES_16] - ns[LANES_1]) / 15;
	pass_ns = (ns[PASSES_16] - ns[PASSES_1]) / (15 * 16);
	printf("%s: a block %.0f ns (units.c: %u), a job %.1f us, a lane %.1f us, a "
	       "pass of "
	       "a lane of Argon2i %.1f blocks beside its 8\n",
	    engine_kind_name(kind), block_ns, engine_kind_block_ns(kind),
	    (ns[SMALLEST] - lane_ns - 8 * block_ns) / 1e3, lane_ns / 1e3,
	    pass_ns / block_ns - 8);
	for (unsigned i = 0; i < CASES; i++)
		print_case(kind, &cases[i], ns[i], block_ns);
}

int main(int argc, char **argv)
{
	unsigned rounds = 9;
	int option;

	while ((option = getopt(argc, argv, "r:")) != -1) {
		if (option != 'r')
			return 2;
		rounds = (unsigned)strtoul(optarg, NULL, 10);
	}
	if (rounds == 0)
		errx(2, "-r: not a number from 1 on");
	for (enum engine_kind kind = ENGINE_AVX512; kind <= ENGINE_LIBARGON2; kind++)
		if (engine_kind_runs(kind))
			bench_kind(kind, rounds);
	return 0;
}
