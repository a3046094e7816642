#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/bench/load_run.h"

enum { PENDING_MAX = 64 }; /* connections that are opened at the same time */

static void idle_begin_more(struct idle_set *set);

static struct ev_loop *idle_loop(const struct idle *idle)
{
	return idle->set->stream->load->loop;
}

static void idle_watch(struct idle *idle, int fd, int events)
{
	ev_io_stop(idle_loop(idle), &idle->io);
	ev_io_set(&idle->io, fd, events);
	ev_io_start(idle_loop(idle), &idle->io);
}

static void idle_close(struct idle *idle)
{
	ev_io_stop(idle_loop(idle), &idle->io);
	close(idle->io.fd);
	idle->io.fd = -1;
}

bool idle_set_settled(const struct idle_set *set)
{
	return set->begun == set->stream->spec.idle && set->pending == 0;
}

/* Said once: whoever measures what they cost waits for this line. */
static void idle_say(struct idle_set *set)
{
	const struct load *load = set->stream->load;

	if (set->said || !idle_set_settled(set))
		return;
	set->said = true;
	if (!load->quiet)
		fprintf(stderr, "%s: %u idle connections open, %u failed, %.3f s\n",
		    set->stream->spec.name, set->open, set->failed,
		    (double)(clock_ns() - load->start_ns) / 1e9);
}

static void idle_failed(struct idle *idle)
{
	struct idle_set *set = idle->set;

	if (idle->io.fd >= 0)
		idle_close(idle);
	set->pending--;
	set->failed++;
}

static void idle_ask(struct idle *idle)
{
	const struct spec *spec = &idle->set->stream->spec;
	int error = 0, n;
	socklen_t len = sizeof(error);
	char text[1024];

	n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: load\r\n\r\n",
	    spec->idle_path);
	getsockopt(idle->io.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0 || n < 0 || (size_t)n >= sizeof(text) ||
	    send(idle->io.fd, text, (size_t)n, MSG_NOSIGNAL) != n) {
		idle_failed(idle);
		return;
	}
	idle->asked = true;
	idle_watch(idle, idle->io.fd, EV_READ);
}

/* The answer, which nobody judges, or the end. */
static void idle_read(struct idle *idle)
{
	struct idle_set *set = idle->set;
	char *input = set->stream->load->input;
	ssize_t n = recv(idle->io.fd, input, LOAD_INPUT, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && !idle->answered) {
		idle->answered = true;
		set->pending--;
		set->open++;
	} else if (n <= 0 && idle->answered) {
		set->open--;
		set->closed++;
		idle_close(idle);
	} else if (n <= 0) {
		idle_failed(idle);
	}
}

static void idle_ready(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct idle *idle = w->data;

	(void)loop;
	(void)events;
	if (idle->asked)
		idle_read(idle);
	else
		idle_ask(idle);
	idle_begin_more(idle->set);
	stream_pump(idle->set->stream); /* it may be the end */
}

static void idle_begin(struct idle *idle, uint32_t number)
{
	const struct stream *stream = idle->set->stream;
	bool connected;
	int fd;

	idle->set->begun++;
	idle->set->pending++;
	fd = target_connect(
	    &stream->load->target, &stream->spec.src, number, &connected);
	idle->io.fd = fd;
	if (fd < 0)
		idle_failed(idle);
	else
		idle_watch(idle, fd, EV_WRITE);
}

static void idle_begin_more(struct idle_set *set)
{
	while (set->begun < set->stream->spec.idle && set->pending < PENDING_MAX)
		idle_begin(&set->idle[set->begun], set->begun);
	idle_say(set);
}

int idle_set_start(struct idle_set *set, struct stream *stream)
{
	*set = (struct idle_set){.stream = stream};
	if (stream->spec.idle == 0)
		return 0;
	set->idle = calloc(stream->spec.idle, sizeof(*set->idle));
	if (set->idle == NULL)
		return -1;
	for (unsigned i = 0; i < stream->spec.idle; i++) {
		set->idle[i].set = set;
		ev_io_init(&set->idle[i].io, idle_ready, -1, 0);
		set->idle[i].io.data = &set->idle[i];
	}
	idle_begin_more(set);
	return 0;
}

void idle_set_stop(struct idle_set *set)
{
	for (unsigned i = 0; i < set->begun; i++)
		if (set->idle[i].io.fd >= 0)
			idle_close(&set->idle[i]);
	free(set->idle);
	set->idle = NULL;
	set->begun = 0;
}
