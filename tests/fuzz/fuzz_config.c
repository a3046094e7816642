/*
 * The config (common/config.h): a file, overrides, or both. It must be so that
 *   - what is refused is refused with one printable line;
 *   - what is taken keeps the range of every row of the table;
 *   - what is taken prints as a config that is taken, and prints the same again.
 *
 * Here libconfuse parses in this process, not in one of its own, and the machine is
 * always the same one.
 *
 * Input: the text of the file, and behind a NUL each an override.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/config_file.h"
#include "common/cpu.h"
#include "common/memory.h"
#include "tests/fuzz/fuzz.h"

/* config_parse.c, but for the process apart */
struct config_statements *config_file_parse_apart(
    const char *name, const char *text, struct config_error *err);
#define config_file_parse config_file_parse_apart
#include "common/config_parse.c"
#undef config_file_parse

enum { OVERRIDES_MAX = 8, TEXT_MAX = 4096 };

const char *__lsan_default_suppressions(void);

static int file = -1; /* of the text */
static char path[32];

/* libconfuse forgets the title of a section that it does not finish: that is why it has
 * a process of its own. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfuse\nleak:cfg_\n";
}

struct memory_bound memory_usable(void)
{
	return (struct memory_bound){UINT64_C(8) << 30, "this test"};
}

unsigned cpu_usable(void)
{
	return 4;
}

struct allowed allowed_processes(void)
{
	return (struct allowed){4096, "this test"};
}

struct allowed allowed_files(void)
{
	return (struct allowed){1 << 20, "this test"};
}

struct config_statements *config_file_parse(
    const char *name, const char *text, struct config_error *err)
{
	struct config_statements *statements = mmap(NULL, STATEMENTS_MAX,
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(statements != MAP_FAILED);
	text_parse(statements, text);
	CHECK(statements->done);
	if (!statements->full)
		return statements;
	config_error_set(err, name, "too many values");
	config_statements_free(statements);
	return NULL;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	file = memfd_create("fuzz.conf", MFD_CLOEXEC);
	CHECK(file >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return 0;
}

static void file_write(const char *text, size_t len)
{
	CHECK(ftruncate(file, 0) == 0);
	CHECK(pwrite(file, text, len, 0) == (ssize_t)len);
}

static void check_error(const struct config_error *err)
{
	size_t len = strnlen(err->text, sizeof(err->text));

	CHECK(len > 0 && len < sizeof(err->text));
	for (size_t i = 0; i < len; i++)
		CHECK(err->text[i] >= ' ' && err->text[i] <= '~');
}

/* --- what was taken */

static int64_t number_of(const struct config_directive *row, const void *base)
{
	const char *at = (const char *)base + row->offset;
	int64_t value = 0;
	uint32_t word;

	if (row->size == sizeof(value)) {
		memcpy(&value, at, sizeof(value));
		return value;
	}
	CHECK(row->size == sizeof(word));
	memcpy(&word, at, sizeof(word));
	return row->min < 0 ? (int32_t)word : (int64_t)word;
}

/* Of every member that holds a number in a range, in every section. */
static void check_ranges(const struct config *config)
{
	for (size_t i = 0; i < config_directive_count; i++) {
		const struct config_directive *row = &config_directives[i];
		const void *base;

		if (row->min == row->max || row->type->list)
			continue;
		for (size_t n = 0;
		     (base = config_section_at(config, row->section, n)) != NULL; n++) {
			int64_t value = number_of(row, base);

			CHECK((value >= row->min && value <= row->max) ||
			      (row->type->automatic && value == 0));
		}
	}
}

static void check_names(const struct config *config)
{
	for (size_t i = 0; i < config->pool_count; i++) {
		CHECK(config_name_valid(config->pools[i].name));
		CHECK(config_pool_find(config, config->pools[i].name) == (int)i);
		CHECK(config->pools[i].jobs != 0);
		CHECK(config->pools[i].min_processes > 0);
		CHECK(config->pools[i].min_processes <= config->pools[i].max_processes);
		CHECK(config->pools[i].batch > 0);
	}
	for (size_t i = 0; i < config->profile_count; i++)
		CHECK(config_profile_find(config, config->profiles[i].name) == (int)i);
	CHECK(config->default_pool < config->pool_count);
	CHECK(config_memory_need(config, NULL) <= config->memory_budget);
}

static void check_listeners(const struct config *config)
{
	CHECK(config->listen_count > 0 && config->listen_count <= LIMIT_LISTENERS);
	for (size_t i = 0; i < config->listen_count; i++) {
		const struct config_listen *listen = &config->listen[i];

		CHECK(memchr(listen->text, '\0', sizeof(listen->text)) != NULL);
		CHECK(listen->addr.ss_family == AF_INET ||
		      listen->addr.ss_family == AF_INET6 ||
		      listen->addr.ss_family == AF_UNIX);
		CHECK(listen->addr_len <= sizeof(listen->addr));
		CHECK(!listen->has_mode || listen->mode <= 0777);
	}
}

static char *print(const struct config *config, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	CHECK(out != NULL);
	CHECK(config_print(config, out) == 0);
	CHECK(fclose(out) == 0);
	return text;
}

static void check_round_trip(const struct config *config)
{
	struct config_error err = {{0}};
	struct config *read;
	size_t len, again_len;
	char *text = print(config, &len), *again;

	file_write(text, len);
	read = config_load(path, NULL, 0, &err);
	if (read == NULL)
		fprintf(stderr, "%s\n%s", err.text, text);
	CHECK(read != NULL);
	again = print(read, &again_len);
	CHECK(again_len == len && memcmp(text, again, len) == 0);
	config_free(read);
	free(again);
	free(text);
}

/* --- the input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX + 1];
	char *overrides[OVERRIDES_MAX] = {NULL}, *at = text;
	size_t count = 0;
	struct config_error err = {{0}};
	struct config *config;

	size = size < TEXT_MAX ? size : TEXT_MAX;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	while ((at += strlen(at) + 1) < text + size && count < OVERRIDES_MAX)
		overrides[count++] = at;
	file_write(text, strlen(text));
	config = config_load(path, overrides, count, &err);
	if (config == NULL) {
		check_error(&err);
		return 0;
	}
	check_ranges(config);
	check_names(config);
	check_listeners(config);
	check_round_trip(config);
	config_free(config);
	return 0;
}
