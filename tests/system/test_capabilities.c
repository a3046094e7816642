/*
 * A daemon that root starts with some of root's powers missing, as in a container with
 * --cap-drop: it serves with what it has, or it says at its start, and with -t, which
 * capability the config needs. Without CAP_KILL its processes are of a user whom it
 * cannot signal, and all that is asked of it must be done all the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/contract.h"
#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/house.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"
#include "tests/system/run.h"

static const struct {
	int number;
	const char *name;
} each[] = {
    {CAP_KILL, "CAP_KILL"},
    {CAP_SETUID, "CAP_SETUID"},
    {CAP_SETGID, "CAP_SETGID"},
    {CAP_SYS_CHROOT, "CAP_SYS_CHROOT"},
    {CAP_CHOWN, "CAP_CHOWN"},
    {CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
    {CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE"},
    {CAP_SYS_NICE, "CAP_SYS_NICE"},
    {CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE"},
    {CAP_SETPCAP, "CAP_SETPCAP"},
    {CAP_IPC_LOCK, "CAP_IPC_LOCK"},
};

enum { EACH = sizeof(each) / sizeof(each[0]), ALL = -1 };

static int dropped;

/* What is not in the bounding set is not in root's hands after execve(). */
static void drop(void)
{
	if (dropped != ALL && prctl(PR_CAPBSET_DROP, dropped) != 0)
		_exit(125);
	for (int cap = 0; dropped == ALL; cap++)
		if (prctl(PR_CAPBSET_DROP, cap) != 0)
			break;
}

static void start(struct daemon *d, int cap, const char *const *options)
{
	dropped = cap;
	harness_before_exec = drop;
	daemon_start_with(d, options);
	harness_before_exec = NULL;
}

/* Neither -t nor a start accepts it, and the capability is named. */
static void expect_refused(const struct daemon *d, int cap, const char *option,
    const char *more, const char *name)
{
	struct run *run = malloc(sizeof(*run));

	assert_non_null(run);
	dropped = cap;
	harness_before_exec = drop;
	for (int test = 0; test < 2; test++) {
		if (test == 1)
			run_argond(
			    run, "-t", "-c", d->conf, "-o", option, "-o", more, NULL);
		else
			run_argond(run, "-c", d->conf, "-o", option, "-o", more, NULL);
		if (run->status != EXIT_FAILED || run->err_lines != 1 ||
		    strstr(run->err, name) == NULL)
			fail_msg(
			    "without %s: status %d, %s", name, run->status, run->err);
	}
	harness_before_exec = NULL;
	free(run);
}

static void need_root(void)
{
	confined_user("nobody");
	if (harness_wrapped())
		skip();
}

/* The folder is the user's, and its database is in it; the pidfile is root's. */
static void expect_served(struct daemon *d, int cap)
{
	static const char run[] = "/run/argond-test-capabilities";
	char pidfile[128];

	assert_true(mkdir(run, 0755) == 0 || errno == EEXIST);
	snprintf(pidfile, sizeof(pidfile), "pidfile=%s/%d.pid", run, (int)getpid());
	start(d, cap,
	    (const char *const[]){
	        CONFINED_SMALL, "user=nobody", "listen=127.0.0.1:0", pidfile, NULL});
	confined_expect_service(d);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "ready, generation 2");
	process_wait_count(d, "frontend ", 2);
	confined_expect_service(d);
	daemon_stop(d);
	rmdir(run);
}

static void with_any_one_missing_it_serves_or_names_it(void **state)
{
	struct daemon *d = *state;

	need_root();
	confined_folder(d, "nobody");
	for (size_t i = 0; i < EACH; i++)
		if (each[i].number == CAP_SETUID || each[i].number == CAP_SETGID)
			expect_refused(d, each[i].number, "user=nobody", "log=stderr",
			    each[i].name);
		else
			expect_served(d, each[i].number);
}

static void a_chroot_that_cannot_be_is_refused(void **state)
{
	struct daemon *d = *state;
	char option[128];

	need_root();
	snprintf(option, sizeof(option), "chroot=%s", d->dir);
	expect_refused(d, CAP_SYS_CHROOT, option, "log=stderr", "CAP_SYS_CHROOT");
	expect_refused(d, ALL, option, "log=stderr", "CAP_SYS_CHROOT");
}

