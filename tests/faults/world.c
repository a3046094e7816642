#include "tests/faults/world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

static const char default_binary[] = "build/sanitize/tests/faults/argond";

static const char *const roles[FAULT_ROLES] = {
    [FAULT_IN_MASTER] = "master",
    [FAULT_IN_HELPER] = "helper",
    [FAULT_IN_FRONTEND] = "frontend",
    [FAULT_IN_HASHER] = "hasher",
    [FAULT_IN_LOOKUP] = "lookup",
    [FAULT_IN_HEIR] = "heir",
};

static const struct {
	const char *name;
	bool has_other;
} classes[FAULT_CLASSES] = {
    [FAULT_MEMORY] = {"memory", false},
    [FAULT_MAP] = {"map", false},
    [FAULT_FORK] = {"fork", false},
    [FAULT_SOCKET] = {"socket", true},
    [FAULT_EVENT] = {"event", true},
    [FAULT_SEND] = {"send", true},
    [FAULT_RECEIVE] = {"receive", true},
    [FAULT_FILE] = {"file", true},
    [FAULT_RIGHTS] = {"rights", false},
    [FAULT_LOG] = {"log", false},
};

/* ---- the tests ---- */

/* In a folder of its own: a daemon's must be clean at the end. */
static struct faults *plan_open(struct world *w)
{
	void *plan = MAP_FAILED;
	int fd;

	snprintf(w->dir, sizeof(w->dir), "/tmp/argond-faults-XXXXXX");
	if (mkdtemp(w->dir) == NULL)
		return NULL;
	snprintf(w->path, sizeof(w->path), "%s/plan", w->dir);
	fd = open(w->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && ftruncate(fd, sizeof(struct faults)) == 0)
		plan = mmap(NULL, sizeof(struct faults), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	return plan != MAP_FAILED ? plan : NULL;
}

static int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -1;
	w->sweep = *state;
	*state = w;
	w->plan = plan_open(w);
	if (w->plan == NULL)
		return -1;
	setenv(FAULTS_VARIABLE, w->path, 1);
	setenv("ARGOND", default_binary, 0);
	setenv("ASAN_OPTIONS", "handle_abort=1", 0);
	return 0;
}

