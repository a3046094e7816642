/*
 * Running the binary to its end: for everything that does not serve.
 */
#ifndef TESTS_SYSTEM_RUN_H
#define TESTS_SYSTEM_RUN_H

#include <stddef.h>

struct run {
	int status; /* exit status; 128 and the signal's number where it was killed */
	char out[32768];    /* what it said on stdout, NUL-terminated */
	char err[4096];     /* and on stderr */
	unsigned err_lines; /* lines of err */
};

/* Runs it with these words after its own name (NULL ends them) and waits for its end.
 */
#define run_argond(run, ...) run_argond_words(run, (const char *const[]){__VA_ARGS__})
void run_argond_words(struct run *run, const char *const *words);

#endif
