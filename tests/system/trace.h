/*
 * Watching the system calls of a process that must never block (ptrace): each is looked
 * at before it is made, and whatever could make the process wait is written down.
 */
#ifndef TESTS_SYSTEM_TRACE_H
#define TESTS_SYSTEM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct trace {
	pid_t tracer; /* a process of its own, which lives as long as the traced one */
	int report;   /* what it has to say */
};

/* Begins to watch. False where that is not permitted. */
bool trace_open(struct trace *trace, pid_t pid);
/* To be called when the traced process has left. Returns how many calls were seen, and
 * into text[cap] one line for each kind of call that could block. */
unsigned long trace_close(struct trace *trace, char *text, size_t cap);

#endif