static int world_teardown(void **state)
{
	struct world *w = *state;
	char text[512];

	pid_t pids[PROCESS_MAX];
	size_t left = masters_all(pids, PROCESS_MAX);

	for (size_t i = 0; i < left; i++)
		kill(pids[i], SIGKILL);
	if (w->d != NULL) { /* a test that has failed */
		world_where(w, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
		world_close(w);
	}
	unsetenv(FAULTS_VARIABLE);
	if (w->plan != NULL)
		munmap(w->plan, sizeof(struct faults));
	harness_remove(w->dir);
	free(w);
	return 0;
}

void world_add(struct world_list *list, const char *name, CMUnitTestFunction test,
    const struct sweep *sweep)
{
	const size_t n = list->count++;

	assert_in_range(n, 0, WORLD_TESTS - 1);
	list->sweeps[n] = *sweep;
	snprintf(list->names[n], sizeof(list->names[n]), "%s%s%s: %s%s", name,
	    *name != '\0' ? ", " : "", roles[sweep->role], classes[sweep->class].name,
	    sweep->lasting ? ", for good"
	    : sweep->other ? ", otherwise"
	                   : "");
	list->tests[n] = (struct CMUnitTest){
	    list->names[n], test, world_setup, world_teardown, &list->sweeps[n]};
}

static void world_add_role(struct world_list *list, const char *name,
    CMUnitTestFunction test, enum fault_role role)
{
	struct sweep sweep = {.role = role};

	for (unsigned i = 0; i < FAULT_LOG; i++) {
		sweep.class = (enum fault_class)i;
		sweep.other = false;
		world_add(list, name, test, &sweep);
		sweep.other = classes[i].has_other;
		if (sweep.other)
			world_add(list, name, test, &sweep);
	}
}

void world_add_all(
    struct world_list *list, const char *name, CMUnitTestFunction test, unsigned wanted)
{
	for (unsigned role = 0; role < FAULT_ROLES; role++)
		if ((wanted >> role & 1) != 0)
			world_add_role(list, name, test, (enum fault_role)role);
}

int world_run(struct world_list *list, const char *title)
{
	const char *only = getenv("FAULTS_ONLY");

	if (only != NULL)
		cmocka_set_test_filter(only);
	return _cmocka_run_group_tests(title, list->tests, list->count, NULL, NULL);
}

void world_open(struct world *w)
{
	void *state = NULL;

	assert_return_code(daemon_setup(&state), errno);
	w->d = state;
}

void world_close(struct world *w)
{
	void *state = w->d;

	w->d = NULL;
	daemon_teardown(&state);
}

/* ---- the rounds ---- */

static unsigned number_of(const char *variable)
{
	const char *text = getenv(variable);
	unsigned long n = text != NULL ? strtoul(text, NULL, 10) : 1;

	return n >= 1 && n <= 1000000 ? (unsigned)n : 1;
}

static void world_tell(const struct world *w)
{
	char text[512];

	if (getenv("FAULTS_VERBOSE") == NULL)
		return;
	world_where(w, text, sizeof(text));
	fprintf(stderr, "%s\n", text);
}

bool world_next(struct world *w)
{
	if (w->n == 0) {
		w->n = number_of("FAULTS_FROM");
		return true;
	}
	world_tell(w);
	if (!world_fired(w))
		return false;
	w->n += number_of("FAULTS_EVERY");
	return true;
}

void world_arm(struct world *w)
{
	struct faults *plan = w->plan;

	*plan = (struct faults){.role = w->sweep->role,
	    .class = w->sweep->class,
	    .nth = w->n,
	    .lasting = w->sweep->lasting,
	    .other = w->sweep->other};
	atomic_store(&plan->armed, 1);
}

void world_disarm(struct world *w)
{
	atomic_store(&w->plan->armed, 0);
}

bool world_fired(const struct world *w)
{
	return atomic_load(&w->plan->fired) != 0;
}

/* The function and the line of an address, as addr2line says. */
static void where_in_source(uint64_t caller, char *text, size_t cap)
{
	char command[512];
	FILE *out;

	snprintf(command, sizeof(command), "addr2line -f -p -e %s 0x%llx 2>/dev/null",
	    getenv("ARGOND"), (unsigned long long)caller - 1);
	out = popen(command, "re"); /* NOLINT(cert-env33-c): binutils, or nothing */
	if (out == NULL || fgets(text, (int)cap, out) == NULL)
		snprintf(text, cap, "0x%llx", (unsigned long long)caller);
	if (out != NULL)
		pclose(out);
	text[strcspn(text, "\n")] = '\0';
}

void world_where(const struct world *w, char *text, size_t cap)
{
	const struct faults *plan = w->plan;
	char source[256];

	if (!world_fired(w)) {
		snprintf(text, cap, "%s, %s: none failed, %u calls were counted",
		    roles[w->sweep->role], classes[w->sweep->class].name,
		    atomic_load(&plan->seen));
		return;
	}
	where_in_source(atomic_load(&plan->caller), source, sizeof(source));
	snprintf(text, cap, "%s, %s: call %u, %s (%s) of process %d in %s",
	    roles[w->sweep->role], classes[w->sweep->class].name, w->n, plan->call,
	    strerror(atomic_load(&plan->error)), (int)atomic_load(&plan->pid), source);
}

/* ---- the daemon ---- */

void world_launch(struct world *w, bool confined)
{
	daemon_launch(w->d, "frontend.processes=1", "pool.elastic.max_processes=1",
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",
	    "pool.lookup.max_processes=1", "pool.elastic.deadline=2s",
	    "pool.fixed.deadline=2s", "pool.lookup.deadline=2s",
	    "profile.default.memory=64K", "profile.default.time=1", "hello_delay=1ms",
	    "shutdown_timeout=5s", "ready_timeout=5s",
	    confined ? "seccomp=on" : "seccomp=off", confined ? NULL : "chroot=/",
	    NULL);
}

/* What is asked, in one or two pieces, and what is answered where nothing is wrong. */
static const struct {
	const char *first, *second;
	int status;
} requests[] = {
    {"GET / HTTP/1.1\r\nHost: t\r\nX-Request-Id: abc\r\n\r\n", NULL, 200},
    {"GET /hash/x HTTP/1.1\r\nHost: t\r\nX-Request-Id: abc\r\n\r\n", NULL, 200},
    {"GET /hash_rayon/x%20 HTTP/1.1\r\n", "Host: t\r\n\r\n", 200},
    {"GET /user/1 HTTP/1.1\r\nHost: t\r\n\r\n", NULL, 200},
    {"GET /user/2 HTTP/1.1\r\nHost: t\r\n\r\n", NULL, 404},
    {"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n", NULL, 200},
    {"GET /readyz?verbose HTTP/1.1\r\nHost: t\r\n\r\n", NULL, 200},
    {"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\n", "body", 405},
};

static bool may_suffer(int status)
{
	return status == 0 || status >= 500;
}

/* Returns whether it suffered. */
static bool ask_one(
    const struct world *w, struct client *client, size_t i, bool strictly)
{
	struct response r = {0};
	bool suffered;

	client_say(client, requests[i].first);
	if (requests[i].second != NULL) {
		/* the first piece is to be read alone */
		client_receive(client, 1);
		client_say(client, requests[i].second);
	}
	client_read(client, &r, false);
	suffered = r.status != requests[i].status;
	if (suffered && (strictly || !may_suffer(r.status)))
		fail_msg("%d instead of %d for %.20s (%s)", r.status,
		    requests[i].status, requests[i].first,
		    strictly ? "after the fault" : "in the fault");
	if (r.status == 0 || response_has(&r, "Connection", "close") || client->ended ||
	    client->error != 0) {
		client_close(client);
		client_open(client, &w->d->local);
	}
	response_free(&r);
	return suffered;
}

void world_ask(struct world *w, bool strictly)
{
	struct client client;
	unsigned suffered = 0;

	client_open(&client, &w->d->local);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		suffered += ask_one(w, &client, i, strictly);
	client_close(&client);
	if (suffered > 1 && !w->sweep->lasting)
		fail_msg("one call has failed, and %u requests with it", suffered);
}

/* A process that could not go on has said why, in a line of its own before. */
static void check_last_words(const struct world *w)
{
	char pattern[96];
	const int pid = atomic_load(&w->plan->pid);

	snprintf(pattern, sizeof(pattern), "\\(%d\\) (could not set|gave up)", pid);
	if (pid == 0 || !log_tail_has(w->d->log, 0, pattern))
		return;
	snprintf(pattern, sizeof(pattern), "\\[%d\\] error ", pid);
	if (!log_tail_has(w->d->log, 0, pattern))
		fail_msg("process %d has not said why it could not go on", pid);
}

void world_check_words(struct world *w)
{
	check_last_words(w);
	if (log_tail_has(w->d->log, 0, "Success|\\(null\\)"))
		fail_msg("a line of the log says nothing");
	if (log_tail_has(w->d->log, 0, "SIGSEGV|SIGABRT|SIGBUS|SIGTRAP|SIGILL|SIGSYS"))
		fail_msg("a process has crashed");
}

void world_check_log(struct world *w)
{
	world_check_words(w);
	daemon_check_log(w->d);
}

/* What could not be looked at, removed or locked (so that it is ours) is left: that was
 * the fault. */
static void check_clean(const struct world *w)
{
	static const char *const calls[] = {"unlink", "lstat", "fstat", "flock"};
	bool left = access(w->d->pidfile, F_OK) == 0 || access(w->d->socket, F_OK) == 0;

	if (w->sweep->lasting && w->sweep->class == FAULT_MEMORY)
		return; /* its event loop has ended it at once; the next start clears up
		         */
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		left =
		    left && !(world_fired(w) && strcmp(w->plan->call, calls[i]) == 0);
	if (left)
		fail_msg("the pidfile or the socket is left behind");
}

void world_stop(struct world *w)
{
	w->d->files_expected = w->sweep->class == FAULT_FILE;
	daemon_stop(w->d);
	world_check_log(w);
	check_clean(w);
}

void world_expect_refused(struct world *w)
{
	int status = daemon_wait_end(w->d);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
		fail_msg("wait status of the master: 0x%x", (unsigned)status);
	if (!log_tail_has(w->d->log, 0, "error [a-z]+: .|^argond: ."))
		fail_msg("it has not said why");
	world_check_log(w);
	check_clean(w);
}
