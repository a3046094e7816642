/*
 * How a child is born and reaped. It decides nothing: whether a process should be is
 * supervise.c's question.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/unistd.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "master/master.h"
#include "master/signals.h"

enum {
	KEEP_MAX = 16 + LIMIT_LISTENERS + 4 * LIMIT_FRONTENDS,
	INCARNATION_MAX = (1 << 24) - 1
};

/* The fds that a child keeps, in the order of their numbers. */
struct keep {
	int fds[KEEP_MAX];
	size_t count;
};

static void keep_add(struct keep *keep, int fd)
{
	if (fd > STDERR_FILENO && keep->count < KEEP_MAX)
		keep->fds[keep->count++] = fd;
}

static int keep_compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes everything from 3 up that is not kept. */
static void keep_only(struct keep *keep)
{
	int next = STDERR_FILENO + 1;

	qsort(keep->fds, keep->count, sizeof(keep->fds[0]), keep_compare);
	for (size_t i = 0; i < keep->count; i++) {
		if (keep->fds[i] > next)
			close_range((unsigned)next, (unsigned)keep->fds[i] - 1, 0);
		next = keep->fds[i] + 1;
	}
	closefrom(next);
}

/* Standard input and output lead nowhere; standard error stays for a library's last
 * words. */
static int spawn_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		return -1;
	if (fd > STDERR_FILENO)
		close(fd);
	return 0;
}

static void child_links(struct child *child, const struct process *p, int *links)
{
	const struct generation *g = p->role->generation;
	size_t pools = g->config->pool_count;

	if (p->role->kind->listens) {
		child->link_count = pools;
		for (size_t i = 0; i < pools; i++)
			links[i] = g->link_frontend[p->index * pools + i];
	} else {
		child->link_count = g->frontend_slots;
		for (size_t i = 0; i < g->frontend_slots; i++)
			links[i] = g->link_hasher[i * pools + p->role->pool];
	}
	child->links = links;
}

static void child_listeners(
    struct child *child, const struct listener_set *set, int *fds)
{
	for (size_t i = 0; i < set->count; i++)
		fds[i] = set->sockets[i]->fd;
	child->listeners = fds;
	child->listener_count = set->count;
}

static void child_describe(struct child *child, const struct process *p, int control)
{
	const struct generation *g = p->role->generation;

	*child = (struct child){.config = g->config,
	    .board = g->board,
	    .control = control,
	    .incarnation = p->incarnation,
	    .index = p->index,
	    .pool = p->role->pool,
	    .frontends = g->frontend_slots};
	for (size_t i = 0; i < g->config->pool_count; i++) {
		child->pool_slot[i] = (unsigned)g->roles[1 + i].slot;
		child->pool_slot[i + 1] =
		    (unsigned)(g->roles[1 + i].slot + g->roles[1 + i].slot_count);
	}
}

static void child_name(const struct process *p)
{
	char who[64];

	log_ident(process_name(p, who, sizeof(who)));
	setproctitle("%s", who);
}

static int child_limits(const struct process *p)
{
	const struct generation *g = p->role->generation;
	const struct config *config = g->config;
	const struct config_pool *pool = &config->pools[p->role->pool];
	struct limits_spec spec;

	if (p->role->kind->listens) {
		spec = limits_of_frontend(config);
	} else {
		spec = limits_of_pool(config, pool);
		if (groups_join(&g->master->groups, pool) != 0)
			return -1;
	}
	return limits_apply(&spec, p->role->kind->oom_score_adj);
}

static struct sandbox_spec child_sandbox(const struct process *p)
{
	const struct config *config = p->role->generation->config;

	return p->role->kind->listens
	           ? sandbox_of_frontend(config)
	           : sandbox_of_pool(config, &config->pools[p->role->pool]);
}

/* Gives up all it can. Returns 0, or -1 (logged). */
static int child_confine(struct child *child, const struct process *p, pid_t master)
{
	struct sandbox_spec spec = child_sandbox(p);

	if (sandbox_enter(&spec) != 0)
		return -1;
	child->store = spec.store;
	/* cleared by a change of credentials, so only now; and the master may be gone
	 * already */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
		log_error("PR_SET_PDEATHSIG: %s", strerror(errno));
		return -1;
	}
	if (getppid() != master)
		_exit(CHILD_EXIT_MASTER_GONE);
	return sandbox_seal(&spec, child->slot);
}

/* The boards of the other generations are none of its business, nor may they outlive
 * them. */
static void child_forget_others(const struct process *p)
{
	struct generation *g;

	TAILQ_FOREACH(g, &p->role->generation->master->generations, entry)
	if (g != p->role->generation)
		board_close(&g->board);
}

