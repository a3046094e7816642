/*
 * Connections of a frontend that drains.
 *
 * A connection is closed by its own next answer, which says `Connection: close`. Idle
 * ones are closed last: a client may just be sending the next request, and it cannot
 * tell a connection that was closed before the request came from one on which the
 * answer was lost.
 */
#include <sys/socket.h>

#include "common/clock.h"
#include "frontend/conn_state.h"
#include "frontend/frontend.h"

static bool conn_asks(const struct conn *conn)
{
	switch ((enum conn_state)conn->state) {
	case CONN_IDLE:
		return conn_rest_len(conn) > 0;
	case CONN_HEAD:
	case CONN_BODY:
	case CONN_WORKING:
	case CONN_WRITING:
		return true;
	case CONN_PAUSED:
	case CONN_LINGERING:
		return false;
	}
	return false;
}

bool conn_any_asks(const struct frontend *fe)
{
	const struct conn *conn;

	TAILQ_FOREACH(conn, &fe->conns, entry)
	if (conn_asks(conn))
		return true;
	return false;
}

static void conn_end(struct conn *conn)
{
	conn->busy = true;
	if (conn->half_closed || shutdown(conn->io.fd, SHUT_WR) != 0) {
		conn->gone = true;
	} else {
		conn_enter(conn, CONN_LINGERING);
		conn->linger_left = CONN_LINGER_HEAD;
		conn->deadline = clock_ns() + CONN_FAREWELL_MS * NS_PER_MS;
		conn->timed = CONN_LINGERING;
	}
	conn_settle(conn);
}

void conn_end_idle(struct frontend *fe)
{
	struct conn *conn, *next;

	for (conn = TAILQ_FIRST(&fe->conns); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, entry);
		if (conn_is_unasked(conn))
			conn_end(conn);
	}
}
