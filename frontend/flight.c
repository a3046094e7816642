#include "frontend/flight.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "common/clock.h"
#include "common/log.h"
#include "frontend/sweep.h"

enum {
	REPLIES_AT_ONCE = 64, /* then other connections have their turn */
	KILLS_MAX = 16,       /* deaths by SIGKILL that a job survives */
};

static struct flight *flight_new(struct dispatch *d)
{
	return d->free_count > 0 ? &d->flights[d->free_flights[--d->free_count]] : NULL;
}

static unsigned flight_number(const struct dispatch *d, const struct flight *flight)
{
	return (unsigned)(flight - d->flights);
}

/* Its job was of an old format, and its work has ended: in what way, nobody may know.
 */
static void flight_end_old(const struct flight *flight)
{
	const uint64_t flown = clock_ns() - flight->sent_ns;
	const bool said = flight->work_ns != 0 && flight->work_ns < flown;

	flight->pool->old_share.flight_units -= flight->units;
	old_share_end(flight->pool, said ? flight->work_ns : flown);
}

/* Its number is free again. */
static void flight_end(struct dispatch *d, struct flight *flight)
{
	struct pool *pool = flight->pool;
	unsigned number = flight_number(d, flight);

	atomic_store(&d->board->wanted[number], 0);
	if (flight->task != NULL)
		flight->task->flight = NULL;
	admission_refund(d, &flight->charge);
	fair_end(&pool->queue, flight->turn);
	pool->in_flight--;
	pool->flight_units -= flight->units;
	if (flight->old)
		flight_end_old(flight);
	*flight = (struct flight){0};
	d->free_flights[d->free_count++] = number;
	dispatch_publish(pool);
}

void flight_abandon(struct flight *flight)
{
	struct dispatch *d = flight->pool->dispatch;

	atomic_store(&d->board->wanted[flight_number(d, flight)], 0);
	flight->charge = flight->task->charge; /* until the work has ended */
	flight->task->charge = (struct charge){0};
	flight->task->flight = NULL;
	flight->task = NULL;
	flight->left_ns = clock_ns();
	sweep_expect(flight->pool);
}

enum link_result flight_send(struct task *task)
{
	struct pool *pool = task->pool;
	struct dispatch *d = pool->dispatch;
	struct flight *flight = flight_new(d);
	uint8_t message[JOB_MESSAGE_MAX];
	enum link_result result = LINK_ERROR;
	struct job job;
	ssize_t len;

	if (flight == NULL)
		return LINK_SHORT;
	*flight = (struct flight){.id = ++d->next_id,
	    .task = task,
	    .pool = pool,
	    .turn = task->turn,
	    .units = task->units};
	task->flight = flight;
	task->turn = NULL;
	pool->in_flight++;
	pool->flight_units += flight->units;
	job = (struct job){.id = flight->id,
	    .deadline_ns = task->deadline_ns,
	    .flight = flight_number(d, flight),
	    .kind = (uint8_t)task->kind,
	    .alone = task->crashes > 0,
	    .rehash = task->rehash,
	    .nobody = task->nobody,
	    .profile = task->profile,
	    .user = task->user,
	    .hash = (const char *)task->password.data,
	    .hash_len = task->hash_len,
	    .password = task->hash_len > 0 ? task->password.data + task->hash_len
	                                   : task->password.data,
	    .password_len = task->password.len - task->hash_len};
	atomic_store(&d->board->wanted[job.flight], job.id);
	len = job_encode(&job, message, sizeof(message));
	if (len > 0)
		result = link_send(pool->link, message, (size_t)len);
	explicit_bzero(message, len > 0 ? (size_t)len : sizeof(message));
	if (result != LINK_OK) {
		flight_end(d, flight);
	} else if (task->class == FAIR_OLD) {
		flight->old = true;
		flight->sent_ns = clock_ns();
		pool->old_share.flight_units += flight->units;
	}
	return result;
}

static const enum task_outcome outcomes[JOB_STATUS_END] = {
    [JOB_OK] = TASK_OK,
    [JOB_DROPPED] = TASK_EXPIRED,
    [JOB_NOT_FOUND] = TASK_NOT_FOUND,
    [JOB_REFUSED] = TASK_REFUSED,
    [JOB_NO_MEMORY] = TASK_NO_MEMORY,
    [JOB_FAILED] = TASK_FAILED,
    [JOB_VALID] = TASK_VALID,
    [JOB_INVALID] = TASK_INVALID,
};

static void flight_answered(
    struct dispatch *d, struct flight *flight, const struct job_reply *reply)
{
	struct task *task = flight->task;
	struct task_result result = {.outcome = outcomes[reply->status],
	    .text = reply->text,
	    .text_len = reply->text_len,
	    .work_ns = reply->work_ns};

	flight->work_ns = reply->work_ns;
	if (reply->status != JOB_DROPPED)
		forecast_served(flight->pool, flight->units);
	flight_end(d, flight);
	if (task == NULL)
		return;
	result.queue_ns = clock_ns() - task->submitted_ns;
	result.queue_ns -=
	    reply->work_ns < result.queue_ns ? reply->work_ns : result.queue_ns;
	dispatch_finish(task, &result);
}

