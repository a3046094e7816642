#include "master/exits.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/log.h"
#include "common/sandbox.h"
#include "master/counts.h"
#include "master/master.h"

static const struct {
	int code;
	enum exit_cause cause;
	const char *words;
} statuses[] = {
    {CHILD_EXIT_DONE, EXIT_CAUSE_LEFT, "left in order"},
    {CHILD_EXIT_RETIRED, EXIT_CAUSE_RETIRED, "has done its max_jobs"},
    {CHILD_EXIT_FATAL, EXIT_CAUSE_GAVE_UP, "gave up; its last line says why"},
    {CHILD_EXIT_MASTER_GONE, EXIT_CAUSE_GAVE_UP, "saw no master any more"},
    {CHILD_EXIT_SETUP, EXIT_CAUSE_SETUP,
        "could not set itself up; its last line says why"},
    {CHILD_EXIT_STORE, EXIT_CAUSE_GAVE_UP, "could not open its database: see `store`"},
};

static const struct {
	int signo;
	enum exit_cause cause;
} signals[] = {
    {SIGKILL, EXIT_CAUSE_KILLED},
    {SIGXCPU, EXIT_CAUSE_CPU},
    {SIGSYS, EXIT_CAUSE_FILTER},
    {SIGILL, EXIT_CAUSE_INSTRUCTION},
};

/* What to do about it. */
static const char *const advice[EXIT_CAUSE_END] = {
    [EXIT_CAUSE_KILLED] = "by somebody",
    [EXIT_CAUSE_MEMORY] =
        "by the kernel, for want of memory: lower `memory_budget`, the pool's "
        "`max_processes` or `batch`, or a profile's `memory`",
    [EXIT_CAUSE_CPU] = "over its CPU time: see the pool's `rlimit_cpu`",
    [EXIT_CAUSE_INSTRUCTION] =
        "an instruction this CPU lacks: try `engine = libargon2`",
    [EXIT_CAUSE_FILTER] = "by its seccomp filter",
    [EXIT_CAUSE_DEADLINE] =
        "by us, a job was far past its deadline: see the pool's `deadline`",
    [EXIT_CAUSE_CANCELLED] = "by us, all who had asked had left and it could not stop",
    [EXIT_CAUSE_STOPPED] =
        "by us, it was stopped with a job in hand, or while jobs waited",
    [EXIT_CAUSE_ROGUE] = "by us, it broke the rules of its sockets",
    [EXIT_CAUSE_LATE] = "by us, it was not ready or not gone in time",
};

const char *exits_words(int status, char *buf, size_t cap)
{
	if (WIFSIGNALED(status))
		snprintf(buf, cap, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(buf, cap, "exited with status %d", WEXITSTATUS(status));
	return buf;
}

static enum exit_cause explain_signal(const struct process *p, int signo)
{
	struct master *m = p->role->generation->master;

	if (signo == SIGKILL && p->condemned != EXIT_CAUSE_LEFT)
		return p->condemned;
	if (signo == SIGKILL && shortage_took(&m->shortage, &m->groups))
		return EXIT_CAUSE_MEMORY;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (signals[i].signo == signo)
			return signals[i].cause;
	return EXIT_CAUSE_SIGNAL;
}

static void words_add(char *buf, size_t cap, const char *more)
{
	size_t len = strlen(buf);

	if (more != NULL)
		snprintf(buf + len, cap - len, ", %s", more);
}

enum exit_cause exits_explain(
    const struct process *p, int status, char *buf, size_t cap)
{
	const struct board_slot *slot =
	    board_slot(&p->role->generation->board, p->slot);
	enum exit_cause cause;
	char call[64];

	exits_words(status, buf, cap);
	if (WIFSIGNALED(status)) {
		cause = explain_signal(p, WTERMSIG(status));
		words_add(buf, cap, advice[cause]);
		if (cause == EXIT_CAUSE_FILTER && atomic_load(&slot->denied) != 0)
			words_add(buf, cap,
			    sandbox_denied_words(
			        atomic_load(&slot->denied), call, sizeof(call)));
		return cause;
	}
	if (p->unkillable && WEXITSTATUS(status) == CHILD_EXIT_MASTER_GONE) {
		snprintf(buf, cap, "left, its control socket was closed");
		words_add(buf, cap, advice[p->condemned]);
		return p->condemned;
	}
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		if (statuses[i].code == WEXITSTATUS(status)) {
			snprintf(buf, cap, "%s", statuses[i].words);
			return statuses[i].cause;
		}
	return EXIT_CAUSE_GAVE_UP;
}

enum control_cause exits_control(enum exit_cause cause)
{
	switch (cause) {
	case EXIT_CAUSE_LEFT:
	case EXIT_CAUSE_RETIRED:
		return CONTROL_CAUSE_LEFT;
	case EXIT_CAUSE_KILLED:
	case EXIT_CAUSE_CANCELLED:
	case EXIT_CAUSE_STOPPED:
	case EXIT_CAUSE_ROGUE:
	case EXIT_CAUSE_LATE:
		return CONTROL_CAUSE_KILLED;
	default:
		return CONTROL_CAUSE_CRASHED;
	}
}

void exits_record(const struct process *p, enum exit_cause cause, const char *words)
{
	static struct log_limit limit;
	char who[64];

	process_name(p, who, sizeof(who));
	if (cause ==
	    EXIT_CAUSE_RETIRED) /* as often as jobs come, where max_jobs is low */
		log_limited(
		    &limit, LOG_LEVEL_INFO, "%s (%d) %s", who, (int)p->pid, words);
	else if (exits_control(cause) == CONTROL_CAUSE_LEFT)
		log_info("%s (%d) %s", who, (int)p->pid, words);
	else
		log_error("%s (%d) %s", who, (int)p->pid, words);
	counts_exit(p, cause);
}
