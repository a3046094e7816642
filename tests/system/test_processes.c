/*
 * What ps and /proc show: titles, fds, and who is replaced when he dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/contract.h"
#include "tests/system/client.h"
#include "tests/system/fds.h"
#include "tests/system/load.h"
#include "tests/system/process.h"

/* Starts with a cheap cost; skips the test where titles cannot be seen. */
static void start(struct daemon *d)
{
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "pool.elastic.min_processes=2", "pool.elastic.max_processes=2",
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",
	    "pool.lookup.max_processes=1", NULL);
	if (process_titles_visible(d))
		return;
	daemon_stop(d);
	skip();
}

struct title {
	pid_t pid;
	const char *pattern;
};

static bool title_matches(void *arg)
{
	const struct title *title = arg;
	char text[PROCESS_TITLE];
	regex_t re;
	int found;

	process_title(title->pid, text);
	assert_int_equal(regcomp(&re, title->pattern, REG_EXTENDED | REG_NOSUB), 0);
	found = regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return found == 0;
}

static void wait_title(const struct daemon *d, const char *what, const char *pattern)
{
	struct title title = {.pattern = pattern};

	title.pid = what != NULL ? process_wait_new(d, what, 0) : d->pid;
	wait_until(title_matches, &title, pattern);
}

static void test_titles(void **state)
{
	struct daemon *d = *state;

	start(d);
	wait_title(d, NULL, "^argond: master \\[gen 1, argond\\.conf\\]$");
	wait_title(d, "frontend 0", "^argond: frontend 0 \\[conns 0, waiting 0\\]$");
	wait_title(d, "frontend 1", "^argond: frontend 1 \\[conns 0, waiting 0\\]$");
	wait_title(d, "hasher elastic/0",
	    "^argond: hasher elastic/0 \\[busy 0/[0-9]+, done 0\\]$");
	wait_title(d, "hasher elastic/1",
	    "^argond: hasher elastic/1 \\[busy 0/[0-9]+, done 0\\]$");
	wait_title(d, "hasher fixed/0",
	    "^argond: hasher fixed/0 \\[busy 0/[0-9]+, done 0\\]$");
	assert_int_equal(process_count(d, "hasher "), 4);
	assert_int_equal(client_fetch(&d->tcp, "/hash_rayon/x", NULL, 0), 200);
	wait_title(d, "hasher fixed/0", "\\[busy 0/[0-9]+, done 1\\]$");
	daemon_stop(d);
}

/* What the titles of both frontends say together. */
struct counts {
	const struct daemon *d;
	unsigned conns, waiting;
};

static bool counts_shown(void *arg)
{
	const struct counts *want = arg;
	unsigned conns = 0, waiting = 0, one, other;
	pid_t pids[PROCESS_MAX];
	char text[PROCESS_TITLE];
	size_t n = process_all(want->d, "frontend ", pids, PROCESS_MAX);

	for (size_t i = 0; i < n; i++) {
		process_title(pids[i], text);
		if (sscanf(text, "argond: frontend %*u [conns %u, waiting %u]", &one,
		        &other) == 2) {
			conns += one;
			waiting += other;
		}
	}
	return conns == want->conns && waiting == want->waiting;
}

static void test_title_counts(void **state)
{
	struct daemon *d = *state;
	struct client clients[5];
	struct counts counts = {.d = d, .conns = 5};
	pid_t pid;

	start(d);
	pid = process_find(d, "hasher fixed/0");
	for (int i = 0; i < 5; i++)
		client_open(&clients[i], &d->tcp);
	wait_until(counts_shown, &counts, "5 connections in the titles");
	process_hold(d, pid);
	for (int i = 0; i < 2; i++)
		client_say(
		    &clients[i], "GET /hash_rayon/x HTTP/1.1\r\nHost: t\r\n\r\n");
	counts.waiting = 2;
	wait_until(counts_shown, &counts, "2 waiting connections in the titles");
	process_release(d, pid);
	counts.waiting = 0;
	wait_until(counts_shown, &counts, "nobody waiting in the titles");
	for (int i = 0; i < 5; i++)
		client_close(&clients[i]);
	daemon_stop(d);
}

/* The lists that the fds of a child are compared with. */
struct house {
	struct fd_list master, child, others[8];
	size_t other_count;
};

