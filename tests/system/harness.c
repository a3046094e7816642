#include "tests/system/harness.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/log_tail.h"
#include "tests/system/process.h"

enum { WORDS = 64 };

static const char base_config[] =
    "listen = {\"127.0.0.1:0\", \"unix:%s/http.sock\"}\n"
    "pidfile = \"%s/argond.pid\"\n"
    "store = \"sqlite:%s/argond.db\"\n"
    "log = \"stderr\"\n"
    "verify_max_time = 10000\n" /* for harness_slow_time() */
    "frontend { processes = 2 }\n";

/* Things that are never said in a run in which nothing is wrong. */
static const char complaints[] =
    "BUG:|LeakSanitizer|runtime error:|^==[0-9]+== |seccomp filter";

unsigned harness_slow(void)
{
	const char *text = getenv("ARGOND_TEST_SLOW");
	long slow = text != NULL ? strtol(text, NULL, 10) : 1;

	return slow < 1 ? 1 : slow > 100 ? 100 : (unsigned)slow;
}

unsigned harness_rounds(unsigned few, unsigned many)
{
	const char *text = getenv("ARGOND_TEST_LONG");

	return text != NULL && strcmp(text, "1") == 0 ? many : few;
}

void harness_slow_time(char option[48], unsigned ms)
{
	unsigned passes = ms / 6 / harness_slow(); /* 8 MiB in some 6 ms */

	snprintf(option, 48, "profile.default.time=%u", passes > 0 ? passes : 1);
}

void harness_ms(char option[48], const char *name, unsigned ms)
{
	snprintf(option, 48, "%s=%ums", name, ms * harness_slow());
}

int harness_limit_ms(void)
{
	return 30000 * (int)harness_slow();
}

uint64_t harness_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

bool harness_wrapped(void)
{
	const char *wrapper = getenv("ARGOND_WRAPPER");

	return wrapper != NULL && *wrapper != '\0';
}

size_t harness_command(const char *words[32])
{
	static char wrapper[1024];
	const char *binary = getenv("ARGOND");
	char *save = NULL, *word;
	size_t n = 0;

	if (harness_wrapped()) {
		snprintf(wrapper, sizeof(wrapper), "%s", getenv("ARGOND_WRAPPER"));
		for (word = strtok_r(wrapper, " ", &save); word != NULL && n < 30;
		     word = strtok_r(NULL, " ", &save))
			words[n++] = word;
	}
	words[n++] = binary != NULL ? binary : "build/argond";
	words[n] = NULL;
	return n;
}

void harness_path(char path[96], const char *dir, const char *name)
{
	assert_in_range(snprintf(path, 96, "%s/%s", dir, name), 1, 95);
}

void harness_write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_return_code(fclose(file), errno);
}

char *harness_read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = NULL, *more, bytes[4096];
	size_t len = 0;
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, bytes, sizeof(bytes))) > 0) {
		more = realloc(text, len + (size_t)n + 1);
		assert_non_null(more);
		text = more;
		memcpy(text + len, bytes, (size_t)n);
		len += (size_t)n;
		text[len] = '\0';
	}
	if (fd >= 0)
		close(fd);
	if (n == 0 && text == NULL) /* an empty file */
		text = calloc(1, 1);
	if (n < 0) {
		free(text);
		text = NULL;
	}
	return text;
}

static int remove_one(
    const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void harness_remove(const char *dir)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void wait_until(wait_fn *holds, void *arg, const char *what)
{
	const uint64_t limit = harness_now_ms() + (uint64_t)harness_limit_ms();
	struct timespec nap = {.tv_nsec = 500000};

	while (!holds(arg)) {
		if (harness_now_ms() > limit)
			fail_msg("waited in vain for: %s", what);
		nanosleep(
		    &nap, NULL); /* between two looks; the condition is the event */
		if (nap.tv_nsec < 10000000)
			nap.tv_nsec *= 2;
	}
}

int daemon_setup(void **state)
{
	struct daemon *d = calloc(1, sizeof(*d));
	char text[1024];

	if (d == NULL)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	snprintf(d->dir, sizeof(d->dir), "/tmp/argond-test-XXXXXX");
	if (mkdtemp(d->dir) == NULL) {
		free(d);
		return -1;
	}
	harness_path(d->conf, d->dir, "argond.conf");
	harness_path(d->pidfile, d->dir, "argond.pid");
	harness_path(d->store, d->dir, "argond.db");
	harness_path(d->socket, d->dir, "http.sock");
	d->local.un.sun_family = AF_UNIX;
	snprintf(d->local.un.sun_path, sizeof(d->local.un.sun_path), "%s", d->socket);
	d->local.len = sizeof(d->local.un);
	snprintf(text, sizeof(text), base_config, d->dir, d->dir, d->dir);
	harness_write_file(d->conf, text);
	*state = d;
	return 0;
}

/* The end of a daemon that a failed test has left behind. */
static void daemon_abandon(struct daemon *d)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX);

	kill(d->pid, SIGKILL);
	for (size_t i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	waitpid(d->pid, NULL, 0);
	if (d->log != NULL)
		log_tail_wait_end(d->log, 1000);
	d->pid = 0;
}

int daemon_teardown(void **state)
{
	struct daemon *d = *state;

	if (d->pid != 0)
		daemon_abandon(d);
	if (d->unchecked || getenv("ARGOND_TEST_LOG") != NULL)
		log_tail_dump(d->log);
	log_tail_close(d->log);
	harness_remove(d->dir);
	free(d);
	return 0;
}

