#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/clock.h"
#include "tests/bench/load_request.h"
#include "tests/bench/load_run.h"

static const uint64_t REST_NS = 10 * NS_PER_MS;

static struct ev_loop *lane_loop(const struct lane *lane)
{
	return lane->stream->load->loop;
}

static struct tally *lane_tally(const struct lane *lane)
{
	return &lane->stream->tally;
}

void lane_close(struct lane *lane)
{
	ev_timer_stop(lane_loop(lane), &lane->timer);
	if (lane->fd >= 0) {
		ev_io_stop(lane_loop(lane), &lane->io);
		close(lane->fd);
	}
	free(lane->out);
	lane->out = NULL;
	lane->fd = -1;
	lane->used = false;
	lane->state = LANE_CLOSED;
}

/* Rings at the earliest of the alarms. It may ring early: who is woken looks. */
static void lane_arm(struct lane *lane)
{
	const uint64_t alarms[] = {lane->give_up_ns, lane->leave_ns, lane->piece_ns};
	uint64_t now = clock_ns(), next = UINT64_MAX;

	for (size_t i = 0; i < sizeof(alarms) / sizeof(*alarms); i++)
		if (alarms[i] != 0 && alarms[i] < next)
			next = alarms[i];
	ev_timer_stop(lane_loop(lane), &lane->timer);
	ev_timer_set(&lane->timer, next > now ? (double)(next - now) / 1e9 : 0., 0.);
	ev_timer_start(lane_loop(lane), &lane->timer);
}

static void lane_watch(struct lane *lane, int events)
{
	if (ev_is_active(&lane->io) && lane->io.events == events)
		return;
	ev_io_stop(lane_loop(lane), &lane->io);
	ev_io_set(&lane->io, lane->fd, events);
	ev_io_start(lane_loop(lane), &lane->io);
}

/* The request has ended. `keep`: the connection can carry another one. */
static void lane_end(struct lane *lane, enum outcome outcome, bool keep)
{
	struct stream *stream = lane->stream;

	stream_count(stream, outcome, lane->scheduled_ns);
	lane->leave_ns = lane->piece_ns = 0;
	if (keep && stream->spec.keepalive) {
		ev_timer_stop(lane_loop(lane), &lane->timer);
		lane->used = true;
		lane->state = LANE_IDLE;
	} else {
		lane_close(lane);
	}
	if (stream->spec.rate == 0. &&
	    (outcome == OUTCOME_REFUSED || outcome == OUTCOME_UNSENT)) {
		lane->state = LANE_RESTING;
		lane->give_up_ns = clock_ns() + REST_NS;
		lane_arm(lane);
		return;
	}
	stream_lane_free(stream, lane);
}

/* ---- reading ---- */

static void lane_answered(struct lane *lane, bool rest)
{
	const struct spec *spec = &lane->stream->spec;
	bool late = spec->deadline_ns != 0 &&
	            clock_ns() - lane->scheduled_ns > spec->deadline_ns;

	if (rest)
		lane_tally(lane)->unasked++;
	lane_end(lane, answer_judge(&lane->answer, late),
	    lane->answer.keep_alive && !rest && lane->state == LANE_WAITING);
}

/* The server has closed or reset the connection. */
static void lane_ended(struct lane *lane)
{
	if (lane->state == LANE_IDLE) {
		lane_tally(lane)->idle_closed++;
		lane_close(lane); /* it is free, and stays so */
	} else if (answer_finish(&lane->answer)) {
		lane->answer.keep_alive = false;
		lane_answered(lane, false);
	} else if (lane->answer.started) {
		lane_end(lane, OUTCOME_PARTIAL, false);
	} else {
		lane_end(
		    lane, lane->used ? OUTCOME_RESET_IDLE : OUTCOME_RESET_NEW, false);
	}
}

static void lane_read(struct lane *lane)
{
	char *input = lane->stream->load->input;
	ssize_t n = recv(lane->fd, input, LOAD_INPUT, 0);
	size_t used;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lane_ended(lane);
		return;
	}
	if (lane->state == LANE_IDLE) {
		lane_tally(lane)->unasked++;
		lane_close(lane);
		return;
	}
	switch (answer_feed(&lane->answer, input, (size_t)n, &used)) {
	case ANSWER_MORE:
		break;
	case ANSWER_DONE:
		lane_answered(lane, used < (size_t)n);
		break;
	case ANSWER_BAD:
		lane_end(lane, OUTCOME_WRONG, false);
		break;
	}
}

/* ---- sending ---- */

static void lane_sent(struct lane *lane)
{
	const struct spec *spec = &lane->stream->spec;

	free(lane->out);
	lane->out = NULL;
	lane->state = LANE_WAITING;
	lane_watch(lane, EV_READ);
	if (spec->drop > 0. && arc4random_uniform(1000000) < spec->drop * 1e4) {
		lane->leave_ns = clock_ns() + 1;
		if (spec->drop_after_ns > 0)
			lane->leave_ns +=
			    ((uint64_t)arc4random() << 32 | arc4random()) %
			    spec->drop_after_ns;
	}
	lane_arm(lane);
}

/* What cannot be sent has its cause, and perhaps an answer, on the other side. */
static void lane_send_failed(struct lane *lane)
{
	free(lane->out);
	lane->out = NULL;
	lane_watch(lane, EV_READ);
	lane_arm(lane);
}

