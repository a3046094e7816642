/*
 * A run of the load generator: streams of requests to one target, in one libev loop.
 *
 * A stream has a schedule of its own, and a request's time is measured from where the
 * schedule has it: one that waits because all connections are busy waits in the
 * stream's queue, and that counts, as it does for a person. Nothing slows the schedule
 * down.
 */
#ifndef TESTS_BENCH_LOAD_RUN_H
#define TESTS_BENCH_LOAD_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>
#include <ev.h>

#include "tests/bench/load_answer.h"
#include "tests/bench/load_spec.h"
#include "tests/bench/load_tally.h"
#include "tests/bench/load_target.h"

enum { LOAD_STREAMS = 32, LOAD_INPUT = 65536 };

struct stream;

enum lane_state {
	LANE_CLOSED, /* no socket */
	LANE_IDLE,   /* connected, nothing asked */
	LANE_CONNECTING,
	LANE_SENDING,
	LANE_WAITING, /* for the answer or the rest of it */
	LANE_RESTING, /* after a failure in a closed loop, which would spin */
};

/* A connection that carries a request at a time. All times are of clock_ns(), 0: never.
 */
struct lane {
	struct stream *stream;
	TAILQ_ENTRY(lane) link; /* while it is free */
	struct ev_io io;
	struct ev_timer timer;
	enum lane_state state;
	int fd;
	uint32_t number;       /* of the stream's lanes; says which source address */
	bool used;             /* an answer has come on this connection */
	uint64_t scheduled_ns; /* the request's time */
	uint64_t connect_ns;   /* connect() was called */
	uint64_t give_up_ns, leave_ns, piece_ns; /* alarms */
	char *out;                               /* what is not sent yet, malloc'ed */
	size_t out_at, out_len;
	struct answer answer;
};
TAILQ_HEAD(lane_list, lane);

/* A connection that asks once and then is idle. */
struct idle {
	struct idle_set *set;
	struct ev_io io;
	bool asked, answered;
};

struct idle_set {
	struct stream *stream;
	struct idle *idle; /* spec.idle of them */
	unsigned begun, pending, open, failed, closed;
	bool said; /* that all are open */
};

struct stream {
	struct load *load;
	struct spec spec;
	struct tally tally;
	struct lane *lanes;
	struct lane_list free;
	struct idle_set idles;
	uint64_t *queue; /* scheduled times: a ring with room for spec.queue */
	size_t queue_at, queue_len;
	uint64_t scheduled; /* requests so far */
	uint64_t begin_ns, end_ns;
	int clock_fd; /* a timerfd: libev's own timers are exact to a millisecond only
	               */
	struct ev_io clock;
	unsigned busy; /* lanes that are not free */
	bool pumping;  /* requests are being handed out */
	bool over;     /* nothing more is scheduled */
	bool done;     /* and all has ended */
};

struct load {
	struct target target;
	uint64_t duration_ns;
	uint64_t collect_ns; /* the least time between two wake-ups; on the machine of
	                        the server each takes CPU time away from it */
	struct stream stream[LOAD_STREAMS];
	unsigned stream_count;
	bool quiet; /* says nothing while it runs */

	/* of the run */
	struct ev_loop *loop;
	struct ev_signal interrupt;
	uint64_t start_ns, took_ns;
	uint64_t number; /* of requests: what %u becomes */
	unsigned going;  /* streams that are not done */
	char *request;   /* room for one */
	size_t request_size;
	char input[LOAD_INPUT];
};

/* Adds a stream. Returns 0, or -1 with the mistake in error[SPEC_ERROR]. */
int load_add(struct load *load, const char *spec, char *error);
/* Runs all streams to their end: INT stops the schedules, a second one the program.
 * Returns 0, or -1 with the cause in error[SPEC_ERROR]. */
int load_run(struct load *load, char *error);
void load_free(struct load *load);
/* Sockets that it may have open at the same time. */
uint64_t load_sockets(const struct load *load);

/* load_stream.c */
/* Gets memory, and a clock that goes off at the start. Returns 0 or -1. */
int stream_start(struct stream *stream);
void stream_stop(struct stream *stream);
void stream_free(struct stream *stream);
/* The stream schedules nothing more; what is under way is waited for. */
void stream_end(struct stream *stream);
/* A lane of it is free again. */
void stream_lane_free(struct stream *stream, struct lane *lane);
/* A request of it has ended, scheduled at that time. */
void stream_count(struct stream *stream, enum outcome outcome, uint64_t scheduled_ns);
/* Gives requests that wait to lanes that are free. */
void stream_pump(struct stream *stream);

/* load_lane.c */
void lane_init(struct lane *lane, struct stream *stream, uint32_t number);
/* Sends a request on a free lane, which says so when it is free again. */
void lane_ask(struct lane *lane, uint64_t scheduled_ns);
void lane_close(struct lane *lane);

/* load_idle.c */
int idle_set_start(struct idle_set *set, struct stream *stream);
void idle_set_stop(struct idle_set *set);
/* Is each of them open or has failed? The run lasts until then. */
bool idle_set_settled(const struct idle_set *set);

#endif
