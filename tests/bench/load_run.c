#include "tests/bench/load_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "tests/bench/load_request.h"

enum { FDS_BESIDE = 64 }; /* standard ones, clocks, the loop's own */

int load_add(struct load *load, const char *spec, char *error)
{
	struct stream *stream = &load->stream[load->stream_count];

	if (load->stream_count == LOAD_STREAMS) {
		snprintf(error, SPEC_ERROR, "more than %d streams", LOAD_STREAMS);
		return -1;
	}
	*stream = (struct stream){.load = load, .clock_fd = -1};
	if (spec_parse(&stream->spec, spec, load->stream_count + 1, error) != 0) {
		spec_free(&stream->spec);
		return -1;
	}
	for (unsigned i = 0; i < load->stream_count; i++)
		if (strcmp(load->stream[i].spec.name, stream->spec.name) == 0) {
			snprintf(error, SPEC_ERROR, "name=%s: given twice",
			    stream->spec.name);
			spec_free(&stream->spec);
			return -1;
		}
	load->stream_count++;
	return 0;
}

uint64_t load_sockets(const struct load *load)
{
	uint64_t sockets = 0;

	for (unsigned i = 0; i < load->stream_count; i++)
		sockets += load->stream[i].spec.conns + load->stream[i].spec.idle;
	return sockets;
}

/* Returns 0, or -1 where the limit stays too low. */
static int fds_raise(uint64_t want, char *error)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return -1;
	if (limit.rlim_cur >= want)
		return 0;
	if (limit.rlim_max < want) /* for root to do */
		limit.rlim_max = want;
	limit.rlim_cur = want;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return 0;
	snprintf(error, SPEC_ERROR, "%llu open files are needed: %s",
	    (unsigned long long)want, strerror(errno));
	return -1;
}

static void load_interrupted(struct ev_loop *loop, struct ev_signal *w, int events)
{
	struct load *load = w->data;

	(void)events;
	ev_signal_stop(loop, w);
	load->duration_ns = clock_ns() - load->start_ns;
	for (unsigned i = 0; i < load->stream_count; i++)
		stream_end(&load->stream[i]);
}

static int streams_start(struct load *load)
{
	load->going = load->stream_count;
	load->start_ns = clock_ns();
	for (unsigned i = 0; i < load->stream_count; i++)
		if (stream_start(&load->stream[i]) != 0)
			return -1;
	return 0;
}

static void streams_run(struct load *load)
{
	ev_signal_init(&load->interrupt, load_interrupted, SIGINT);
	load->interrupt.data = load;
	ev_signal_start(load->loop, &load->interrupt);
	ev_run(load->loop, 0);
	load->took_ns = clock_ns() - load->start_ns;
	ev_signal_stop(load->loop, &load->interrupt);
}

static int request_room(struct load *load)
{
	load->request_size = 1;
	for (unsigned i = 0; i < load->stream_count; i++) {
		size_t size = request_size_max(&load->stream[i].spec);

		if (size > load->request_size)
			load->request_size = size;
	}
	load->request = malloc(load->request_size);
	return load->request == NULL ? -1 : 0;
}

int load_run(struct load *load, char *error)
{
	int result = -1;

	if (load->stream_count == 0) {
		snprintf(error, SPEC_ERROR, "no stream");
		return -1;
	}
	if (fds_raise(load_sockets(load) + FDS_BESIDE, error) != 0)
		return -1;
	snprintf(error, SPEC_ERROR, "not enough memory or open files");
	load->loop = ev_loop_new(EVFLAG_AUTO);
	if (load->loop == NULL || request_room(load) != 0)
		goto out;
	ev_set_io_collect_interval(
	    load->loop, (double)load->collect_ns / (double)NS_PER_SEC);
	if (streams_start(load) == 0) {
		streams_run(load);
		result = 0;
	}
	for (unsigned i = 0; i < load->stream_count; i++)
		stream_stop(&load->stream[i]);
out:
	if (load->loop != NULL)
		ev_loop_destroy(load->loop);
	load->loop = NULL;
	return result;
}

void load_free(struct load *load)
{
	for (unsigned i = 0; i < load->stream_count; i++)
		stream_free(&load->stream[i]);
	free(load->request);
	load->request = NULL;
	load->stream_count = 0;
}
