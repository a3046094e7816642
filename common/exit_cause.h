/*
 * Why a process has ended: what the master tells apart, logs in words and counts.
 */
#ifndef COMMON_EXIT_CAUSE_H
#define COMMON_EXIT_CAUSE_H

enum exit_cause {
	EXIT_CAUSE_LEFT,        /* drained, as it was told to */
	EXIT_CAUSE_RETIRED,     /* max_jobs */
	EXIT_CAUSE_GAVE_UP,     /* an exit status of its own that means failure */
	EXIT_CAUSE_SETUP,       /* was never READY */
	EXIT_CAUSE_KILLED,      /* somebody's SIGKILL */
	EXIT_CAUSE_MEMORY,      /* the kernel's, for want of memory */
	EXIT_CAUSE_CPU,         /* rlimit_cpu */
	EXIT_CAUSE_INSTRUCTION, /* SIGILL */
	EXIT_CAUSE_FILTER,      /* a system call that its role does not make */
	EXIT_CAUSE_SIGNAL,      /* any other signal */
	EXIT_CAUSE_DEADLINE,    /* we killed it: a job was far past its deadline */
	EXIT_CAUSE_CANCELLED,   /* we killed it: all who had asked had left */
	EXIT_CAUSE_STOPPED,     /* we killed it: stopped, with a job in hand */
	EXIT_CAUSE_ROGUE,       /* we killed it: it broke the rules of its sockets */
	EXIT_CAUSE_LATE,        /* we killed it: not READY, or not gone, in time */
	EXIT_CAUSE_END
};

/* "left", "memory", ...: as counters name it. NULL for what is no cause. */
const char *exit_cause_name(enum exit_cause cause);

#endif
