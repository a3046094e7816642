#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/bench/load_run.h"

/* ---- ends ---- */

void stream_count(struct stream *stream, enum outcome outcome, uint64_t scheduled_ns)
{
	uint64_t now = clock_ns();

	tally_add(&stream->tally, outcome, now - scheduled_ns,
	    (now - stream->load->start_ns) / NS_PER_SEC);
}

/* It cannot fail with a time and a timerfd that are ours. */
static int clock_set(const struct stream *stream, uint64_t at_ns)
{
	const struct itimerspec when = {
	    .it_value = {.tv_sec = (time_t)(at_ns / NS_PER_SEC),
	        .tv_nsec = (long)(at_ns % NS_PER_SEC)}};

	return timerfd_settime(stream->clock_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Nobody is waited for any longer. */
static uint64_t stream_last(const struct stream *stream)
{
	return stream->end_ns + stream->spec.timeout_ns;
}

static void stream_check_done(struct stream *stream)
{
	struct load *load = stream->load;

	if (stream->done || !stream->over || stream->busy > 0 || stream->queue_len > 0)
		return;
	if (!idle_set_settled(&stream->idles) && clock_ns() < stream_last(stream))
		return;
	stream->done = true;
	ev_io_stop(load->loop, &stream->clock);
	if (--load->going == 0)
		ev_break(load->loop, EVBREAK_ALL);
}

void stream_end(struct stream *stream)
{
	uint64_t now = clock_ns();

	stream->over = true;
	if (now < stream->end_ns)
		stream->end_ns = now > stream->begin_ns ? now : stream->begin_ns + 1;
	clock_set(stream, stream_last(stream));
	stream_check_done(stream);
}

/* ---- the queue ---- */

static void queue_push(struct stream *stream, uint64_t scheduled_ns)
{
	size_t at = (stream->queue_at + stream->queue_len) % stream->spec.queue;

	stream->queue[at] = scheduled_ns;
	stream->queue_len++;
	if (stream->queue_len > stream->tally.queue_most)
		stream->tally.queue_most = stream->queue_len;
}

/* The one that has waited longest. Who has waited for too long has gone. */
static bool queue_pop(struct stream *stream, uint64_t now, uint64_t *scheduled_ns)
{
	while (stream->queue_len > 0) {
		*scheduled_ns = stream->queue[stream->queue_at];
		stream->queue_at = (stream->queue_at + 1) % stream->spec.queue;
		stream->queue_len--;
		if (now - *scheduled_ns < stream->spec.timeout_ns)
			return true;
		stream_count(stream, OUTCOME_UNSENT, *scheduled_ns);
	}
	return false;
}

/* What is to be sent next: what waits; in a closed loop always one, now. */
static bool stream_next(struct stream *stream, uint64_t *scheduled_ns)
{
	uint64_t now = clock_ns();

	if (stream->spec.rate > 0.)
		return queue_pop(stream, now, scheduled_ns);
	*scheduled_ns = now;
	return now >= stream->begin_ns && now < stream->end_ns && !stream->over;
}

static void lane_take(struct stream *stream, uint64_t scheduled_ns)
{
	struct lane *lane = TAILQ_FIRST(&stream->free);

	TAILQ_REMOVE(&stream->free, lane, link);
	stream->busy++;
	lane_ask(lane, scheduled_ns);
}

void stream_lane_free(struct stream *stream, struct lane *lane)
{
	TAILQ_INSERT_TAIL(&stream->free, lane, link); /* they take turns */
	stream->busy--;
}

/* A lane that fails at once is free again at once: this loop is the only one that asks.
 */
void stream_pump(struct stream *stream)
{
	uint64_t scheduled_ns;

	if (stream->pumping)
		return;
	stream->pumping = true;
	while (!TAILQ_EMPTY(&stream->free) && stream_next(stream, &scheduled_ns))
		lane_take(stream, scheduled_ns);
	stream->pumping = false;
	stream_check_done(stream);
}

/* ---- the schedule ---- */

/* When the next request is due; the end where there is none before. */
static uint64_t stream_due(const struct stream *stream)
{
	double since = (double)stream->scheduled * 1e9 / stream->spec.rate;
	uint64_t due;

	if (stream->spec.rate == 0. || stream->spec.conns == 0)
		return stream->end_ns;
	due = stream->begin_ns + (uint64_t)since;
	return due < stream->end_ns ? due : stream->end_ns;
}

static void stream_schedule(struct stream *stream, uint64_t due)
{
	stream->scheduled++;
	histogram_add(&stream->tally.timing[TIMING_LAG], clock_ns() - due);
	if (stream->queue_len == 0 && !TAILQ_EMPTY(&stream->free))
		lane_take(stream, due);
	else if (stream->queue_len < stream->spec.queue)
		queue_push(stream, due);
	else
		stream_count(stream, OUTCOME_UNSENT, due);
}

/* Everything that is due is sent, however late we are. */
static void stream_tick(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct stream *stream = w->data;
	uint64_t now = clock_ns(), due, expirations;

	(void)loop;
	(void)events;
	if (read(stream->clock_fd, &expirations, sizeof(expirations)) < 0)
		return; /* it has not gone off */
	stream->pumping = true;
	while (
	    (due = stream_due(stream)) <= now && due < stream->end_ns && !stream->over)
		stream_schedule(stream, due);
	stream->pumping = false;
	if (now >= stream->end_ns)
		stream_end(stream);
	else
		clock_set(stream, due);
	stream_pump(stream);
}

/* ---- its life ---- */

static int lanes_make(struct stream *stream)
{
	TAILQ_INIT(&stream->free);
	stream->lanes = calloc(stream->spec.conns + 1, sizeof(*stream->lanes));
	stream->queue = calloc(stream->spec.queue + 1, sizeof(*stream->queue));
	if (stream->lanes == NULL || stream->queue == NULL)
		return -1;
	for (unsigned i = 0; i < stream->spec.conns; i++) {
		lane_init(&stream->lanes[i], stream, i);
		TAILQ_INSERT_TAIL(&stream->free, &stream->lanes[i], link);
	}
	return 0;
}

int stream_start(struct stream *stream)
{
	struct load *load = stream->load;
	const struct spec *spec = &stream->spec;
	uint64_t last = load->duration_ns + spec->timeout_ns;

	stream->begin_ns = load->start_ns + spec->start_ns;
	stream->end_ns = load->start_ns + load->duration_ns;
	if (spec->stop_ns != 0 && spec->stop_ns < load->duration_ns)
		stream->end_ns = load->start_ns + spec->stop_ns;
	if (tally_init(&stream->tally, (size_t)(last / NS_PER_SEC) + 2) != 0 ||
	    lanes_make(stream) != 0)
		return -1;
	stream->clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (stream->clock_fd < 0 || clock_set(stream, stream->begin_ns) != 0)
		return -1;
	ev_io_init(&stream->clock, stream_tick, stream->clock_fd, EV_READ);
	stream->clock.data = stream;
	ev_io_start(load->loop, &stream->clock);
	return idle_set_start(&stream->idles, stream);
}

void stream_stop(struct stream *stream)
{
	for (unsigned i = 0; stream->lanes != NULL && i < stream->spec.conns; i++)
		if (stream->lanes[i].stream != NULL)
			lane_close(&stream->lanes[i]);
	idle_set_stop(&stream->idles);
	if (stream->clock_fd >= 0) {
		ev_io_stop(stream->load->loop, &stream->clock);
		close(stream->clock_fd);
		stream->clock_fd = -1;
	}
}

void stream_free(struct stream *stream)
{
	free(stream->lanes);
	free(stream->queue);
	tally_free(&stream->tally);
	spec_free(&stream->spec);
}
