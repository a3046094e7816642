#include "master/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "master/master.h"

enum {
	RELAY_BYTES = 16384,  /* read at once: then it is another's turn */
	RELAY_ROOM = 1 << 20, /* of the pipe of a frontend that logs each request */
};

struct relay {
	int fd;
	struct ev_io watcher;
	struct loop_rest rest;
	struct process *process;
	size_t len; /* of the line that has begun */
	char text[LOG_RECORD_MAX];
};

/* Logs some of what is there. Returns 1, 0 where there is nothing now, or no memory to
 * read it, or -1 where there will be no more. */
static int relay_read(struct relay *relay)
{
	static char bytes[LOG_RECORD_MAX + RELAY_BYTES];
	const struct process *p = relay->process;
	size_t len = relay->len, used;
	char who[64];
	ssize_t n;

	memcpy(bytes, relay->text, len);
	n = read(relay->fd, bytes + len, RELAY_BYTES);
	if (n <= 0)
		return n < 0 && (errno == EINTR || link_must_wait(errno)) ? 0 : -1;
	len += (size_t)n;
	used = log_relay(p->pid, process_name(p, who, sizeof(who)), bytes, len, false);
	relay->len = len - used;
	memcpy(relay->text, bytes + used, relay->len);
	return 1;
}

static void relay_ready(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct relay *relay = w->data;
	int rc = -1;

	/* where the loop has no room for it, all is read at the end */
	if ((events & EV_ERROR) == 0)
		rc = relay_read(relay);
	if (rc == 0)
		loop_rest(loop, &relay->rest, w);
	else if (rc < 0)
		ev_io_stop(loop, w);
}

/* A frontend that logs each request has more to say than there is room for while the
 * master waits for a CPU. More is best effort: the kernel limits it for each user. */
static void relay_make_room(const struct process *p, int fd)
{
	if (p->role->kind->listens && p->role->generation->config->access_log)
		(void)fcntl(fd, F_SETPIPE_SZ, RELAY_ROOM);
}

int relay_open(struct process *p)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	int ends[2];

	if (relay == NULL)
		return -1;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		free(relay);
		return -1;
	}
	relay_make_room(p, ends[1]);
	relay->fd = ends[0];
	relay->process = p;
	ev_io_init(&relay->watcher, relay_ready, relay->fd, EV_READ);
	ev_set_priority(
	    &relay->watcher, EV_MINPRI); /* first what happens, then words */
	relay->watcher.data = relay;
	ev_io_start(p->role->generation->master->loop, &relay->watcher);
	p->relay = relay;
	return ends[1];
}

/* A process that lives may go on for ever. */
static void relay_finish(struct relay *relay)
{
	const struct process *p = relay->process;
	char who[64];

	for (int i = 0; i <= RELAY_ROOM / RELAY_BYTES && relay_read(relay) > 0; i++)
		continue;
	log_relay(
	    p->pid, process_name(p, who, sizeof(who)), relay->text, relay->len, true);
}

void relay_close(struct process *p)
{
	struct relay *relay = p->relay;

	if (relay == NULL)
		return;
	p->relay = NULL;
	relay_finish(relay);
	loop_stop(p->role->generation->master->loop, &relay->rest, &relay->watcher);
	close(relay->fd);
	free(relay);
}
