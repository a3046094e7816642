#include "tests/system/process.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What /proc/PID/stat says. */
struct stat_line {
	char state;
	pid_t parent;
	uint64_t ticks; /* user and system */
};

static bool read_stat(pid_t pid, struct stat_line *line)
{
	unsigned long user = 0, system = 0;
	char path[64], *text, *after;
	int parent = 0, fields = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	text = harness_read_file(path);
	after = text != NULL ? strrchr(text, ')') : NULL;
	if (after != NULL)
		fields = sscanf(after + 1,
		    " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &line->state,
		    &parent, &user, &system);
	line->parent = parent;
	line->ticks = user + system;
	free(text);
	return fields == 4;
}

/* Children that live, or those that are dead. */
static size_t list_children(pid_t parent, bool dead, pid_t *pids, size_t max)
{
	struct stat_line line;
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	size_t n = 0;

	assert_non_null(proc);
	while (n < max && (entry = readdir(proc)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && read_stat(pid, &line) && line.parent == parent &&
		    (line.state == 'Z' || line.state == 'X') == dead)
			pids[n++] = pid;
	}
	closedir(proc);
	return n;
}

size_t process_children(pid_t parent, pid_t *pids, size_t max)
{
	return list_children(parent, false, pids, max);
}

size_t process_zombies(pid_t parent)
{
	pid_t pids[PROCESS_MAX];

	return list_children(parent, true, pids, PROCESS_MAX);
}

uint64_t process_memory(pid_t pid)
{
	static const char name[] = "\nRssAnon:";
	char path[64], *text, *at;
	uint64_t kib;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	text = harness_read_file(path);
	at = text != NULL ? strstr(text, name) : NULL;
	kib = at != NULL ? strtoull(at + sizeof(name) - 1, NULL, 10) : 0;
	free(text);
	return kib;
}

void process_title(pid_t pid, char title[PROCESS_TITLE])
{
	char path[64], *text;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	text = harness_read_file(path);
	snprintf(title, PROCESS_TITLE, "%s", text != NULL ? text : "");
	free(text);
	len = strlen(
	    title); /* setproctitle(3) adds one where it has the length of argv[0] */
	if (len > 0 && title[len - 1] == ' ')
		title[len - 1] = '\0';
}

uint64_t process_ticks(pid_t pid)
{
	struct stat_line line;

	return read_stat(pid, &line) ? line.ticks : 0;
}

char process_state(pid_t pid)
{
	struct stat_line line;

	return read_stat(pid, &line) ? line.state : '\0';
}

bool process_alive(pid_t pid)
{
	const char state = process_state(pid);

	return state != '\0' && state != 'Z' && state != 'X';
}

bool process_titles_visible(const struct daemon *d)
{
	char title[PROCESS_TITLE];

	process_title(d->pid, title);
	return strncmp(title, "argond: master", strlen("argond: master")) == 0;
}

/* Is `title` that of `what`, as a whole name or (whole false) as its beginning? */
static bool title_is(const char *title, const char *what, bool whole)
{
	static const char lead[] = "argond: ";
	const size_t n = strlen(what);

	if (strncmp(title, lead, sizeof(lead) - 1) != 0)
		return false;
	title += sizeof(lead) - 1;
	if (strncmp(title, what, n) != 0)
		return false;
	return !whole || title[n] == '\0' || title[n] == ' ';
}

static size_t select_children(
    const struct daemon *d, const char *what, bool whole, pid_t *pids, size_t max)
{
	pid_t all[PROCESS_MAX];
	char title[PROCESS_TITLE];
	size_t count = process_children(d->pid, all, PROCESS_MAX), n = 0;

	for (size_t i = 0; i < count && n < max; i++) {
		process_title(all[i], title);
		if (title_is(title, what, whole))
			pids[n++] = all[i];
	}
	return n;
}

pid_t process_find(const struct daemon *d, const char *what)
{
	pid_t pid = 0;

	return select_children(d, what, true, &pid, 1) == 1 ? pid : 0;
}

size_t process_all(const struct daemon *d, const char *what, pid_t *pids, size_t max)
{
	return select_children(d, what, false, pids, max);
}

size_t process_count(const struct daemon *d, const char *what)
{
	pid_t pids[PROCESS_MAX];

	return process_all(d, what, pids, PROCESS_MAX);
}

/* What the waits below look for. */
struct sought {
	const struct daemon *d;
	const char *what;
	pid_t old, found;
	size_t count;
};

static bool is_new(void *arg)
{
	struct sought *s = arg;

	s->found = process_find(s->d, s->what);
	return s->found != 0 && s->found != s->old;
}

pid_t process_wait_new(const struct daemon *d, const char *what, pid_t old)
{
	struct sought s = {.d = d, .what = what, .old = old};

	wait_until(is_new, &s, what);
	return s.found;
}

static bool is_count(void *arg)
{
	const struct sought *s = arg;

	return process_count(s->d, s->what) == s->count;
}

void process_wait_count(const struct daemon *d, const char *what, size_t n)
{
	struct sought s = {.d = d, .what = what, .count = n};

	wait_until(is_count, &s, what);
}

int process_handle(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool process_wait_handle(int handle, int limit_ms)
{
	struct pollfd fd = {.fd = handle, .events = POLLIN};
	int n;

	if (handle < 0)
		return true;
	do
		n = poll(&fd, 1, limit_ms);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

void process_kill(pid_t pid)
{
	int handle = process_handle(pid);
	bool gone;

	assert_return_code(kill(pid, SIGKILL), errno);
	gone = process_wait_handle(handle, harness_limit_ms());
	if (handle >= 0)
		close(handle);
	assert_true(gone);
}

static bool is_stopped(void *arg)
{
	const char state = process_state(*(const pid_t *)arg);

	return state == 'T' || state == '\0' || state == 'Z';
}

void process_stop(pid_t pid)
{
	if (kill(pid, SIGSTOP) == 0)
		wait_until(is_stopped, &pid, "a stopped process");
}

void process_hold(const struct daemon *d, pid_t pid)
{
	process_stop(d->pid);
	process_stop(pid);
}

void process_release(const struct daemon *d, pid_t pid)
{
	assert_return_code(kill(pid, SIGCONT), errno);
	assert_return_code(kill(d->pid, SIGCONT), errno);
}
