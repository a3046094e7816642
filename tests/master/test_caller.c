/* master/caller.c: what a process has inherited that would break a daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "master/caller.h"
#include "master/upgrade_both.h"

/* Runs `what` in a process of its own, which may change what it likes. */
static void alone(void (*what)(void))
{
	pid_t pid = fork();
	int status;

	assert_return_code(pid, errno);
	if (pid == 0) {
		what();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Of the child: its line is seen in the wait status. */
#define REQUIRE(condition)                                                             \
	do {                                                                           \
		if (!(condition)) {                                                    \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition);        \
			_exit(1);                                                      \
		}                                                                      \
	} while (0)

static void ignored(void)
{
	struct sigaction action;

	for (int signo = 1; signo <= SIGRTMAX; signo++)
		(void)signal(signo, SIG_IGN);
	caller_forget();
	for (int signo = 1; signo <= SIGRTMAX; signo++)
		if (sigaction(signo, NULL, &action) == 0)
			REQUIRE((action.sa_handler == SIG_IGN) == (signo == SIGHUP));
	REQUIRE(caller_ignores_hangup());
}

static void not_ignored(void)
{
	caller_forget();
	REQUIRE(!caller_ignores_hangup());
}

static void blocked(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	caller_forget();
	sigprocmask(SIG_SETMASK, NULL, &set);
	for (int signo = 1; signo <= SIGRTMAX; signo++)
		REQUIRE(sigismember(&set, signo) <= 0);
}

/* Expired already, and again and again. */
static void timers(void)
{
	const struct itimerval often = {{0, 1000}, {0, 1000}};
	struct itimerval left;
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	setitimer(ITIMER_PROF, &often, NULL);
	setitimer(ITIMER_VIRTUAL, &often, NULL);
	do
		sigpending(&set);
	while (!sigismember(&set, SIGALRM) || !sigismember(&set, SIGPROF) ||
	       !sigismember(&set, SIGVTALRM));
	caller_forget();
	for (int i = ITIMER_REAL; i <= ITIMER_PROF; i++) {
		REQUIRE(getitimer((__itimer_which_t)i, &left) == 0);
		REQUIRE(left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);
	}
}

/* Sent to the caller, which had them blocked. */
static void pending(void)
{
	const int signals[] = {SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTSTP, SIGTTIN,
	    SIGIO, SIGXCPU, SIGRTMIN, SIGRTMAX};
	struct sigaction action;
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		REQUIRE(kill(getpid(), signals[i]) == 0);
	caller_forget();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		REQUIRE(sigaction(signals[i], NULL, &action) == 0);
		REQUIRE(action.sa_handler == SIG_DFL);
	}
}

static volatile sig_atomic_t told;

static void note(int signo)
{
	told += signo;
}

static void pending_end(void)
{
	const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	sigset_t set;
	int sum = 0;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		REQUIRE(signal(signals[i], note) != SIG_ERR);
		REQUIRE(kill(getpid(), signals[i]) == 0);
		sum += signals[i];
	}
	caller_forget();
	REQUIRE(told == sum);
}

static void a_mask(void)
{
	umask(0777);
	caller_forget();
	REQUIRE(umask(0) == 077);
	umask(0022);
	caller_forget();
	REQUIRE(umask(0) == 022);
}

static void limits(void)
{
	const int which[] = {RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_CPU};
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++) {
		getrlimit((__rlimit_resource_t)which[i], &limit);
		limit.rlim_cur = 10000;
		setrlimit((__rlimit_resource_t)which[i], &limit);
	}
	caller_raise_limits(false);
	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++) {
		getrlimit((__rlimit_resource_t)which[i], &limit);
		REQUIRE(limit.rlim_cur == limit.rlim_max);
	}
}

static void make_files(void)
{
	int fd = open("/dev/null", O_RDWR);

	for (int to = 3; to < 40; to++)
		dup2(fd, to);
}

/* The descriptors 3 to 39 that are open, as bits. */
static uint64_t files(void)
{
	uint64_t bits = 0;

	for (int fd = 3; fd < 40; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			bits |= UINT64_C(1) << fd;
	return bits;
}

static void set_pid(int more)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)getpid() + more);
	setenv("LISTEN_PID", text, 1);
}

