/*
 * A daemon that sees little or nothing of /proc: mounted with hidepid=2, as
 * ProtectProc=invisible of the unit does, where the master is an ordinary user and its
 * children are not dumpable; or not mounted at all. Processes that are stopped or hang
 * are found and replaced as always.
 */
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/masters.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"
#include "tests/system/store.h"

static const struct passwd *user;

static void mount_proc(const char *type, const char *options)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/proc", type, 0, options) != 0)
		_exit(125);
}

static void become_user(void)
{
	if (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 ||
	    setuid(user->pw_uid) != 0)
		_exit(125);
}

static void hidden(void)
{
	mount_proc("proc", "hidepid=2,subset=pid"); /* as the unit has it */
	become_user();
}

static void missing(void)
{
	mount_proc("tmpfs", "mode=0755");
	become_user();
}

static void missing_for_root(void)
{
	mount_proc("tmpfs", "mode=0755");
}

static bool mounts_allowed(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		hidden();
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void start(struct daemon *d, void (*view)(void), const char *const *options)
{
	user = confined_folder(d, "nobody");
	if (harness_wrapped() || !mounts_allowed())
		skip();
#ifdef __SANITIZE_ADDRESS__
	if (view != hidden)
		skip(); /* a sanitizer cannot do without /proc */
#endif
	harness_before_exec = view;
	daemon_start_with(d, options);
	harness_before_exec = NULL;
}

static void ask(struct client *client, const struct daemon *d, const char *path)
{
	char text[128];

	client_open(client, &d->tcp);
	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
	assert_true(client_say(client, text));
}

/* Its job is another one's, long before the deadline. */
static void stopped_is_replaced(struct daemon *d, void (*view)(void))
{
	struct response r = {0};
	struct client client;
	struct peek peek;
	char slow[48];

	harness_slow_time(slow, 300);
	start(d, view,
	    (const char *const[]){"profile.default.memory=8M", slow,
	        "frontend.processes=1", "pool.elastic.max_processes=1",
	        "pool.elastic.deadline=1h", NULL});
	assert_true(peek_open(&peek, d));
	ask(&client, d, "/hash/x");
	peek_freeze(
	    &peek, peek.pool_slot[PEEK_ELASTIC], process_find(d, "hasher elastic/0"));
	client_read(&client, &r, false);
	assert_int_equal(r.status, 200);
	daemon_wait_log(d, "hasher elastic/0.*stopped with a job in hand");
	response_free(&r);
	client_close(&client);
	peek_close(&peek);
	daemon_stop(d);
}

/* Its client has left; it computes, and cannot be interrupted. */
static void abandoned_is_ended(struct daemon *d, void (*view)(void))
{
	struct client client;
	struct peek peek;
	char slow[48];
	pid_t pid;

	harness_slow_time(slow, 60000);
	start(d, view,
	    (const char *const[]){"engine=libargon2", "profile.default.memory=8M", slow,
	        "frontend.processes=1", "pool.elastic.max_processes=1",
	        "pool.elastic.deadline=1h", NULL});
	assert_true(peek_open(&peek, d));
	pid = process_find(d, "hasher elastic/0");
	/* it is judged by its CPU time: a busy machine is not to keep that from it */
	assert_return_code(setpriority(PRIO_PROCESS, (id_t)pid, -20), errno);
	ask(&client, d, "/hash/x");
	peek_wait_claim(&peek, peek.pool_slot[PEEK_ELASTIC]);
	client_reset(&client);
	daemon_wait_log(d, "hasher elastic/0.*all who had asked had left");
	process_wait_new(d, "hasher elastic/0", pid);
	peek_close(&peek);
	daemon_stop(d);
}

/* Its client has left, and it hangs: a debugger holds it. */
static void hanging_is_ended(struct daemon *d, void (*view)(void))
{
	struct client client;
	struct peek peek;
	sqlite3 *db;
	pid_t pid;
	int handle;

	start(d, view,
	    (const char *const[]){CONFINED_SMALL, "frontend.processes=1",
	        "pool.lookup.deadline=1h", NULL});
	assert_true(peek_open(&peek, d));
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	db = store_lock(d);
	ask(&client, d, "/user/1");
	(void)peek_wait_claim(&peek, peek.pool_slot[PEEK_LOOKUP]);
	pid = process_find(d, "hasher lookup/0");
	handle = process_handle(pid);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) != 0)
		fail_msg("ptrace: %s", strerror(errno));
	assert_int_equal(waitpid(pid, NULL, __WALL), pid);
	client_close(&client);
	assert_true(process_wait_handle(handle, harness_limit_ms()));
	close(handle);
	assert_int_equal(waitpid(pid, NULL, __WALL), pid);
	store_unlock(db);
	daemon_wait_log(d, "hasher lookup/0.*all who had asked had left");
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	peek_close(&peek);
	daemon_stop(d);
}

