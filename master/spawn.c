/*
 * How a child is born and reaped. It decides nothing: whether a process should be is
 * supervise.c's question.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>

#include "common/clock.h"
#include "common/job.h"
#include "common/log.h"
#include "master/birth.h"
#include "master/counts.h"
#include "master/master.h"
#include "master/relay.h"

static void process_forget_watchers(struct process *p)
{
	struct ev_loop *loop = p->role->generation->master->loop;

	loop_stop(loop, &p->control_rest, &p->control_watcher);
	ev_timer_stop(loop, &p->ready_timer);
	if (p->control >= 0)
		close(p->control);
	if (p->sight >= 0)
		close(p->sight);
	p->control = p->sight = -1;
	relay_close(p);
}

/* Told by the control socket: a signal is not permitted where the child has another
 * user and the master no CAP_KILL. */
void process_leave(struct process *p)
{
	const struct control_message message = {.kind = CONTROL_LEAVE};

	if (p->state != PROCESS_STARTING && p->state != PROCESS_READY)
		return;
	p->state = PROCESS_LEAVING;
	if (p->reaped ||
	    (p->control >= 0 && control_send(p->control, &message) == LINK_OK))
		return;
	if (kill(p->pid, SIGTERM) != 0 && errno != ESRCH)
		log_error("process %d cannot be told to leave: %s", (int)p->pid,
		    strerror(errno));
}

const char *process_name(const struct process *p, char *buf, size_t cap)
{
	const struct role *role = p->role;

	if (role->kind->listens)
		snprintf(buf, cap, "%s %u", role->kind->name, p->index);
	else
		snprintf(buf, cap, "%s %s/%u", role->kind->name,
		    role->generation->config->pools[role->pool].name, p->index);
	return buf;
}

/* It leaves when it finds its control socket closed, unless it is stopped or hangs. */
static void process_close_out(struct process *p, int error)
{
	char who[64];

	log_error("%s (%d) cannot be killed: %s%s; its control socket is closed",
	    process_name(p, who, sizeof(who)), (int)p->pid, strerror(error),
	    error == EPERM ? ": this master has no CAP_KILL" : "");
	p->unkillable = true;
	process_forget_watchers(p);
	if (p->state == PROCESS_READY)
		p->state = PROCESS_LEAVING;
	supervise_publish(p->role);
}

/* Its exit is logged with the reason, when it is reaped. */
void process_kill(struct process *p, enum exit_cause why)
{
	if (p->state == PROCESS_NONE || p->reaped || p->condemned != EXIT_CAUSE_LEFT)
		return;
	p->condemned = why;
	loop_stop(
	    p->role->generation->master->loop, &p->control_rest, &p->control_watcher);
	if (kill(p->pid, SIGKILL) != 0 && errno != ESRCH)
		process_close_out(p, errno);
}

/* Is it a regular file of /proc? Reading one does not block the master. */
static bool is_proc_file(int fd)
{
	struct statfs fs;
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fstatfs(fd, &fs) == 0 &&
	       fs.f_type == PROC_SUPER_MAGIC;
}

/* A child's first message may hand over a descriptor: it has not begun its work then.
 */
static enum link_result process_recv(struct process *p, struct control_message *message)
{
	enum link_result result;
	int fd;

	if (p->greeted)
		return control_recv(p->control, message);
	result = control_recv_fd(p->control, message, &fd);
	p->greeted = result != LINK_AGAIN && result != LINK_SHORT;
	if (fd < 0)
		return result;
	if (message->kind == CONTROL_SIGHT && is_proc_file(fd))
		p->sight = fd;
	else
		close(fd);
	return result;
}

/* It may have said that it is READY, and we have not come to read it: before it died,
 * or because we were late ourselves. */
static void process_hear_ready(struct process *p)
{
	struct control_message message;

	while (p->state == PROCESS_STARTING && p->control >= 0 &&
	       process_recv(p, &message) == LINK_OK)
		if (message.kind == CONTROL_READY)
			supervise_ready(p);
}

static void process_not_ready(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct process *p = w->data;

	(void)loop;
	(void)events;
	process_hear_ready(p);
	if (p->state != PROCESS_READY)
		process_kill(p, EXIT_CAUSE_LATE);
}

void process_leave_in_time(struct process *p)
{
	const struct generation *g = p->role->generation;
	const uint64_t ms = g->config->shutdown_timeout_ms + LADDER_LEAVE_MS;
	struct ev_loop *loop = g->master->loop;

	if (p->state != PROCESS_STARTING && p->state != PROCESS_READY)
		return; /* it has been told, and gets no more time */
	process_leave(p);
	ev_timer_stop(loop, &p->ready_timer);
	ev_set_cb(&p->ready_timer, process_not_ready);
	ev_timer_set(&p->ready_timer, (double)ms / 1000., 0.);
	ev_timer_start(loop, &p->ready_timer);
}

static void process_closed(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	process_kill(w->data, EXIT_CAUSE_ROGUE);
}

/* What a child says is hearsay: kinds it may not say, or anything ill-formed, end it.
 */
