/*
 * F21: forks that fail, by a control group's limit of processes: while a hasher dies,
 * at HUP, at USR2, at TTIN. The master survives and tries again later, what was being
 * made is given up, and the old one serves on.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/control_group.h"
#include "tests/system/house.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

/* The plan of these tests needs at most 24 processes beside an old generation. */
enum { PLACES = 100 };

struct shortage {
	struct daemon *d;
	pid_t fillers[PLACES];
	size_t filled;
	char folder[CONTROL_GROUP_PATH];
	char house[HOUSE_TEXT];
};

static void limit(const struct shortage *s, int more)
{
	pid_t pids[PROCESS_MAX];
	char text[16] = "max";

	if (more < PROCESS_MAX) /* than there are: the master, too */
		snprintf(text, sizeof(text), "%d",
		    (int)process_children(s->d->pid, pids, PROCESS_MAX) + 1 + more);
	assert_true(control_group_put(s->folder, "pids.max", text));
}

static void empty(struct shortage *s)
{
	while (s->filled > 0) {
		const pid_t pid = s->fillers[--s->filled];

		assert_return_code(kill(pid, SIGKILL), errno);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

/* Lets so many more be forked, under a limit that has room for the plan: processes of
 * the test take the other places. */
static void fill(struct shortage *s, int more)
{
	pid_t pids[PROCESS_MAX];
	const size_t others =
	    process_children(s->d->pid, pids, PROCESS_MAX) + 1 + (size_t)more;

	empty(s);
	limit(s, PROCESS_MAX);
	while (s->filled + others < PLACES) {
		const pid_t pid = fork();

		assert_return_code(pid, errno);
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		s->fillers[s->filled++] = pid;
		assert_true(control_group_add(s->folder, pid));
	}
	assert_true(control_group_put(s->folder, "pids.max", "100"));
}

/* Two hashers in `elastic`, and a group of their own. */
static bool start(struct shortage *s, struct daemon *d)
{
	s->d = d;
	s->filled = 0;
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "frontend.processes=1", "pool.elastic.min_processes=2",
	    "pool.elastic.max_processes=2", "pool.fixed.min_processes=1",
	    "pool.fixed.max_processes=1", "pool.lookup.max_processes=1", NULL);
	house_settle(d, s->house);
	if (control_group_open("pids", s->folder) && control_group_take(s->folder, d) &&
	    control_group_put(s->folder, "pids.max", "max"))
		return true;
	daemon_stop(d);
	rmdir(s->folder);
	return false;
}

static void finish(struct shortage *s)
{
	assert_int_equal(client_fetch(&s->d->tcp, "/hash/x", NULL, 0), 200);
	daemon_stop(s->d);
	assert_return_code(rmdir(s->folder), errno);
}

static void expect_serving(const struct shortage *s)
{
	assert_int_equal(client_fetch(&s->d->tcp, "/hash/x", NULL, 0), 200);
	assert_int_equal(client_fetch(&s->d->tcp, "/livez", NULL, 0), 200);
	house_expect(s->d, s->house);
}

/* Not the one that reads the config; then some of those that a generation needs. */
static void test_reload(void **state)
{
	struct shortage s;
	char text[2048];

	if (!start(&s, *state))
		skip();
	for (int more = 0; more < 5; more++) {
		fill(&s, more);
		daemon_log_mark(s.d);
		assert_int_equal(masters_send(s.d, "reload", text, sizeof(text)), 1);
		assert_non_null(
		    strstr(text, more == 0 ? "fork: " : "could not be forked"));
		daemon_wait_log(s.d, "reload failed, generation 1 stays: ");
		expect_serving(&s);
	}
	empty(&s);
	if (masters_send(s.d, "reload", text, sizeof(text)) != 0)
		fail_msg("a good reload: %s", text);
	finish(&s);
}

static void test_upgrade(void **state)
{
	struct shortage s;
	char text[2048];

	if (!start(&s, *state))
		skip();
	/* not the successor; not its processes: not the first, not the last */
	for (int more = 0; more < 6; more++) {
		fill(&s, more);
		daemon_log_mark(s.d);
		assert_int_equal(masters_send(s.d, "upgrade", text, sizeof(text)), 1);
		daemon_wait_log(s.d, "upgrade failed, this one stays: ");
		expect_serving(&s);
	}
	empty(&s);
	finish(&s);
}

static void test_one_more(void **state)
{
	struct shortage s;

	if (!start(&s, *state))
		skip();
	limit(&s, 0);
	assert_return_code(kill(s.d->pid, SIGTTIN), errno);
	daemon_wait_log(s.d, "cannot fork a hasher: ");
	daemon_wait_log(s.d, "pool elastic: next try in 2 s");
	expect_serving(&s);
	daemon_wait_log(s.d, "pool elastic: next try in 4 s");
	limit(&s, PROCESS_MAX);
	process_wait_count(s.d, "hasher elastic/", 3);
	finish(&s);
}

static void test_death(void **state)
{
	struct shortage s;
	pid_t hasher;

	if (!start(&s, *state))
		skip();
	limit(&s, -1); /* there may be those that there are, without one */
	hasher = process_find(s.d, "hasher elastic/0");
	process_kill(hasher);
	daemon_wait_log(s.d, "pool elastic: next try in 2 s");
	assert_int_equal(client_fetch(&s.d->tcp, "/hash/x", NULL, 0), 200);
	process_kill(process_find(s.d, "hasher elastic/1"));
	assert_true(process_alive(s.d->pid));
	limit(&s, PROCESS_MAX);
	/* asked while nobody is there: answered as soon as there is, or at once not */
	process_wait_count(s.d, "hasher elastic/", 2);
	expect_serving(&s);
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_reload),
	    daemon_test(test_upgrade),
	    daemon_test(test_one_more),
	    daemon_test(test_death),
	};

#ifdef __SANITIZE_ADDRESS__
	/* the search for leaks needs a process itself, and complains that it has none
	 */
	if (setenv("ASAN_OPTIONS", "detect_leaks=0", 1) != 0)
		return 1;
#endif
	return cmocka_run_group_tests_name("fork_fails", tests, NULL, NULL);
}
