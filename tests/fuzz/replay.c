/*
 * Runs a fuzz target without libFuzzer: fuzz_NAME [FOLDER|FILE]... runs the inputs of
 * tests/fuzz/corpus/NAME, or those named, and then mutations of them: the same ones
 * each time, FUZZ_MUTATIONS of them (default 4000). The input at hand when something
 * fails is left in fuzz_NAME.input.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 16384, INPUTS_MAX = 4096, MUTATIONS = 4000, STEPS_MAX = 8 };

extern __typeof__(LLVMFuzzerInitialize) LLVMFuzzerInitialize __attribute__((weak));
extern __typeof__(LLVMFuzzerCustomMutator) LLVMFuzzerCustomMutator
    __attribute__((weak));
/* of a sanitizer, where there is one */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct input {
	uint8_t *data;
	size_t size;
};

static struct replay {
	struct input inputs[INPUTS_MAX];
	size_t count;
	struct input now; /* what is being run */
	char path[512];   /* where it goes when it fails */
	uint64_t random;
} replay = {.random = 0x9e3779b97f4a7c15};

/* --- when something fails: async-signal-safe from here ... */

static void input_leave(void)
{
	static const char words[] = "the input that did this is in ";
	int fd = open(replay.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, replay.now.data, replay.now.size) < 0 ||
	    write(STDERR_FILENO, words, sizeof(words) - 1) < 0 ||
	    write(STDERR_FILENO, replay.path, strlen(replay.path)) < 0 ||
	    write(STDERR_FILENO, "\n", 1) < 0)
		return;
	close(fd);
}

static void on_signal(int signo)
{
	input_leave();
	signal(signo, SIG_DFL);
	raise(signo);
}

/* --- ... to here */

static void failures_watch(const char *program)
{
	const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

	snprintf(replay.path, sizeof(replay.path), "%s.input", program);
	if (__sanitizer_set_death_callback != NULL) {
		__sanitizer_set_death_callback(input_leave);
		signal(SIGABRT, on_signal);
		return;
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
}

/* A copy of exactly that size, so that a sanitizer sees a read past its end. */
static void input_run(const uint8_t *data, size_t size)
{
	replay.now.data = malloc(size > 0 ? size : 1);
	CHECK(replay.now.data != NULL);
	if (size > 0)
		memcpy(replay.now.data, data, size);
	replay.now.size = size;
	LLVMFuzzerTestOneInput(replay.now.data, size);
	free(replay.now.data);
	replay.now.data = NULL;
}

static void input_add(const char *path)
{
	struct input *input = &replay.inputs[replay.count];
	FILE *file = fopen(path, "rb");

	CHECK(file != NULL && replay.count < INPUTS_MAX);
	input->data = malloc(INPUT_MAX);
	CHECK(input->data != NULL);
	input->size = fread(input->data, 1, INPUT_MAX, file);
	CHECK(ferror(file) == 0);
	fclose(file);
	replay.count++;
}

static int name_compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int name_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Sorted, so that the mutations are the same everywhere. */
static void folder_add(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, name_shown, name_compare);
	char file[1024];

	if (count < 0 && errno == ENOTDIR) {
		input_add(path);
		return;
	}
	if (count < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
	for (int i = 0; i < count; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		input_add(file);
		free(entries[i]);
	}
	free(entries);
}

/* --- mutations */

static size_t below(size_t bound)
{
	return bound > 0 ? fuzz_random(&replay.random) % bound : 0;
}

static size_t bytes_insert(uint8_t *data, size_t size, size_t max)
{
	size_t at = below(size + 1), count = 1 + below(16);

	if (count > max - size)
		count = max - size;
	memmove(data + at + count, data + at, size - at);
	for (size_t i = 0; i < count; i++)
		data[at + i] = (uint8_t)fuzz_random(&replay.random);
	return size + count;
}

static size_t bytes_remove(uint8_t *data, size_t size)
{
	size_t at = below(size), count = 1 + below(16);

	if (count > size - at)
		count = size - at;
	memmove(data + at, data + at + count, size - at - count);
	return size - count;
}

/* A piece of another input in place of what is here. */
static size_t bytes_splice(uint8_t *data, size_t size)
{
	const struct input *other = &replay.inputs[below(replay.count)];
	size_t from = below(other->size), to = below(size), count;

	count = 1 + below(64);
	if (count > other->size - from)
		count = other->size - from;
	if (count > size - to)
		count = size - to;
	if (count > 0)
		memcpy(data + to, other->data + from, count);
	return size;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
{
	static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, '\r', '\n', ' ', '%'};

	if (size == 0)
		return bytes_insert(data, size, max);
	switch (below(6)) {
	case 0:
		return bytes_insert(data, size, max);
	case 1:
		return bytes_remove(data, size);
	case 2:
		return bytes_splice(data, size);
	case 3:
		data[below(size)] = edges[below(sizeof(edges))];
		return size;
	case 4:
		data[below(size)] ^= (uint8_t)(1U << below(8));
		return size;
	default:
		data[below(size)] = (uint8_t)fuzz_random(&replay.random);
		return size;
	}
}

static void mutation_run(void)
{
	static uint8_t data[INPUT_MAX];
	const struct input *from = &replay.inputs[below(replay.count)];
	size_t size = from->size;

	memcpy(data, from->data, size);
	for (size_t steps = 1 + below(STEPS_MAX); steps > 0; steps--)
		size = LLVMFuzzerCustomMutator != NULL
		           ? LLVMFuzzerCustomMutator(
		                 data, size, sizeof(data), fuzz_random(&replay.random))
		           : LLVMFuzzerMutate(data, size, sizeof(data));
	input_run(data, size);
}

static void corpus_of(const char *program, char *folder, size_t cap)
{
	const char *name = strstr(program, "fuzz_");

	for (const char *next = name; next != NULL; next = strstr(name + 1, "fuzz_"))
		name = next;
	CHECK(name != NULL);
	snprintf(folder, cap, "tests/fuzz/corpus/%s", name + strlen("fuzz_"));
}

int main(int argc, char **argv)
{
	const char *wish = getenv("FUZZ_MUTATIONS");
	unsigned long mutations = wish != NULL ? strtoul(wish, NULL, 10) : MUTATIONS;
	char folder[512];

	failures_watch(argv[0]);
	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	corpus_of(argv[0], folder, sizeof(folder));
	if (argc < 2)
		folder_add(folder);
	for (int i = 1; i < argc; i++)
		folder_add(argv[i]);
	for (size_t i = 0; i < replay.count; i++)
		input_run(replay.inputs[i].data, replay.inputs[i].size);
	printf("[       OK ] %zu inputs\n", replay.count);
	for (unsigned long i = 0; i < mutations && replay.count > 0; i++)
		mutation_run();
	printf("[       OK ] %lu mutations of them\n", mutations);
	for (size_t i = 0; i < replay.count; i++)
		free(replay.inputs[i].data);
	return replay.count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
