/*
 * F16, from the start to the stop: each round is a life of its own.
 */
#include <signal.h>
#include <string.h>

#include "tests/faults/world.h"
#include "tests/system/client.h"
#include "tests/system/log_tail.h"

enum { RECOVERIES = 8 };

/* A throttled role comes back in two seconds: every so often that is waited for. */
static bool await_ready(struct world *w)
{
	switch (log_tail_wait(
	    w->d->log, 0, "master: ready|next try in", harness_limit_ms())) {
	case LOG_TAIL_ENDED:
		world_expect_refused(w);
		return false;
	case LOG_TAIL_LATE:
		fail_msg("neither ready nor refused");
		return false;
	case LOG_TAIL_FOUND:
		break;
	}
	if (w->sweep->lasting)
		world_disarm(w);
	if (w->sweep->lasting && w->sweep->class == FAULT_FORK) {
		/* throttled, or about to give up because it has no child at all */
		kill(w->d->pid, SIGTERM);
		(void)daemon_wait_end(w->d);
		world_check_log(w);
		return false;
	}
	if (!log_tail_has(w->d->log, 0, "master: ready") && w->n % RECOVERIES != 1) {
		world_stop(w);
		return false;
	}
	daemon_wait_ready(w->d);
	return true;
}

static void life(struct world *w, bool confined)
{
	world_open(w);
	world_arm(w);
	world_launch(w, confined);
	if (await_ready(w)) {
		world_ask(w, false);
		if (world_fired(w))
			world_ask(w, true);
		world_stop(w);
	}
	world_disarm(w);
	world_close(w);
}

static void test_life(void **state)
{
	struct world *w = *state;

	while (world_next(w))
		life(w, false);
}

static void test_confined(void **state)
{
	struct world *w = *state;

	while (world_next(w))
		life(w, true);
}

static bool is_ready(void *arg)
{
	const struct world *w = arg;
	struct client client;
	bool listens = client_try(&client, &w->d->local) == 0;

	client_close(&client);
	return listens && client_fetch(&w->d->local, "/readyz", NULL, 0) == 200;
}

/* A master whose every line is lost does its work all the same. */
static void test_unheard(void **state)
{
	struct world *w = *state;

	world_next(w);
	world_open(w);
	world_arm(w);
	world_launch(w, false);
	wait_until(is_ready, w, "readyz");
	world_ask(w, true);
	assert_true(world_fired(w));
	assert_false(daemon_log_has(w->d, "master:"));
	world_stop(w);
	world_close(w);
}

/* Not memory: libseccomp 2.5 loads as much of a filter as it had memory for, which ends
 * the process at its next call. */
static const struct sweep confined[] = {
    {.role = FAULT_IN_FRONTEND, .class = FAULT_RIGHTS},
    {.role = FAULT_IN_HASHER, .class = FAULT_RIGHTS},
    {.role = FAULT_IN_HASHER, .class = FAULT_FILE},
    {.role = FAULT_IN_LOOKUP, .class = FAULT_RIGHTS},
    {.role = FAULT_IN_LOOKUP, .class = FAULT_FILE},
};

static const struct sweep lasting[] = {
    {.role = FAULT_IN_MASTER, .class = FAULT_MEMORY, .lasting = true},
    {.role = FAULT_IN_MASTER, .class = FAULT_FORK, .lasting = true},
    {.role = FAULT_IN_FRONTEND, .class = FAULT_MEMORY, .lasting = true},
    {.role = FAULT_IN_FRONTEND, .class = FAULT_EVENT, .lasting = true},
    {.role = FAULT_IN_HASHER, .class = FAULT_MEMORY, .lasting = true},
    {.role = FAULT_IN_HASHER, .class = FAULT_SEND, .lasting = true},
};

int main(void)
{
	static struct world_list list;

	world_add_all(&list, "", test_life,
	    1 << FAULT_IN_MASTER | 1 << FAULT_IN_HELPER | 1 << FAULT_IN_FRONTEND |
	        1 << FAULT_IN_HASHER | 1 << FAULT_IN_LOOKUP);
	for (size_t i = 0; i < sizeof(confined) / sizeof(confined[0]); i++)
		world_add(&list, "confined", test_confined, &confined[i]);
	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		world_add(&list, "", test_life, &lasting[i]);
	world_add(&list, "", test_unheard,
	    &(struct sweep){
	        .role = FAULT_IN_MASTER, .class = FAULT_LOG, .lasting = true});
	return world_run(&list, "faults: life");
}
