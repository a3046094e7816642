#include "master/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "master/master.h"

/* A child that has something to say says it once a second (log_limited). What comes in
 * such numbers comes from one that was broken into, and would fill the disk. */
enum { RELAY_LINES = 100 /* a second */, RELAY_AT_ONCE = 1000 };

enum {
	RELAY_BYTES = 16384, /* read at once: then it is another's turn */
	RELAY_LAST = 4096,
	RELAY_USUAL = 1 << 16, /* of a pipe */
	RELAY_ROOM = 1 << 20,  /* of the pipe of a frontend that logs each request */
};

struct relay {
	int fd;
	struct ev_io watcher;
	struct ev_timer pause;
	struct loop_rest rest;
	struct process *process;
	uint64_t paid_ns; /* until when its lines have used up what it may say */
	size_t len;       /* of the line that has begun */
	char text[LOG_RECORD_MAX];
};

static bool relay_is_bounded(const struct relay *relay)
{
	const struct role *role = relay->process->role;

	/* how much an access log has to say, clients decide */
	return !role->kind->listens || !role->generation->config->access_log;
}

/* Each of them may be where a line ends. */
static void relay_pay(struct relay *relay, const char *bytes, size_t len)
{
	const uint64_t line = NS_PER_SEC / RELAY_LINES, now = clock_ns();

	if (now > RELAY_AT_ONCE * line && relay->paid_ns < now - RELAY_AT_ONCE * line)
		relay->paid_ns = now - RELAY_AT_ONCE * line;
	for (size_t i = 0; i < len; i++)
		if (bytes[i] == '\n' || bytes[i] == '\0' ||
		    bytes[i] == LOG_RECORD_BEGIN)
			relay->paid_ns += line;
}

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
	relay_pay(relay, bytes + len, (size_t)n);
	len += (size_t)n;
	used = log_relay(p->pid, process_name(p, who, sizeof(who)), bytes, len, false);
	relay->len = len - used;
	memcpy(relay->text, bytes + used, relay->len);
	return 1;
}

static void relay_go_on(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct relay *relay = w->data;

	(void)events;
	ev_io_start(loop, &relay->watcher);
}

/* What the pipe has no room for meanwhile is lost to the child. */
static void relay_bound(struct relay *relay)
{
	static struct log_limit limit;
	struct ev_loop *loop = relay->process->role->generation->master->loop;
	const uint64_t now = clock_ns();
	char who[64];

	if (relay->paid_ns <= now)
		return;
	log_limited(&limit, LOG_LEVEL_WARNING,
	    "%s (%d) logs more than %d lines a second: its next ones wait, or are lost",
	    process_name(relay->process, who, sizeof(who)), (int)relay->process->pid,
	    RELAY_LINES);
	ev_io_stop(loop, &relay->watcher);
	ev_timer_set(&relay->pause, (double)(relay->paid_ns - now) / NS_PER_SEC, 0.);
	ev_timer_start(loop, &relay->pause);
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
	else if (relay_is_bounded(relay))
		relay_bound(relay);
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
	ev_timer_init(&relay->pause, relay_go_on, 0., 0.);
	relay->watcher.data = relay->pause.data = relay;
	ev_io_start(p->role->generation->master->loop, &relay->watcher);
	p->relay = relay;
	return ends[1];
}

/* Of what is left of one that has said too much, the last words: why it has ended. */
static void relay_skip(struct relay *relay)
{
	static char bytes[RELAY_BYTES];
	int waiting;

	if (!relay_is_bounded(relay) || relay->paid_ns <= clock_ns() ||
	    ioctl(relay->fd, FIONREAD, &waiting) != 0)
		return;
	while (waiting > RELAY_LAST) {
		const size_t skip = (size_t)(waiting - RELAY_LAST);
		const ssize_t n =
		    read(relay->fd, bytes, skip < sizeof(bytes) ? skip : sizeof(bytes));

		if (n <= 0)
			return;
		waiting -= (int)n;
		relay->len = 0;
	}
}

/* A process that lives may go on for ever. */
static void relay_finish(struct relay *relay)
{
	const struct process *p = relay->process;
	const int room = relay_is_bounded(relay) ? RELAY_USUAL : RELAY_ROOM;
	char who[64];

	relay_skip(relay);
	for (int i = 0; i <= room / RELAY_BYTES && relay_read(relay) > 0; i++)
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
	ev_timer_stop(p->role->generation->master->loop, &relay->pause);
	close(relay->fd);
	free(relay);
}
