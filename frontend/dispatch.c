#include "frontend/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "frontend/flight.h"

enum {
	/*
	 * Jobs on a link beyond what the pool's hashers have room for: enough that a
	 * hasher which is done finds the next one there, few enough that waiting
	 * happens in our queue, where a job can still be cancelled, expired or
	 * overtaken.
	 */
	WINDOW_SPARE = 2,
	/*
	 * And never more, however many hashers there are: so many of the longest
	 * replies fit into a link (LINK_BUFFER) while we do not read.
	 */
	WINDOW_MAX = 160,
	WANT_MS = 5,    /* at most one request for more hashers in this time */
	RETRY_MAX = 60, /* seconds, the longest Retry-After */
};

static const double NUDGE_SECONDS = .01;

static unsigned pool_alive(const struct pool *pool)
{
	return atomic_load(
	    &board_head(&pool->dispatch->child->board)->alive[pool->index]);
}

/* Each pool has its share of the flights: none can take all of them. */
static unsigned pool_window(const struct pool *pool)
{
	unsigned share =
	    LIMIT_FLIGHTS / (unsigned)pool->dispatch->child->config->pool_count;
	unsigned window = pool_alive(pool) * pool->config->batch + WINDOW_SPARE;

	if (share > WINDOW_MAX)
		share = WINDOW_MAX;
	return window < share ? window : share;
}

void dispatch_publish(struct pool *pool)
{
	struct board_frontend *board = pool->dispatch->board;

	atomic_store_explicit(
	    &board->waiting[pool->index], pool->waiting, memory_order_relaxed);
	atomic_store_explicit(
	    &board->in_flight[pool->index], pool->in_flight, memory_order_relaxed);
}

static bool pool_wants_more(const struct pool *pool)
{
	unsigned alive = pool_alive(pool);
	unsigned most =
	    atomic_load(&board_head(&pool->dispatch->child->board)->most[pool->index]);

	if (most == 0)
		most = pool->config->max_processes;
	return alive < most && pool->waiting + pool->in_flight > alive;
}

/* More jobs than hashers: the master may add some. */
static void pool_ask_for_more(struct pool *pool)
{
	const struct control_message message = {
	    .kind = CONTROL_WANT, .pool = pool->index};
	uint64_t now = clock_ns();

	if (pool->wanted_ns != 0 && now - pool->wanted_ns < WANT_MS * NS_PER_MS)
		return;
	pool->wanted_ns = now;
	(void)control_send(pool->dispatch->child->control, &message);
}

/* Nobody tells us that hashers have come, or that we may ask for more again: while jobs
 * wait for it, we look. */
static void pool_nudged(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	dispatch_pump(w->data);
}

static void pool_keep_looking(struct pool *pool, bool looking)
{
	if (!looking)
		ev_timer_stop(pool->dispatch->loop, &pool->nudge);
	else if (!ev_is_active(&pool->nudge))
		ev_timer_again(pool->dispatch->loop, &pool->nudge);
}

