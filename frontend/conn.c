#include "frontend/conn.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>

#include "common/clock.h"
#include "frontend/conn_state.h"
#include "frontend/frontend.h"

void conn_init(struct frontend *fe)
{
	TAILQ_INIT(&fe->conns);
	TAILQ_INIT(&fe->reserve);
	clients_init(&fe->clients, board_head(&fe->child->board)->client_key);
}

void conn_enter(struct conn *conn, enum conn_state state)
{
	if (conn->place != CONN_RESERVED)
		conn_place_leave(conn);
	conn->state = (uint8_t)state;
	conn->timed = CONN_UNTIMED;
}

/* What may happen next: nothing but this decides whether we read or write. */
static int conn_interest(const struct conn *conn)
{
	if (conn->retry != CONN_NEVER)
		return 0;
	switch ((enum conn_state)conn->state) {
	case CONN_IDLE:
	case CONN_HEAD:
	case CONN_BODY:
		/* more is here already, and waits only for others to have had their
		 * turn */
		return conn_rest_len(conn) > 0 ? EV_WRITE : EV_READ;
	case CONN_WORKING:
		return conn->half_closed || conn_rest_len(conn) >= CONN_READ_SIZE
		           ? 0
		           : EV_READ;
	case CONN_WRITING:
		return EV_WRITE;
	case CONN_PAUSED:
		return 0;
	case CONN_LINGERING:
		return conn->half_closed ? 0 : EV_READ;
	}
	return 0;
}

static void conn_watch(struct conn *conn, int events)
{
	struct ev_loop *loop = conn->frontend->loop;

	if ((conn->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	if (((conn->io.events ^ events) & EV_READ) != 0)
		conn_memory_reads(conn, (events & EV_READ) != 0);
	ev_io_stop(loop, &conn->io);
	ev_io_set(&conn->io, conn->io.fd, events);
	if (conn->state == CONN_WORKING)
		conn->probe_ms =
		    CONN_PROBE_MS; /* for conn_probe(), where nobody reads */
	if (events != 0)
		ev_io_start(loop, &conn->io);
	else if (conn->wake == NULL && conn->retry == CONN_NEVER)
		conn->timed = CONN_UNTIMED;
}

static void conn_count(struct frontend *fe, unsigned count)
{
	fe->conn_count = count;
	atomic_store_explicit(
	    &fe->child->slot->frontend.connections, count, memory_order_relaxed);
}

static void conn_free(struct conn *conn)
{
	struct frontend *fe = conn->frontend;

	if (conn_has_unsent(conn) && !frontend_is_leaving(fe))
		conn_cut(conn);
	TAILQ_REMOVE(&fe->conns, conn, entry);
	conn_place_end(conn);
	conn_count(fe, fe->conn_count - 1);
	conn_memory_end(conn);
	ev_io_stop(fe->loop, &conn->io);
	ev_timer_stop(fe->loop, &conn->timer);
	close(conn->io.fd);
	conn_drop_answer(conn);
	if (conn->request != NULL)
		conn_drop_request(conn, conn->request);
	secret_free(&conn->rest);
	client_disconnect(conn->client);
	client_put(conn->client);
	free(conn);
	frontend_conn_gone(fe);
}

void conn_finish(struct conn *conn)
{
	if (conn->gone || !conn_has_unsent(conn)) {
		conn->gone = true;
		return;
	}
	if (conn->delivers)
		return;
	if (conn->state != CONN_LINGERING && shutdown(conn->io.fd, SHUT_WR) != 0) {
		conn->gone = true;
		return;
	}
	conn_enter(conn, CONN_LINGERING);
	conn->delivers = true;
	conn->linger_left = CONN_LINGER_HEAD;
	conn->probe_ms = CONN_PROBE_MS;
}

void conn_settle(struct conn *conn)
{
	conn_consume_rest(conn);
	if (conn->half_closed && conn_rest_len(conn) == 0 &&
	    (conn_is_receiving(conn) || conn->state == CONN_LINGERING))
		conn_finish(conn);
	conn->busy = false;
	if (conn->gone) {
		conn_free(conn);
		return;
	}
	conn_place_settle(conn);
	conn_watch(conn, conn_interest(conn));
	conn_set_deadline(conn);
	conn_memory_count(conn);
}

static void conn_on_io(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct conn *conn = io->data;

	(void)loop;
	conn->busy = true;
	if (revents & EV_ERROR)
		conn->gone = true;
	else if (conn->state == CONN_WRITING)
		conn_write(conn);
	else if (revents & EV_READ)
		conn_read(conn);
	conn_settle(conn);
}

static void conn_on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct conn *conn = timer->data;
	const uint64_t now = clock_ns();

	(void)loop;
	(void)revents;
	conn->rings = CONN_NEVER;
	if (now < conn->deadline && now < conn->retry) {
		conn_set_deadline(conn);
		return;
	}
	conn->busy = true;
	if (now >= conn->retry)
		conn_resume(conn);
	if (now >= conn->deadline && !conn->gone)
		conn_expire(conn);
	conn_settle(conn);
}

/* On a Unix socket: the user at the other end, by the kernel's word. */
static void conn_set_user(struct conn_peer *peer, int fd)
{
	struct ucred user = {.uid = (uid_t)-1};
	socklen_t len = sizeof(user);

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &len);
	peer->kind = CONN_PEER_UNIX;
	memcpy(peer->address, &user.uid, sizeof(user.uid));
}

