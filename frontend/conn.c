#include "frontend/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>
#include <netinet/in.h>

#include "common/clock.h"
#include "common/log.h"
#include "frontend/conn_state.h"
#include "frontend/frontend.h"
#include "frontend/route.h"

static size_t conn_rest_len(const struct conn *conn)
{
	return conn->rest.len - conn->rest_at;
}

/* Is it the client's turn? */
static bool conn_is_receiving(const struct conn *conn)
{
	return conn->state <= CONN_BODY && !conn->gone;
}

void conn_enter(struct conn *conn, enum conn_state state)
{
	conn->state = (uint8_t)state;
	conn->timed = CONN_UNTIMED;
}

/* --- the request that is being received --- */

/* A request that fits into one read lives in the scratch; see conn_keep_request(). */
static struct request *conn_request(struct conn *conn)
{
	struct frontend *fe = conn->frontend;

	if (conn->request != NULL)
		return conn->request;
	if (conn->state == CONN_IDLE) {
		request_begin(&fe->scratch.request, fe->config->max_body);
		conn_enter(conn, CONN_HEAD);
	}
	return &fe->scratch.request;
}

static void conn_drop_request(struct conn *conn, struct request *request)
{
	request_free(request);
	free(conn->request);
	conn->request = NULL;
}

/* The rest of the request will come in another read, and the scratch is for all. */
static void conn_keep_request(struct conn *conn)
{
	struct request *scratch = &conn->frontend->scratch.request;

	if (!conn_is_receiving(conn) || conn->state == CONN_IDLE)
		return;
	if (conn->request == NULL) {
		conn->request = malloc(sizeof(*conn->request));
		if (conn->request == NULL) {
			request_free(scratch);
			conn->gone = true;
			return;
		}
		*conn->request = *scratch;
	}
	if (request_keep(conn->request) != 0)
		conn->gone = true;
}

/* What the answer will need to know when the request is gone. */
static void conn_note_request(struct conn *conn, const struct request *request)
{
	struct text id = request_header(request, HEADER_X_REQUEST_ID);

	conn->is_head = request->method == METHOD_HEAD;
	conn->is_old = request->old;
	conn->close_after = !request->keep_alive;
	conn->linger_after = false;
	conn->id_number = ++conn->frontend->request_counter;
	conn->id = reply_id_valid(id) ? id : (struct text){NULL, 0};
}

static void conn_handle_request(struct conn *conn, struct request *request)
{
	conn_note_request(conn, request);
	conn_enter(conn, CONN_WORKING);
	route_request(conn, request);
	if (conn->state == CONN_WORKING && conn->task == NULL && conn->wake == NULL &&
	    !conn->gone) {
		log_bug("a handler has forgotten to answer");
		conn_problem(conn, PROBLEM_INTERNAL, NULL);
	}
	conn_drop_request(conn, request);
}

static void conn_handle_bad(struct conn *conn, struct request *request)
{
	size_t linger =
	    request->problem == PROBLEM_TOO_LARGE ? CONN_LINGER_BODY : CONN_LINGER_HEAD;

	conn->is_head = request->method == METHOD_HEAD;
	conn_reject(conn, request->problem, request->detail, linger);
	conn_drop_request(conn, request);
}

/* Asks for the body with 100 Continue, or says why it is not wanted. A client that
 * waits for 25 bytes and cannot take them is given up. */
static void conn_handle_expect(struct conn *conn, struct request *request)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const ssize_t len = sizeof(text) - 1;

	request->expects = false;
	if (route_refuses(conn, request) == PROBLEM_NONE) {
		if (send(conn->io.fd, text, (size_t)len, MSG_NOSIGNAL) != len)
			conn->gone = true;
		return;
	}
	conn_note_request(conn, request);
	conn->close_after = conn->linger_after =
	    true; /* it may send the body all the same */
	conn->linger_left = CONN_LINGER_BODY;
	conn_enter(conn, CONN_WORKING);
	route_request(conn, request);
	conn_drop_request(conn, request);
}

/* Takes one step with data[len]: a head, a body, or a part of one. Returns how many
 * bytes that were. */