/* All that is done in the child before its role begins. Returns 0, or -1 (logged). */
static int child_prepare(struct child *child, const struct process *p, pid_t master)
{
	sigset_t all;
	struct keep keep = {.count = 0};

	child_name(p);
	child_forget_others(p);
	signals_waited_for(&all);
	child->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (child->signal_fd < 0 || spawn_null() != 0 ||
	    board_attach(&child->board, p->slot) != 0)
		goto failed;
	keep_add(&keep, child->signal_fd);
	keep_add(&keep, child->control);
	keep_add(&keep, log_fd());
	for (size_t i = 0; i < child->link_count; i++)
		keep_add(&keep, child->links[i]);
	for (size_t i = 0; i < child->listener_count; i++)
		keep_add(&keep, child->listeners[i]);
	keep_only(&keep);
	child->slot = board_slot(&child->board, p->slot);
	if (child_limits(p) != 0)
		goto failed;
	return child_confine(child, p, master);
failed:
	log_error("cannot set up: %s", strerror(errno));
	return -1;
}

static void spawn_child(const struct process *p, int control, pid_t master)
{
	static int links[4 * LIMIT_FRONTENDS], listeners[LIMIT_LISTENERS];
	struct child child;
	int status;

	child_describe(&child, p, control);
	child_links(&child, p, links);
	if (p->role->kind->listens)
		child_listeners(&child, &p->role->generation->listeners, listeners);
	if (child_prepare(&child, p, master) != 0)
		_exit(CHILD_EXIT_SETUP);
	status = p->role->kind->run(&child);
	_exit(status);
}

static void process_forget_watchers(struct process *p)
{
	struct ev_loop *loop = p->role->generation->master->loop;

	ev_io_stop(loop, &p->control_watcher);
	ev_timer_stop(loop, &p->ready_timer);
	if (p->control >= 0)
		close(p->control);
	p->control = -1;
}

void process_leave(struct process *p)
{
	if (p->state == PROCESS_STARTING || p->state == PROCESS_READY) {
		p->state = PROCESS_LEAVING;
		kill(p->pid, SIGTERM);
	}
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

/* Its exit is logged with the reason, when it is reaped. */
void process_kill(struct process *p, enum exit_cause why)
{
	if (p->state == PROCESS_NONE || p->condemned != EXIT_CAUSE_LEFT)
		return;
	p->condemned = why;
	kill(p->pid, SIGKILL);
	ev_io_stop(p->role->generation->master->loop, &p->control_watcher);
}

static void process_not_ready(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	process_kill(w->data, EXIT_CAUSE_LATE);
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
	case CONTROL_WANT:
		if (p->role->kind->listens && role_of_pool(g, message->pool) != NULL) {
			supervise_want(role_of_pool(g, message->pool));
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
	enum link_result result = control_recv(p->control, &message);

	(void)events;
	if (result == LINK_OK) {
		process_heard(p, &message);
	} else if (result == LINK_CLOSED) {
		/* it is dying, and we shall reap it; or it has closed the socket and
		 * lives on */
		ev_io_stop(loop, w);
		ev_timer_stop(loop, &p->ready_timer);
		ev_timer_init(&p->ready_timer, process_closed, 1., 0.);
		ev_timer_start(loop, &p->ready_timer);
	} else if (result != LINK_AGAIN) {
		log_bug("process %d sent an ill-formed control message", (int)p->pid);
		process_kill(p, EXIT_CAUSE_ROGUE);
	}
}

static void process_watch(struct process *p, pid_t pid, int control)
{
	struct master *m = p->role->generation->master;

	p->pid = pid;
	p->control = control;
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

int spawn_process(struct process *p)
{
	struct master *m = p->role->generation->master;
	pid_t self = getpid(), pid;
	int control[2];

	if (m->incarnations >= INCARNATION_MAX) {
		log_error("all process numbers are used up: restart or upgrade");
		return -1;
	}
	if (link_pair(control) != 0) {
		log_error("cannot make a control socket: %s", strerror(errno));
		return -1;
	}
	p->incarnation = ++m->incarnations;
	board_slot_reset(
	    board_slot(&p->role->generation->board, p->slot), p->incarnation);
	pid = fork();
	if (pid == 0)
		spawn_child(p, control[1], self);
	close(control[1]);
	if (pid < 0) {
		log_error("cannot fork a %s: %s", p->role->kind->name, strerror(errno));
		close(control[0]);
		board_slot_reset(board_slot(&p->role->generation->board, p->slot), 0);
		return -1;
	}
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
		process_forget_watchers(p);
		supervise_exit(p, status);
	}
}