static void process_heard(struct process *p, const struct control_message *message)
{
	struct generation *g = p->role->generation;

	switch ((enum control_kind)message->kind) {
	case CONTROL_READY:
		if (p->state == PROCESS_STARTING)
			supervise_ready(p);
		return;
	case CONTROL_SIGHT:
		return;
	case CONTROL_WANT:
		if (p->role->kind->listens && role_of_pool(g, message->pool) != NULL) {
			sizing_want(role_of_pool(g, message->pool));
			return;
		}
		break;
	case CONTROL_SUSPECT:
		if (p->role->kind->listens && role_of_pool(g, message->pool) != NULL) {
			supervise_suspect(role_of_pool(g, message->pool), message->pid);
			return;
		}
		break;
	case CONTROL_RETIRE:
		if (!p->role->kind->listens) {
			supervise_retire(p);
			return;
		}
		break;
	default:
		break;
	}
	log_bug("process %d sent a control message it may not send", (int)p->pid);
	process_kill(p, EXIT_CAUSE_ROGUE);
}

static void process_control(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct process *p = w->data;
	struct control_message message;
	enum link_result result;

	if ((events & EV_ERROR) != 0) {
		log_error("process %d cannot be heard: no room in the epoll set",
		    (int)p->pid);
		process_kill(p, EXIT_CAUSE_LATE);
		return;
	}
	result = process_recv(p, &message);
	if (result == LINK_OK) {
		process_heard(p, &message);
	} else if (result == LINK_CLOSED) {
		/* it is dying, and we shall reap it; or it has closed the socket and
		 * lives on */
		ev_io_stop(loop, w);
		ev_timer_stop(loop, &p->ready_timer);
		ev_timer_init(&p->ready_timer, process_closed, 1., 0.);
		ev_timer_start(loop, &p->ready_timer);
	} else if (result == LINK_SHORT) {
		loop_rest(loop, &p->control_rest, w);
	} else if (result != LINK_AGAIN) {
		log_bug("process %d sent an ill-formed control message", (int)p->pid);
		process_kill(p, EXIT_CAUSE_ROGUE);
	}
}

static void process_watch(struct process *p, pid_t pid, int control)
{
	struct master *m = p->role->generation->master;

	p->pid = pid;
	p->reaped = false;
	p->greeted = p->unkillable = false;
	p->cpu_seen_ns = 0;
	p->stopped_ns = 0;
	p->control = control;
	p->sight = -1;
	p->state = PROCESS_STARTING;
	p->born_ns = clock_ns();
	ev_io_init(&p->control_watcher, process_control, control, EV_READ);
	p->control_watcher.data = p;
	ev_io_start(m->loop, &p->control_watcher);
	ev_timer_init(&p->ready_timer, process_not_ready,
	    (double)p->role->generation->config->ready_timeout_ms / 1000., 0.);
	p->ready_timer.data = p;
	ev_timer_start(m->loop, &p->ready_timer);
}

static bool incarnation_lives(const struct master *m, uint32_t incarnation)
{
	const struct generation *g;

	TAILQ_FOREACH(g, &m->generations, entry)
	for (size_t i = 0; i < g->process_count; i++)
		if (g->processes[i].state != PROCESS_NONE &&
		    g->processes[i].incarnation == incarnation)
			return true;
	return false;
}

static uint32_t incarnation_next(struct master *m)
{
	do
		m->incarnations = m->incarnations % JOB_INCARNATION_MAX + 1;
	while (incarnation_lives(m, m->incarnations));
	return m->incarnations;
}

int spawn_process(struct process *p)
{
	struct master *m = p->role->generation->master;
	pid_t self = getpid(), pid;
	int control[2], said;

	if (link_pair(control) != 0) {
		log_error("cannot make a control socket: %s", strerror(errno));
		return -1;
	}
	said = relay_open(p);
	if (said < 0) {
		log_error("cannot make a pipe for a log: %s", strerror(errno));
		close(control[0]);
		close(control[1]);
		return -1;
	}
	p->incarnation = incarnation_next(m);
	board_slot_reset(
	    board_slot(&p->role->generation->board, p->slot), p->incarnation);
	oom_lend(&m->oom, birth_limits(p).oom_score_adj);
	pid = fork();
	if (pid == 0)
		birth_run(p, control[1], said, self);
	oom_take_back(&m->oom);
	close(control[1]);
	close(said);
	if (pid < 0) {
		log_error("cannot fork a %s: %s", p->role->kind->name, strerror(errno));
		close(control[0]);
		relay_close(p);
		board_slot_reset(board_slot(&p->role->generation->board, p->slot), 0);
		return -1;
	}
	counts_spawn(p);
	process_watch(p, pid, control[0]);
	return 0;
}

static struct process *process_of_pid(struct master *m, pid_t pid)
{
	struct generation *g;

	TAILQ_FOREACH(g, &m->generations, entry)
	for (size_t i = 0; i < g->process_count; i++)
		if (g->processes[i].state != PROCESS_NONE && g->processes[i].pid == pid)
			return &g->processes[i];
	return NULL; /* as PID 1 of a container we are given strangers to bury */
}

void spawn_reap(struct master *m)
{
	struct process *p;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		p = process_of_pid(m, pid);
		if (p == NULL) {
			upgrade_reaped(m, pid, status);
			continue;
		}
		p->reaped = true;
		process_hear_ready(p);
		process_forget_watchers(p);
		supervise_exit(p, status);
	}
}
