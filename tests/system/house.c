#include "tests/system/house.h"

#include <stdlib.h>
#include <string.h>

#include "tests/system/fds.h"
#include "tests/system/process.h"

enum { KINDS = 128, KIND_TEXT = 192, SETTLED = 10 };

struct kind {
	char name[KIND_TEXT];
	unsigned count;
};

struct house {
	struct kind kinds[KINDS];
	size_t count;
};

static void add(struct house *house, const char *role, const char *what)
{
	char name[KIND_TEXT];
	size_t i = 0;

	snprintf(name, sizeof(name), "%.31s: %.127s", role, what);
	while (i < house->count && strcmp(house->kinds[i].name, name) != 0)
		i++;
	assert_in_range(i, 0, KINDS - 1);
	if (i == house->count) {
		snprintf(house->kinds[i].name, KIND_TEXT, "%s", name);
		house->kinds[i].count = 0;
		house->count++;
	}
	house->kinds[i].count++;
}

void house_role(pid_t pid, char role[HOUSE_ROLE])
{
	char title[PROCESS_TITLE];
	const char *at;

	process_title(pid, title);
	at = strncmp(title, "argond: ", 8) == 0 ? title + 8 : title;
	snprintf(role, HOUSE_ROLE, "%.31s", at);
	role[strcspn(role, "/[0123456789")] = '\0';
}

static void add_maps(struct house *house, pid_t pid, const char *role)
{
	char path[64], *text, *at;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	text = harness_read_file(path);
	for (at = text; at != NULL && (at = strstr(at, "memfd:")) != NULL; at++)
		add(house, role, "shared memory");
	free(text);
}

static void add_process(struct house *house, pid_t pid)
{
	struct fd_list *list = calloc(1, sizeof(*list));
	char role[HOUSE_ROLE], what[128];

	assert_non_null(list);
	house_role(pid, role);
	add(house, role, "process");
	fds_list(pid, list);
	for (size_t i = 0; i < list->count; i++) {
		snprintf(what, sizeof(what), "%s", list->entries[i].target);
		if (strncmp(what, "/proc/", 6) == 0)
			what[5] = '\0'; /* a child's: so does its pid */
		if (strncmp(what, "anon_inode:", 11) != 0)
			what[strcspn(what, "[")] = '\0'; /* its number says nothing */
		add(house, role, what);
	}
	add_maps(house, pid, role);
	free(list);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct kind *)a)->name, ((const struct kind *)b)->name);
}

void house_describe(const struct daemon *d, char text[HOUSE_TEXT])
{
	struct house *house = calloc(1, sizeof(*house));
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX), len = 0;

	assert_non_null(house);
	add_process(house, d->pid);
	for (size_t i = 0; i < n; i++)
		add_process(house, pids[i]);
	qsort(house->kinds, house->count, sizeof(house->kinds[0]), by_name);
	for (size_t i = 0; i < house->count && len < HOUSE_TEXT; i++)
		len += (size_t)snprintf(text + len, HOUSE_TEXT - len, "%s, %u\n",
		    house->kinds[i].name, house->kinds[i].count);
	free(house);
}

/* What is looked for, and what was seen at the last look. */
struct looks {
	const struct daemon *d;
	const char *before;
	char now[HOUSE_TEXT], last[HOUSE_TEXT];
	unsigned same;
	uint64_t limit;
};

/* The lines of `text` that are not in `other`. */
static void print_others(const char *title, const char *text, const char *other)
{
	char line[KIND_TEXT + 16];

	for (; *text != '\0'; text += strcspn(text, "\n") + 1) {
		snprintf(
		    line, sizeof(line), "%.*s", (int)strcspn(text, "\n") + 1, text);
		if (strstr(other, line) == NULL)
			fprintf(stderr, "%s: %s", title, line);
	}
}

static bool looks_the_same(void *arg)
{
	struct looks *looks = arg;

	house_describe(looks->d, looks->now);
	if (strcmp(looks->now, looks->before) == 0)
		return true;
	if (harness_now_ms() < looks->limit)
		return false;
	print_others("before", looks->before, looks->now);
	print_others("now", looks->now, looks->before);
	fail_msg("processes or fds are not those of before");
	return false;
}

void house_expect(const struct daemon *d, const char *before)
{
	struct looks looks = {.d = d,
	    .before = before,
	    .limit = harness_now_ms() + (uint64_t)harness_limit_ms() / 2};

	wait_until(looks_the_same, &looks, "as many processes and fds as before");
}

static bool looks_settled(void *arg)
{
	struct looks *looks = arg;

	house_describe(looks->d, looks->now);
	looks->same = strcmp(looks->now, looks->last) == 0 ? looks->same + 1 : 0;
	memcpy(looks->last, looks->now, HOUSE_TEXT);
	return looks->same >= SETTLED;
}

void house_settle(const struct daemon *d, char text[HOUSE_TEXT])
{
	struct looks looks = {.d = d};

	wait_until(looks_settled, &looks, "a house in which nothing changes");
	memcpy(text, looks.now, HOUSE_TEXT);
}

unsigned house_generations(const struct daemon *d)
{
	struct fd_list *list = calloc(1, sizeof(*list));
	size_t n;

	assert_non_null(list);
	if (fds_list(d->pid, list))
		n = fds_count(list, "/memfd:argond-board");
	else /* each has one of that name until it ends */
		n = process_count(d, "hasher elastic/0");
	free(list);
	return (unsigned)n;
}
