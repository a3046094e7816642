/*
 * F16, for the commands that do not serve: each goes well, or says in one line why not.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/faults/world.h"
#include "tests/system/run.h"

static void expect_one_line(const struct world *w, const struct run *run)
{
	if (run->status != 0 && run->status != 1)
		fail_msg("exit status %d: %s", run->status, run->err);
	if (run->status == 1 &&
	    (run->err_lines != 1 || strncmp(run->err, "argond: ", 8) != 0))
		fail_msg("not one line that says why: %s", run->err);
	if (run->status == 1 && !world_fired(w))
		fail_msg("failed without a fault: %s", run->err);
	if (strstr(run->err, "Success") != NULL)
		fail_msg("a line that says nothing: %s", run->err);
}

static void command_round(struct world *w, const char *const *words)
{
	struct run *run = malloc(sizeof(*run));

	assert_non_null(run);
	setenv(FAULTS_VARIABLE, w->path, 1);
	world_arm(w);
	run_argond_words(run, words);
	world_disarm(w);
	unsetenv(FAULTS_VARIABLE);
	expect_one_line(w, run);
	free(run);
}

static void test_config(void **state)
{
	struct world *w = *state;
	const char *words[] = {"-T", "-c", NULL, "-o", "hello_delay=2ms", NULL};

	world_open(w);
	words[2] = w->d->conf;
	while (world_next(w)) {
		words[0] = w->n % 2 != 0 ? "-T" : "-t";
		command_round(w, words);
	}
	world_close(w);
}

/* The one who is signalled has no faults, and is there at the end. */
static void test_signal(void **state)
{
	struct world *w = *state;
	const char *words[] = {"-s", "reload", "-c", NULL, NULL};

	unsetenv(FAULTS_VARIABLE);
	world_open(w);
	words[3] = w->d->conf;
	world_launch(w, false);
	daemon_wait_ready(w->d);
	while (world_next(w))
		command_round(w, words);
	world_ask(w, true);
	*w->plan = (struct faults){0};
	world_stop(w);
	world_close(w);
}

int main(void)
{
	static struct world_list list;

	world_add_all(
	    &list, "config", test_config, 1 << FAULT_IN_MASTER | 1 << FAULT_IN_HELPER);
	world_add_all(
	    &list, "signal", test_signal, 1 << FAULT_IN_MASTER | 1 << FAULT_IN_HELPER);
	return world_run(&list, "faults: commands");
}
