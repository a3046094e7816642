/*
 * common/legacy_cost.c: what verifying hashes of old formats is said to cost, beside
 * what it does cost here. Both are measured in blocks of Argon2 that are filled
 * meanwhile, so it does not matter how fast the machine is; each is the least of some
 * runs in turn, so it does not matter much who else is at work. The other CPUs are kept
 * busy: where two share a core, the digests lose more by it than Argon2 does.
 *
 * With ARGOND_TEST_LONG=1 each format is tried at its ceiling as well, which takes a
 * minute, and all is printed: the constants were found so.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/units.h"
#include "hasher/engine.h"
#include "hasher/legacy_verify.h"
#include "tests/sanitized.h"

#define SALT22 "R9h/cIPz0gi.URNNX3kh2O"
#define HASH31 "PST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"
#define HASH22 "......................"
#define HASH43 HASH22 "....................."
#define HASH86 HASH43 HASH43
#define ZERO20 "AAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ZERO32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ZERO64 ZERO32 ZERO32
#define HEX32 "00000000000000000000000000000000"
#define HEX64 HEX32 HEX32

/* The estimate may be so many times too high, or too low. */
static const double FACTOR = 1.5;

enum { RUNS = 2, RUNS_MAX = 40, MEMORY_KIB = 1024, TIME = 4 };

/* A cost that a format leaves open is put into the text as a number, or as the digit of
 * crypt(3) that stands for it. */
static const struct row {
	const char *format;
	unsigned usual; /* cost for the short run */
	unsigned most;  /* the format's highest; 0: its cost is what the text says */
	bool digit;
} rows[] = {
    {"$2b$%02u$" SALT22 HASH31, 6, 31, false},
    {"bcrypt$$2b$%02u$" SALT22 HASH31, 6, 31, false},
    {"bcrypt_sha256$$2b$%02u$" SALT22 HASH31, 6, 31, false},
    {"$wp$2y$%02u$" SALT22 HASH31, 6, 31, false},
    {"$y$j%cT$aaaa$" HASH43, 11, 20, true},
    {"$y$j9..s5C$aaaa$" HASH43, 0, 0, false}, /* N = 4096, r = 1, p = 1024 */
    {"$y$j75/.$aaaa$" HASH43, 0, 0, false},   /* t = 1, 2, 6 */
    {"$y$j75//$aaaa$" HASH43, 0, 0, false},
    {"$y$j75/3$aaaa$" HASH43, 0, 0, false},
    {"$gy$j%cT$aaaa$" HASH43, 11, 20, true},
    {"$7$%c6..../....s$" HASH43, 12, 20, true},
    {"$7$06.....E...s$" HASH43, 0, 0, false}, /* N = 4, r = 8, p = 1024 */
    {"$6$rounds=%u$0123456789abcdef$" HASH86, 5000, 999999999, false},
    {"$5$rounds=%u$0123456789abcdef$" HASH43, 5000, 999999999, false},
    {"$1$01234567$" HASH22, 0, 0, false},
    {"pbkdf2_sha256$%u$salt$" ZERO32 "=", 20000, UINT32_MAX, false},
    {"pbkdf2_sha1$%u$salt$" ZERO20 "=", 20000, UINT32_MAX, false},
    {"$pbkdf2-sha512$%u$Zg$" ZERO64, 10000, UINT32_MAX, false},
    {"pbkdf2:sha512:%u$salt$" HEX64 HEX64, 10000, UINT32_MAX, false},
    {"{pbkdf2}6162636465666768" HEX64, 0, 0, false},
    {"scrypt$16384$salt$8$1$" ZERO64 "==", 0, 0, false},
    {"$scrypt$ln=%u,r=8,p=1$Zg$" ZERO32, 12, 40, false},
    {"$scrypt$ln=1,r=8,p=%u$Zg$" ZERO32, 512, 1000000, false},
    {"scrypt:32768:8:1$salt$" HEX64 HEX64, 0, 0, false},
    {"{scrypt}$e0801$Zg==$" ZERO32 "=", 0, 0, false},
    {"$P$%cabcdefgh" HASH22, 11, 30, true},
    {"$apr1$01234567$" HASH22, 0, 0, false},
};

