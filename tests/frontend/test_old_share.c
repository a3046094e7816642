/* frontend/old_share.c: what cannot be interrupted has its share of a pool's processes
 * and of their time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/frontend/dispatch_world.h"

/* As long as that an old job is said to take; see set_job_ms(). */
enum { OLD_MS = 300 };

/* A client asks for a verification of an old format that takes as long as so many of
 * ask()'s jobs. */
static enum admission ask_old(
    struct world *w, struct client *client, struct asker *asker, unsigned jobs)
{
	struct secret secret = {0};
	struct task_spec spec = {.client = client,
	    .kind = JOB_VERIFY,
	    .pool = POOL,
	    .cost = {.memory_kib = 65, .time = 1, .lanes = 1},
	    .units = jobs * ask_units(w),
	    .old = true,
	    .password = &secret,
	    .hash_len = 3};
	enum admission verdict;

	assert_int_equal(secret_append(&secret, "oldx", 4), 0);
	verdict = ask_spec(w, asker, &spec);
	secret_free(&secret);
	return verdict;
}

static bool is_old(const struct job *job)
{
	return job->kind == JOB_VERIFY;
}

/* Takes all that is on the link, one of which may be an old job: returns how many of
 * the others there are, and whether there was one. */
static unsigned take_all(
    struct world *w, struct job *others, struct job *old, bool *was)
{
	unsigned n = 0;
	struct job job;

	*was = false;
	while (take(w, &job)) {
		if (is_old(&job)) {
			assert_false(*was);
			*was = true;
			*old = job;
		} else {
			others[n++] = job;
		}
	}
	return n;
}

static void end_old(struct world *w, const struct job *job, uint64_t ms)
{
	const struct job_reply reply = {.id = job->id,
	    .flight = job->flight,
	    .status = JOB_INVALID,
	    .work_ns = ms * NS_PER_MS};

	send_reply(w, POOL, &reply);
	turn(w);
}

static unsigned running(const struct world *w)
{
	return atomic_load(&own_slot(w)->old_running[POOL]);
}

static void open_queue(struct world *w, unsigned processes, unsigned percent)
{
	set_alive(w, processes);
	w->pools[POOL].queue_limit = 1000;
	w->pools[POOL].old_formats_share = percent;
}

static void so_many_processes_rounded_up(void **state)
{
	static const struct {
		unsigned processes, percent, most;
	} rows[] = {{1, 20, 1}, {2, 20, 1}, {4, 20, 1}, {4, 50, 2}, {3, 50, 2},
	    {4, 99, 4}, {4, 1, 1}, {4, 75, 3}};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asker askers[6] = {0};
		struct job jobs[6];
		unsigned n = 0, told = 0;

		open_queue(w, rows[i].processes, rows[i].percent);
		for (unsigned a = 0; a < 6; a++)
			assert_int_equal(
			    ask_old(w, w->client, &askers[a], 1), ADMITTED);
		turn(w);
		while (take(w, &jobs[n]))
			n++;
		assert_int_equal(n, rows[i].most);
		assert_int_equal(running(w), rows[i].most);
		/* each that ends lets another one begin */
		while (n > 0) {
			end_old(w, &jobs[--n], 1);
			assert_int_equal(running(w), n + take(w, &jobs[n]));
			n = running(w);
		}
		for (unsigned a = 0; a < 6; a++)
			told += askers[a].told;
		assert_int_equal(told, 6);
	}
}

static void others_are_sent_past_them(void **state)
{
	struct world *w = *state;
	struct asker old[3] = {0}, usual[3] = {0};
	struct job jobs[8], running_one;
	bool was;

	open_queue(w, 2, 20);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask_old(w, w->client, &old[i], 1), ADMITTED);
	turn(w);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask(w, &usual[i], "x"), ADMITTED);
	turn(w);
	assert_int_equal(take_all(w, jobs, &running_one, &was), 3);
	assert_true(was);
	for (unsigned i = 0; i < 3; i++)
		answer(w, &jobs[i], JOB_OK);
	turn(w);
	for (unsigned i = 0; i < 3; i++) {
		assert_told(&usual[i], TASK_OK);
		assert_int_equal(old[i].told, 0);
	}
	end_old(w, &running_one, 1);
	while (take(w, &running_one))
		end_old(w, &running_one, 1);
}