/* A reply that cannot be: one line, and the master is asked to replace who sent it. */
static void flight_suspect(struct pool *pool, pid_t sender, const char *why)
{
	const struct control_message message = {
	    .kind = CONTROL_SUSPECT, .pool = pool->index, .pid = sender};

	log_bug("process %d sent a bad reply on the link of pool %s: %s", (int)sender,
	    pool->config->name, why);
	(void)control_send(pool->dispatch->child->control, &message);
}

/* Whose is it? NULL where it is nobody's; *why says whether that is a lie. */
static struct flight *flight_of(
    struct pool *pool, const struct job_reply *reply, const char **why)
{
	struct dispatch *d = pool->dispatch;
	struct flight *flight = &d->flights[reply->flight];

	*why = NULL;
	if (flight->id == reply->id && flight->pool == pool)
		return flight;
	/* to the frontend that had this slot and these links before us */
	if (job_incarnation_is_before(
	        job_id_incarnation(reply->id), d->child->incarnation) &&
	    job_id_incarnation(reply->id) != 0)
		return NULL;
	*why = "no job of that id is under way";
	return NULL;
}

static void flight_received(
    struct pool *pool, const uint8_t *message, size_t len, pid_t sender)
{
	struct job_reply reply;
	struct flight *flight;
	const char *why;

	if (job_reply_decode(&reply, message, len, &why) != 0) {
		flight_suspect(pool, sender, why);
		return;
	}
	flight = flight_of(pool, &reply, &why);
	if (flight != NULL)
		flight_answered(pool->dispatch, flight, &reply);
	else if (why != NULL)
		flight_suspect(pool, sender, why);
}

bool flight_read(struct pool *pool, unsigned most)
{
	enum link_result result = LINK_OK;
	uint8_t message[JOB_REPLY_MAX];
	size_t len = 0;
	pid_t sender = 0;

	for (unsigned i = 0; i < most; i++) {
		result = link_recv(pool->link, message, sizeof(message), &len, &sender);
		if (result == LINK_OK)
			flight_received(pool, message, len, sender);
		else if (result == LINK_BAD)
			flight_suspect(
			    pool, sender, "too long, or with something attached");
		else
			break;
	}
	explicit_bzero(message, sizeof(message));
	return result != LINK_SHORT;
}

static void flight_ready(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct pool *pool = w->data;

	if ((events & EV_ERROR) != 0) {
		/* the epoll set took it not: pool_nudged() tries again */
		ev_timer_again(loop, &pool->nudge);
		return;
	}
	if ((events & EV_READ) != 0)
		pool->rests = !flight_read(pool, REPLIES_AT_ONCE);
	dispatch_pump(pool);
}

void flight_bereaved(
    struct dispatch *d, struct flight *flight, enum control_cause cause)
{
	struct task *task = flight->task;
	const struct task_result crashed = {.outcome = TASK_CRASHED};

	flight_end(d, flight);
	if (task == NULL)
		return;
	if (cause == CONTROL_CAUSE_KILLED)
		task->kills++;
	else
		task->crashes++;
	if (task->crashes > task->pool->config->retries || task->kills > KILLS_MAX)
		dispatch_finish(task, &crashed);
	else
		dispatch_again(task);
}

void dispatch_hasher_gone(struct dispatch *d, const struct control_message *message)
{
	struct pool *pool = &d->pools[message->pool];

	if (message->pool >= d->child->config->pool_count)
		return;
	/* what it answered before it died is answered; where that cannot be read now, a
	 * sweep finds what is left when it can */
	if (!flight_read(pool, FLIGHT_REPLIES_MAX)) {
		pool->rests = true;
		sweep_start(pool);
		dispatch_pump(pool);
		return;
	}
	for (unsigned c = 0; c < message->claims; c++)
		for (unsigned i = 0; i < LIMIT_FLIGHTS; i++)
			if (d->flights[i].id == message->claim[c] &&
			    d->flights[i].pool == pool)
				flight_bereaved(d, &d->flights[i],
				    (enum control_cause)message->cause);
	if (message->taking == d->child->index + 1)
		sweep_start(pool);
	dispatch_pump(pool);
}

void flight_open(struct dispatch *d)
{
	for (unsigned i = LIMIT_FLIGHTS; i-- > 0;)
		d->free_flights[d->free_count++] = i;
	d->next_id = job_id_make(d->child->incarnation, 0);
	for (unsigned i = 0; i < d->child->config->pool_count; i++) {
		struct pool *pool = &d->pools[i];

		ev_io_init(&pool->link_watcher, flight_ready, pool->link, EV_READ);
		pool->link_watcher.data = pool;
		ev_io_start(d->loop, &pool->link_watcher);
		sweep_open(pool);
	}
}

void flight_close(struct dispatch *d)
{
	for (unsigned i = 0; i < LIMIT_FLIGHTS; i++)
		admission_refund(d, &d->flights[i].charge);
	for (unsigned i = 0; i < d->child->config->pool_count; i++) {
		ev_io_stop(d->loop, &d->pools[i].link_watcher);
		sweep_close(&d->pools[i]);
	}
}
