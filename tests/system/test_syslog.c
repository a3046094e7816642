/*
 * Syslog that is not there at the start, goes, and comes again: the daemon starts, all
 * its processes find the way back without a signal, the confined ones by way of the
 * master, and no line is lost for which there was room. The syslog daemon is this test,
 * behind a /dev/log of a mount namespace of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"
#include "tests/system/run.h"

#define SMALL                                                                          \
	"pool.elastic.max_processes=1", "pool.fixed.min_processes=1",                  \
	    "pool.fixed.max_processes=1", "pool.lookup.max_processes=1",               \
	    "access_log=on", "log=syslog"

/* ---- a /dev of our own ---- */

static bool dev_is_ours;

static int dev_node(const char *dir, const char *name)
{
	char path[96], real[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(real, sizeof(real), "/dev/%s", name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	close(fd);
	return mount(real, path, NULL, MS_BIND, NULL);
}

static int dev_replace(void)
{
	static const char *const nodes[] = {
	    "null", "zero", "full", "random", "urandom"};
	char dir[] = "/tmp/argond-test-dev-XXXXXX";
	int rc = -1;

	if (mkdtemp(dir) == NULL)
		return -1;
	if (unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", dir, "tmpfs", 0, "mode=755") == 0) {
		rc = 0;
		for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
			rc |= dev_node(dir, nodes[i]);
		if (rc == 0)
			rc = mount(dir, "/dev", NULL, MS_BIND | MS_REC, NULL);
		umount2(dir, MNT_DETACH);
	}
	rmdir(dir);
	return rc;
}

static int group_setup(void **state)
{
	(void)state;
	dev_is_ours = dev_replace() == 0;
	return 0;
}

/* ---- the syslog daemon ---- */

struct syslogd {
	int fd; /* as long as it is a stream's listening socket */
	struct log_tail *tail;
};

static void syslogd_start(struct syslogd *s, int type)
{
	const struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_return_code(fd, errno);
	assert_int_equal(bind(fd, (const void *)&addr, sizeof(addr)), 0);
	s->fd = type == SOCK_STREAM ? fd : -1;
	s->tail = type == SOCK_STREAM ? NULL : log_tail_open(fd);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 16), 0);
}

static void syslogd_stop(struct syslogd *s)
{
	log_tail_close(s->tail);
	if (s->fd >= 0)
		close(s->fd);
	unlink("/dev/log");
}

static void syslogd_wait(struct syslogd *s, const char *pattern)
{
	if (s->tail == NULL) { /* the first of its streams is looked at */
		struct pollfd ready = {.fd = s->fd, .events = POLLIN};
		int fd;

		assert_int_equal(poll(&ready, 1, harness_limit_ms()), 1);
		fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		assert_return_code(fd, errno);
		s->tail = log_tail_open(fd);
	}
	if (log_tail_wait(s->tail, 0, pattern, harness_limit_ms()) != LOG_TAIL_FOUND) {
		log_tail_dump(s->tail);
		fail_msg("waited in vain for the line: %s", pattern);
	}
}

/* ---- the daemon ---- */

static bool is_ready(void *arg)
{
	struct daemon *d = arg;
	struct client client;

	if (client_try(&client, &d->local) != 0)
		return false;
	client_close(&client);
	return client_fetch(&d->local, "/readyz", NULL, 0) == 200;
}

/* It waits for the next event: what it began is done. */
static bool master_sleeps(void *arg)
{
	const struct daemon *d = arg;

	return process_state(d->pid) == 'S';
}

static void start(struct daemon *d)
{
	if (!dev_is_ours)
		skip();
	daemon_launch(d, SMALL, "frontend.processes=1", NULL);
	wait_until(is_ready, d, "readiness");
}

/* A request whose line in the access log is the frontend's, who is confined. */
static void ask(struct daemon *d, const char *id)
{
	struct client client;
	struct response r = {0};
	char text[128];

	client_open(&client, &d->local);
	snprintf(text, sizeof(text),
	    "GET /livez HTTP/1.1\r\nHost: t\r\nX-Request-Id: %s\r\n\r\n", id);
	client_ask(&client, &r, text);
	assert_int_equal(r.status, 200);
	client_close(&client);
	response_free(&r);
}

static void test_later(void **state)
{
	struct daemon *d = *state;
	struct syslogd s;

	start(d);
	ask(d, "early");
	syslogd_start(&s, SOCK_DGRAM);
	/* all that was said before; nothing new is said by anybody */
	syslogd_wait(&s, "master: listening on .*http.sock");
	syslogd_wait(&s, "master: ready, generation 1");
	syslogd_wait(&s, "frontend 0: .*early");
	daemon_stop(d);
	syslogd_wait(&s, "master: gone");
	syslogd_stop(&s);
}