static void pool_watch(struct pool *pool, int events)
{
	struct ev_loop *loop = pool->dispatch->loop;

	if (ev_is_active(&pool->link_watcher) &&
	    (pool->link_watcher.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(loop, &pool->link_watcher);
	ev_io_set(&pool->link_watcher, pool->link, events);
	ev_io_start(loop, &pool->link_watcher);
}

static void task_free(struct task *task)
{
	struct dispatch *d = task->dispatch;

	ev_timer_stop(d->loop, &task->deadline);
	secret_free(&task->password);
	d->pending--;
	free(task);
}

static void task_unqueue(struct task *task)
{
	TAILQ_REMOVE(&task->pool->queue, task, entry);
	task->pool->waiting--;
}

void dispatch_pump(struct pool *pool)
{
	const struct task_result failed = {.outcome = TASK_FAILED};
	enum link_result result = LINK_OK;
	struct task *task;

	while ((task = TAILQ_FIRST(&pool->queue)) != NULL &&
	       !ev_is_active(&pool->sweep) && pool->in_flight < pool_window(pool)) {
		/* whatever was freed had been taken off the queue before */
		task_unqueue(task); /* NOLINT(clang-analyzer-unix.Malloc) */
		result = flight_send(task);
		if (result == LINK_AGAIN) {
			TAILQ_INSERT_HEAD(&pool->queue, task, entry);
			pool->waiting++;
			break;
		}
		if (result != LINK_OK) {
			log_bug("a job cannot be sent to pool %s: %s",
			    pool->config->name, strerror(errno));
			dispatch_finish(task, &failed);
		}
	}
	pool_watch(pool, result == LINK_AGAIN ? EV_READ | EV_WRITE : EV_READ);
	dispatch_publish(pool);
	if (pool_wants_more(pool))
		pool_ask_for_more(pool);
	pool_keep_looking(pool, pool->waiting > 0 || pool_wants_more(pool));
}

void dispatch_finish(struct task *task, const struct task_result *result)
{
	task_done_fn *done = task->done;
	void *owner = task->owner;

	task_free(task);
	done(owner, result);
}

void dispatch_again(struct task *task)
{
	TAILQ_INSERT_HEAD(&task->pool->queue, task, entry);
	task->pool->waiting++;
}

static void task_leave(struct task *task)
{
	if (task->flight != NULL)
		flight_abandon(task->flight);
	else
		task_unqueue(task);
	dispatch_publish(task->pool);
}

/* Starts the deadline's timer anew, with what is left of the time. */
static void task_wait(struct task *task, uint64_t now)
{
	ev_timer_set(
	    &task->deadline, (double)(task->deadline_ns - now) / NS_PER_SEC, 0.);
	ev_timer_start(task->dispatch->loop, &task->deadline);
}

static void task_expired(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct task *task = w->data;
	uint64_t now = clock_ns();
	const struct task_result result = {
	    .outcome = TASK_EXPIRED, .queue_ns = now - task->submitted_ns};

	(void)loop;
	(void)events;
	if (now < task->deadline_ns) {
		/* libev counts from when its loop had last woken: that was before we
		 * asked */
		task_wait(task, now);
		return;
	}
	task_leave(task);
	dispatch_finish(task, &result);
}

void dispatch_cancel(struct dispatch *d, struct task *task)
{
	(void)d;
	task_leave(task);
	task_free(task);
}

static enum admission dispatch_admit(const struct pool *pool)
{
	const struct board_head *head = board_head(&pool->dispatch->child->board);

	if (pool->waiting >= pool->config->queue_limit)
		return ADMISSION_QUEUE_FULL;
	if (pool_alive(pool) == 0 && atomic_load(&head->throttled[pool->index]) != 0)
		return ADMISSION_NO_HASHER;
	return ADMITTED;
}

static struct task *task_new(struct pool *pool, const struct task_spec *spec)
{
	struct task *task = calloc(1, sizeof(*task));
	uint64_t timeout = pool->config->deadline_ms;

	if (task == NULL)
		return NULL;
	if (spec->timeout_ms != 0 && spec->timeout_ms < timeout)
		timeout = spec->timeout_ms;
	task->dispatch = pool->dispatch;
	task->pool = pool;
	task->kind = spec->kind;
	task->cost = spec->cost;
	task->user = spec->user;
	task->done = spec->done;
	task->owner = spec->owner;
	task->submitted_ns = clock_ns();
	task->deadline_ns = task->submitted_ns + timeout * NS_PER_MS;
	if (spec->password != NULL)
		secret_move(&task->password, spec->password);
	ev_init(&task->deadline, task_expired);
	task->deadline.data = task;
	task_wait(task, task->submitted_ns);
	return task;
}

enum admission dispatch_submit(
    struct dispatch *d, const struct task_spec *spec, struct task **handle)
{
	struct pool *pool = &d->pools[spec->pool];
	enum admission verdict = dispatch_admit(pool);
	struct task *task;

	if (verdict != ADMITTED)
		return verdict;
	task = task_new(pool, spec);
	if (task == NULL)
		return ADMISSION_MEMORY_BUDGET;
	d->pending++;
	TAILQ_INSERT_TAIL(&pool->queue, task, entry);
	pool->waiting++;
	*handle = task;
	/* sent when the loop comes round: a job that cannot be sent is told by `done`,
	 * and that must not be called from here */
	ev_feed_event(d->loop, &pool->link_watcher, EV_CUSTOM);
	return ADMITTED;
}

unsigned dispatch_retry_after(const struct dispatch *d, unsigned index)
{
	const struct pool *pool = &d->pools[index];
	unsigned alive = pool_alive(pool);
	double seconds = pool->work_ns / 1e9 * (pool->waiting + pool->in_flight) /
	                 (alive > 0 ? alive : 1);

	if (seconds >= RETRY_MAX)
		return RETRY_MAX;
	return 1 + (unsigned)seconds;
}

unsigned dispatch_pending(const struct dispatch *d)
{
	return d->pending;
}

struct dispatch *dispatch_open(struct ev_loop *loop, struct child *child)
{
	struct dispatch *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		log_error("dispatch: out of memory");
		return NULL;
	}
	d->loop = loop;
	d->child = child;
	d->board = &child->slot->frontend;
	for (unsigned i = 0; i < child->config->pool_count; i++) {
		struct pool *pool = &d->pools[i];

		*pool = (struct pool){.dispatch = d,
		    .config = &child->config->pools[i],
		    .index = i,
		    .link = child->links[i]};
		TAILQ_INIT(&pool->queue);
		ev_timer_init(&pool->nudge, pool_nudged, 0., NUDGE_SECONDS);
		pool->nudge.data = pool;
	}
	flight_open(d);
	return d;
}

/* The connections, and with them all tasks, are gone by now. */
void dispatch_close(struct dispatch *d)
{
	if (d == NULL)
		return;
	flight_close(d);
	for (unsigned i = 0; i < d->child->config->pool_count; i++)
		ev_timer_stop(d->loop, &d->pools[i].nudge);
	free(d);
}
