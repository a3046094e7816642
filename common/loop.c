#include "common/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"

enum { RESERVE_BYTES = 64 << 10 };

static const double REST_SECONDS = .02;

/* libev's allocator is one for the process, and is given nothing but sizes. */
static struct {
	void *reserve;
	int status; /* the exit's */
} loop_memory;

static void *loop_realloc(void *old, long size)
{
	static struct log_limit limit;
	void *fresh;

	if (size == 0) {
		free(old);
		return NULL;
	}
	fresh = realloc(old, (size_t)size);
	if (fresh == NULL && loop_memory.reserve != NULL) {
		free(loop_memory.reserve);
		loop_memory.reserve = NULL;
		log_limited(&limit, LOG_LEVEL_WARNING,
		    "out of memory: the event loop lives on its reserve");
		fresh = realloc(old, (size_t)size);
	} else if (loop_memory.reserve == NULL) {
		loop_memory.reserve = malloc(RESERVE_BYTES);
	}
	if (fresh != NULL)
		return fresh;
	log_error("out of memory: the event loop needs %ld bytes", size);
	_exit(loop_memory.status);
}

struct ev_loop *loop_open(unsigned flags, int status)
{
	loop_memory.status = status;
	if (loop_memory.reserve == NULL)
		loop_memory.reserve = malloc(RESERVE_BYTES);
	if (loop_memory.reserve == NULL)
		return NULL;
	ev_set_allocator(loop_realloc);
	errno = ENOMEM; /* where it is not the system that refuses */
	return ev_loop_new(flags);
}

static void loop_rested(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)events;
	ev_io_start(loop, w->data);
}

void loop_rest(struct ev_loop *loop, struct loop_rest *rest, struct ev_io *io)
{
	loop_stop(loop, rest, io);
	ev_timer_init(&rest->timer, loop_rested, REST_SECONDS, 0.);
	rest->timer.data = io;
	ev_timer_start(loop, &rest->timer);
}

void loop_stop(struct ev_loop *loop, struct loop_rest *rest, struct ev_io *io)
{
	ev_timer_stop(loop, &rest->timer);
	ev_io_stop(loop, io);
}

bool loop_watches(const struct loop_rest *rest, const struct ev_io *io)
{
	return ev_is_active(io) || ev_is_active(&rest->timer);
}
