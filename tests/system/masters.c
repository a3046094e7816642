#include "tests/system/masters.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/process.h"
#include "tests/system/run.h"

static const char *given; /* ARGOND as the test was started with */

int masters_setup(void **state)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return daemon_setup(state);
}

int masters_teardown(void **state)
{
	pid_t pids[PROCESS_MAX];
	size_t n = masters_all(pids, PROCESS_MAX);
	int rc;

	for (size_t i = 0; i < n; i++) /* none, but where a test has failed */
		kill(pids[i], SIGKILL);
	rc = daemon_teardown(state);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	if (given != NULL)
		setenv("ARGOND", given, 1);
	return rc;
}

const char *masters_binary(void)
{
	return given;
}

static void binary_path(const struct daemon *d, const char *name, char path[96])
{
	harness_path(path, d->dir, name);
}

static void copy_to(const char *path, const char *from)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct stat st;
	ssize_t n = 1;

	assert_return_code(in, errno);
	assert_return_code(out, errno);
	assert_return_code(fstat(in, &st), errno);
	for (off_t done = 0; n > 0 && done < st.st_size; done += n)
		n = sendfile(out, in, NULL, (size_t)(st.st_size - done));
	assert_return_code(n, errno);
	close(in);
	assert_return_code(close(out), errno);
}

void masters_install(const struct daemon *d, const char *from)
{
	char fresh[96], path[96];

	binary_path(d, "argond.fresh", fresh);
	binary_path(d, "argond", path);
	copy_to(fresh, from);
	assert_return_code(rename(fresh, path), errno);
}

void masters_restore(const struct daemon *d)
{
	masters_install(d, given);
}

void masters_copy(const struct daemon *d)
{
	static char path[96];

	if (given == NULL) {
		given = getenv("ARGOND");
		given = strdup(given != NULL ? given : "build/argond");
		assert_non_null(given);
	}
	masters_restore(d);
	binary_path(d, "argond", path);
	assert_return_code(setenv("ARGOND", path, 1), errno);
}

void masters_replace(const struct daemon *d, const char *text, mode_t mode)
{
	char fresh[96], path[96];

	binary_path(d, "argond.fresh", fresh);
	binary_path(d, "argond", path);
	harness_write_file(fresh, text);
	assert_return_code(chmod(fresh, mode), errno);
	assert_return_code(rename(fresh, path), errno);
}

pid_t masters_named(const struct daemon *d)
{
	char *text = harness_read_file(d->pidfile);
	pid_t pid = text != NULL ? (pid_t)strtol(text, NULL, 10) : 0;

	free(text);
	return pid;
}

size_t masters_all(pid_t *pids, size_t max)
{
	size_t n = process_children(getpid(), pids, max);

	for (size_t i = 0; i < n && n < max; i++) /* theirs, and those of theirs */
		n += process_children(pids[i], pids + n, max - n);
	return n;
}

/* Where the stack of its program begins (field 28 of proc(5)'s stat): each execve()
 * puts it somewhere else, and a process that was only forked has its parent's. 0: it is
 * gone, or only root may look. */
static unsigned long long stack_of(pid_t pid)
{
	char path[48], *text, *at;
	unsigned long long start = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	text = harness_read_file(path);
	at = text != NULL ? strrchr(text, ')') : NULL;
	for (int field = 2; at != NULL && field < 28; field++)
		at = strchr(at + 1, ' ');
	if (at != NULL)
		start = strtoull(at, NULL, 10);
	free(text);
	return start;
}

/* A worker has its master's title until it has set its own, and a list of processes is
 * not made at one moment: so programs are counted, and those that live at the end. */
size_t masters_count(void)
{
	pid_t pids[PROCESS_MAX];
	unsigned long long stacks[PROCESS_MAX];
	char title[PROCESS_TITLE];
	size_t n = masters_all(pids, PROCESS_MAX), masters = 0;
	bool hidden = false;

	for (size_t i = 0; i < n; i++) {
		size_t same = 0;

		process_title(pids[i], title);
		stacks[masters] = stack_of(pids[i]);
		if (strncmp(title, "argond: master", 14) != 0)
			continue;
		hidden |= stacks[masters] == 0 && process_alive(pids[i]);
		if (stacks[masters] == 0)
			continue;
		while (same < masters && stacks[same] != stacks[masters])
			same++;
		if (same == masters)
			pids[masters++] = pids[i];
	}
	n = masters;
	for (size_t i = 0; i < n; i++)
		masters -= !process_alive(pids[i]);
	return masters == 0 && hidden ? 1 : masters;
}

bool masters_changed(struct daemon *d)
{
	pid_t named = masters_named(d);
	int status;

	if (named == 0 || named == d->pid ||
	    waitpid(d->pid, &status, WNOHANG) != d->pid)
		return false;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("wait status of the old master: 0x%x", (unsigned)status);
	d->pid = named;
	return true;
}

static bool has_changed(void *arg)
{
	return masters_changed(arg);
}

void masters_wait_changed(struct daemon *d)
{
	wait_until(has_changed, d, "a new master, and the old one gone");
}

void masters_bury(const struct daemon *d)
{
	siginfo_t info = {0};

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0 && info.si_pid != d->pid) {
		waitpid(info.si_pid, NULL, 0);
		info = (siginfo_t){0};
	}
}

int masters_send(const struct daemon *d, const char *word, char *said, size_t cap)
{
	struct run *run = malloc(sizeof(*run));
	char pidfile[128];
	int status;

	assert_non_null(run);
	snprintf(pidfile, sizeof(pidfile), "pidfile=%s", d->pidfile);
	if (d->pidfile[0] != '\0')
		run_argond(run, "-c", d->conf, "-o", pidfile, "-s", word, NULL);
	else
		run_argond(run, "-c", d->conf, "-s", word, NULL);
	status = run->status;
	if (said != NULL)
		snprintf(said, cap, "%s", run->err);
	free(run);
	return status;
}

pid_t masters_heir(pid_t old)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(old, pids, PROCESS_MAX);
	char title[PROCESS_TITLE];

	for (size_t i = 0; i < n; i++) {
		process_title(pids[i], title);
		if (title[0] == '\0') /* one that is just leaving */
			continue;
		if (strncmp(title, "argond: master", 14) == 0 ||
		    strncmp(title, "argond: ", 8) != 0)
			return pids[i];
	}
	return 0;
}
