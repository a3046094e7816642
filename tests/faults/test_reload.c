/*
 * F16, at a reload: the new generation takes over, or the old one serves on; afterwards
 * the next reload goes well. One daemon bears all rounds of a sweep, and then holds
 * nothing that it did not hold before.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "tests/faults/world.h"
#include "tests/system/house.h"
#include "tests/system/log_tail.h"

static void hup(struct world *w, const char *outcome)
{
	daemon_log_mark(w->d);
	assert_return_code(kill(w->d->pid, SIGHUP), errno);
	daemon_wait_log(w->d, outcome);
}

static void reload_round(struct world *w)
{
	world_arm(w);
	hup(w, "ready, generation [0-9]+$|reload failed, generation [0-9]+ stays: .");
	world_ask(w, false);
	if (world_fired(w))
		world_ask(w, true);
	world_disarm(w);
	world_check_words(w);
	if (daemon_log_has(w->d, "reload failed"))
		hup(w, "ready, generation [0-9]+$");
}

static void test_reload(void **state)
{
	struct world *w = *state;
	char before[HOUSE_TEXT];

	world_open(w);
	world_launch(w, false);
	daemon_wait_ready(w->d);
	world_ask(w, true);
	house_settle(w->d, before);
	while (world_next(w))
		reload_round(w);
	house_expect(w->d, before);
	world_ask(w, true);
	world_stop(w);
	world_close(w);
}

int main(void)
{
	static struct world_list list;

	world_add_all(&list, "", test_reload,
	    1 << FAULT_IN_MASTER | 1 << FAULT_IN_HELPER | 1 << FAULT_IN_FRONTEND |
	        1 << FAULT_IN_HASHER | 1 << FAULT_IN_LOOKUP);
	world_add(&list, "", test_reload,
	    &(struct sweep){
	        .role = FAULT_IN_MASTER, .class = FAULT_FORK, .lasting = true});
	return world_run(&list, "faults: reload");
}