static struct house *house_open(const struct daemon *d, pid_t child, const char *others)
{
	struct house *house = calloc(1, sizeof(*house));
	pid_t pids[8];
	bool seen;

	assert_non_null(house);
	house->other_count = process_all(d, others, pids, 8);
	seen = fds_list_peers(d->pid, &house->master) &&
	       fds_list_peers(child, &house->child);
	for (size_t i = 0; i < house->other_count; i++)
		seen = seen && fds_list(pids[i], &house->others[i]);
	if (seen)
		return house;
	free(house);
	return NULL;
}

static bool is_at_others(const struct house *house, unsigned long inode)
{
	for (size_t i = 0; i < house->other_count; i++)
		if (fds_find(&house->others[i], inode) != NULL)
			return true;
	return false;
}

/* How often each kind of fd was found in a child. */
struct tally {
	unsigned links, spare, control, listeners, epoll, signals, logs, unknown;
};

static void tally_one(const struct house *house, const struct fd_entry *e,
    const char *log, struct tally *tally)
{
	if (e->inode != 0 && is_at_others(house, e->peer))
		tally->links++;
	else if (e->inode != 0 && fds_find(&house->master, e->peer) != NULL &&
	         fds_find(&house->master, e->inode) != NULL)
		tally->spare++; /* a link whose other end no process has yet */
	else if (e->inode != 0 && fds_find(&house->master, e->peer) != NULL)
		tally->control++;
	else if (e->inode != 0 && e->peer == 0 &&
	         fds_find(&house->master, e->inode) != NULL)
		tally->listeners++;
	else if (strcmp(e->target, "anon_inode:[eventpoll]") == 0)
		tally->epoll++;
	else if (strcmp(e->target, "anon_inode:[signalfd]") == 0)
		tally->signals++;
	else if (strcmp(e->target, log) == 0)
		tally->logs++;
	else
		tally->unknown++;
}

/* Counts the fds of `what`, whose links lead to processes called `others`. */
static void take_tally(
    struct daemon *d, const char *what, const char *others, struct tally *tally)
{
	const pid_t pid = process_wait_new(d, what, 0);
	struct house *house = house_open(d, pid, others); /* NULL ends in skip() */
	char log[128] = "", path[64];
	ssize_t n;

	*tally = (struct tally){0};
	if (house == NULL) {
		daemon_stop(d);
		skip(); /* not permitted, or the kernel does not tell a socket's peer */
		return;
	}
	/* the pipe whose other end the master has, and no other */
	snprintf(path, sizeof(path), "/proc/%d/fd/2", (int)pid);
	n = readlink(path, log, sizeof(log) - 1);
	log[n > 0 ? n : 0] = '\0';
	assert_int_equal(fds_count(&house->master, log), 1);
	for (size_t i = 0; i < house->child.count; i++)
		tally_one(house, &house->child.entries[i], log, tally);
	if (tally->unknown > 0 || tally->control != 1)
		fds_print(pid, &house->child);
	free(house);
	assert_int_equal(tally->unknown, 0);
}

static void test_fds_of_a_hasher(void **state)
{
	static const char *const hashers[] = {"hasher elastic/0", "hasher fixed/0"};
	struct daemon *d = *state;
	struct tally tally;

	start(d);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	for (int i = 0; i < 2; i++) {
		take_tally(d, hashers[i], "frontend ", &tally);
		assert_int_equal(tally.links, 2); /* one for each frontend */
		assert_int_equal(tally.control, 1);
		assert_in_range(tally.spare, 0, LIMIT_FRONTENDS);
		assert_int_equal(tally.listeners, 0);
		assert_in_range(tally.epoll, 0, 1);
		assert_in_range(tally.signals, 0, 1);
	}
	daemon_stop(d);
}

static void test_fds_of_a_frontend(void **state)
{
	struct daemon *d = *state;
	struct tally tally;

	start(d);
	take_tally(d, "frontend 1", "hasher ", &tally);
	assert_int_equal(tally.links, 3); /* one for each pool */
	assert_int_equal(tally.spare, 0);
	assert_int_equal(tally.control, 1);
	assert_int_equal(tally.listeners, 2);
	assert_int_equal(tally.epoll, 2);
	assert_int_equal(tally.signals, 1);
	daemon_stop(d);
}

