/*
 * A connection's clock: one deadline by its state, one timer that is rarely moved.
 */
#include <poll.h>

#include "common/clock.h"
#include "frontend/conn_state.h"
#include "frontend/frontend.h"

static uint64_t conn_timeout_ms(const struct conn *conn)
{
	const struct config *config = conn->frontend->config;

	switch ((enum conn_state)conn->state) {
	case CONN_IDLE: /* more is here already: it is to take its answers first */
		return conn_rest_len(conn) > 0 ? config->write_timeout_ms
		                               : config->keepalive_timeout_ms;
	case CONN_HEAD:
		return config->header_timeout_ms;
	case CONN_BODY:
		return config->body_timeout_ms;
	case CONN_WORKING: /* a job has its own deadline */
		return ev_is_active(&conn->io) ? 0 : conn->probe_ms;
	case CONN_WRITING:
		return config->write_timeout_ms;
	case CONN_PAUSED:
		return conn->frontend->pause.ms;
	case CONN_LINGERING:
		return conn->delivers ? conn->probe_ms : CONN_LINGER_MS;
	}
	return 0;
}

uint64_t conn_waits_ns(const struct conn *conn, uint64_t now)
{
	const uint64_t whole = conn_timeout_ms(conn) * NS_PER_MS;

	return conn->deadline - now < whole ? whole - (conn->deadline - now)
	       : conn->deadline < now       ? whole
	                                    : 0;
}

void conn_set_deadline(struct conn *conn)
{
	uint64_t now, at;

	if (conn->timed != conn->state) {
		uint64_t ms = conn_timeout_ms(conn);

		conn->deadline = ms == 0 ? CONN_NEVER : clock_ns() + ms * NS_PER_MS;
		conn->timed = conn->state;
	}
	at = conn->retry < conn->deadline ? conn->retry : conn->deadline;
	if (at >= conn->rings)
		return;
	now = clock_ns();
	conn->rings = at;
	ev_timer_stop(conn->frontend->loop, &conn->timer);
	ev_timer_set(
	    &conn->timer, at > now ? (double)(at - now) / (double)NS_PER_SEC : 0., 0.);
	ev_timer_start(conn->frontend->loop, &conn->timer);
}

void conn_stall(struct conn *conn)
{
	unsigned ms = 2U * conn->stall_ms;

	if (ms < CONN_STALL_MS)
		ms = CONN_STALL_MS;
	else if (ms > CONN_STALL_MAX_MS)
		ms = CONN_STALL_MAX_MS;
	conn->stall_ms = (uint16_t)ms;
	conn->retry = clock_ns() + ms * NS_PER_MS;
}

/* Nobody reads from it: only this tells whether a client still waits for its answer. */
static void conn_probe(struct conn *conn)
{
	struct pollfd pollfd = {.fd = conn->io.fd};

	if (poll(&pollfd, 1, 0) > 0)
		conn->gone = true;
	if (conn->probe_ms < CONN_PROBE_MAX_MS)
		conn->probe_ms = (uint16_t)(2 * conn->probe_ms);
	conn->timed = CONN_UNTIMED;
}

/* The client has had its time to close the connection; for the answer it has more, in
 * which we look again and again, each time twice as late. conn_free() cuts off what is
 * not taken then. */
static void conn_expire_lingering(struct conn *conn)
{
	const uint64_t limit = conn->frontend->config->write_timeout_ms;

	if (!conn_has_unsent(conn)) {
		conn->gone = true;
		return;
	}
	if (!conn->delivers)
		conn->probe_ms = CONN_PROBE_MS;
	else if (conn->probe_ms <= limit / 2 && conn->probe_ms <= UINT16_MAX / 2)
		conn->probe_ms = (uint16_t)(2 * conn->probe_ms);
	else
		conn->gone = true;
	conn->delivers = true;
	conn->timed = CONN_UNTIMED;
}

/* Whoever has begun to ask is told. */
static void conn_expire_request(struct conn *conn)
{
	if (conn->request == NULL || !request_started(conn->request)) {
		conn->gone = true;
		return;
	}
	conn_drop_request(conn, conn->request);
	conn->is_head = false;
	conn_reject(conn, PROBLEM_REQUEST_TIMEOUT, NULL, CONN_LINGER_HEAD);
}

void conn_expire(struct conn *conn)
{
	conn_wake_fn *wake = conn->wake;

	switch ((enum conn_state)conn->state) {
	case CONN_HEAD:
	case CONN_BODY:
		conn_expire_request(conn);
		break;
	case CONN_WORKING:
		conn->wake = NULL;
		if (wake != NULL)
			wake(conn);
		else
			conn_probe(conn);
		break;
	case CONN_WRITING:
		conn_cut(conn);
		break;
	case CONN_IDLE:
		if (conn_rest_len(conn) > 0)
			conn_cut(conn);
		conn->gone = true;
		break;
	case CONN_PAUSED:
		conn_enter(conn, CONN_IDLE);
		break;
	case CONN_LINGERING:
		conn_expire_lingering(conn);
		break;
	}
}
