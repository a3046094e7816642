/*
 * Places: max_connections have one, and up to LIMIT_RESERVE more are let in to be told
 * that there is none.
 *
 * Who comes when all are taken gets the place of the connection that has been idle for
 * the longest. Where none is idle, or the client has more than its share, the new
 * connection is in the reserve: /livez and /readyz are answered there, all else is
 * refused, and the answer is the last. In a full reserve the oldest makes room for the
 * newest, so that who only sits there does not keep others from asking how we are.
 */
#include <sys/socket.h>
#include <unistd.h>

#include <bsd/string.h>

#include "frontend/conn_state.h"
#include "frontend/frontend.h"
#include "frontend/health.h"
#include "frontend/route.h"

/* So many idle connections are looked at for one place. */
enum { PLACE_LOOKS = 8 };

static const char too_many[] = "Too many connections are open";
static const char too_many_of_client[] = "Too many connections of one client are open";

bool conn_is_unasked(const struct conn *conn)
{
	char byte;

	return (conn->state == CONN_IDLE || conn->state == CONN_PAUSED) &&
	       conn_rest_len(conn) == 0 &&
	       recv(conn->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

bool conn_places_taken(const struct frontend *fe)
{
	return fe->conn_count - fe->reserve_count >=
	       fe->config->frontend.max_connections;
}

bool conn_close_idle(struct frontend *fe)
{
	struct conn *conn = TAILQ_FIRST(&fe->idle);

	for (unsigned i = 0; i < PLACE_LOOKS && conn != NULL; i++) {
		if (conn_is_unasked(conn)) {
			conn_close(conn);
			return true;
		}
		conn = TAILQ_NEXT(conn, place_entry);
	}
	return false;
}

void conn_place_leave(struct conn *conn)
{
	struct frontend *fe = conn->frontend;

	if (conn->place == CONN_PLACED_IDLE) {
		TAILQ_REMOVE(&fe->idle, conn, place_entry);
	} else if (conn->place == CONN_RESERVED) {
		TAILQ_REMOVE(&fe->reserve, conn, place_entry);
		fe->reserve_count--;
	}
	conn->place = CONN_PLACED;
}

void conn_place_settle(struct conn *conn)
{
	if (conn->place != CONN_PLACED || conn_rest_len(conn) > 0 ||
	    (conn->state != CONN_IDLE && conn->state != CONN_PAUSED))
		return;
	TAILQ_INSERT_TAIL(&conn->frontend->idle, conn, place_entry);
	conn->place = CONN_PLACED_IDLE;
}

static void conn_place_reserve(struct conn *conn)
{
	struct frontend *fe = conn->frontend;

	if (fe->reserve_count == LIMIT_RESERVE)
		conn_close(TAILQ_FIRST(&fe->reserve));
	TAILQ_INSERT_TAIL(&fe->reserve, conn, place_entry);
	conn->place = CONN_RESERVED;
	fe->reserve_count++;
}

static bool conn_over_share(const struct conn *conn)
{
	unsigned limit = conn->frontend->config->frontend.max_connections_per_client;

	return limit != 0 && client_is_limited(conn->client) &&
	       conn->client->connections > limit;
}

/* Finds a place, if need be that of an idle connection. */
static bool conn_place_find(const struct conn *conn)
{
	struct frontend *fe = conn->frontend;

	return !conn_over_share(conn) &&
	       (!conn_places_taken(fe) || conn_close_idle(fe));
}

void conn_place_enter(struct conn *conn)
{
	if (conn_place_find(conn))
		conn_place_settle(conn);
	else
		conn_place_reserve(conn);
}

enum problem conn_place_refuses(
    struct conn *conn, const struct request *request, const char **detail)
{
	struct text rest;

	if (conn->place != CONN_RESERVED)
		return PROBLEM_NONE;
	if (conn_place_find(conn)) { /* there is one by now */
		conn_place_leave(conn);
		return PROBLEM_NONE;
	}
	if (health_is_asked(request))
		return PROBLEM_NONE;
	/* a seed route is answered in plain text */
	conn->route = route_find(
	    request_path(request), conn->frontend->config->seed_routes, &rest);
	*detail = conn_over_share(conn) ? too_many_of_client : too_many;
	return conn_over_share(conn) ? PROBLEM_CLIENT_LIMIT : PROBLEM_QUEUE_FULL;
}

void conn_turn_away(struct frontend *fe, int fd)
{
	char json[PROBLEM_TEXT_MAX], id[REPLY_ID_MAX], *out = fe->scratch.out;
	struct reply reply = {.status = 503,
	    .type = REPLY_PROBLEM,
	    .body = json,
	    .len = problem_write(json, PROBLEM_QUEUE_FULL, too_many),
	    .retry_after = 1};
	struct reply_frame frame = {
	    .date = &fe->scratch.date, .close = true, .request_id = {id, 0}};
	size_t len;
	ssize_t n;

	frame.request_id.len =
	    reply_id_make(id, fe->request_prefix, ++fe->request_counter);
	reply_date_set(&fe->scratch.date, time(NULL));
	len = reply_head(out, &reply, &frame);
	memcpy(out + len, json, reply.len);
	/* a request that is left unread would make a reset of the answer */
	n = recv(fd, fe->scratch.in, CONN_READ_SIZE, MSG_DONTWAIT);
	if (n > 0)
		explicit_bzero(fe->scratch.in, (size_t)n);
	send(fd, out, len + reply.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}