static size_t conn_step(struct conn *conn, const char *data, size_t len)
{
	struct request *request = conn_request(conn);
	size_t used = request_feed(request, data, len);

	switch (request->state) {
	case REQUEST_HEAD:
		break;
	case REQUEST_BODY:
		if (conn->state == CONN_HEAD)
			conn_enter(conn, CONN_BODY);
		if (request->expects && used == len)
			conn_handle_expect(conn, request);
		break;
	case REQUEST_DONE:
		conn_handle_request(conn, request);
		break;
	case REQUEST_BAD:
		conn_handle_bad(conn, request);
		break;
	}
	return used;
}

/* Takes steps until it is no longer the client's turn, or that of other clients. */
static size_t conn_consume(struct conn *conn, const char *data, size_t len)
{
	size_t used = 0;

	for (unsigned i = 0; i < CONN_BURST && used < len && conn_is_receiving(conn);
	     i++)
		used += conn_step(conn, data + used, len - used);
	return used;
}

/* --- reading --- */

/* Keeps what cannot be parsed yet. */
static void conn_keep_rest(struct conn *conn, const char *data, size_t len)
{
	if (conn->rest_at > 0) {
		conn->rest.len -= conn->rest_at;
		memmove(
		    conn->rest.data, conn->rest.data + conn->rest_at, conn->rest.len);
		conn->rest_at = 0;
	}
	if (secret_append(&conn->rest, data, len) != 0)
		conn->gone = true;
}

static void conn_receive(struct conn *conn, const char *data, size_t len)
{
	size_t used = 0;

	if (conn->state == CONN_LINGERING) {
		conn->gone = len >= conn->linger_left;
		conn->linger_left -= len;
		return;
	}
	if (conn_rest_len(conn) == 0)
		used = conn_consume(conn, data, len);
	if (used < len && conn->state != CONN_LINGERING && !conn->gone)
		conn_keep_rest(conn, data + used, len - used);
}

static void conn_read(struct conn *conn)
{
	char *in = conn->frontend->scratch.in;
	size_t room = CONN_READ_SIZE - conn_rest_len(conn);
	ssize_t n = recv(conn->io.fd, in, room, 0);

	if (n > 0) {
		conn_receive(conn, in, (size_t)n);
		conn_keep_request(conn);
		explicit_bzero(in, (size_t)n);
	} else if (n == 0) {
		conn->half_closed = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		conn->gone = true;
	}
}

/* --- time --- */

static uint64_t conn_timeout_ms(const struct conn *conn)
{
	const struct config *config = conn->frontend->config;

	switch ((enum conn_state)conn->state) {
	case CONN_IDLE:
		return config->keepalive_timeout_ms;
	case CONN_HEAD:
		return config->header_timeout_ms;
	case CONN_BODY:
		return config->body_timeout_ms;
	case CONN_WORKING: /* a job has its own deadline */
		return ev_is_active(&conn->io) ? 0 : CONN_PROBE_MS;
	case CONN_WRITING:
		return config->write_timeout_ms;
	case CONN_LINGERING:
		return CONN_LINGER_MS;
	}
	return 0;
}

