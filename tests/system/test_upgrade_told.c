/*
 * A master that is told to leave after it has said GO and before it hears DONE: its
 * successor may be in charge already. The successor is this program (heir()), which
 * says no word before the test lets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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
		if (send(channel, &byte, 1, 0) != 1)
			return 1;
	sigwait(&leave, &signo);
	fprintf(stderr, "heir: told %s\n", signo == SIGTERM ? "TERM" : "INT");
	return 0;
}

/* ---- the test ---- */

struct handing {
	struct daemon *d;
	pid_t heir;
	int words; /* the FIFO's writing end */
};

/* An old master that has said GO, to a successor that has not answered. */
static struct handing hand_over(struct daemon *d)
{
	struct handing h = {.d = d};
	char fifo[96];

	masters_copy(d);
	d->files_expected = true; /* the binary, the FIFO */
	harness_path(fifo, d->dir, "words");
	assert_return_code(mkfifo(fifo, 0600), errno);
	assert_return_code(setenv(HEIR_FIFO, fifo, 1), errno);
	daemon_start(d, SMALL, NULL);
	masters_install(d, "/proc/self/exe");
	assert_return_code(kill(d->pid, SIGUSR2), errno);
	h.words = open(fifo, O_WRONLY | O_CLOEXEC); /* GO was said */
	assert_return_code(h.words, errno);
	h.heir = masters_heir(d->pid);
	assert_int_not_equal(h.heir, 0);
	return h;
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

static void test_told(struct daemon *d, int signo, const char *heard)
{
	struct handing h = hand_over(d);

	assert_return_code(kill(d->pid, signo), errno);
	daemon_wait_log(d, "leaving when process");
	say_done(&h);
	check_left(&h);
	assert_true(daemon_log_has(d, heard));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    masters_test(test_quit),
	    masters_test(test_stop),
	    masters_test(test_impatient),
	    masters_test(test_silent),
	    masters_test(test_dead),
	};
	const char *fifo = getenv(HEIR_FIFO);

	if (fifo != NULL)
		return heir(fifo);
	return cmocka_run_group_tests_name("upgrade told", tests, NULL, NULL);
}