/* Another frontend's count as our own. */
static void the_limit_is_over_all_frontends(void **state)
{
	struct world *w = *state;
	struct board_frontend *other;
	struct asker asker = {0};
	struct job job;

	open_queue(w, 2, 20);
	w->child.frontends = 2;
	w->child.pool_slot[POOL]++; /* the slot is no hasher's now */
	other = &board_slot(&w->child.board, 1)->frontend;
	atomic_store(&other->old_running[POOL], 1);
	atomic_store(&other->in_flight[POOL], 1);
	assert_int_equal(ask_old(w, w->client, &asker, 1), ADMITTED);
	turn(w);
	assert_nothing_to_take(w);
	assert_int_equal(running(w), 0);
	atomic_store(&other->old_running[POOL], 0);
	atomic_store(&other->in_flight[POOL], 0);
	dispatch_pump(&w->dispatch->pools[POOL]);
	assert_true(take(w, &job));
	end_old(w, &job, 1);
	assert_told(&asker, TASK_INVALID);
	w->child.pool_slot[POOL]--;
}

/* Two processes, of whose time a fifth is two fifths of one's: it rests for one and a
 * half times as long as it was at work. */
/* Two other jobs, as many as there are processes, come, are taken and done; returns
 * whether an old one was taken as well. */
static bool others_are_done(struct world *w, struct job *old)
{
	struct asker usual[2] = {0};
	struct job jobs[4];
	bool was;

	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(ask(w, &usual[i], "x"), ADMITTED);
	turn(w);
	assert_int_equal(take_all(w, jobs, old, &was), 2);
	for (unsigned i = 0; i < 2; i++)
		answer(w, &jobs[i], JOB_OK);
	turn(w);
	for (unsigned i = 0; i < 2; i++)
		assert_told(&usual[i], TASK_OK);
	return was;
}

static void while_others_wait_the_next_one_waits_for_its_turn(void **state)
{
	struct world *w = *state;
	struct asker old[2] = {0};
	struct job job, next;

	open_queue(w, 2, 20);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(ask_old(w, w->client, &old[i], 1), ADMITTED);
	turn(w);
	assert_true(take(w, &job));
	assert_false(others_are_done(w, &next));
	pass(OLD_MS);
	assert_false(others_are_done(w, &next));
	end_old(w, &job, OLD_MS);
	assert_told(&old[0], TASK_INVALID);
	for (unsigned ms = 0; ms < OLD_MS * 3 / 2; ms += OLD_MS / 6) {
		assert_false(others_are_done(w, &next));
		pass(OLD_MS / 6);
	}
	assert_true(others_are_done(w, &next));
	end_old(w, &next, 1);
	assert_told(&old[1], TASK_INVALID);
}

static void without_others_they_go_on_at_once(void **state)
{
	struct world *w = *state;
	struct asker old[5] = {0};
	struct job job;

	open_queue(w, 2, 20);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(ask_old(w, w->client, &old[i], 1), ADMITTED);
	turn(w);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(take(w, &job));
		pass(OLD_MS / 10);
		end_old(w, &job, OLD_MS / 10);
		assert_told(&old[i], TASK_INVALID);
	}
}