static void users_of_roles_are_refused_as_well(void **state)
{
	struct daemon *d = *state;

	need_root();
	expect_refused(
	    d, CAP_SETUID, "frontend.user=nobody", "log=stderr", "CAP_SETUID");
	expect_refused(
	    d, CAP_SETGID, "pool.elastic.user=nobody", "log=stderr", "CAP_SETGID");
	expect_refused(d, ALL, "user=nobody", "log=stderr", "CAP_SET");
}

/* Where the config asks for nothing that needs one. */
static void without_any_it_serves_as_it_is(void **state)
{
	struct daemon *d = *state;

	need_root();
	start(d, ALL, (const char *const[]){CONFINED_SMALL, NULL});
	confined_expect_service(d);
	assert_true(
	    daemon_log_has(d, "root does not have here: .*CAP_KILL.*CAP_IPC_LOCK"));
	assert_false(daemon_log_has(d, "next try"));
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "ready, generation 2");
	confined_expect_service(d);
	daemon_stop(d);
}

static void expect_start_fails(
    struct daemon *d, int cap, const char *option, const char *words)
{
	dropped = cap;
	harness_before_exec = drop;
	daemon_launch(d, option, NULL);
	harness_before_exec = NULL;
	assert_int_equal(WEXITSTATUS(daemon_wait_end(d)), EXIT_FAILED);
	if (!daemon_log_has(d, words))
		fail_msg("%s: nothing of %s in the log", option, words);
	daemon_check_log(d);
}

/* A free port that only root may bind. */
static unsigned low_port(void)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char *start =
	    harness_read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
	unsigned port = start != NULL ? (unsigned)strtoul(start, NULL, 10) : 1024;
	int rc = -1;

	free(start);
	while (rc != 0 && --port > 0) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		in.sin_port = htons((uint16_t)port);
		rc = bind(fd, (const struct sockaddr *)&in, sizeof(in));
		close(fd);
	}
	return port;
}

static void what_fails_for_want_of_one_names_it(void **state)
{
	struct daemon *d = *state;
	unsigned port;
	char option[160];

	need_root();
	port = low_port();
	if (port > 0) {
		snprintf(option, sizeof(option), "listen=127.0.0.1:%u", port);
		expect_start_fails(
		    d, CAP_NET_BIND_SERVICE, option, "CAP_NET_BIND_SERVICE");
	}
	snprintf(option, sizeof(option), "listen=unix:%s?group=nogroup", d->socket);
	expect_start_fails(d, CAP_CHOWN, option, "CAP_CHOWN");
	confined_folder(d, "nobody");
	snprintf(option, sizeof(option), "pidfile=%s/other.pid", d->dir);
	expect_start_fails(d, CAP_DAC_OVERRIDE, option, "CAP_DAC_OVERRIDE");
	snprintf(option, sizeof(option), "log=%s/log", d->dir);
	expect_start_fails(d, CAP_DAC_OVERRIDE, option, "CAP_DAC_OVERRIDE");
	d->files_expected = true;
}

/* Some kernels attach a socket filter for CAP_NET_ADMIN only. */
static void a_drain_that_lacks_one_names_it(void **state)
{
	struct daemon *d = *state;
	const char *const options[] = {NULL};

	start(d, ALL, options);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	daemon_wait_log(d, "master: gone$");
	assert_false(
	    daemon_log_has(d, "cannot be refused yet: Operation not permitted$"));
	daemon_stop(d);
}

/* ---- without CAP_KILL */

static void start_unable_to_kill(struct daemon *d)
{
	need_root();
	confined_folder(d, "nobody");
	start(d, CAP_KILL,
	    (const char *const[]){CONFINED_SMALL, "user=nobody",
	        "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",
	        "shutdown_timeout=1s", NULL});
}

static void every_signal_ends_what_cannot_be_signalled(void **state)
{
	static const int signals[] = {SIGTERM, SIGQUIT, SIGINT};
	struct daemon *d = *state;
	pid_t pids[PROCESS_MAX];
	size_t n;

	for (size_t s = 0; s < sizeof(signals) / sizeof(signals[0]); s++) {
		start_unable_to_kill(d);
		n = process_children(d->pid, pids, PROCESS_MAX);
		assert_return_code(kill(d->pid, signals[s]), errno);
		assert_int_equal(daemon_wait_end(d), 0);
		for (size_t i = 0; i < n; i++)
			assert_false(process_alive(pids[i]));
		daemon_check_log(d);
	}
}