enum { BUSY_MAX = 64 };

struct bench {
	struct legacy_verifier *verifier;
	struct engine *engine;
	double block_ns; /* of Argon2, here */
	pid_t busy[BUSY_MAX];
	unsigned others; /* of `busy` */
};

static double cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A process for each other CPU, which only counts. */
static void keep_busy(struct bench *bench)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	while (bench->others < BUSY_MAX && bench->others + 1 < cpus) {
		const pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (volatile unsigned n = 0;;)
				n = n * 5 + 1;
		}
		bench->busy[bench->others++] = pid;
	}
}

static int open_bench(void **state)
{
	const struct engine_config config = {
	    .kind = ENGINE_AUTO, .streams = 1, .arena_bytes = 4 << 20};
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	assert_int_equal(log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	assert_int_equal(engine_open(&bench->engine, &config), 0);
	assert_int_equal(legacy_open(&bench->verifier), 0);
	bench->block_ns = 1e18;
	keep_busy(bench);
	*state = bench;
	return 0;
}

static int close_bench(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 0; i < bench->others; i++) {
		kill(bench->busy[i], SIGKILL);
		waitpid(bench->busy[i], NULL, 0);
	}
	engine_close(bench->engine);
	legacy_close(bench->verifier);
	free(bench);
	return 0;
}

static void fill_blocks(struct bench *bench)
{
	const struct engine_params params = {
	    ENGINE_ARGON2ID, 0x13, MEMORY_KIB, TIME, 1, 32};
	static const uint8_t salt[16];
	const struct engine_input input = {.salt = salt, .salt_len = sizeof(salt)};
	const double since = cpu_ns();
	struct engine_result result;
	unsigned ticket;
	double ns;

	assert_int_equal(
	    engine_submit(bench->engine, &params, &input, &ticket), ENGINE_OK);
	while (!engine_step(bench->engine, MEMORY_KIB, &result)) {
	}
	ns = (cpu_ns() - since) / (MEMORY_KIB * TIME);
	if (ns < bench->block_ns)
		bench->block_ns = ns;
}

static size_t print_row(
    char text[LEGACY_TEXT_MAX + 1], const struct row *row, unsigned cost)
{
	static const char digits[] =
	    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (row->digit)
		return (size_t)snprintf(
		    text, LEGACY_TEXT_MAX + 1, row->format, digits[cost]);
	return (size_t)snprintf(text, LEGACY_TEXT_MAX + 1, row->format, cost);
#pragma GCC diagnostic pop
}

static bool within(const struct row *row, unsigned cost, size_t password_len)
{
	char text[LEGACY_TEXT_MAX + 1];
	const size_t len = print_row(text, row, cost);
	struct legacy parsed;
	const char *why;

	return legacy_parse(&parsed, text, len, &why) == 0 &&
	       legacy_within(&parsed, password_len, NULL);
}

