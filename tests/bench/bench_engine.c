/*
 * How fast the engines are, beside libargon2 as packaged and the Rust crate
 * through @node-rs/argon2: all contenders of a case in turn, several rounds,
 * so that what else the machine does hits all of them alike.
 *
 *   bench_engine [-u] [-j processes] [-r rounds] [-s seconds] [-e engine]
 *                [-n streams] [-c m,t,p] [-N path of bench_engine_node.js]
 *
 * -u counts CPU time, for a machine that has other work.
 *
 * Prints for each case and contender: ns per block and core, hashes per second
 * in all and per core, and the ratio to libargon2 and to node-rs with the
 * least and the greatest ratio of a round. One stream is a hash alone.
 */
#include <argon2.h>
#include <err.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/argon2_size.h"
#include "hasher/engine.h"

#define PROCESSES_MAX 64
#define ROUNDS_MAX 32
#define CONTENDERS_MAX 32
#define STEP_BLOCKS 2048u

enum maker { MAKER_ENGINE, MAKER_LIBRARY, MAKER_NODE };

struct contender {
	enum maker maker;
	enum engine_kind kind;
	unsigned streams;
	double rates[ROUNDS_MAX];
};

struct bench {
	unsigned processes, rounds, contender_count;
	double seconds;
	clockid_t clock;
	bool node;
	const char *node_script;
	struct contender contenders[CONTENDERS_MAX];
	FILE *node_in[PROCESSES_MAX], *node_out[PROCESSES_MAX];
};

static const uint32_t cases[][3] = {
    {4096, 3, 1}, {19456, 2, 1}, {65536, 3, 1}, {65536, 3, 4}, {262144, 1, 1}};

static double now(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static const uint8_t password[] = "correct horse battery staple";
static const uint8_t salt[] = "sixteen byte sal";

static unsigned submit(struct engine *engine, const struct engine_params *params)
{
	const struct engine_input input = {.password = password,
	    .password_len = sizeof(password) - 1,
	    .salt = salt,
	    .salt_len = sizeof(salt) - 1};
	unsigned ticket;
	enum engine_status status = engine_submit(engine, params, &input, &ticket);

	if (status != ENGINE_OK)
		errx(1, "submit: status %d", status);
	return ticket;
}

/* Keeps all streams busy; counts from one end of a job to another. */
static double rate_engine(const struct contender *contender,
    const struct engine_params *params, double seconds, clockid_t clock)
{
	struct engine_config config = {contender->kind, contender->streams, 0, 0};
	unsigned jobs = contender->streams / params->lanes, count = 0;
	struct engine_result result;
	struct engine *engine;
	double from, till;

	jobs = jobs == 0 ? 1 : jobs;
	if (!argon2_arena_bytes(
	        params->memory_kib, params->lanes, jobs, &config.arena_bytes) ||
	    engine_open(&engine, &config) != 0)
		err(1, "engine_open");
	for (unsigned i = 0; i < jobs; i++)
		submit(engine, params);
	for (unsigned i = 0; i < jobs; submit(engine, params), i++)
		while (!engine_step(engine, STEP_BLOCKS, &result)) {
		}
	from = now(clock);
	do {
		for (unsigned i = 0; i < jobs; submit(engine, params), i++)
			while (!engine_step(engine, STEP_BLOCKS, &result)) {
			}
		count += jobs;
		till = now(clock);
	} while (till - from < seconds);
	engine_close(engine);
	return count / (till - from);
}

static double rate_library(
    const struct engine_params *params, double seconds, clockid_t clock)
{
	uint8_t tag[32];
	unsigned count = 0;
	double from = now(clock), till;

	do {
		if (argon2id_hash_raw(params->time, params->memory_kib, params->lanes,
		        password, sizeof(password) - 1, salt, sizeof(salt) - 1, tag,
		        sizeof(tag)) != ARGON2_OK)
			errx(1, "argon2id_hash_raw");
		count++;
		till = now(clock);
	} while (till - from < seconds);
	return count / (till - from);
}

/* All processes at once, each with one contender; the sum of their rates. */
static double rate_forked(const struct bench *bench, const struct contender *contender,
    const struct engine_params *params)
{
	int pipes[2];
	double sum = 0, rate;

	if (pipe(pipes) != 0)
		err(1, "pipe");
	for (unsigned i = 0; i < bench->processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid > 0)
			continue;
		rate =
		    contender->maker == MAKER_LIBRARY
		        ? rate_library(params, bench->seconds, bench->clock)
		        : rate_engine(contender, params, bench->seconds, bench->clock);
		_exit(write(pipes[1], &rate, sizeof(rate)) == sizeof(rate) ? 0 : 1);
	}
	for (unsigned i = 0; i < bench->processes; i++) {
		if (read(pipes[0], &rate, sizeof(rate)) != sizeof(rate))
			errx(1, "a measuring process died");
		sum += rate;
		(void)wait(NULL);
	}
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	return sum;
}

