/*
 * Children that confine themselves and then try something.
 */
#ifndef TESTS_COMMON_SANDBOX_FIXTURE_H
#define TESTS_COMMON_SANDBOX_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sandbox.h"

struct place {
	struct board board;
	char folder[64], store[96];
	pid_t other; /* a process to be attacked */
};

static inline int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL)
		return -1;
	strcpy(place->folder, "/tmp/argond-sandbox-XXXXXX");
	if (board_open(&place->board, 1) != 0 || mkdtemp(place->folder) == NULL ||
	    chmod(place->folder, 0777) != 0) {
		free(place);
		return -1;
	}
	snprintf(place->store, sizeof(place->store), "%s/store.db", place->folder);
	place->other = getpid();
	*state = place;
	return 0;
}

static inline int teardown(void **state)
{
	struct place *place = *state;

	board_close(&place->board);
	unlink(place->store);
	rmdir(place->folder);
	free(place);
	return 0;
}

/* Runs body(place, arg) in a child; returns its wait status. */
typedef int body_fn(struct place *place, const void *arg);

static inline int in_child(struct place *place, body_fn *body, const void *arg)
{
	int status = -1;
	pid_t pid;

	atomic_store(&board_slot(&place->board, 0)->denied, 0);
	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0)
		_exit(body(place, arg));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline void assert_left(int status, const char *what)
{
	if (WIFSIGNALED(status))
		fail_msg("%s: SIG%s", what, sigabbrev_np(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		fail_msg("%s: step %d", what, WEXITSTATUS(status));
}

/* As a role is: signals blocked, all of the sandbox entered. */
static inline int confine(struct place *place, struct sandbox_spec *spec)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	return sandbox_enter(spec) == 0 &&
	               sandbox_seal(spec, board_slot(&place->board, 0)) == 0
	           ? 0
	           : -1;
}

static inline struct sandbox_spec spec_of(struct place *place, enum sandbox_kind kind)
{
	return (struct sandbox_spec){.kind = kind,
	    .store = kind == SANDBOX_LOOKUP ? place->store : NULL,
	    .filter = true};
}

#endif