static void restarts(struct daemon *d, int type)
{
	struct syslogd s;
	char id[32];

	syslogd_start(&s, SOCK_DGRAM);
	start(d);
	ask(d, "first");
	syslogd_wait(&s, "frontend 0: .*first");
	for (unsigned i = 0; i < 3; i++) {
		syslogd_stop(&s);
		snprintf(id, sizeof(id), "meanwhile-%u", i);
		ask(d, id);
		syslogd_start(&s, type);
		/* the frontend's, and without anything new */
		syslogd_wait(&s, id);
		snprintf(id, sizeof(id), "after-%u", i);
		ask(d, id);
		syslogd_wait(&s, id);
		syslogd_stop(&s);
		syslogd_start(&s, type); /* in a moment in which nothing is said */
		snprintf(id, sizeof(id), "next-%u", i);
		ask(d, id);
		syslogd_wait(&s, id);
	}
	daemon_stop(d);
	syslogd_stop(&s);
}

static void test_restarts(void **state)
{
	restarts(*state, SOCK_DGRAM);
}

static void test_restarts_as_stream(void **state)
{
	restarts(*state, SOCK_STREAM);
}

/* A log that is opened anew, a reload and an upgrade go well without it. */
static void test_without(void **state)
{
	struct daemon *d = *state;
	struct syslogd s;
	char said[1024];

	start(d);
	assert_return_code(kill(d->pid, SIGUSR1), errno);
	assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
	assert_int_equal(masters_send(d, "upgrade", said, sizeof(said)), 0);
	masters_wait_changed(d);
	syslogd_start(&s, SOCK_DGRAM);
	syslogd_wait(&s, "upgrade: ");
	ask(d, "then");
	syslogd_wait(&s, "frontend 0: .*then");
	daemon_stop(d);
	syslogd_stop(&s);
}

/* More lines are kept than the queue of syslog takes at once. The master comes back
 * with the others, without a new line and without a child that asks. */
static void test_short_queue(void **state)
{
	struct daemon *d = *state;
	struct syslogd s = {.fd = -1};
	const struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	struct pollfd first = {.events = POLLIN};
	char said[1024];

	if (!dev_is_ours)
		skip();
	daemon_launch(d, "log=syslog", "frontend.processes=1", NULL);
	wait_until(is_ready, d, "readiness");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(masters_send(d, "reload", said, sizeof(said)), 0);
	first.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_return_code(first.fd, errno);
	assert_int_equal(bind(first.fd, (const void *)&addr, sizeof(addr)), 0);
	assert_int_equal(poll(&first, 1, harness_limit_ms()), 1);
	wait_until(master_sleeps, d, "all that the queue takes");
	s.tail = log_tail_open(first.fd);
	syslogd_wait(&s, "master: ready, generation 4");
	daemon_stop(d);
	syslogd_stop(&s);
}

/* Standard output leads nowhere sooner or later: that is said. */
static void test_detached_to_stdout(void **state)
{
	struct daemon *d = *state;
	const char *words[32];
	size_t n = harness_command(words);
	char path[96], *text;
	int status;
	pid_t pid;

	d->files_expected = true;
	harness_path(path, d->dir, "out");
	for (size_t i = 0; i < 5; i++)
		words[n++] = (const char *const[]){
		    "-d", "-c", d->conf, "-o", "log=/dev/stdout"}[i];
	words[n] = NULL;
	pid = fork();
	if (pid == 0) {
		dup2(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), STDOUT_FILENO);
		execvp(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	d->pid = masters_named(d);
	text = harness_read_file(path);
	assert_non_null(text);
	assert_non_null(strstr(text, "info master: argond "));
	assert_non_null(strstr(text, "warning master: log: with -d, standard output"));
	assert_non_null(strstr(text, "info master: ready"));
	free(text);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	assert_int_equal(status, 0);
	d->pid = 0;
}

/* -d, where syslog is what is not said otherwise. */
static void test_detached(void **state)
{
	struct daemon *d = *state;
	struct run *run = malloc(sizeof(*run));
	char text[256];
	int status;

	assert_non_null(run);
	if (!dev_is_ours)
		skip();
	snprintf(text, sizeof(text), "listen = \"unix:%s\"\npidfile = \"%s\"\n",
	    d->socket, d->pidfile);
	harness_write_file(d->conf, text);
	snprintf(text, sizeof(text), "store=sqlite:%s", d->store);
	run_argond(run, "-d", "-c", d->conf, "-o", text, NULL);
	if (run->status != 0)
		fail_msg("it does not start: %s", run->err);
	free(run);
	d->pid = masters_named(d);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	assert_int_equal(status, 0);
	d->pid = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    masters_test(test_later),
	    masters_test(test_restarts),
	    masters_test(test_restarts_as_stream),
	    masters_test(test_without),
	    masters_test(test_short_queue),
	    masters_test(test_detached),
	    masters_test(test_detached_to_stdout),
	};

	return cmocka_run_group_tests_name("syslog", tests, group_setup, NULL);
}