void (*harness_before_exec)(void);

/* In the new process: stderr is the pipe, and the test's death is its own. */
static void become_daemon(int log, const char *const *words, pid_t test)
{
	signal(SIGPIPE, SIG_DFL);
	if (dup2(log, STDERR_FILENO) < 0)
		_exit(126);
	if (harness_before_exec != NULL)
		harness_before_exec(); /* first: a change of user clears the next one */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != test)
		_exit(126);
	execvp(words[0], (char *const *)(uintptr_t)words);
	fprintf(stderr, "%s: %s\n", words[0], strerror(errno));
	_exit(127);
}

static void spawn(struct daemon *d, const char *const *words)
{
	const pid_t test = getpid();
	int pipe_fds[2];

	log_tail_close(d->log);
	d->log_mark = 0;
	d->unchecked = true;
	assert_return_code(pipe2(pipe_fds, O_CLOEXEC), errno);
	d->pid = fork();
	if (d->pid == 0)
		become_daemon(pipe_fds[1], words, test);
	close(pipe_fds[1]);
	d->log = log_tail_open(pipe_fds[0]);
	assert_true(d->pid > 0);
}

void daemon_launch_with(struct daemon *d, const char *const *options)
{
	const char *words[WORDS], *wrapper = getenv("ARGOND_WRAPPER");
	size_t n = harness_command(words);

	words[n++] = "-c";
	words[n++] = d->conf;
	if (wrapper != NULL && strstr(wrapper, "valgrind") != NULL) {
		words[n++] = "-o"; /* valgrind's own calls are in no table */
		words[n++] = "seccomp=off";
	}
	for (; *options != NULL; options++) {
		assert_in_range(n, 1, WORDS - 3);
		words[n++] = "-o";
		words[n++] = *options;
	}
	words[n] = NULL;
	spawn(d, words);
}

void daemon_start_with(struct daemon *d, const char *const *options)
{
	daemon_launch_with(d, options);
	daemon_wait_ready(d);
}

void daemon_wait_ready(struct daemon *d)
{
	char port[16];

	daemon_wait_log(d, "master: ready");
	if (!log_tail_group(
	        d->log, 0, "listening on 127\\.0\\.0\\.1:([0-9]+)", port, sizeof(port)))
		return; /* Unix sockets only */
	d->tcp.in.sin_family = AF_INET;
	d->tcp.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	d->tcp.in.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	d->tcp.len = sizeof(d->tcp.in);
}

void daemon_wait_log(struct daemon *d, const char *pattern)
{
	switch (log_tail_wait(d->log, d->log_mark, pattern, harness_limit_ms())) {
	case LOG_TAIL_FOUND:
		return;
	case LOG_TAIL_ENDED:
		fail_msg("the log ended without: %s", pattern);
	case LOG_TAIL_LATE:
		fail_msg("waited in vain for the log line: %s", pattern);
	}
}

bool daemon_log_has(struct daemon *d, const char *pattern)
{
	return log_tail_has(d->log, d->log_mark, pattern);
}

void daemon_log_mark(struct daemon *d)
{
	d->log_mark = log_tail_length(d->log);
}

/* What AddressSanitizer has found; that it had no memory is no bug, for some tests
 * leave none, and from gcc 14 on it says so. */
static bool sanitizer_complains(struct log_tail *log)
{
	return log_tail_count(log, 0, "AddressSanitizer") >
	       log_tail_count(log, 0, "AddressSanitizer failed to allocate ") +
	           log_tail_count(log, 0, "AddressSanitizer: out of memory: ");
}

void daemon_check_log(struct daemon *d)
{
	if (!d->bugs_expected &&
	    (log_tail_has(d->log, 0, complaints) || sanitizer_complains(d->log)))
		fail_msg("the log complains");
	d->unchecked = false;
}

int daemon_wait_end(struct daemon *d)
{
	int handle = process_handle(d->pid), status = 0;
	bool gone = process_wait_handle(handle, harness_limit_ms());

	if (handle >= 0)
		close(handle);
	if (!gone)
		fail_msg("the master (pid %d) does not end", (int)d->pid);
	assert_true(log_tail_wait_end(d->log, harness_limit_ms()));
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	d->pid = 0;
	return status;
}

/* Fails where a file is left in the daemon's folder that it should have removed. */
static void check_files(const struct daemon *d)
{
	static const char *const fine[] = {"argond.conf", "argond.db", ".", ".."};
	DIR *dir = opendir(d->dir);
	struct dirent *entry;
	char stray[256] = "";

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		bool known = false;

		for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
			known |= strcmp(entry->d_name, fine[i]) == 0;
		if (!known)
			snprintf(stray, sizeof(stray), "%s", entry->d_name);
	}
	closedir(dir);
	if (stray[0] != '\0' && !d->files_expected)
		fail_msg("left behind: %s", stray);
}

void daemon_stop(struct daemon *d)
{
	pid_t children[PROCESS_MAX];
	size_t n = process_children(d->pid, children, PROCESS_MAX);
	int status;

	assert_return_code(kill(d->pid, SIGTERM), errno);
	status = daemon_wait_end(d);
	for (size_t i = 0; i < n; i++)
		if (process_alive(children[i]))
			fail_msg("child %d outlives the master", (int)children[i]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("wait status of the master: 0x%x", (unsigned)status);
	check_files(d);
	daemon_check_log(d);
}