static double rate_node(const struct bench *bench, const struct engine_params *params)
{
	double sum = 0;
	char line[64];

	for (unsigned i = 0; i < bench->processes; i++) {
		(void)fprintf(bench->node_in[i], "%u %u %u %f %s\n", params->memory_kib,
		    params->time, params->lanes, bench->seconds,
		    bench->clock == CLOCK_MONOTONIC ? "wall" : "cpu");
		(void)fflush(bench->node_in[i]);
	}
	for (unsigned i = 0; i < bench->processes; i++) {
		if (fgets(line, sizeof(line), bench->node_out[i]) == NULL)
			errx(1, "node gave no rate");
		sum += strtod(line, NULL);
	}
	return sum;
}

static void node_child(const char *script, int in, int out)
{
	(void)dup2(in, STDIN_FILENO);
	(void)dup2(out, STDOUT_FILENO);
	closefrom(3);
	(void)execlp("node", "node", script, (char *)NULL);
	_exit(127);
}

/* Starts the Rust crate's processes; false, with a line, where there is none. */
static bool node_start(struct bench *bench)
{
	char line[64];

	(void)signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < bench->processes; i++) {
		int to[2], from[2];
		pid_t pid;

		if (pipe(to) != 0 || pipe(from) != 0)
			err(1, "pipe");
		pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (pid == 0)
			node_child(bench->node_script, to[0], from[1]);
		(void)close(to[0]);
		(void)close(from[1]);
		bench->node_in[i] = fdopen(to[1], "w");
		bench->node_out[i] = fdopen(from[0], "r");
		if (bench->node_in[i] == NULL || bench->node_out[i] == NULL)
			err(1, "fdopen");
		if (fgets(line, sizeof(line), bench->node_out[i]) == NULL ||
		    strcmp(line, "ready\n") != 0) {
			puts("# no node with @node-rs/argon2 here (NODE_PATH?): "
			     "skipped");
			return false;
		}
	}
	return true;
}

static int double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values, unsigned count)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), double_order);
	return (sorted[count / 2] + sorted[(count - 1) / 2]) / 2;
}

/* "2.41 (2.38-2.44)": the rounds' ratios, each to its neighbour in time. */
static void ratio_print(
    const struct contender *contender, const struct contender *base, unsigned rounds)
{
	double ratios[ROUNDS_MAX] = {0}, least = INFINITY, most = 0;

	if (base == NULL) {
		printf("  %18s", "-");
		return;
	}
	for (unsigned i = 0; i < rounds; i++) {
		ratios[i] = contender->rates[i] / base->rates[i];
		least = ratios[i] < least ? ratios[i] : least;
		most = ratios[i] > most ? ratios[i] : most;
	}
	printf("  %5.2f (%.2f-%.2f)", median(ratios, rounds), least, most);
}

static const struct contender *contender_of(const struct bench *bench, enum maker maker)
{
	for (unsigned i = 0; i < bench->contender_count; i++) {
		if (bench->contenders[i].maker == maker)
			return &bench->contenders[i];
	}
	return NULL;
}

static void contender_print(const struct bench *bench,
    const struct contender *contender, const struct engine_params *params)
{
	static const char *const makers[] = {
	    "", "packaged libargon2", "node-rs (Rust crate)"};
	double rate = median(contender->rates, bench->rounds);
	char name[64];

	if (contender->maker == MAKER_ENGINE)
		(void)snprintf(name, sizeof(name), "%s, %u stream%s",
		    engine_kind_name(contender->kind), contender->streams,
		    contender->streams == 1 ? "" : "s");
	else
		(void)snprintf(name, sizeof(name), "%s", makers[contender->maker]);
	printf("%-22s %7.1f %9.2f %9.2f", name,
	    1e9 * bench->processes / (rate * params->memory_kib * params->time), rate,
	    rate / bench->processes);
	ratio_print(contender, contender_of(bench, MAKER_LIBRARY), bench->rounds);
	ratio_print(contender, contender_of(bench, MAKER_NODE), bench->rounds);
	putchar('\n');
}