/* All fds of a frontend but the log can block nobody. */
/* The fds of a confined process are root's to see. */
static void need_fds(struct daemon *d)
{
	struct fd_list *list = calloc(1, sizeof(*list));
	bool seen;

	assert_non_null(list);
	seen = fds_list(process_find(d, "frontend 0"), list);
	free(list);
	if (seen)
		return;
	daemon_stop(d);
	print_message("only root sees what a process has open\n");
	skip();
}

static void test_fds_do_not_block(void **state)
{
	struct daemon *d = *state;
	struct fd_list *list;

	start(d);
	need_fds(d);
	list = calloc(1, sizeof(*list));
	assert_non_null(list);
	assert_true(fds_list(process_find(d, "frontend 0"), list));
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].inode != 0)
			assert_true((list->entries[i].flags & O_NONBLOCK) != 0);
	free(list);
	daemon_stop(d);
}

static size_t fds_of_all(const struct daemon *d)
{
	struct fd_list *list = calloc(1, sizeof(*list));
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX), total;

	assert_non_null(list);
	total = fds_list(d->pid, list) ? list->count : 0;
	for (size_t i = 0; i < n; i++)
		total += fds_list(pids[i], list) ? list->count : 0;
	free(list);
	return total;
}

struct fd_goal {
	const struct daemon *d;
	size_t fds;
};

static bool fds_are(void *arg)
{
	const struct fd_goal *goal = arg;

	return fds_of_all(goal->d) == goal->fds;
}

/* Has no frontend a connection any more, but 3 links, its control socket and 2
 * listeners? */
static bool all_gone(void *arg)
{
	struct fd_list *list = calloc(1, sizeof(*list));
	const struct daemon *d = arg;
	bool gone = true;
	pid_t pids[8];
	size_t n = process_all(d, "frontend ", pids, 8);

	assert_non_null(list);
	for (size_t i = 0; i < n; i++)
		gone =
		    gone && fds_list(pids[i], list) && fds_count(list, "socket:") == 6;
	free(list);
	return gone;
}

/* After load and deaths there are as many fds as before. */
static void test_fds_return(void **state)
{
	struct daemon *d = *state;
	struct load load = {.to = &d->tcp, .connections = 8, .requests = 100};
	struct fd_goal goal = {.d = d};
	pid_t pid;

	start(d);
	need_fds(d);
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	load_run(&load); /* whatever is opened once is open now */
	wait_until(all_gone, d, "clients that have left");
	pid = process_find(d, "hasher elastic/0");
	goal.fds = fds_of_all(d);
	process_kill(pid);
	process_wait_new(d, "hasher elastic/0", pid);
	load = (struct load){
	    .to = &d->tcp, .connections = 8, .requests = 100, .reconnect = true};
	load_run(&load);
	load_expect_ok(&load, false);
	wait_until(fds_are, &goal, "as many fds as before");
	daemon_stop(d);
}

/* The new frontend serves, over the links it has inherited, when it is the only one. */
static void test_frontend_replaced(void **state)
{
	struct daemon *d = *state;
	pid_t old, other;

	start(d);
	old = process_find(d, "frontend 0");
	other = process_find(d, "frontend 1");
	process_kill(old);
	process_wait_new(d, "frontend 0", old);
	process_stop(other);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	kill(other, SIGCONT);
	daemon_stop(d);
}

static void test_hasher_replaced(void **state)
{
	static const int signals[] = {SIGTERM, SIGKILL};
	struct daemon *d = *state;
	pid_t pid;
	int handle;

	start(d);
	for (int i = 0; i < 2; i++) {
		pid = process_wait_new(d, "hasher fixed/0", 0);
		handle = process_handle(pid);
		assert_return_code(kill(pid, signals[i]), errno);
		assert_true(process_wait_handle(handle, harness_limit_ms()));
		close(handle);
		process_wait_new(d, "hasher fixed/0", pid);
		assert_int_equal(client_fetch(&d->tcp, "/hash_rayon/x", NULL, 0), 200);
	}
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_titles),
	    daemon_test(test_title_counts),
	    daemon_test(test_fds_of_a_hasher),
	    daemon_test(test_fds_of_a_frontend),
	    daemon_test(test_fds_do_not_block),
	    daemon_test(test_fds_return),
	    daemon_test(test_frontend_replaced),
	    daemon_test(test_hasher_replaced),
	};

	return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
