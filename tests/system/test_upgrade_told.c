/*
 * A master that is told to leave after it has said GO and before it hears DONE: its
 * successor may be in charge already. The successor is this program (heir()), which
 * says no word before the test lets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/contract.h"
#include "master/upgrade_both.h"
#include "tests/system/client.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

#define SMALL                                                                          \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1", "frontend.processes=1"

/* ---- the successor ---- */

/* By the environment: the arguments are the daemon's. A FIFO, opened for reading: the
 * test has it open for writing, and writes what is to be said. */
#define HEIR_FIFO "ARGOND_TEST_HEIR"

/* Beside what an heir says on the channel: go, without having been told to. */
#define LEAVE 'L'

/* READY, GO; then what the test writes, byte by byte, on the channel; then waits for
 * the signal that tells it to leave, and logs it. */
static int heir(const char *fifo)
{
	const char *text = getenv(UPGRADE_VARIABLE);
	int channel = -1, words, signo = 0;
	char byte = UPGRADE_READY;
	sigset_t leave;

	sigemptyset(&leave);
	sigaddset(&leave, SIGTERM);
	sigaddset(&leave, SIGINT);
	sigprocmask(SIG_BLOCK, &leave, NULL);
	if (text == NULL || sscanf(text, "%d", &channel) != 1 ||
	    send(channel, &byte, 1, 0) != 1 || recv(channel, &byte, 1, 0) != 1 ||
	    byte != UPGRADE_GO)
		return 1;
	words = open(fifo, O_RDONLY | O_CLOEXEC); /* the test hears of it */
	while (words >= 0 && read(words, &byte, 1) == 1)
		if (byte == LEAVE)
			return 0;
		else if (send(channel, &byte, 1, 0) != 1)
			return 1;
	sigwait(&leave, &signo);
	fprintf(stderr, "heir: told %s\n", signo == SIGTERM ? "TERM" : "INT");
	return 0;
}

/* ---- the test ---- */

struct handing {
	struct daemon *d;
	pid_t heir;
	char fifo[96];
	int words; /* its writing end */
};

/* It opens the FIFO then. */
static bool has_heard_go(void *arg)
{
	struct handing *h = arg;

	h->words = open(h->fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return h->words >= 0;
}

/* An old master that has said GO, to a successor that has not answered. */
static struct handing hand_over(struct daemon *d)
{
	struct handing h = {.d = d};

	masters_copy(d);
	d->files_expected = true; /* the binary, the FIFO */
	harness_path(h.fifo, d->dir, "words");
	assert_return_code(mkfifo(h.fifo, 0600), errno);
	assert_return_code(setenv(HEIR_FIFO, h.fifo, 1), errno);
	daemon_start(d, SMALL, NULL);
	if (!process_titles_visible(d)) { /* who is the heir? */
		daemon_stop(d);
		skip();
	}
	masters_install(d, "/proc/self/exe");
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	wait_until(has_heard_go, &h, "GO");
	h.heir = masters_heir(d->pid);
	assert_int_not_equal(h.heir, 0);
	return h;
}

static bool has_gone(void *arg)
{
	const struct handing *h = arg;

	return !process_alive(h->heir);
}

static void say_done(struct handing *h)
{
	assert_int_equal(write(h->words, &(char){UPGRADE_DONE}, 1), 1);
	close(h->words);
}

static void check_left(struct handing *h)
{
	const int status = daemon_wait_end(h->d);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	daemon_check_log(h->d);
}

/* A client that only keeps its connection does not keep the old one. */
static void test_told(struct daemon *d, int signo, const char *heard)
{
	struct handing h = hand_over(d);
	struct client idle;
	struct response response = {0};

	client_open(&idle, &d->tcp);
	client_get(&idle, &response, "/livez");
	response_free(&response);
	assert_return_code(kill(d->pid, signo), errno);
	daemon_wait_log(d, "leaving when process");
	say_done(&h);
	check_left(&h);
	assert_true(daemon_log_has(d, heard));
	client_close(&idle);
}

static void test_quit(void **state)
{
	test_told(*state, SIGTERM, "heir: told TERM");
}

static void test_stop(void **state)
{
	test_told(*state, SIGINT, "heir: told INT");
}

static void test_impatient(void **state)
{
	struct daemon *d = *state;
	struct handing h = hand_over(d);

	assert_return_code(kill(d->pid, SIGTERM), errno);
	daemon_wait_log(d, "leaving when process");
	daemon_log_mark(d);
	assert_return_code(kill(d->pid, SIGTERM), errno);
	daemon_wait_log(d, "leaving when process");
	say_done(&h);
	check_left(&h);
	assert_true(daemon_log_has(d, "heir: told INT"));
}

/* It never says DONE: it is killed in time, and the old one leaves. */
static void test_silent(void **state)
{
	struct daemon *d = *state;
	struct handing h = hand_over(d);

	assert_return_code(kill(d->pid, SIGTERM), errno);
	check_left(&h); /* the log has its end when both have gone */
	close(h.words);
	assert_int_equal(access(d->pidfile, F_OK), -1);
}

/* It dies: the old one leaves as it was told to. */
static void test_dead(void **state)
{
	struct daemon *d = *state;
	struct handing h = hand_over(d);

	assert_return_code(kill(d->pid, SIGTERM), errno);
	daemon_wait_log(d, "leaving when process");
	process_kill(h.heir);
	check_left(&h);
	close(h.words);
	assert_int_equal(access(d->pidfile, F_OK), -1);
}

/* It says DONE and has gone before the old one reads that: he goes on answering whom he
 * has, and kills nobody when the time for DONE is over. */
static void test_done_and_gone(void **state)
{
	static const struct timespec nap = {.tv_nsec = 20000000};
	struct daemon *d = *state;
	struct handing h = hand_over(d);
	struct client client;
	uint64_t told;

	client_open(&client, &d->tcp);
	assert_true(client_send(&client, "GET / HTTP/1.1\r\n", 16));
	assert_return_code(kill(d->pid, SIGTERM), errno);
	told = harness_now_ms();
	daemon_wait_log(d, "leaving when process");
	process_stop(d->pid);
	assert_int_equal(write(h.words, (char[]){UPGRADE_DONE, LEAVE}, 2), 2);
	wait_until(has_gone, &h, "the end of the new one");
	assert_return_code(kill(d->pid, SIGCONT), errno);
	while (harness_now_ms() - told <= LADDER_TAKE_OVER_MS + 200)
		nanosleep(&nap, NULL); /* nothing tells that it is over but the clock */
	assert_true(process_alive(d->pid));
	client_close(&client);
	close(h.words);
	check_left(&h);
}

/* All on one CPU: who is told something acts on it before the one who told him goes on,
 * so that the order in which a master does things shows. */
static void use_one_cpu(void)
{
	cpu_set_t set, one;
	size_t cpu = 0;

	assert_return_code(sched_getaffinity(0, sizeof(set), &set), errno);
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_return_code(sched_setaffinity(0, sizeof(one), &one), errno);
}

static int group_setup(void **state)
{
	(void)state;
	setpgid(0, 0); /* what a master kills by mistake is not all who test */
	use_one_cpu();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    masters_test(test_quit),
	    masters_test(test_stop),
	    masters_test(test_impatient),
	    masters_test(test_silent),
	    masters_test(test_dead),
	    masters_test(test_done_and_gone),
	};
	const char *fifo = getenv(HEIR_FIFO);

	if (fifo != NULL)
		return heir(fifo);
	return cmocka_run_group_tests_name("upgrade told", tests, group_setup, NULL);
}