static void all_files(void)
{
	make_files();
	caller_close_files();
	REQUIRE(files() == 0);
	REQUIRE(fcntl(STDERR_FILENO, F_GETFD) >= 0);
}

static void listeners(void)
{
	make_files();
	set_pid(0);
	setenv("LISTEN_FDS", "2", 1);
	caller_close_files();
	REQUIRE(files() == 3 << 3);
}

static void of_an_upgrade(void)
{
	make_files();
	set_pid(0);
	setenv("LISTEN_FDS", "1", 1);
	setenv("ARGOND_UPGRADE", "4 5 0", 1);
	caller_close_files();
	REQUIRE(files() == 7 << 3);
	setenv("ARGOND_UPGRADE", "4 -1 0", 1);
	make_files();
	caller_close_files();
	REQUIRE(files() == 3 << 3);
	setenv("ARGOND_UPGRADE", "30 20 0", 1);
	make_files();
	caller_close_files();
	REQUIRE(files() == (1 << 3 | 1 << 20 | 1 << 30));
}

/* The lock is for one process: a master of an older version hands on the variable of
 * its own birth. */
static void of_an_upgrade_with_lock(void)
{
	char text[32];

	setenv("ARGOND_UPGRADE", "3 4 0", 1);
	for (int more = 0; more < 2; more++) {
		snprintf(text, sizeof(text), "9 %d", (int)getpid() + more);
		setenv("ARGOND_UPGRADE_LOCK", text, 1);
		make_files();
		caller_close_files();
		REQUIRE(files() == (more == 0 ? 3 << 3 | 1 << 9 : 3 << 3));
		REQUIRE(upgrade_handed_lock() == (more == 0 ? 9 : -1));
	}
	setenv("ARGOND_UPGRADE_LOCK", "9", 1);
	REQUIRE(upgrade_handed_lock() == -1);
	unsetenv("ARGOND_UPGRADE_LOCK");
	REQUIRE(upgrade_handed_lock() == -1);
}

static void of_others(void)
{
	static const char *const numbers[] = {"-1", "33", "1x", "", "99999999999999"};

	set_pid(1);
	setenv("LISTEN_FDS", "2", 1);
	make_files();
	caller_close_files();
	REQUIRE(files() == 0);
	set_pid(0);
	setenv("ARGOND_UPGRADE", "-5 nonsense", 1);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		setenv("LISTEN_FDS", numbers[i], 1);
		make_files();
		caller_close_files();
		REQUIRE(files() == 0);
	}
}

static void what_was_ignored_is_not(void **state)
{
	(void)state;
	alone(ignored);
	alone(not_ignored);
}

static void what_was_blocked_is_not(void **state)
{
	(void)state;
	alone(blocked);
}

static void pending_signals_of_the_caller_do_not_end_it(void **state)
{
	(void)state;
	alone(pending);
}

static void pending_signals_that_end_a_daemon_are_kept(void **state)
{
	(void)state;
	alone(pending_end);
}

static void no_timer_ends_it(void **state)
{
	(void)state;
	alone(timers);
}

static void it_can_read_what_it_makes(void **state)
{
	(void)state;
	alone(a_mask);
}

static void soft_limits_are_raised(void **state)
{
	(void)state;
	alone(limits);
}

static void what_is_not_for_it_is_closed(void **state)
{
	(void)state;
	alone(all_files);
	alone(of_others);
}

static void what_is_for_it_stays(void **state)
{
	(void)state;
	alone(listeners);
	alone(of_an_upgrade);
	alone(of_an_upgrade_with_lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_ignored_is_not),
	    cmocka_unit_test(what_was_blocked_is_not),
	    cmocka_unit_test(pending_signals_of_the_caller_do_not_end_it),
	    cmocka_unit_test(pending_signals_that_end_a_daemon_are_kept),
	    cmocka_unit_test(no_timer_ends_it),
	    cmocka_unit_test(it_can_read_what_it_makes),
	    cmocka_unit_test(soft_limits_are_raised),
	    cmocka_unit_test(what_is_not_for_it_is_closed),
	    cmocka_unit_test(what_is_for_it_stays),
	};

	signal(SIGHUP, SIG_DFL); /* the tests may run under nohup */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
