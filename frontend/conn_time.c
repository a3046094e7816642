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
		return CONN_LINGER_MS;
	}
	return 0;
}

void conn_set_deadline(struct conn *conn)
{
	uint64_t now;

	if (conn->timed != conn->state) {
		uint64_t ms = conn_timeout_ms(conn);

		conn->deadline = ms == 0 ? CONN_NEVER : clock_ns() + ms * NS_PER_MS;
		conn->timed = conn->state;
	}
	if (conn->deadline >= conn->rings)
		return;
	now = clock_ns();
	conn->rings = conn->deadline;
	ev_timer_stop(conn->frontend->loop, &conn->timer);
	ev_timer_set(&conn->timer,
	    conn->deadline > now ? (double)(conn->deadline - now) / (double)NS_PER_SEC
	                         : 0.,
	    0.);
	ev_timer_start(conn->frontend->loop, &conn->timer);
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

void conn_cut(struct conn *conn)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(conn->io.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn->gone = true;
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
		conn->gone = true;
		break;
	}
}
