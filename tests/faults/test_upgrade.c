/*
 * F16, at an upgrade: the new master is in charge, or the old one serves on; afterwards
 * an upgrade goes well.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "tests/faults/world.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

/* Either there is another master, or this one has said that there is none. */
struct outcome {
	struct daemon *d;
	bool changed;
};

static bool is_known(void *arg)
{
	struct outcome *outcome = arg;

	masters_bury(outcome->d);
	outcome->changed = masters_changed(outcome->d);
	return outcome->changed ||
	       daemon_log_has(outcome->d, "upgrade failed, this one stays: .");
}

static bool upgrade(struct world *w)
{
	struct outcome outcome = {.d = w->d};

	daemon_log_mark(w->d);
	assert_return_code(kill(w->d->pid, SIGUSR2), errno);
	wait_until(is_known, &outcome, "an outcome of the upgrade");
	return outcome.changed;
}

static void upgrade_round(struct world *w)
{
	world_open(w);
	world_disarm(w);
	world_launch(w, false);
	daemon_wait_ready(w->d);
	world_arm(w);
	if (!upgrade(w)) {
		world_ask(w, true);
		world_disarm(w);
		if (!upgrade(w))
			fail_msg("the next upgrade fails as well");
	}
	world_disarm(w);
	world_ask(w, true);
	world_stop(w);
	world_close(w);
}

static void test_upgrade(void **state)
{
	struct world *w = *state;

	while (world_next(w))
		upgrade_round(w);
}

int main(void)
{
	static struct world_list list;

	prctl(PR_SET_CHILD_SUBREAPER, 1); /* a master may outlive his predecessor */
	world_add_all(&list, "", test_upgrade,
	    1 << FAULT_IN_MASTER | 1 << FAULT_IN_HELPER | 1 << FAULT_IN_HEIR);
	return world_run(&list, "faults: upgrade");
}