static void case_run(
    struct bench *bench, uint32_t memory_kib, uint32_t time_cost, uint32_t lanes)
{
	const struct engine_params params = {
	    ENGINE_ARGON2ID, 0x13, memory_kib, time_cost, lanes, 32};

	for (unsigned round = 0; round < bench->rounds; round++) {
		for (unsigned i = 0; i < bench->contender_count; i++) {
			struct contender *contender = &bench->contenders[i];

			contender->rates[round] =
			    contender->maker == MAKER_NODE
			        ? rate_node(bench, &params)
			        : rate_forked(bench, contender, &params);
		}
	}
	printf("\nm=%u KiB t=%u p=%u, %u process%s\n", memory_kib, time_cost, lanes,
	    bench->processes, bench->processes == 1 ? "" : "es");
	printf("%-22s %7s %9s %9s  %18s  %18s\n", "", "ns/blk", "h/s", "h/s core",
	    "x libargon2", "x node-rs");
	for (unsigned i = 0; i < bench->contender_count; i++)
		contender_print(bench, &bench->contenders[i], &params);
	(void)fflush(stdout);
}

static void contender_add(
    struct bench *bench, enum maker maker, enum engine_kind kind, unsigned streams)
{
	bench->contenders[bench->contender_count++] =
	    (struct contender){.maker = maker, .kind = kind, .streams = streams};
}

static void contenders_add(struct bench *bench, enum engine_kind only, unsigned streams)
{
	static const enum engine_kind kinds[] = {
	    ENGINE_AVX512, ENGINE_AVX2, ENGINE_LIBARGON2};
	static const unsigned counts[] = {1, 2, 4, 8};

	contender_add(bench, MAKER_LIBRARY, ENGINE_LIBARGON2, 1);
	if (bench->node)
		contender_add(bench, MAKER_NODE, ENGINE_AUTO, 1);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!engine_kind_runs(kinds[i]) ||
		    (only != ENGINE_AUTO && only != kinds[i]))
			continue;
		if (streams > 0)
			contender_add(bench, MAKER_ENGINE, kinds[i], streams);
		/* libargon2 takes one after another, however many are given. */
		for (unsigned n = 0;
		     streams == 0 && n < (kinds[i] == ENGINE_LIBARGON2 ? 1 : 4); n++)
			contender_add(bench, MAKER_ENGINE, kinds[i], counts[n]);
	}
}

static unsigned number(const char *text, unsigned most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end != '\0' || value == 0 || value > most)
		errx(2, "%s: not a number from 1 to %u", text, most);
	return (unsigned)value;
}

int main(int argc, char **argv)
{
	static struct bench bench = {.processes = 1,
	    .rounds = 5,
	    .seconds = 0.3,
	    .clock = CLOCK_MONOTONIC,
	    .node_script = "tests/bench/bench_engine_node.js"};
	enum engine_kind only = ENGINE_AUTO;
	uint32_t one[3] = {0, 0, 0};
	unsigned streams = 0;
	int option;

	while ((option = getopt(argc, argv, "j:r:s:e:n:c:uN:")) != -1) {
		switch (option) {
		case 'j':
			bench.processes = number(optarg, PROCESSES_MAX);
			break;
		case 'r':
			bench.rounds = number(optarg, ROUNDS_MAX);
			break;
		case 's':
			bench.seconds = strtod(optarg, NULL);
			break;
		case 'e':
			if (!engine_kind_parse(optarg, &only))
				errx(2, "%s: no such engine", optarg);
			break;
		case 'n':
			streams = number(optarg, ENGINE_STREAMS_MAX);
			break;
		case 'c':
			if (sscanf(optarg, "%u,%u,%u", &one[0], &one[1], &one[2]) != 3)
				errx(2, "%s: not m,t,p", optarg);
			break;
		case 'u':
			bench.clock = CLOCK_PROCESS_CPUTIME_ID;
			break;
		case 'N':
			bench.node_script = optarg;
			break;
		default:
			return 2;
		}
	}
	bench.node = node_start(&bench);
	contenders_add(&bench, only, streams);
	if (one[0] > 0)
		case_run(&bench, one[0], one[1], one[2]);
	for (size_t i = 0; one[0] == 0 && i < sizeof(cases) / sizeof(cases[0]); i++)
		case_run(&bench, cases[i][0], cases[i][1], cases[i][2]);
	return 0;
}
