/* master/watch.c: which hashers are killed because they do not get on. */
#include "tests/master/supervise_world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include "common/job.h"

enum { DEADLINE_MS = 10000, FRONTEND_INCARNATION = 7 };

static struct board_frontend *frontend(struct world *w)
{
	return &board_slot(&w->g.board, 0)->frontend;
}

static uint64_t job_number(unsigned n)
{
	return job_id_make(FRONTEND_INCARNATION, n);
}

/* A hasher has just taken the job; the frontend wants it. */
static void claim(struct world *w, unsigned index, unsigned place, unsigned job)
{
	atomic_store(&board_of(w, index)->claim_since[place], test_ns);
	atomic_store(&board_of(w, index)->claim[place], job_number(job));
	atomic_store(&frontend(w)->wanted[job], job_number(job));
}

static void abandon(struct world *w, unsigned job)
{
	atomic_store(&frontend(w)->wanted[job], 0);
}

static void finish(struct world *w, unsigned index, unsigned place)
{
	atomic_store(&board_of(w, index)->claim[place], 0);
}

static bool is_killed(struct world *w, unsigned index)
{
	return killed == hasher(w, index)->pid;
}

/* So much time passes, with a look as often as the master looks. */
static void watch(struct world *w, unsigned ms)
{
	for (unsigned i = 0; i < ms; i += LADDER_WATCH_MS) {
		pass(LADDER_WATCH_MS);
		ev_invoke(w->master.loop, &w->g.watch, EV_TIMER);
	}
}

/* A process that does not run, whenever it is looked at: a dead one. */
static pid_t sleeper(void)
{
	pid_t pid = fork();
	siginfo_t info;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return pid;
}

/* Milliseconds of CPU time. */
static clock_t cpu_used(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &used), 0);
	return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* What a child hands over at its birth. */
static void show(struct process *p)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)p->pid);
	p->sight = open(path, O_RDONLY | O_CLOEXEC);
	assert_return_code(p->sight, errno);
}

static void hide(struct process *p)
{
	close(p->sight);
	p->sight = -1;
}

static int open_watched(void **state)
{
	struct world *w;

	if (open_world(state) != 0)
		return -1;
	w = *state;
	w->pool.deadline_ms = DEADLINE_MS;
	board_slot_reset(board_slot(&w->g.board, 0), FRONTEND_INCARNATION);
	w->hashers->target = MAX;
	supervise_role(w->hashers);
	for (unsigned i = 0; i < MAX; i++) {
		get_ready(w, i);
		hasher(w, i)->pid = sleeper();
		show(hasher(w, i));
	}
	watch_start(&w->g);
	return 0;
}

static int close_watched(void **state)
{
	struct world *w = *state;

	watch_stop(&w->g);
	for (unsigned i = 0; i < MAX; i++) {
		if (hasher(w, i)->sight >= 0)
			close(hasher(w, i)->sight);
		assert_int_equal(
		    waitpid(hasher(w, i)->pid, NULL, 0), hasher(w, i)->pid);
	}
	return close_world(state);
}

static void who_works_at_what_is_wanted_is_left_alone(void **state)
{
	struct world *w = *state;

	claim(w, 0, 0, 1);
	claim(w, 1, 3, 2);
	watch(w, DEADLINE_MS + LADDER_WATCH_MS);
	assert_int_equal(killed, 0);
}

static void who_works_past_the_deadline_is_killed(void **state)
{
	struct world *w = *state;

	claim(w, 0, 0, 1);
	watch(w, DEADLINE_MS + LADDER_KILL_GRACE_MS);
	assert_int_equal(killed, 0);
	watch(w, LADDER_WATCH_MS);
	assert_true(is_killed(w, 0));
}

/* Without /proc, what uses no CPU time for so long is asleep. */
static void an_unseen_hasher_is_judged_by_its_cpu_time(void **state)
{
	struct world *w = *state;

	hide(hasher(w, 0));
	claim(w, 0, 0, 1);
	abandon(w, 1);
	watch(w, 2000);
	assert_int_equal(killed, 0);
	watch(w, 2 * LADDER_WATCH_MS);
	assert_true(is_killed(w, 0));
}

/* A process that runs whenever the kernel lets it. */
static void an_unseen_hasher_that_runs_is_left_alone(void **state)
{
	struct world *w = *state;
	struct process *p = hasher(w, 0);
	const pid_t asleep = p->pid;
	pid_t busy = fork();

	assert_return_code(busy, errno);
	if (busy == 0)
		for (volatile unsigned n = 0;; n++)
			continue;
	hide(p);
	p->pid = busy;
	claim(w, 0, 0, 1);
	abandon(w, 1);
	for (unsigned i = 0; i < 16; i++) {
		const clock_t before = cpu_used(busy);

		while (cpu_used(busy) == before)
			sched_yield();
		watch(w, LADDER_WATCH_MS);
	}
	assert_int_equal(killed, 0);
	kill(busy, SIGKILL);
	assert_int_equal(waitpid(busy, NULL, 0), busy);
	p->pid = asleep;
}

static void who_works_at_what_nobody_wants_is_killed(void **state)
{
	struct world *w = *state;

	claim(w, 1, 0, 1);
	watch(w, LADDER_WATCH_MS);
	abandon(w, 1);
	watch(w, LADDER_CANCEL_MS);
	assert_int_equal(killed, 0);
	watch(w, LADDER_WATCH_MS);
	assert_true(is_killed(w, 1));
}