/* Whoever waits for it: the process is at work until it ends, or dies. */
static void who_left_counts_until_the_work_has_ended(void **state)
{
	struct world *w = *state;
	struct asker left = {0}, next = {0}, last = {0};
	struct job job;

	open_queue(w, 2, 20);
	assert_int_equal(ask_old(w, w->client, &left, 1), ADMITTED);
	turn(w);
	assert_true(take(w, &job));
	dispatch_cancel(w->dispatch, left.task);
	assert_int_equal(ask_old(w, w->client, &next, 1), ADMITTED);
	assert_int_equal(ask_old(w, w->client, &last, 1), ADMITTED);
	turn(w);
	assert_nothing_to_take(w);
	assert_int_equal(running(w), 1);
	gone(w, CONTROL_CAUSE_KILLED, &job, 0);
	assert_true(take(w, &job));
	assert_int_equal(running(w), 1);
	gone(w, CONTROL_CAUSE_KILLED, &job, 0); /* it is tried once more, first */
	assert_true(take(w, &job));
	assert_int_equal(running(w), 1);
	end_old(w, &job, 1);
	assert_told(&next, TASK_INVALID);
	assert_true(take(w, &job));
	end_old(w, &job, 1);
	assert_told(&last, TASK_INVALID);
	assert_int_equal(running(w), 0);
}

/* An old job that takes three times the deadline is no reason to refuse others: there
 * is another process. Where there is none, it is. */
static void others_are_not_refused_for_them(void **state)
{
	struct world *w = *state;
	struct asker old = {0}, more = {0}, usual[3] = {0};
	struct job job;

	open_queue(w, 2, 20);
	w->pools[POOL].deadline_ms = 3600000;
	assert_int_equal(ask_old(w, w->client, &old, 40), ADMITTED);
	turn(w);
	assert_true(take(w, &job));
	assert_true(is_old(&job));
	w->pools[POOL].deadline_ms = DEADLINE_MS;
	set_job_ms(w, 100);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask(w, &usual[i], "x"), ADMITTED);
	assert_int_equal(ask_old(w, w->client, &more, 5), ADMISSION_DEADLINE);
	assert_in_range(more.retry_after, 2, 60);
	set_alive(w, 1);
	atomic_store(&board_head(&w->child.board)->most[POOL], 1);
	assert_int_equal(ask(w, &more, "x"), ADMISSION_DEADLINE);
	for (unsigned i = 0; i < 3; i++)
		dispatch_cancel(w->dispatch, usual[i].task);
	end_old(w, &job, 1);
}

static void what_others_say_is_hearsay(void **state)
{
	static const uint64_t lies[] = {0, 1, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
	struct world *w = *state;
	struct board_frontend *other;
	struct job job;

	open_queue(w, 2, 20);
	w->child.frontends = 2;
	w->child.pool_slot[POOL]++;
	other = &board_slot(&w->child.board, 1)->frontend;
	set_job_ms(w, 1);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct asker usual = {0}, old = {0};

		atomic_store(&other->old_running[POOL], (uint32_t)lies[i]);
		atomic_store(&other->old_waiting[POOL], (uint32_t)lies[i]);
		atomic_store(&other->old_backlog[POOL], lies[i]);
		atomic_store(&other->old_paid_ns[POOL], lies[i]);
		assert_int_equal(ask(w, &usual, "x"), ADMITTED);
		turn(w);
		assert_true(take(w, &job));
		answer(w, &job, JOB_OK);
		turn(w);
		if (ask_old(w, w->client, &old, 1) == ADMITTED) {
			turn(w);
			dispatch_cancel(w->dispatch, old.task);
			while (take(w, &job))
				end_old(w, &job, 1);
		}
	}
	assert_int_equal(running(w), 0);
	w->child.pool_slot[POOL]--;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(so_many_processes_rounded_up),
	    WITH_WORLD(others_are_sent_past_them),
	    WITH_WORLD(the_limit_is_over_all_frontends),
	    WITH_WORLD(while_others_wait_the_next_one_waits_for_its_turn),
	    WITH_WORLD(without_others_they_go_on_at_once),
	    WITH_WORLD(who_left_counts_until_the_work_has_ended),
	    WITH_WORLD(others_are_not_refused_for_them),
	    WITH_WORLD(what_others_say_is_hearsay),
	};

	return cmocka_run_group_tests_name("old share", tests, NULL, NULL);
}
