/*
 * Places: max_connections have one, and up to LIMIT_RESERVE more are let in to be told
 * that there is none.
 *
 * A connection waits while the server waits for its client: for the next request, for
 * the rest of one, or for the client to take its answer. Whoever comes when all places
 * are taken gets that of a waiting connection of the client that has most of them, if
 * that one has more than the newcomer's: level by level, first the network and then the
 * client (client.h). There, the longest idle connection goes first, then the one that
 * has been waited for longest, then one whose next request has just come: who has begun
 * to ask is told. Where nobody has more, an idle one of the client's own
 * makes room. So one client, or one network, cannot keep others out, whatever it does
 * with its connections.
 *
 * Where none makes room, or the client has more than its share, the new connection is
 * in the reserve: /livez and /readyz are answered there, all else is refused, and the
 * answer is the last. In a full reserve the oldest of whoever has most there makes room
 * for the newest, so that those who only sit there do not keep others from asking how
 * we are.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/link.h"
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
	ssize_t n;

	if ((conn->state != CONN_IDLE && conn->state != CONN_PAUSED) ||
	    conn_rest_len(conn) > 0)
		return false;
	n = recv(conn->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && !link_is_short(errno));
}

bool conn_places_taken(const struct frontend *fe)
{
	return fe->conn_count - fe->reserve_count >=
	       fe->config->frontend.max_connections;
}

/* Tells whoever is there. A request that is left unread would make a reset of it. */
static void conn_say_full(struct frontend *fe, int fd)
{
	char json[PROBLEM_TEXT_MAX], id[REPLY_ID_MAX], *out = fe->scratch.out;
	char in[CONN_READ_SIZE]; /* that of the scratch may be in use */
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
	n = recv(fd, in, sizeof(in), MSG_DONTWAIT);
	if (n > 0)
		explicit_bzero(in, (size_t)n);
	send(fd, out, len + reply.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Whoever has begun to ask is told. */
static void conn_give_way(struct conn *conn)
{
	if (conn->state == CONN_WRITING)
		conn_cut(conn);
	else if (conn->state <= CONN_BODY && !conn_is_unasked(conn))
		conn_say_full(conn->frontend, conn->io.fd);
	conn_close(conn);
}

static struct conn *client_longest_idle(const struct client *client)
{
	struct conn *conn = TAILQ_FIRST(&client->idle);

	for (unsigned i = 0; i < PLACE_LOOKS && conn != NULL; i++) {
		if (conn_is_unasked(conn))
			return conn;
		conn = TAILQ_NEXT(conn, place_entry);
	}
	return NULL;
}

bool conn_make_room(struct client *client)
{
	struct client *from = clients_larger(client, CLIENT_WAITS);
	struct conn *conn = client_longest_idle(from);

	if (conn == NULL && from != client)
		conn = TAILQ_FIRST(&from->slow);
	if (conn == NULL && from != client) /* a request lies there */
		conn = TAILQ_FIRST(&from->idle);
	if (conn == NULL)
		return false;
	conn_give_way(conn);
	return true;
}

void conn_place_leave(struct conn *conn)
{
	struct frontend *fe = conn->frontend;

	if (conn->place == CONN_PLACED_IDLE) {
		TAILQ_REMOVE(&conn->client->idle, conn, place_entry);
	} else if (conn->place == CONN_PLACED_SLOW) {
		TAILQ_REMOVE(&conn->client->slow, conn, place_entry);
	} else if (conn->place == CONN_RESERVED) {
		TAILQ_REMOVE(&fe->reserve, conn, place_entry);
		client_unreserve(conn->client);
		fe->reserve_count--;
	}
	conn->place = CONN_PLACED;
}

static enum conn_place conn_place_of(const struct conn *conn)
{
	switch ((enum conn_state)conn->state) {
	case CONN_IDLE: /* more is here already: it is to take its answers first */
		return conn_rest_len(conn) > 0 ? CONN_PLACED_SLOW : CONN_PLACED_IDLE;
	case CONN_PAUSED:
		return CONN_PLACED_IDLE;
	case CONN_HEAD:
	case CONN_BODY:
	case CONN_WRITING:
	case CONN_LINGERING:
		return CONN_PLACED_SLOW;
	case CONN_WORKING:
		break;
	}
	return CONN_PLACED;
}

/* Counts it among those of its client for which the server waits, or no longer. */
static void conn_set_waits(struct conn *conn, bool waits)
{
	if (waits != conn->waits)
		client_measure(conn->client, CLIENT_WAITS, waits ? 1 : -1);
	else if (waits)
		client_touch(conn->client, CLIENT_WAITS);
	conn->waits = waits;
}

void conn_place_settle(struct conn *conn)
{
	if (conn->place != CONN_PLACED)
		return;
	conn->place = (uint8_t)conn_place_of(conn);
	if (conn->place == CONN_PLACED_IDLE)
		TAILQ_INSERT_TAIL(&conn->client->idle, conn, place_entry);
	else if (conn->place == CONN_PLACED_SLOW)
		TAILQ_INSERT_TAIL(&conn->client->slow, conn, place_entry);
	conn_set_waits(conn, conn->place != CONN_PLACED);
}

void conn_place_end(struct conn *conn)
{
	conn_place_leave(conn);
	if (conn->waits)
		conn_set_waits(conn, false);
}

/* Of two in the reserve: has one's network, or then its client, more there? */
static bool conn_reserves_more(const struct conn *conn, const struct conn *than)
{
	const struct client *one = client_widest(conn->client);
	const struct client *other = client_widest(than->client);

	return one->reserved != other->reserved
	           ? one->reserved > other->reserved
	           : conn->client->reserved > than->client->reserved;
}

static void conn_reserve_trim(struct frontend *fe)
{
	struct conn *conn, *most = TAILQ_FIRST(&fe->reserve);

	TAILQ_FOREACH(conn, &fe->reserve, place_entry)
	if (conn_reserves_more(conn, most))
		most = conn;
	conn_close(most);
}

static void conn_place_reserve(struct conn *conn)
{
	struct frontend *fe = conn->frontend;

	TAILQ_INSERT_TAIL(&fe->reserve, conn, place_entry);
	conn->place = CONN_RESERVED;
	client_reserve(conn->client);
	fe->reserve_count++;
}

static bool conn_over_share(const struct conn *conn)
{
	return client_is_over(
	    conn->client, conn->frontend->config->frontend.max_connections_per_client);
}

/* Finds a place, if need be that of another connection. */
static bool conn_place_find(const struct conn *conn)
{
	return !conn_over_share(conn) &&
	       (!conn_places_taken(conn->frontend) || conn_make_room(conn->client));
}

void conn_place_enter(struct conn *conn)
{
	if (conn_place_find(conn)) {
		conn_place_settle(conn);
		return;
	}
	conn_place_reserve(conn);
	if (conn->frontend->reserve_count > LIMIT_RESERVE)
		conn_reserve_trim(conn->frontend);
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
	conn_say_full(fe, fd);
	close(fd);
}
