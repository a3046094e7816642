/*
 * The client's turn: from bytes to requests, one at a time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "common/clock.h"
#include "common/link.h"
#include "common/log.h"
#include "frontend/conn_state.h"
#include "frontend/frontend.h"
#include "frontend/route.h"

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

void conn_drop_request(struct conn *conn, struct request *request)
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

	conn->method = (uint8_t)request->method;
	conn->began_ns = conn->frontend->config->access_log ? clock_ns() : 0;
	conn->is_head = request->method == METHOD_HEAD;
	conn->is_old = request->old;
	conn->close_after = !request->keep_alive;
	conn->linger_after = false;
	conn->id_number = ++conn->frontend->request_counter;
	conn->id = reply_id_valid(id) ? id : (struct text){NULL, 0};
}

/* The head is complete: whether the request is refused is known before its body has
 * come. */
static void conn_judge(struct conn *conn, struct request *request)
{
	const char *detail = NULL;
	enum problem problem = conn_place_refuses(conn, request, &detail);

	if (problem == PROBLEM_NONE)
		problem = route_admit(conn, request);
	if (problem != PROBLEM_NONE)
		request_refuse(request, problem, detail);
}

/* Has it answered. Where the client may still be sending its body, or the connection
 * has no place, the answer is the last: nothing that follows is read as a request. */
static void conn_handle_request(struct conn *conn, struct request *request)
{
	const bool unread = request->state != REQUEST_DONE;

	conn_note_request(conn, request);
	if (unread || (conn->place == CONN_RESERVED && !conn->close_after)) {
		conn->close_after = conn->linger_after = true;
		conn->linger_left = unread ? CONN_LINGER_BODY : CONN_LINGER_HEAD;
	}
	conn_enter(conn, CONN_WORKING);
	if (request->refused != PROBLEM_NONE)
		conn_problem(conn, request->refused, request->refused_detail);
	else
		route_answer(conn, request);
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

/* Asks for the body; later, where 25 bytes cannot be sent now. */
static void conn_continue(struct conn *conn, struct request *request)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const ssize_t len = sizeof(text) - 1;

	if (send(conn->io.fd, text, (size_t)len, MSG_NOSIGNAL) == len)
		request->expects = false;
	else if (link_must_wait(errno))
		conn_stall(conn);
	else
		conn->gone = true;
}

void conn_resume(struct conn *conn)
{
	struct request *request = conn->request;

	conn->retry = CONN_NEVER;
	if (conn->state == CONN_BODY && request != NULL && request->expects &&
	    request->refused == PROBLEM_NONE)
		conn_continue(conn, request);
}

/* Some of the body is missing, and nothing more `is_here`. What is refused does not
 * wait for the rest of it. */
static void conn_await_body(struct conn *conn, struct request *request, bool is_here)
{
	if (conn->state == CONN_HEAD) {
		conn_judge(conn, request);
		conn_enter(conn, CONN_BODY);
	}
	if (is_here)
		return;
	if (request->refused != PROBLEM_NONE)
		conn_handle_request(conn, request);
	else if (request->expects)
		conn_continue(conn, request);
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
		conn_await_body(conn, request, used < len);
		break;
	case REQUEST_DONE:
		if (conn->state == CONN_HEAD)
			conn_judge(conn, request);
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

/*
 * The client has sent all that it will send. Whether it has left, or waits on with its
 * half of the connection closed, TCP does not tell: only what we send is answered with
 * a reset where nobody is left. So while its job runs we send an interim answer, which
 * HTTP/1.1 lets us do at any time and every client has to be able to read (RFC 9110
 * section 15.2; 102 Processing: RFC 2518 section 10.1), and look soon for the reset.
 */
static void conn_ask_whether_there(struct conn *conn)
{
	static const char text[] = "HTTP/1.1 102 Processing\r\n\r\n";
	const ssize_t len = sizeof(text) - 1;
	ssize_t n;

	if (conn->state != CONN_WORKING || conn->task == NULL || conn->is_old ||
	    conn->peer.kind == CONN_PEER_UNIX)
		return;
	n = send(conn->io.fd, text, (size_t)len, MSG_NOSIGNAL);
	if (n != len && !(n < 0 && link_must_wait(errno)))
		conn->gone = true;
}

void conn_read(struct conn *conn)
{
	char *in = conn->frontend->scratch.in;
	size_t room = CONN_READ_SIZE - conn_rest_len(conn);
	ssize_t n = recv(conn->io.fd, in, room, 0);

	if (n > 0) {
		conn_unstall(conn);
		conn_receive(conn, in, (size_t)n);
		conn_keep_request(conn);
		explicit_bzero(in, (size_t)n);
	} else if (n == 0) {
		conn->half_closed = true;
		conn_ask_whether_there(conn);
	} else if (link_must_wait(errno)) {
		conn_stall(conn);
	} else if (errno != EINTR) {
		conn->gone = true;
	}
}

void conn_consume_rest(struct conn *conn)
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