/* Sends a piece, or as much as there is room for. */
static void lane_send(struct lane *lane)
{
	const struct spec *spec = &lane->stream->spec;
	size_t left = lane->out_len - lane->out_at;
	ssize_t n;

	if (lane->out == NULL)
		return;
	if (spec->pieces > 0 && left > spec->pieces)
		left = spec->pieces;
	n = send(lane->fd, lane->out + lane->out_at, left, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		lane_send_failed(lane);
		return;
	}
	lane->out_at += n > 0 ? (size_t)n : 0;
	if (lane->out_at == lane->out_len) {
		lane_sent(lane);
		return;
	}
	lane->piece_ns = n > 0 && spec->pieces > 0 && spec->pause_ns > 0
	                     ? clock_ns() + spec->pause_ns
	                     : 0;
	lane_watch(lane, lane->piece_ns != 0 ? EV_READ : EV_READ | EV_WRITE);
	lane_arm(lane);
}

/* The connection is there: writes the request and sends what there is room for. */
static void lane_begin(struct lane *lane)
{
	struct load *load = lane->stream->load;
	const struct spec *spec = &lane->stream->spec;
	char id[ANSWER_ID_MAX];

	load->number++;
	snprintf(id, sizeof(id), "load-%x-%llx-%llu", (unsigned)getpid(),
	    (unsigned long long)load->start_ns, (unsigned long long)load->number);
	answer_begin(&lane->answer, spec, id);
	lane->out_at = 0;
	lane->out_len = request_write(spec, load->number, id, load->request);
	lane->out = malloc(lane->out_len);
	if (lane->out == NULL) {
		lane_end(lane, OUTCOME_UNSENT, false);
		return;
	}
	memcpy(lane->out, load->request, lane->out_len);
	lane->state = LANE_SENDING;
	lane_send(lane);
}

/* ---- connecting ---- */

static void lane_connect_failed(struct lane *lane, int error)
{
	static const struct {
		int error;
		enum outcome outcome;
	} known[] = {{ECONNREFUSED, OUTCOME_REFUSED},
	    {EAGAIN, OUTCOME_REFUSED}, /* a Unix socket's backlog is full */
	    {ENOENT, OUTCOME_REFUSED}, {ECONNRESET, OUTCOME_RESET_NEW},
	    {EPIPE, OUTCOME_RESET_NEW}, {ETIMEDOUT, OUTCOME_TIMEOUT}};
	enum outcome outcome = OUTCOME_UNSENT; /* our own want: fds, ports, memory */

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].error == error)
			outcome = known[i].outcome;
	lane_end(lane, outcome, false);
}

static void lane_connected(struct lane *lane)
{
	histogram_add(
	    &lane_tally(lane)->timing[TIMING_CONNECT], clock_ns() - lane->connect_ns);
	lane_begin(lane);
}

static void lane_connect(struct lane *lane)
{
	bool connected = false;

	lane->connect_ns = clock_ns();
	lane->fd = target_connect(&lane->stream->load->target, &lane->stream->spec.src,
	    lane->number, &connected);
	if (lane->fd < 0) {
		lane_connect_failed(lane, errno);
		return;
	}
	lane->state = LANE_CONNECTING;
	lane_watch(lane, EV_WRITE);
	if (connected)
		lane_connected(lane);
	else
		lane_arm(lane);
}

void lane_ask(struct lane *lane, uint64_t scheduled_ns)
{
	lane->scheduled_ns = scheduled_ns;
	lane->give_up_ns = scheduled_ns + lane->stream->spec.timeout_ns;
	histogram_add(
	    &lane_tally(lane)->timing[TIMING_WAIT], clock_ns() - scheduled_ns);
	if (lane->fd < 0)
		lane_connect(lane);
	else
		lane_begin(lane);
}

/* ---- what wakes it ---- */

static void lane_ready(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct lane *lane = w->data;
	struct stream *stream = lane->stream;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)loop;
	if (lane->state == LANE_CONNECTING) {
		getsockopt(lane->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error != 0)
			lane_connect_failed(lane, error);
		else
			lane_connected(lane);
	} else {
		if (events & EV_READ)
			lane_read(lane);
		if (lane->state == LANE_SENDING && (events & EV_WRITE))
			lane_send(lane);
	}
	stream_pump(stream);
}

/* Half of those who leave do it without a word (RST). */
static void lane_leave(struct lane *lane)
{
	const struct linger abort = {.l_onoff = 1, .l_linger = 0};

	if (arc4random_uniform(2) == 0)
		setsockopt(lane->fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	lane_end(lane, OUTCOME_DROPPED, false);
}

static void lane_alarm(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct lane *lane = w->data;
	uint64_t now = clock_ns();

	(void)loop;
	(void)events;
	if (lane->give_up_ns <= now && lane->state == LANE_RESTING) {
		lane->state = LANE_CLOSED;
		stream_lane_free(lane->stream, lane);
	} else if (lane->give_up_ns <= now) {
		lane_end(lane, OUTCOME_TIMEOUT, false);
	} else if (lane->leave_ns != 0 && lane->leave_ns <= now) {
		lane_leave(lane);
	} else if (lane->piece_ns != 0 && lane->piece_ns <= now) {
		lane->piece_ns = 0;
		lane_send(lane);
	} else {
		lane_arm(lane);
	}
	stream_pump(lane->stream);
}

void lane_init(struct lane *lane, struct stream *stream, uint32_t number)
{
	*lane = (struct lane){.stream = stream, .fd = -1, .number = number};
	ev_init(&lane->io, lane_ready);
	lane->io.data = lane;
	ev_init(&lane->timer, lane_alarm);
	lane->timer.data = lane;
}
