#include "tests/system/aftermath.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/client.h"
#include "tests/system/log_tail.h"

enum { SLACK_KIB = 2048 }; /* what an allocator may keep for itself */

size_t aftermath_sockets(const struct daemon *d)
{
	char *text = harness_read_file("/proc/net/unix"), *at = text;
	size_t n = 0;

	assert_non_null(text);
	while ((at = strstr(at, d->dir)) != NULL) {
		at++;
		n++;
	}
	free(text);
	return n;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

void aftermath_files(const struct daemon *d, char files[AFTERMATH_FILES])
{
	char names[32][64];
	struct dirent *entry;
	DIR *dir = opendir(d->dir);
	size_t n = 0, len = 0;

	assert_non_null(dir);
	while (n < 32 && (entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, ".pid.status") == NULL) /* a reload's word */
			snprintf(names[n++], sizeof(names[0]), "%.63s", entry->d_name);
	closedir(dir);
	qsort(names, n, sizeof(names[0]), by_text);
	files[0] = '\0';
	for (size_t i = 0; i < n && len < AFTERMATH_FILES; i++)
		len += (size_t)snprintf(
		    files + len, AFTERMATH_FILES - len, "%s ", names[i]);
}

/* Lines that tell of a death which was not in order. */
static size_t count_deaths(const struct aftermath *a)
{
	static const char *const words[] = {") killed by SIG", ") gave up;",
	    ") could not set itself up", ") exited with status", ") saw no master"};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		n += log_tail_count(a->d->log, a->log_mark, words[i]);
	if (a->replaced) /* a generation on trial ends as a whole */
		n -= log_tail_count(a->d->log, a->log_mark,
		    ") killed by SIGKILL, by us, it was not ready");
	return n;
}

void aftermath_begin(struct aftermath *a, struct daemon *d)
{
	*a = (struct aftermath){.d = d};
	if (!process_titles_visible(d)) {
		daemon_stop(d);
		skip();
	}
	/* the first look-up opens the database, and that stays open */
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	house_settle(d, a->house);
	a->pids[0] = d->pid;
	a->count = 1 + process_children(d->pid, a->pids + 1, PROCESS_MAX - 1);
	for (size_t i = 0; i < a->count; i++)
		a->kib[i] = process_memory(a->pids[i]);
	a->sockets = aftermath_sockets(d);
	a->log_mark = log_tail_length(d->log);
	aftermath_files(d, a->files);
}

void aftermath_killed(struct aftermath *a, pid_t pid)
{
	assert_in_range(a->killed_count, 0, AFTERMATH_KILLED - 1);
	a->killed[a->killed_count++] = pid;
}

static bool was_killed(const struct aftermath *a, pid_t pid)
{
	for (size_t i = 0; i < a->killed_count; i++)
		if (a->killed[i] == pid)
			return true;
	return false;
}

static void expect_survivors(const struct aftermath *a)
{
	char title[PROCESS_TITLE];

	for (size_t i = 0; i < a->count; i++)
		if (!was_killed(a, a->pids[i]) && !process_alive(a->pids[i]))
			fail_msg("process %d has died", (int)a->pids[i]);
		else if (was_killed(a, a->pids[i]) && process_alive(a->pids[i])) {
			process_title(a->pids[i], title);
			fail_msg("%s (%d) lives", title, (int)a->pids[i]);
		}
}

/* Hashers give their memory back when they have been idle for seconds: that is waited
 * for in long runs. */
static bool memory_counts(pid_t pid)
{
	char title[PROCESS_TITLE];

	process_title(pid, title);
	return AFTERMATH_MEMORY_COUNTS &&
	       (strncmp(title, "argond: hasher", 14) != 0 || harness_rounds(0, 1) == 1);
}

/* The first of the processes that has more memory than it had, or 0. */
static pid_t find_grown(const struct aftermath *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (process_memory(a->pids[i]) > a->kib[i] + SLACK_KIB &&
		    memory_counts(a->pids[i]))
			return a->pids[i];
	return 0;
}

struct rest {
	const struct aftermath *a;
	uint64_t limit;
};

/* What comes to rest by itself, some time after the load. */
static bool is_at_rest(void *arg)
{
	const struct rest *rest = arg;
	const struct aftermath *a = rest->a;

	if (aftermath_sockets(a->d) == a->sockets && process_zombies(a->d->pid) == 0 &&
	    find_grown(a) == 0 && count_deaths(a) >= a->killed_count)
		return true;
	if (harness_now_ms() > rest->limit)
		fail_msg("sockets %zu (%zu before), zombies %zu, process %d has grown, "
		         "%zu deaths in the log, %zu killed",
		    aftermath_sockets(a->d), a->sockets, process_zombies(a->d->pid),
		    (int)find_grown(a), count_deaths(a), a->killed_count);
	return false;
}

/* Do those who are new have their database open, too? */
static bool is_settled(struct aftermath *a)
{
	assert_int_equal(client_fetch(&a->d->tcp, "/user/1", NULL, 0), 200);
	house_describe(a->d, a->now);
	return strcmp(a->now, a->house) == 0;
}

void aftermath_expect(struct aftermath *a)
{
	struct rest rest = {
	    .a = a, .limit = harness_now_ms() + (uint64_t)harness_limit_ms() / 2};
	char files[AFTERMATH_FILES];

	while (a->replaced && !is_settled(a) && harness_now_ms() < rest.limit)
		house_settle(a->d, a->now);
	house_expect(a->d, a->house);
	wait_until(is_at_rest, &rest, "rest after the fault");
	aftermath_files(a->d, files);
	assert_string_equal(files, a->files);
	if (!a->replaced)
		expect_survivors(a);
	if (count_deaths(a) != a->killed_count)
		fail_msg("%zu deaths in the log, %zu killed", count_deaths(a),
		    a->killed_count);
}
