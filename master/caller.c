#include "master/caller.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/contract.h"
#include "common/log.h"
#include "master/upgrade_both.h"

/* Not every signal is set to its default: a sanitizer has handlers of its own by now.
 */
static void forget_ignored(void)
{
	struct sigaction action;

	for (int signo = 1; signo <= SIGRTMAX; signo++)
		if (signo != SIGHUP && sigaction(signo, NULL, &action) == 0 &&
		    action.sa_handler == SIG_IGN)
			(void)signal(signo, SIG_DFL);
}

/* A signal that is pending because it was blocked would end this process as soon as it
 * is unblocked, although it was sent to the caller. One that asks this process to end
 * stays. */
static void forget_pending(void)
{
	sigset_t pending;

	if (sigpending(&pending) != 0)
		return;
	sigdelset(&pending, SIGHUP);
	sigdelset(&pending, SIGINT);
	sigdelset(&pending, SIGQUIT);
	sigdelset(&pending, SIGTERM);
	for (int signo = 1; signo <= SIGRTMAX; signo++) {
		struct sigaction action;

		if (sigismember(&pending, signo) > 0 &&
		    sigaction(signo, NULL, &action) == 0) {
			(void)signal(signo, SIG_IGN); /* takes what is pending away */
			(void)sigaction(signo, &action, NULL);
		}
	}
}

void caller_forget(void)
{
	static const int timers[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
	const struct itimerval never = {{0, 0}, {0, 0}};
	sigset_t none;

	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		(void)setitimer((__itimer_which_t)timers[i], &never, NULL);
	forget_pending();
	forget_ignored();
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* what it makes is at least for itself to read */
	umask(umask(0) & (S_IRWXG | S_IRWXO));
}

bool caller_ignores_hangup(void)
{
	struct sigaction action;

	return sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* How many of LISTEN_FDS are for this process. */
static int listeners_handed(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *error;
	long long count;

	if (pid == NULL || fds == NULL ||
	    strtonum(pid, 1, INT32_MAX, &error) != getpid())
		return 0;
	count = strtonum(fds, 0, LIMIT_LISTENERS, &error);
	return error == NULL ? (int)count : 0;
}

static int keep_compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void caller_close_files(void)
{
	enum { KEEP = 3 }; /* the channel, the pidfile, its lock */
	const char *upgrade = getenv(UPGRADE_VARIABLE);
	unsigned next = STDERR_FILENO + 1 + (unsigned)listeners_handed();
	int keep[KEEP] = {-1, -1, -1};

	if (upgrade != NULL)
		(void)sscanf(upgrade, "%d %d", &keep[0], &keep[1]);
	if (upgrade != NULL)
		keep[2] = upgrade_handed_lock();
	qsort(keep, KEEP, sizeof(keep[0]), keep_compare);
	for (int i = 0; i < KEEP; i++) {
		if (keep[i] < 0 || (unsigned)keep[i] < next)
			continue;
		if ((unsigned)keep[i] > next)
			(void)close_range(next, (unsigned)keep[i] - 1, 0);
		next = (unsigned)keep[i] + 1;
	}
	(void)close_range(next, UINT_MAX, 0);
}

void caller_raise_limits(bool tell)
{
	static const struct {
		__rlimit_resource_t which;
		const char *name, *follows; /* NULL: nothing to say of a finite one */
	} rows[] = {
	    {RLIMIT_DATA, "RLIMIT_DATA", NULL},
	    {RLIMIT_FSIZE, "RLIMIT_FSIZE",
	        "no log, pidfile or database can grow beyond it"},
	    {RLIMIT_CPU, "RLIMIT_CPU",
	        "the master and each of its processes end after so many seconds of CPU "
	        "time"},
	};
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (getrlimit(rows[i].which, &limit) != 0)
			continue;
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(rows[i].which, &limit) != 0 && tell)
			log_warn("%s: %s", rows[i].name, strerror(errno));
		if (tell && rows[i].follows != NULL && limit.rlim_max != RLIM_INFINITY)
			log_warn("%s is %llu: %s; start argond without it",
			    rows[i].name, (unsigned long long)limit.rlim_max,
			    rows[i].follows);
	}
}