/* The highest cost that is let in. */
static unsigned ceiling_of(const struct row *row, size_t password_len)
{
	unsigned low = row->usual, high = row->most;

	while (low < high) {
		const unsigned middle = low + (high - low) / 2 + 1;

		if (within(row, middle, password_len))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Blocks that could have been filled meanwhile: both by their best run of all. */
static double measure(struct bench *bench, const struct legacy *parsed,
    const char *text, size_t len, size_t password_len, unsigned runs, double *best)
{
	static uint8_t password[LIMIT_PASSWORD];

	memset(password, 'x', sizeof(password));
	for (unsigned run = 0; run < runs; run++) {
		double since, ns;

		fill_blocks(bench);
		since = cpu_ns();
		assert_true(legacy_verify(bench->verifier, parsed, text, len, password,
		                password_len) <= LEGACY_MISMATCH);
		ns = cpu_ns() - since;
		if (ns < *best)
			*best = ns;
	}
	return *best / bench->block_ns;
}

static void expect_as_estimated(struct bench *bench, const struct row *row,
    unsigned cost, size_t password_len, unsigned runs)
{
	char text[LEGACY_TEXT_MAX + 1];
	const size_t len = print_row(text, row, cost);
	double estimate, ratio, best = 1e18;
	struct legacy parsed;
	const char *why;

	if (legacy_parse(&parsed, text, len, &why) != 0)
		fail_msg("%s: %s", text, why);
	bench->block_ns = 1e18;
	estimate = (double)units_of_ns(
	    legacy_cost(&parsed, password_len).work_us * 1000, ENGINE_AUTO);
	for (unsigned done = 0; done < RUNS_MAX; done += runs) {
		ratio = measure(bench, &parsed, text, len, password_len, runs, &best) /
		        estimate;
		if (ratio < FACTOR && ratio > 1 / FACTOR)
			break;
	}
	if (getenv("ARGOND_TEST_LONG") != NULL)
		print_message("%-34.34s %4zu bytes: %9.3f ms, %8.0f blocks of %3.0f "
		              "ns, %.2f of the estimate\n",
		    text, password_len, best / 1e6, best / bench->block_ns,
		    bench->block_ns, ratio);
	if (ratio >= FACTOR || ratio <= 1 / FACTOR)
		fail_msg("%s with %zu bytes: %.0f blocks, %.2f of the estimate", text,
		    password_len, best / bench->block_ns, ratio);
}

/* With a short password, and where the length matters with longer ones as well. */
static void expect_row(struct bench *bench, const struct row *row, bool *seen)
{
	static const size_t lens[] = {
	    8, 0, 72, LEGACY_CRYPT_PASSWORD_MAX, LIMIT_PASSWORD};
	char text[LEGACY_TEXT_MAX + 1];
	const size_t len = print_row(text, row, row->usual);
	struct legacy parsed;
	const char *why;
	bool matters;

	assert_int_equal(legacy_parse(&parsed, text, len, &why), 0);
	seen[parsed.kind] = true;
	matters = legacy_cost(&parsed, LEGACY_LONGEST).work_us !=
	          legacy_cost(&parsed, 0).work_us;
	for (size_t n = 0; n < (matters ? sizeof(lens) / sizeof(lens[0]) : 1); n++)
		if (lens[n] <= legacy_password_max(parsed.kind))
			expect_as_estimated(bench, row, row->usual, lens[n], RUNS);
}

static void each_format_costs_what_it_is_said_to(void **state)
{
	bool seen[LEGACY_KINDS] = {false};

	if (SANITIZED) {
		print_message("a sanitizer slows our code and not the libraries'\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_row(*state, &rows[i], seen);
	for (unsigned kind = 0; kind < LEGACY_KINDS; kind++)
		assert_true(seen[kind]);
}

static void and_so_it_does_at_its_ceiling(void **state)
{
	if (getenv("ARGOND_TEST_LONG") == NULL || SANITIZED)
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[LEGACY_TEXT_MAX + 1];
		const int kind =
		    legacy_identify(text, print_row(text, &rows[i], rows[i].usual));
		const size_t most = legacy_password_max((enum legacy_kind)kind);

		if (rows[i].most == 0)
			continue;
		expect_as_estimated(*state, &rows[i], ceiling_of(&rows[i], 8), 8, 1);
		expect_as_estimated(
		    *state, &rows[i], ceiling_of(&rows[i], most), most, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_format_costs_what_it_is_said_to),
	    cmocka_unit_test(and_so_it_does_at_its_ceiling),
	};

	return cmocka_run_group_tests_name(
	    "legacy cost", tests, open_bench, close_bench);
}