static void a_reload_ends_the_old_processes(void **state)
{
	struct daemon *d = *state;
	char before[HOUSE_TEXT];
	pid_t old;

	start_unable_to_kill(d);
	house_settle(d, before);
	for (int i = 0; i < 3; i++) {
		old = process_wait_new(d, "frontend 0", 0);
		daemon_log_mark(d);
		assert_return_code(kill(d->pid, SIGHUP), errno);
		daemon_wait_log(d, "ready, generation");
		process_wait_new(d, "frontend 0", old);
		house_expect(d, before);
		assert_false(process_alive(old));
	}
	daemon_stop(d);
}

/* A connection that never ends is closed after shutdown_timeout. */
static void what_is_late_is_closed_out(void **state)
{
	struct daemon *d = *state;
	struct client client;

	start_unable_to_kill(d);
	client_open(&client, &d->tcp);
	client_say(&client, "GET /livez HTTP/1.1\r\n");
	daemon_stop(d);
	client_close(&client);
}

/* One that is stopped cannot be ended: that is said, and the exit status is a failure.
 * When the master has gone, the kernel lets it go on, and it leaves. */
static void what_is_stopped_at_the_end_is_told_of(void **state)
{
	struct daemon *d = *state;
	pid_t pid;
	int handle, status;

	start_unable_to_kill(d);
	assert_true(daemon_log_has(d, "warning master: no CAP_KILL"));
	pid = process_find(d, "hasher elastic/0");
	handle = process_handle(pid);
	process_stop(pid);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	daemon_wait_log(
	    d, "hasher elastic/0 \\([0-9]+\\) cannot be killed: .*CAP_KILL");
	daemon_wait_log(d, "hasher elastic/0 \\([0-9]+\\) is left behind");
	status = daemon_wait_end(d);
	assert_int_equal(WEXITSTATUS(status), EXIT_FAILED);
	assert_true(process_wait_handle(handle, harness_limit_ms()));
	close(handle);
	daemon_check_log(d);
}

static void a_hasher_that_is_stopped_at_work_is_replaced(void **state)
{
	struct daemon *d = *state;
	struct client client;
	struct peek peek;
	pid_t pid;
	char slow[48];

	need_root();
	confined_folder(d, "nobody");
	harness_slow_time(slow, 300);
	start(d, CAP_KILL,
	    (const char *const[]){"profile.default.memory=8M", slow, "user=nobody",
	        "frontend.processes=1", "pool.elastic.max_processes=1", NULL});
	assert_true(peek_open(&peek, d));
	pid = process_find(d, "hasher elastic/0");
	client_open(&client, &d->tcp);
	client_say(&client, "GET /hash/x HTTP/1.1\r\nHost: t\r\n\r\n");
	peek_freeze(&peek, peek.pool_slot[PEEK_ELASTIC], pid);
	daemon_wait_log(
	    d, "hasher elastic/0 \\([0-9]+\\) cannot be killed: .*CAP_KILL");
	assert_int_equal(client_fetch(&d->tcp, "/hash/y", NULL, 0), 200);
	assert_return_code(kill(pid, SIGCONT), errno);
	daemon_wait_log(d, "hasher elastic/0.*its control socket was closed");
	assert_false(process_alive(pid));
	client_close(&client);
	peek_close(&peek);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(with_any_one_missing_it_serves_or_names_it),
	    daemon_test(a_chroot_that_cannot_be_is_refused),
	    daemon_test(users_of_roles_are_refused_as_well),
	    daemon_test(without_any_it_serves_as_it_is),
	    daemon_test(what_fails_for_want_of_one_names_it),
	    daemon_test(a_drain_that_lacks_one_names_it),
	    daemon_test(every_signal_ends_what_cannot_be_signalled),
	    daemon_test(a_reload_ends_the_old_processes),
	    daemon_test(what_is_late_is_closed_out),
	    daemon_test(what_is_stopped_at_the_end_is_told_of),
	    daemon_test(a_hasher_that_is_stopped_at_work_is_replaced),
	};

	return cmocka_run_group_tests_name("capabilities", tests, NULL, NULL);
}
