/*
 * Plain libargon2, as a program that hashes for itself would use it: N processes, each
 * hashing one password after the other. What a pool of N hashers is measured against.
 *
 *   bench_libargon2 [PROCESSES [SECONDS [MEMORY_KIB [TIME]]]]
 *
 * Prints hashes per second of all together.
 */
#include <argon2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/clock.h"

enum { PROCESSES_MAX = 256, SALT = 16, TAG = 32 };

/* What the processes share: how many hashes each has made, and in what time. */
struct tally {
	unsigned long hashes[PROCESSES_MAX];
	uint64_t ns[PROCESSES_MAX];
};

static void hash_until(uint64_t end, uint32_t memory_kib, uint32_t passes,
    unsigned long *hashes, uint64_t *ns)
{
	const uint64_t begin = clock_ns();
	char encoded[256];
	uint8_t salt[SALT];

	do {
		arc4random_buf(salt, sizeof(salt));
		if (argon2id_hash_encoded(passes, memory_kib, 1, "x", 1, salt, SALT,
		        TAG, encoded, sizeof(encoded)) != ARGON2_OK)
			_exit(1);
		++*hashes;
	} while (clock_ns() < end);
	*ns = clock_ns() - begin;
}

static double run(
    unsigned processes, unsigned seconds, uint32_t memory_kib, uint32_t passes)
{
	struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const uint64_t end = clock_ns() + seconds * NS_PER_SEC;
	double rate = 0;

	if (tally == MAP_FAILED)
		return 0;
	for (unsigned i = 0; i < processes; i++) {
		if (fork() != 0)
			continue;
		hash_until(end, memory_kib, passes, &tally->hashes[i], &tally->ns[i]);
		_exit(0);
	}
	while (wait(NULL) > 0)
		continue;
	for (unsigned i = 0; i < processes; i++)
		if (tally->ns[i] > 0)
			rate += (double)tally->hashes[i] * 1e9 / (double)tally->ns[i];
	munmap(tally, sizeof(*tally));
	return rate;
}

/* Argument number i, or its default. */
static unsigned argument(int argc, char **argv, int i, unsigned fallback, unsigned max)
{
	const char *error = NULL;
	long long value;

	if (i >= argc)
		return fallback;
	value = strtonum(argv[i], 1, max, &error);
	if (error != NULL) {
		fprintf(stderr, "bench_libargon2: %s is %s\n", argv[i], error);
		exit(2);
	}
	return (unsigned)value;
}

int main(int argc, char **argv)
{
	unsigned processes = argument(argc, argv, 1, 2, PROCESSES_MAX);
	unsigned seconds = argument(argc, argv, 2, 3, 3600);
	uint32_t memory_kib = argument(argc, argv, 3, 19456, UINT32_MAX / 2);
	uint32_t passes = argument(argc, argv, 4, 2, 1000000);

	printf("%.2f\n", run(processes, seconds, memory_kib, passes));
	return 0;
}