static void a_stopped_hasher_under_hidepid_is_replaced(void **state)
{
	stopped_is_replaced(*state, hidden);
}

static void a_stopped_hasher_without_proc_is_replaced(void **state)
{
	stopped_is_replaced(*state, missing);
}

static void an_abandoned_hasher_under_hidepid_is_ended(void **state)
{
	abandoned_is_ended(*state, hidden);
}

static void an_abandoned_hasher_without_proc_is_ended(void **state)
{
	abandoned_is_ended(*state, missing);
}

static void a_lookup_that_hangs_under_hidepid_is_ended(void **state)
{
	hanging_is_ended(*state, hidden);
}

static void a_lookup_that_hangs_without_proc_is_ended(void **state)
{
	hanging_is_ended(*state, missing);
}

/* Said once, in the master's first lines, and not by each process. */
static void a_missing_proc_is_told_once(void **state)
{
	struct daemon *d = *state;

	start(d, missing, (const char *const[]){CONFINED_SMALL, NULL});
	assert_true(daemon_log_has(d, "warning master: /proc is not there"));
	confined_expect_service(d);
	daemon_log_mark(d);
	kill(d->pid, SIGHUP);
	daemon_wait_log(d, "ready, generation 2");
	assert_false(daemon_log_has(d, "warning|error"));
	daemon_stop(d);
}

/* The binary's path is not to be had from /proc/self/exe. */
/* The program is one that its user can reach: the sources may lie where it cannot. */
static void an_upgrade_needs_no_proc(void **state)
{
	struct daemon *d = *state;

	masters_copy(d);
	d->files_expected = true;
	start(d, missing, (const char *const[]){CONFINED_SMALL, NULL});
	kill(d->pid, SIGUSR2);
	masters_wait_changed(d);
	confined_expect_service(d);
	daemon_stop(d);
}

/* -s from within: as ExecReload= of the unit calls it. */
static void signal_from_within(struct daemon *d, void (*view)(void))
{
	char said[512];

	start(d, view, (const char *const[]){CONFINED_SMALL, NULL});
	harness_before_exec = view;
	if (masters_send(d, "reload", said, sizeof(said)) != 0)
		fail_msg("%s", said);
	harness_before_exec = NULL;
	daemon_wait_log(d, "ready, generation 2");
	daemon_stop(d);
}

static void a_master_under_hidepid_is_found_by_its_user(void **state)
{
	signal_from_within(*state, hidden);
}

static void a_master_without_proc_is_found_by_its_user(void **state)
{
	signal_from_within(*state, missing);
}

static void hidepid_is_nothing_to_warn_of(void **state)
{
	struct daemon *d = *state;

	start(d, hidden, (const char *const[]){CONFINED_SMALL, NULL});
	confined_expect_service(d);
	assert_false(daemon_log_has(d, "warning|error"));
	daemon_stop(d);
}

static void root_serves_without_proc(void **state)
{
	struct daemon *d = *state;

	start(d, missing_for_root,
	    (const char *const[]){CONFINED_SMALL, "user=nobody", NULL});
	confined_expect_service(d);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_stopped_hasher_under_hidepid_is_replaced),
	    daemon_test(a_stopped_hasher_without_proc_is_replaced),
	    daemon_test(an_abandoned_hasher_under_hidepid_is_ended),
	    daemon_test(an_abandoned_hasher_without_proc_is_ended),
	    daemon_test(a_lookup_that_hangs_under_hidepid_is_ended),
	    daemon_test(a_lookup_that_hangs_without_proc_is_ended),
	    daemon_test(a_missing_proc_is_told_once),
	    masters_test(an_upgrade_needs_no_proc),
	    daemon_test(a_master_under_hidepid_is_found_by_its_user),
	    daemon_test(a_master_without_proc_is_found_by_its_user),
	    daemon_test(hidepid_is_nothing_to_warn_of),
	    daemon_test(root_serves_without_proc),
	};

	return cmocka_run_group_tests_name("/proc hidden", tests, NULL, NULL);
}
