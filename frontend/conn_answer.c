/*
 * How a connection answers: what handlers call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "common/clock.h"
#include "common/link.h"
#include "common/locked.h"
#include "frontend/access.h"
#include "frontend/conn_state.h"
#include "frontend/frontend.h"
#include "frontend/route.h"

static void conn_drop_out(struct conn *conn)
{
	locked_free(conn->out);
	conn->out = NULL;
	conn->out_len = conn->out_at = 0;
}

static void conn_drop_work(struct conn *conn)
{
	if (conn->work.release != NULL)
		conn->work.release(conn->work.context);
	conn->work = (struct conn_work){0};
}

static void conn_drop_id(struct conn *conn)
{
	free(conn->id_kept);
	conn->id_kept = NULL;
	conn->id = (struct text){NULL, 0};
}

void conn_drop_answer(struct conn *conn)
{
	conn_drop_refusal(conn);
	if (conn->task != NULL) {
		dispatch_cancel(conn->frontend->dispatch, conn->task);
		conn->task = NULL;
		conn->frontend->waiting--;
	}
	conn_drop_work(conn);
	conn_drop_out(conn);
	conn_drop_id(conn);
}

/* The client has all of the answer, as far as we can know. */
static void conn_answered(struct conn *conn)
{
	conn_drop_out(conn);
	conn->route = NULL;
	if (!conn->close_after) {
		const bool pauses =
		    conn->refused && conn->proven && conn->frontend->pause.ms > 0;

		conn_enter(conn, pauses ? CONN_PAUSED : CONN_IDLE);
		conn->refused = false;
		conn->proven = true;
	} else if (conn->linger_after && !conn->half_closed &&
	           shutdown(conn->io.fd, SHUT_WR) == 0) {
		conn_enter(conn, CONN_LINGERING);
	} else {
		conn_finish(conn);
	}
}

/* Sends as much as the socket takes; -1: the client is gone. `ready`: the loop has said
 * that it takes something. */
static ssize_t conn_send(struct conn *conn, const char *bytes, size_t len, bool ready)
{
	ssize_t n = send(conn->io.fd, bytes, len, MSG_NOSIGNAL);

	if (n < 0 && (errno == EINTR || link_must_wait(errno))) {
		if (link_is_short(errno) || (ready && errno == EAGAIN))
			conn_stall(conn);
		return 0;
	}
	if (n > 0) {
		conn_unstall(conn);
		conn_memory_sent(conn, (size_t)n);
	}
	return n;
}

void conn_write(struct conn *conn)
{
	ssize_t n = conn_send(
	    conn, conn->out + conn->out_at, conn->out_len - conn->out_at, true);

	if (n < 0) {
		conn->gone = true;
		return;
	}
	conn->out_at += (size_t)n;
	if (conn->out_at == conn->out_len)
		conn_answered(conn);
}

/* Sends the answer in bytes[len]; what the socket does not take at once is kept. */
static void conn_start_write(struct conn *conn, const char *bytes, size_t len)
{
	ssize_t n = conn_send(conn, bytes, len, false);

	if (n < 0) {
		conn->gone = true;
	} else if ((size_t)n == len) {
		conn_answered(conn);
	} else {
		conn->out_len = len - (size_t)n;
		conn->out = locked_alloc(conn->out_len);
		if (conn->out == NULL) {
			conn->gone = true;
			return;
		}
		memcpy(conn->out, bytes + n, conn->out_len);
		conn_enter(conn, CONN_WRITING);
	}
}

/* Header and body in one piece of memory: one send(). */
static size_t conn_compose(struct conn *conn, const struct reply *reply, char *bytes)
{
	struct frontend *fe = conn->frontend;
	char id[REPLY_ID_MAX];
	struct reply_frame frame = {
	    .date = &fe->scratch.date,
	    .request_id = conn->id,
	    .close = conn->close_after,
	    .keep_alive = conn->is_old && !conn->close_after,
	};
	size_t len;

	if (frame.request_id.len == 0) {
		frame.request_id.at = id;
		frame.request_id.len =
		    reply_id_make(id, fe->request_prefix, conn->id_number);
	}
	if (fe->config->access_log)
		access_log(conn, reply, frame.request_id);
	reply_date_set(&fe->scratch.date, time(NULL));
	len = reply_head(bytes, reply, &frame);
	if (!conn->is_head && reply->len > 0) {
		memcpy(bytes + len, reply->body, reply->len);
		len += reply->len;
	}
	return len;
}

static void conn_count_request(struct frontend *fe)
{
	struct board_frontend *own = &fe->child->slot->frontend;

	/* nobody else writes here: no need for an atomic addition */
	atomic_store_explicit(&own->requests,
	    atomic_load_explicit(&own->requests, memory_order_relaxed) + 1,
	    memory_order_relaxed);
}

void conn_reply(struct conn *conn, const struct reply *reply)
{
	struct frontend *fe = conn->frontend;
	size_t room = REPLY_HEAD_MAX + reply->len, len;
	char *bytes = room <= CONN_WRITE_SIZE ? fe->scratch.out : locked_alloc(room);

	if (bytes == NULL) {
		conn->gone = true;
		return;
	}
	if (frontend_is_leaving(fe) && !conn->close_after) {
		conn->close_after =
		    true; /* the client may have sent the next one already */
		conn->linger_after = true;
		conn->linger_left = CONN_LINGER_HEAD;
	}
	len = conn_compose(conn, reply, bytes);
	conn_drop_id(conn);
	conn_count_request(fe);
	conn_start_write(conn, bytes, len);
	if (bytes == fe->scratch.out)
		explicit_bzero(bytes, len);
	else
		locked_free(bytes);
}

