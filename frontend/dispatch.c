#include "frontend/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/units.h"
#include "frontend/flight.h"
#include "frontend/window.h"

enum {
	WANT_MS = 5, /* at most one request for more hashers in this time */
	/* hundredths of the pool's deadline: were the last one to wait longer,
	 * something has gone wrong since these were admitted, and the newest have the
	 * best hope */
	WAIT_FULL = 70,
};

static const double NUDGE_SECONDS = .01;

void dispatch_publish(struct pool *pool)
{
	struct board_frontend *board = pool->dispatch->board;

	atomic_store_explicit(
	    &board->waiting[pool->index], pool->queue.count, memory_order_relaxed);
	atomic_store_explicit(
	    &board->in_flight[pool->index], pool->in_flight, memory_order_relaxed);
	atomic_store_explicit(&board->backlog[pool->index],
	    pool->queue.units + pool->flight_units, memory_order_relaxed);
	old_share_publish(pool);
}

static bool pool_wants_more(const struct pool *pool)
{
	unsigned alive = window_alive(pool);
	unsigned most =
	    atomic_load(&board_head(&pool->dispatch->child->board)->most[pool->index]);

	if (most == 0)
		most = pool->config->max_processes;
	return alive < most && pool->queue.count + pool->in_flight > alive;
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

/* Nobody tells us that hashers have come, that we may ask for more again, or that the
 * kernel has memory again: while something waits for it, we look. */
static void pool_nudged(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct pool *pool = w->data;

	(void)loop;
	(void)events;
	pool->rests = false;
	dispatch_pump(pool);
}

static void pool_keep_looking(struct pool *pool, bool looking)
{
	if (!looking)
		ev_timer_stop(pool->dispatch->loop, &pool->nudge);
	else if (!ev_is_active(&pool->nudge))
		ev_timer_again(pool->dispatch->loop, &pool->nudge);
}

/* Replies only: where a job could not be sent, the next reply or the nudge goes on. The
 * link may be ready for it, without memory in the kernel. */
static void pool_watch(struct pool *pool)
{
	if (pool->rests)
		ev_io_stop(pool->dispatch->loop, &pool->link_watcher);
	else
		ev_io_start(pool->dispatch->loop, &pool->link_watcher);
}

static void task_free(struct task *task)
{
	struct dispatch *d = task->dispatch;

	ev_timer_stop(d->loop, &task->deadline);
	admission_refund(d, &task->charge);
	secret_free(&task->password);
	d->pending--;
	free(task);
}

/* Who had to make room is told when the loop comes round: not while another asks. */
static void pool_finish_shed(struct pool *pool)
{
	const struct task_result shed = {.outcome = TASK_SHED};
	struct task *task;

	while ((task = TAILQ_FIRST(&pool->shed)) != NULL) {
		TAILQ_REMOVE(&pool->shed, task, entry);
		dispatch_finish(task, &shed);
	}
}

/* Newest first when full (adaptive LIFO): some are done in time, instead of all being
 * late together. */
static bool pool_is_full(struct pool *pool)
{
	uint64_t wait = forecast_wait_ns(pool, old_share_usual_units(pool));

	return pool->queue.count >= pool->config->queue_limit ||
	       wait > pool->config->deadline_ms * NS_PER_MS / 100 * WAIT_FULL;
}

/* Can it no longer be done in time? Beside a full batch it takes longer. Where nothing
 * is under way it may try its luck: the forecast may come from bad times, and only a
 * job that is done makes it better. */
static bool task_is_late(const struct task *task)
{
	const struct pool *pool = task->pool;
	uint64_t now = clock_ns(), work;

	if (pool->in_flight == 0)
		return false;
	if (pool->in_flight >= forecast_hashers(pool) * pool->config->batch &&
	    task->class != FAIR_OLD) /* which is alone in its process */
		work = forecast_work_ns(pool, task->units);
	else
		work = forecast_work_least_ns(pool, task->units);
	return now + work > task->deadline_ns;
}

/* The next one of those that may begin now, taken off the queue; one of an old format
 * is counted as such. */
static struct task *pool_take(struct pool *pool)
{
	const bool old = old_share_take(pool);
	struct task *task = fair_take(&pool->queue, pool_is_full(pool), clock_ns(),
	    old ? FAIR_ALL : FAIR_NOT_OLD);

	if (old && (task == NULL || task->class != FAIR_OLD))
		old_share_end(pool, 0);
	return task;
}

/* It was taken, and is not sent. */
static void task_is_not_sent(const struct task *task)
{
	if (task->class == FAIR_OLD)
		old_share_end(task->pool, 0);
}

/* The next one to be sent, taken off the queue; those for whom it is too late are told
 * so. */
static struct task *pool_next(struct pool *pool, unsigned window)
{
	const struct task_result late = {.outcome = TASK_LATE};
	struct task *task;

	pool->queue.room = window_shared(pool, window);
	while ((task = pool_take(pool)) != NULL) {
		if (!task_is_late(task))
			return task;
		task_is_not_sent(task);
		fair_give_back(&pool->queue, task);
		dispatch_finish(task, &late);
	}
	return NULL;
}

void dispatch_pump(struct pool *pool)
{
	const struct task_result failed = {.outcome = TASK_FAILED};
	const unsigned window = window_of(pool);
	enum link_result result = LINK_OK;
	struct task *task;

	pool_finish_shed(pool);
	while (!ev_is_active(&pool->sweep) && pool->in_flight < window &&
	       (task = pool_next(pool, window)) != NULL) {
		result = flight_send(task);
		if (result != LINK_OK)
			task_is_not_sent(task);
		if (result == LINK_AGAIN || result == LINK_SHORT) {
			fair_add_again(&pool->queue, task);
			break;
		}
		if (result != LINK_OK) {
			log_bug("a job cannot be sent to pool %s: %s",
			    pool->config->name, strerror(errno));
			dispatch_finish(task, &failed);
		}
	}
	forecast_queue_changed(pool);
	pool_watch(pool);
	dispatch_publish(pool);
	if (pool_wants_more(pool))
		pool_ask_for_more(pool);
	pool_keep_looking(
	    pool, pool->queue.count > 0 || pool->rests || pool_wants_more(pool));
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
	fair_add_again(&task->pool->queue, task);
}

static void task_leave(struct task *task)
{
	if (task->flight != NULL)
		flight_abandon(task->flight);
	else if (task->shed)
		TAILQ_REMOVE(&task->pool->shed, task, entry);
	else
		fair_remove(&task->pool->queue, task);
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
	task->profile = spec->profile;
	task->rehash = spec->rehash;
	task->nobody = spec->nobody;
	task->hash_len = spec->hash_len;
	task->user = spec->user;
	task->units = spec->units != 0 ? spec->units
	                               : units_of_job(spec->kind, &spec->cost,
	                                     pool->dispatch->child->config->engine);
	task->charge.client = spec->client;
	task->origin = client_origin(spec->client);
	task->class = spec->old ? FAIR_OLD : FAIR_USUAL;
	task->done = spec->done;
	task->owner = spec->owner;
	task->submitted_ns = clock_ns();
	task->deadline_ns = task->submitted_ns + timeout * NS_PER_MS;
	ev_init(&task->deadline, task_expired);
	task->deadline.data = task;
	return task;
}

/* A place for one more task. */
static void pool_make_room(struct pool *pool, const struct task *task)
{
	struct task *victim = NULL;

	if (pool->queue.count >= pool->config->queue_limit)
		victim = fair_victim(&pool->queue, task);
	if (victim == NULL)
		return;
	fair_remove(&pool->queue, victim);
	victim->shed = true;
	TAILQ_INSERT_TAIL(&pool->shed, victim, entry);
}

enum admission dispatch_submit(struct dispatch *d, const struct task_spec *spec,
    struct task **handle, unsigned *retry_after)
{
	struct pool *pool = &d->pools[spec->pool];
	struct task *task = task_new(pool, spec);
	enum admission verdict = ADMISSION_MEMORY_BUDGET;

	*retry_after = 1;
	if (task == NULL)
		return verdict;
	verdict = admission_ask(pool, task, retry_after);
	if (verdict != ADMITTED) {
		free(task);
		return verdict;
	}
	if (spec->password != NULL)
		secret_move(&task->password, spec->password);
	d->pending++;
	pool_make_room(pool, task);
	fair_add(&pool->queue, task);
	task_wait(task, task->submitted_ns);
	*handle = task;
	/* sent when the loop comes round: a job that cannot be sent is told by `done`,
	 * and that must not be called from here */
	ev_feed_event(d->loop, &pool->link_watcher, EV_CUSTOM);
	return ADMITTED;
}

size_t dispatch_task_bytes(const struct task *task)
{
	return sizeof(*task) + task->password.cap;
}

unsigned dispatch_retry_after(struct dispatch *d, unsigned index)
{
	return admission_retry_after(&d->pools[index]);
}

unsigned dispatch_pending(const struct dispatch *d)
{
	return d->pending;
}

/* Of one usual job: a turn in the pool's queue. */
static uint64_t pool_quantum(
    const struct config *config, const struct config_pool *pool)
{
	const struct job_cost usual = {.memory_kib = config->profiles[0].memory_kib,
	    .time = config->profiles[0].time,
	    .lanes = config->profiles[0].lanes};
	const bool hashes = (pool->jobs & (CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY)) != 0;

	return units_of_job(hashes ? JOB_HASH : JOB_LOOKUP, &usual, config->engine);
}

static int pool_open(struct dispatch *d, unsigned index)
{
	const struct config *config = d->child->config;
	struct pool *pool = &d->pools[index];

	*pool = (struct pool){.dispatch = d,
	    .config = &config->pools[index],
	    .index = index,
	    .link = d->child->links[index]};
	TAILQ_INIT(&pool->shed);
	ev_timer_init(&pool->nudge, pool_nudged, 0., NUDGE_SECONDS);
	pool->nudge.data = pool;
	if (fair_open(&pool->queue, pool_quantum(config, pool->config),
	        pool->config->old_formats_share) != 0)
		return -1;
	pool->queue.spread = spread_of;
	pool->queue.pool = pool;
	return 0;
}

static uint64_t profile_bytes(const struct config *config)
{
	uint64_t most = 0;

	for (size_t i = 0; i < config->profile_count; i++)
		if (config->profiles[i].memory_kib > most)
			most = config->profiles[i].memory_kib;
	return most * 1024;
}

struct dispatch *dispatch_open(struct ev_loop *loop, struct child *child)
{
	struct dispatch *d = calloc(1, sizeof(*d));
	int rc = 0;

	if (d == NULL)
		goto failed;
	d->loop = loop;
	d->child = child;
	d->board = &child->slot->frontend;
	d->profile_bytes = profile_bytes(child->config);
	for (unsigned i = 0; i < child->config->pool_count; i++)
		rc |= pool_open(d, i);
	flight_open(d);
	if (rc == 0)
		return d;
	dispatch_close(d);
failed:
	log_error("dispatch: out of memory");
	return NULL;
}

/* The connections, and with them all tasks, are gone by now. */
void dispatch_close(struct dispatch *d)
{
	if (d == NULL)
		return;
	flight_close(d);
	for (unsigned i = 0; i < d->child->config->pool_count; i++) {
		ev_timer_stop(d->loop, &d->pools[i].nudge);
		fair_close(&d->pools[i].queue);
	}
	free(d);
}