/* Sets the deadline of a new state, and sees to it that the timer rings in time. */
static void conn_set_deadline(struct conn *conn)
{
	uint64_t now, ms;

	if (conn->timed != conn->state) {
		ms = conn_timeout_ms(conn);
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

/* Nobody reads from it, so only this tells whether a client still waits for the answer.
 */
static void conn_probe(struct conn *conn)
{
	struct pollfd pollfd = {.fd = conn->io.fd};

	if (poll(&pollfd, 1, 0) > 0)
		conn->gone = true;
	conn->timed = CONN_UNTIMED;
}

/* A client that does not take its answer: what the kernel holds for it goes too. */
static void conn_cut(struct conn *conn)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(conn->io.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn->gone = true;
}

static void conn_expire(struct conn *conn)
{
	conn_wake_fn *wake = conn->wake;

	switch ((enum conn_state)conn->state) {
	case CONN_HEAD:
	case CONN_BODY:
		conn->is_head = false;
		if (conn->request != NULL && request_started(conn->request))
			conn_reject(
			    conn, PROBLEM_REQUEST_TIMEOUT, NULL, CONN_LINGER_HEAD);
		else
			conn->gone = true;
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
	case CONN_LINGERING:
		conn->gone = true;
		break;
	}
}

/* --- the loop's side --- */

/* What may happen next: nothing but this decides whether we read or write. */
static int conn_interest(const struct conn *conn)
{
	switch ((enum conn_state)conn->state) {
	case CONN_IDLE:
	case CONN_HEAD:
	case CONN_BODY:
		/* more requests are here already, after the others have had their turn
		 */
		return conn_rest_len(conn) > 0 ? EV_WRITE : EV_READ;
	case CONN_WORKING:
		return conn->half_closed || conn_rest_len(conn) >= CONN_READ_SIZE
		           ? 0
		           : EV_READ;
	case CONN_WRITING:
		return EV_WRITE;
	case CONN_LINGERING:
		return EV_READ;
	}
	return 0;
}

static void conn_watch(struct conn *conn, int events)
{
	struct ev_loop *loop = conn->frontend->loop;

	if ((conn->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(loop, &conn->io);
	ev_io_set(&conn->io, conn->io.fd, events);
	if (events != 0)
		ev_io_start(loop, &conn->io);
	else if (conn->wake == NULL)
		conn->timed = CONN_UNTIMED; /* conn_probe() from now on */
}

/* Parses on in what was kept while the client had to wait. */
static void conn_consume_rest(struct conn *conn)
{
	size_t len = conn_rest_len(conn);

	if (len == 0)
		return;
	if (conn_is_receiving(conn)) {
		conn->rest_at +=
		    conn_consume(conn, (char *)conn->rest.data + conn->rest_at, len);
		conn_keep_request(conn);
	}
	if (conn_rest_len(conn) == 0 || conn->state == CONN_LINGERING) {
		secret_free(&conn->rest);
		conn->rest_at = 0;
	}
}

static void conn_free(struct conn *conn)
{
	struct frontend *fe = conn->frontend;

	TAILQ_REMOVE(&fe->conns, conn, entry);
	fe->conn_count--;
	ev_io_stop(fe->loop, &conn->io);
	ev_timer_stop(fe->loop, &conn->timer);
	close(conn->io.fd);
	conn_drop_answer(conn);
	if (conn->request != NULL)
		conn_drop_request(conn, conn->request);
	secret_free(&conn->rest);
	free(conn);
	frontend_conn_gone(fe);
}

void conn_settle(struct conn *conn)
{
	conn_consume_rest(conn);
	if (conn->half_closed && conn_rest_len(conn) == 0 &&
	    (conn_is_receiving(conn) || conn->state == CONN_LINGERING))
		conn->gone = true;
	conn->busy = false;
	if (conn->gone) {
		conn_free(conn);
		return;
	}
	conn_watch(conn, conn_interest(conn));
	conn_set_deadline(conn);
}

static void conn_on_io(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct conn *conn = io->data;

	(void)loop;
	conn->busy = true;
	if (conn->state == CONN_WRITING)
		conn_write(conn);
	else if (revents & EV_READ)
		conn_read(conn);
	conn_settle(conn);
}

static void conn_on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct conn *conn = timer->data;

	(void)loop;
	(void)revents;
	conn->busy = true;
	conn->rings = CONN_NEVER;
	if (clock_ns() >= conn->deadline)
		conn_expire(conn);
	conn_settle(conn);
}

static void conn_set_peer(struct conn_peer *peer, const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET) {
		peer->kind = CONN_PEER_INET;
		memcpy(peer->address,
		    &((const struct sockaddr_in *)(const void *)addr)->sin_addr,
		    sizeof(struct in_addr));
	} else if (addr->sa_family == AF_INET6) {
		peer->kind = CONN_PEER_INET6;
		memcpy(peer->address,
		    &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr,
		    sizeof(struct in6_addr));
	}
}

int conn_accept(struct frontend *fe, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL) {
		close(fd);
		return -1;
	}
	conn->frontend = fe;
	if (len >= sizeof(addr->sa_family))
		conn_set_peer(&conn->peer, addr);
	ev_io_init(&conn->io, conn_on_io, fd, EV_READ);
	ev_init(&conn->timer, conn_on_timer);
	conn->io.data = conn->timer.data = conn;
	conn->state = conn->timed = CONN_IDLE;
	conn->deadline = clock_ns() + fe->config->header_timeout_ms * NS_PER_MS;
	conn->rings = CONN_NEVER;
	TAILQ_INSERT_TAIL(&fe->conns, conn, entry);
	fe->conn_count++;
	ev_io_start(fe->loop, &conn->io);
	conn_set_deadline(conn);
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

	TAILQ_FOREACH_SAFE(conn, &fe->conns, entry, next)
	conn_close(conn);
}
