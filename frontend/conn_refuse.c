/*
 * Connections whose jobs are not taken on: when they are told, and when they are read
 * from again (pause.h).
 */
#include "frontend/conn_state.h"
#include "frontend/frontend.h"

static void conn_tell_refused(struct conn *conn)
{
	const struct reply more = {.no_store = true, .retry_after = conn->retry_after};

	conn_reply_problem(conn, (enum problem)conn->problem, NULL, &more);
}

static void conn_answer_refused(struct conn *conn)
{
	conn->frontend->pause.sleepers--;
	conn_tell_refused(conn);
}

void conn_refuse_sleepers(struct frontend *fe)
{
	struct conn *conn, *next;

	for (conn = TAILQ_FIRST(&fe->conns); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, entry);
		if (conn->wake != conn_answer_refused)
			continue;
		conn->busy = true;
		conn->wake = NULL;
		conn_answer_refused(conn);
		conn_settle(conn);
	}
}

/* Where a pause is due, the next request waits for it; and where the next one may come
 * on another connection, this answer does. Not all places are for those who sleep. */
static bool conn_may_sleep(const struct conn *conn)
{
	const struct frontend *fe = conn->frontend;

	return fe->pause.ms > 0 && (conn->close_after || !conn->proven) &&
	       !fe->draining &&
	       fe->pause.sleepers <
	           fe->config->frontend.max_connections / PAUSE_SLEEPERS;
}

void conn_refuse(struct conn *conn, enum admission admission, unsigned retry_after)
{
	static const enum problem problems[ADMISSION_END] = {
	    [ADMITTED] = PROBLEM_INTERNAL,
	    [ADMISSION_NO_HASHER] = PROBLEM_QUEUE_FULL,
	    [ADMISSION_CLIENT_LIMIT] = PROBLEM_CLIENT_LIMIT,
	    [ADMISSION_MEMORY_BUDGET] = PROBLEM_MEMORY_BUDGET,
	    [ADMISSION_QUEUE_FULL] = PROBLEM_QUEUE_FULL,
	    [ADMISSION_DEADLINE] = PROBLEM_WOULD_EXCEED_DEADLINE,
	};

	conn->problem = (uint8_t)problems[admission];
	conn->retry_after = (uint16_t)retry_after;
	conn->refused = true;
	pause_refused(conn->frontend);
	if (!conn_may_sleep(conn)) {
		conn_tell_refused(conn);
		return;
	}
	conn_delay(conn, conn->frontend->pause.ms, conn_answer_refused);
	conn->frontend->pause.sleepers += conn->wake != NULL;
}

void conn_drop_refusal(struct conn *conn)
{
	if (conn->wake == conn_answer_refused)
		conn->frontend->pause.sleepers--;
	conn->wake = NULL;
}