void conn_reply_text(struct conn *conn, unsigned status, const char *text)
{
	conn_reply(conn, &(struct reply){.status = status,
	                     .type = REPLY_TEXT,
	                     .body = text,
	                     .len = strlen(text)});
}

void conn_reply_problem(struct conn *conn, enum problem problem, const char *detail,
    const struct reply *more)
{
	const struct problem_row *row = problem_row(problem);
	char json[PROBLEM_TEXT_MAX];
	struct reply reply = *more;

	reply.status = row->status;
	if (conn->route != NULL && conn->route->seed) {
		reply.type = REPLY_TEXT;
		reply.body = detail != NULL ? detail : row->title;
		reply.len = strlen(reply.body);
	} else {
		reply.type = REPLY_PROBLEM;
		reply.body = json;
		reply.len = problem_write(json, problem, detail);
	}
	conn_reply(conn, &reply);
}

void conn_problem(struct conn *conn, enum problem problem, const char *detail)
{
	unsigned status = problem_row(problem)->status;
	struct reply more = {0};

	if (problem == PROBLEM_METHOD_NOT_ALLOWED && conn->route != NULL)
		more.allow = conn->route->allow;
	if (status == 503 || status == 429)
		more.retry_after = 1;
	conn_reply_problem(conn, problem, detail, &more);
}

void conn_reject(
    struct conn *conn, enum problem problem, const char *detail, size_t linger)
{
	conn->route = NULL;
	conn->is_old = false;
	conn->method = METHOD_NONE;
	conn->began_ns = clock_ns();
	conn->id = (struct text){NULL, 0};
	conn->id_number = ++conn->frontend->request_counter;
	conn->close_after = conn->linger_after = true;
	conn->linger_left = linger;
	conn_enter(conn, CONN_WORKING);
	conn_problem(conn, problem, detail);
}

/* --- later answers --- */

/* The id of a request outlives it. */
static int conn_keep_id(struct conn *conn)
{
	if (conn->id.len == 0 || conn->id_kept != NULL)
		return 0;
	conn->id_kept = malloc(conn->id.len);
	if (conn->id_kept == NULL)
		return -1;
	memcpy(conn->id_kept, conn->id.at, conn->id.len);
	conn->id.at = conn->id_kept;
	return 0;
}

static void conn_on_done(void *owner, const struct task_result *result)
{
	struct conn *conn = owner;

	conn->busy = true;
	conn->task = NULL;
	conn->frontend->waiting--;
	conn->work.done(conn, result, conn->work.context);
	conn_drop_work(conn);
	conn_settle(conn);
}

/* Whose share the request's job is of, with a reference more. */
static struct client *conn_asker(struct conn *conn)
{
	const uint32_t token = conn->token;
	struct conn_peer peer = {.kind = CONN_PEER_TOKEN};
	struct client *asker = NULL;

	if (token != 0) {
		memcpy(peer.address, &token, sizeof(token));
		asker = client_get(&conn->frontend->clients, &peer);
	}
	return asker != NULL ? asker : client_hold(conn->client);
}

void conn_submit(
    struct conn *conn, struct task_spec *spec, const struct conn_work *work)
{
	enum admission admission = ADMISSION_MEMORY_BUDGET;
	unsigned retry_after = 1;

	conn->work = *work;
	conn->pool = (uint8_t)spec->pool;
	spec->done = conn_on_done;
	spec->owner = conn;
	spec->client = conn_asker(conn);
	if (conn_keep_id(conn) == 0)
		admission = dispatch_submit(
		    conn->frontend->dispatch, spec, &conn->task, &retry_after);
	client_put(spec->client); /* its job holds it */
	if (admission == ADMITTED) {
		conn->frontend->waiting++;
		return;
	}
	conn->task = NULL;
	conn_drop_work(conn);
	conn_refuse(conn, admission, retry_after);
}

void conn_delay(struct conn *conn, uint64_t ms, conn_wake_fn *wake)
{
	if (conn_keep_id(conn) != 0) {
		conn_problem(conn, PROBLEM_MEMORY_BUDGET, NULL);
		return;
	}
	conn->wake = wake;
	conn->deadline = clock_ns() + ms * NS_PER_MS;
	conn->timed = CONN_WORKING;
}

void conn_reply_failure(
    struct conn *conn, const struct task_result *result, const char *detail)
{
	static const enum problem problems[TASK_OUTCOME_END] = {
	    [TASK_OK] = PROBLEM_INTERNAL,
	    [TASK_VALID] = PROBLEM_INTERNAL,
	    [TASK_INVALID] = PROBLEM_INTERNAL,
	    [TASK_NOT_FOUND] = PROBLEM_NOT_FOUND,
	    [TASK_REFUSED] = PROBLEM_INTERNAL,
	    [TASK_NO_MEMORY] = PROBLEM_MEMORY_BUDGET,
	    [TASK_FAILED] = PROBLEM_INTERNAL,
	    [TASK_CRASHED] = PROBLEM_HASHER_CRASHED,
	    [TASK_EXPIRED] = PROBLEM_DEADLINE_EXCEEDED,
	    [TASK_LATE] = PROBLEM_WOULD_EXCEED_DEADLINE,
	    [TASK_SHED] = PROBLEM_QUEUE_FULL,
	};
	enum problem problem = problems[result->outcome];
	unsigned status = problem_row(problem)->status;
	struct reply more = {.job = result};

	if (status == 503)
		more.retry_after =
		    dispatch_retry_after(conn->frontend->dispatch, conn->pool);
	conn_reply_problem(conn, problem, status == 500 ? detail : NULL, &more);
}
