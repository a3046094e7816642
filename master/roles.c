#include "master/roles.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

const struct role_kind role_kinds[ROLE_COUNT] = {
    [ROLE_FRONTEND] = {"frontend", frontend_run, .listens = true, .oom_score_adj = 200},
    [ROLE_HASHER] = {"hasher", hasher_run, .listens = false, .oom_score_adj = 500},
};

static const struct {
	int code;
	const char *words;
} exits[] = {
    {CHILD_EXIT_DONE, "left in order"},
    {CHILD_EXIT_FATAL, "gave up; its last line says why"},
    {CHILD_EXIT_MASTER_GONE, "saw no master any more"},
    {CHILD_EXIT_SETUP, "could not set itself up; its last line says why"},
    {CHILD_EXIT_STORE, "could not open its database: see the directive `store`"},
    {CHILD_EXIT_RETIRED, "has done its max_jobs"},
};

static const struct {
	int signo;
	const char *advice;
} signal_advice[] = {
    {SIGKILL, "by hand or for want of memory: see the kernel's log and `memory_budget`"},
    {SIGXCPU, "over its CPU time: see the pool's `rlimit_cpu`"},
    {SIGSYS, "by its seccomp filter"},
    {SIGILL, "an instruction this CPU lacks: try `engine = libargon2`"},
    {SIGBUS, "a page of memory could not be had: see the pool's `memory_limit`"},
};

const char *role_exit_words(int status, char *buf, size_t cap)
{
	if (WIFSIGNALED(status)) {
		const char *advice = "";

		for (size_t i = 0; i < sizeof(signal_advice) / sizeof(*signal_advice); i++)
			if (signal_advice[i].signo == WTERMSIG(status))
				advice = signal_advice[i].advice;
		snprintf(buf, cap, "killed by SIG%s%s%s", sigabbrev_np(WTERMSIG(status)),
		    *advice != '\0' ? ", " : "", advice);
		return buf;
	}
	for (size_t i = 0; i < sizeof(exits) / sizeof(*exits); i++)
		if (exits[i].code == WEXITSTATUS(status)) {
			snprintf(buf, cap, "%s", exits[i].words);
			return buf;
		}
	snprintf(buf, cap, "exited with status %d", WEXITSTATUS(status));
	return buf;
}