static void conn_set_peer(
    struct conn_peer *peer, int fd, const struct sockaddr *addr, socklen_t len)
{
	const int family = len >= sizeof(addr->sa_family) ? addr->sa_family : AF_UNSPEC;

	if (family == AF_INET) {
		peer->kind = CONN_PEER_INET;
		memcpy(peer->address,
		    &((const struct sockaddr_in *)(const void *)addr)->sin_addr,
		    sizeof(struct in_addr));
	} else if (family == AF_INET6) {
		peer->kind = CONN_PEER_INET6;
		memcpy(peer->address,
		    &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr,
		    sizeof(struct in6_addr));
	} else {
		conn_set_user(peer, fd);
	}
}

/* A connection of a peer, or NULL where there is no memory. */
static struct conn *conn_new(
    struct frontend *fe, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn_set_peer(&conn->peer, fd, addr, len);
	conn->client = client_get(&fe->clients, &conn->peer);
	if (conn->client == NULL) {
		free(conn);
		return NULL;
	}
	client_connect(conn->client);
	conn->frontend = fe;
	return conn;
}

bool conn_make_room_at(
    struct frontend *fe, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct conn_peer peer = {0};
	struct client *client;
	bool made;

	conn_set_peer(&peer, fd, addr, len);
	client = client_get(&fe->clients, &peer);
	made = client != NULL && conn_make_room(client);
	client_put(client);
	return made;
}

int conn_accept(struct frontend *fe, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct conn *conn = conn_new(fe, fd, addr, len);

	if (conn == NULL) {
		close(fd);
		return -1;
	}
	ev_io_init(&conn->io, conn_on_io, fd, EV_READ);
	ev_init(&conn->timer, conn_on_timer);
	conn->io.data = conn->timer.data = conn;
	conn->state = conn->timed = CONN_IDLE;
	conn->deadline = clock_ns() + fe->config->header_timeout_ms * NS_PER_MS;
	conn->retry = conn->rings = CONN_NEVER;
	conn_place_enter(conn);
	TAILQ_INSERT_TAIL(&fe->conns, conn, entry);
	conn_count(fe, fe->conn_count + 1);
	ev_io_start(fe->loop, &conn->io);
	conn_set_deadline(conn);
	conn_memory_begin(fe);
	return 0;
}

void conn_close(struct conn *conn)
{
	if (conn->busy)
		conn->gone = true;
	else
		conn_free(conn);
}

void conn_close_all(struct frontend *fe)
{
	struct conn *conn, *next;

	for (conn = TAILQ_FIRST(&fe->conns); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, entry);
		conn_close(conn);
	}
}
