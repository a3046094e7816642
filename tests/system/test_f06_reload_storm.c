/*
 * F6: reloads asked for all at once, within one another, and one after the other, under
 * load. Nothing is lost, at most three generations are alive at any time, and in the
 * end there is one: the newest.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"

enum { STORM = 1000, GENERATIONS_MAX = 3 };

struct storm {
	struct daemon *d;
	unsigned burst;        /* signals at once */
	unsigned left;         /* bursts to come */
	unsigned seen;         /* of "is being made" in the log */
	unsigned alive_max;    /* generations seen at one time */
	uint64_t pause, until; /* ms between two bursts that nothing else brings */
};

static void hang_up(struct storm *storm)
{
	for (unsigned i = 0; i < storm->burst; i++)
		assert_return_code(kill(storm->d->pid, SIGHUP), errno);
	storm->left--;
	storm->until = harness_now_ms() + storm->pause;
}

static unsigned count_log(const struct storm *storm, const char *words)
{
	return (unsigned)log_tail_count(storm->d->log, 0, words);
}

static void look(struct storm *storm)
{
	unsigned alive = house_generations(storm->d);

	if (alive > storm->alive_max)
		storm->alive_max = alive;
}

/* One burst, then another inside each reload that it has begun; and every `pause`. */
static bool rage(struct load *load, void *arg)
{
	struct storm *storm = arg;
	unsigned made = count_log(storm, " is being made");

	(void)load;
	look(storm);
	if (storm->left > 0 &&
	    (made > storm->seen || harness_now_ms() >= storm->until)) {
		storm->seen = made;
		hang_up(storm);
	}
	return storm->left > 0 ||
	       count_log(storm, "master: ready, generation ") <= made;
}

/* All that was begun has ended, and one generation is left. */
static bool is_calm(void *arg)
{
	struct storm *storm = arg;

	look(storm);
	return house_generations(storm->d) == 1 &&
	       count_log(storm, "master: ready, generation ") ==
	           1 + count_log(storm, " is being made");
}

static void run(struct daemon *d, struct storm storm, const char *title)
{
	struct load load = {
	    LOAD_OF_A_ROW(d), .hello = true, .tick = rage, .arg = &storm, .tick_ms = 2};
	struct aftermath a;
	unsigned bursts = storm.left;
	char newest[64], title_now[PROCESS_TITLE];

	storm.d = d;
	daemon_start(d, AFTERMATH_DAEMON, "hello_delay=20ms", NULL);
	aftermath_begin(&a, d);
	a.replaced = true;
	load_run(&load);
	load_print(&load, title);
	load_expect_ok(&load, false);
	/* behind all that was asked for: when this one is done, so are they */
	assert_int_equal(masters_send(d, "reload", NULL, 0), 0);
	wait_until(is_calm, &storm, "one generation, the newest");
	assert_in_range(storm.alive_max, 1, GENERATIONS_MAX);
	assert_in_range(count_log(&storm, " is being made"), 2, bursts + 2);
	snprintf(newest, sizeof(newest), "argond: master [gen %u,",
	    count_log(&storm, "master: ready, generation "));
	process_title(d->pid, title_now);
	assert_memory_equal(title_now, newest, strlen(newest));
	aftermath_expect(&a);
	daemon_stop(d);
}

static void test_at_once(void **state)
{
	run(*state,
	    (struct storm){
	        .burst = STORM, .left = harness_rounds(4, 40), .pause = 1000000},
	    "F6 at once, and inside");
}

static void test_one_by_one(void **state)
{
	run(*state,
	    (struct storm){.burst = 1,
	        .left = harness_rounds(10, 600),
	        .pause = harness_rounds(50, 1000)},
	    "F6 one by one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_at_once),
	    daemon_test(test_one_by_one),
	};

	return cmocka_run_group_tests_name("F6 reload storm", tests, NULL, NULL);
}