/* A frontend that is gone wants nothing any more. */
static void whose_frontend_is_gone_is_killed(void **state)
{
	struct world *w = *state;

	claim(w, 0, 0, 1);
	board_slot_reset(board_slot(&w->g.board, 0), FRONTEND_INCARNATION + 1);
	watch(w, LADDER_CANCEL_MS + LADDER_WATCH_MS);
	assert_true(is_killed(w, 0));
}

static void one_wanted_job_keeps_its_hasher_alive(void **state)
{
	struct world *w = *state;

	claim(w, 0, 0, 1);
	claim(w, 0, 1, 2);
	abandon(w, 1);
	watch(w, 4 * LADDER_CANCEL_MS);
	assert_int_equal(killed, 0);
}

/* It stops in time, every time, and takes the next that nobody wants. */
static void who_gets_on_is_left_alone(void **state)
{
	struct world *w = *state;

	for (unsigned job = 1; job < 20; job++) {
		claim(w, 0, 0, job);
		abandon(w, job);
		watch(w, LADDER_CANCEL_MS);
		finish(w, 0, 0);
	}
	assert_int_equal(killed, 0);
}

/* Leaving is no weapon: after a few, only one in a second dies of it. */
static void few_are_killed_because_clients_leave(void **state)
{
	struct world *w = *state;
	unsigned kills = 0;

	for (unsigned round = 0; round < 40; round++) {
		killed = 0;
		claim(w, 0, 0, round);
		abandon(w, round);
		watch(w, LADDER_CANCEL_MS + LADDER_WATCH_MS);
		kills += killed != 0;
		finish(w, 0, 0);
	}
	/* 40 rounds of three quarters of a second, and four at once */
	assert_in_range(kills, 30, 34);
}

/* The hasher's process is stopped from now on; it is a child that does nothing else. */
static pid_t stop_hasher(struct world *w, unsigned index)
{
	const pid_t before = hasher(w, index)->pid;
	siginfo_t info;
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0)
		for (;;)
			raise(SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
	hasher(w, index)->pid = pid;
	return before;
}

static void end_stopped(struct world *w, unsigned index, pid_t before)
{
	const pid_t pid = hasher(w, index)->pid;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	hasher(w, index)->pid = before;
}

static void stopped_idle_hasher_is_killed_while_jobs_wait(void **state)
{
	struct world *w = *state;
	const pid_t before = stop_hasher(w, 0);

	bool early, late;

	watch(w, 4 * LADDER_STOPPED_MS);
	atomic_store(&frontend(w)->in_flight[0], 1);
	watch(w, LADDER_STOPPED_MS);
	early = killed != 0;
	watch(w, LADDER_WATCH_MS);
	late = is_killed(w, 0);
	end_stopped(w, 0, before);
	assert_false(early);
	assert_true(late);
}

/* The time begins anew when the pool has had no jobs, or the master was stopped, too.
 */
static void stopped_idle_hasher_is_judged_by_one_stretch_of_time(void **state)
{
	struct world *w = *state;
	const pid_t before = stop_hasher(w, 0);

	for (unsigned i = 0; i < 8; i++) {
		atomic_store(&frontend(w)->in_flight[0], 1);
		watch(w, LADDER_STOPPED_MS);
		if (i % 2 == 0)
			pass(60000);
		atomic_store(&frontend(w)->in_flight[0], i % 2 == 0);
		watch(w, LADDER_WATCH_MS);
		atomic_store(&frontend(w)->in_flight[0], 0);
		watch(w, LADDER_WATCH_MS);
	}
	end_stopped(w, 0, before);
	assert_int_equal(killed, 0);
}

static void nothing_on_the_board_is_followed(void **state)
{
	struct world *w = *state;

	memset((void *)board_of(w, 0), 0xff, sizeof(struct board_hasher));
	memset((void *)frontend(w), 0xff, sizeof(struct board_frontend));
	watch(w, LADDER_CANCEL_MS + LADDER_WATCH_MS);
	assert_true(killed == 0 || is_killed(w, 0));
}

#define WITH_WATCH(test)                                                               \
	cmocka_unit_test_setup_teardown(test, open_watched, close_watched)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WATCH(who_works_at_what_is_wanted_is_left_alone),
	    WITH_WATCH(who_works_past_the_deadline_is_killed),
	    WITH_WATCH(an_unseen_hasher_is_judged_by_its_cpu_time),
	    WITH_WATCH(an_unseen_hasher_that_runs_is_left_alone),
	    WITH_WATCH(who_works_at_what_nobody_wants_is_killed),
	    WITH_WATCH(whose_frontend_is_gone_is_killed),
	    WITH_WATCH(one_wanted_job_keeps_its_hasher_alive),
	    WITH_WATCH(who_gets_on_is_left_alone),
	    WITH_WATCH(few_are_killed_because_clients_leave),
	    WITH_WATCH(stopped_idle_hasher_is_killed_while_jobs_wait),
	    WITH_WATCH(stopped_idle_hasher_is_judged_by_one_stretch_of_time),
	    WITH_WATCH(nothing_on_the_board_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
