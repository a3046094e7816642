/*
 * The master's loop, its signals, and what follows from what happens to a generation.
 */
#include "master/master.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "master/caller.h"
#include "master/command_server.h"
#include "master/detach.h"
#include "master/notify.h"
#include "master/signals.h"

void master_title(const struct master *m)
{
	const struct generation *g = m->current;
	const char *file = g->config->source, *slash;

	if (file != NULL && (slash = strrchr(file, '/')) != NULL)
		file = slash + 1;
	setproctitle(
	    "master [gen %u, %s]", g->number, file != NULL ? file : "defaults");
}

/* ---- what a generation tells ---- */

void master_in_charge(struct master *m)
{
	m->in_charge = true;
	if (!m->upgrade.predecessor) /* who may take his place back, and need them */
		listen_close(&m->handed);
	log_info("ready, generation %u", m->current->number);
	notify_ready();
	if (m->ready_fd >= 0) {
		if (write(m->ready_fd, "", 1) != 1)
			log_warn("nobody waits for the start any more");
		close(m->ready_fd);
		m->ready_fd = -1;
	}
	master_go_on(m);
}

void master_generation_ready(struct generation *g)
{
	struct master *m = g->master;

	if (g == m->candidate) {
		reload_commit(m);
		master_title(m);
	}
	if (m->upgrade.heir) {
		upgrade_announce(m);
	} else if (!m->in_charge) { /* also a reload, where no one was READY before */
		master_in_charge(m);
	} else {
		log_info("ready, generation %u", g->number);
		master_go_on(m);
	}
}

bool master_generation_on_trial(const struct generation *g)
{
	return g == g->master->candidate ||
	       (g->state == GENERATION_STARTING && g->master->upgrade.heir);
}

bool master_generation_serves(const struct generation *g)
{
	return g != g->master->candidate && !g->master->upgrade.heir;
}

void master_generation_failed(struct generation *g, const char *why)
{
	struct master *m = g->master;

	if (g == m->candidate) {
		reload_abort(m, why);
		master_go_on(m);
		return;
	}
	log_error("cannot take over: %s", why);
	upgrade_explain(m->upgrade.channel, why);
	m->exit_status = EXIT_FAILED;
	master_stop(m);
}

void master_generation_empty(struct generation *g)
{
	struct master *m = g->master;

	if (g != m->current)
		generation_close(g);
	if (!m->stopping)
		master_go_on(m);
	else if (generation_alive(m->current) == 0 &&
	         TAILQ_FIRST(&m->generations) ==
	             TAILQ_LAST(&m->generations, generation_list))
		ev_break(m->loop, EVBREAK_ALL);
}

/* ---- leaving ---- */

static void master_drain(struct master *m)
{
	struct generation *g, *next;

	m->stopping = true;
	command_leave(m);
	for (g = TAILQ_FIRST(&m->generations); g != NULL; g = next) {
		next = TAILQ_NEXT(g, entry);
		if (g == m->candidate) {
			m->candidate = NULL;
			generation_kill(g);
		}
		if (g != m->current)
			generation_drain(g);
	}
	generation_drain(m->current); /* last: with it the loop may end */
}

void master_stop(struct master *m)
{
	struct generation *g;

	TAILQ_FOREACH(g, &m->generations, entry)
	generation_kill(g);
	master_drain(m);
}

void master_retire(struct master *m)
{
	log_info("draining for the successor");
	ev_timer_stop(m->loop, &m->watchdog); /* it is his to keep quiet now */
	master_drain(m);
}

void master_return(struct master *m)
{
	log_warn("this master takes its place again, with the config that it had");
	if (m->watchdog.repeat > 0.)
		ev_timer_again(m->loop, &m->watchdog);
	m->stopping = false;
	ev_break(m->loop, EVBREAK_CANCEL); /* the last worker may have gone just now */
	generation_resume(m->current);
	master_go_on(m); /* a reload that he was asked for, and may not have done */
}

static void master_drain_now(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	master_drain(w->data);
}

static void master_quit(struct master *m)
{
	const struct config *config = m->current->config;
	struct generation *g;

	if (upgrade_postpones(m, SIGTERM))
		return;
	if (m->quitting) {
		master_stop(m);
		return;
	}
	m->quitting = true;
	TAILQ_FOREACH(g, &m->generations, entry) /* also one that is not ready yet */
	generation_tell_leaving(g, BOARD_STOPS);
	log_info("leaving: requests in flight are still answered");
	notify_stopping();
	ev_timer_init(&m->drain_delay, master_drain_now,
	    (double)config->drain_delay_ms / 1000., 0.);
	m->drain_delay.data = m;
	ev_timer_start(m->loop, &m->drain_delay);
}

static void master_interrupt(struct master *m)
{
	if (upgrade_postpones(m, SIGINT))
		return;
	log_info("leaving at once");
	m->quitting = true;
	notify_stopping();
	master_stop(m);
}

/* A process in the foreground ends with its terminal. More than one of these may come:
 * the kernel tells the session's leader and the foreground. */
static void master_hangup(struct master *m)
{
	if (caller_ignores_hangup() || m->quitting)
		return;
	log_info("the terminal is gone");
	master_quit(m);
}

/* ---- the other signals ---- */

/* Memory is planned for two generations: before a third one begins, here or in a
 * successor, that which is replaced or has failed has to leave, for which it has
 * shutdown_timeout; and where this one took its place back, its own old processes. */
static bool master_is_alone(const struct master *m)
{
	return TAILQ_FIRST(&m->generations) == m->current &&
	       TAILQ_NEXT(m->current, entry) == NULL &&
	       !generation_is_crowded(m->current);
}

void master_go_on(struct master *m)
{
	if (m->stopping) /* the other master of an upgrade may be gone */
		unlisten_begin(m->current);
	if (m->stopping || m->quitting || m->candidate != NULL ||
	    upgrade_under_way(m) || m->upgrade.heir || m->upgrade.predecessor)
		return;
	if (!m->upgrade.wanted && !m->reload.wanted)
		return;
	if (!master_is_alone(m)) {
		if (!m->told_to_wait)
			log_info("%s waits until the old processes have left",
			    m->upgrade.wanted ? "upgrade" : "reload");
		m->told_to_wait = true;
		return;
	}
	m->told_to_wait = false;
	if (m->upgrade.wanted)
		upgrade_begin(m);
	else
		reload_begin(m);
}

static void master_reload(struct master *m)
{
	m->reload.wanted = true; /* by us too, where a successor dies over it */
	(void)upgrade_forward(m, SIGHUP);
	master_go_on(m);
}

static void master_upgrade(struct master *m)
{
	if (upgrade_forward(m, SIGUSR2))
		return;
	if (upgrade_under_way(m))
		log_warn("an upgrade is under way: one more after it");
	m->upgrade.wanted = true;
	master_go_on(m);
}

/* The workers go, the master stays; a reload brings workers back. */
static void master_leave(struct master *m)
{
	log_info("the workers leave");
	generation_tell_leaving(m->current, BOARD_STOPS);
	generation_drain(m->current);
}

static void master_grow(struct master *m)
{
	sizing_resize(role_of_pool(m->current, m->current->config->default_pool), 1);
}

static void master_shrink(struct master *m)
{
	sizing_resize(role_of_pool(m->current, m->current->config->default_pool), -1);
}

int master_reopen(struct master *m)
{
	(void)m;
	if (log_reopen() != 0) {
		log_warn("cannot open the log anew: %s", strerror(errno));
		return -1;
	}
	log_info("log opened anew");
	return 0;
}

static void master_reopen_log(struct master *m)
{
	(void)master_reopen(m);
}

static void (*const handlers[SIGNAL_ACTION_END])(struct master *m) = {
    [SIGNAL_QUIT] = master_quit,
    [SIGNAL_STOP] = master_interrupt,
    [SIGNAL_RELOAD] = master_reload,
    [SIGNAL_REOPEN] = master_reopen_log,
    [SIGNAL_UPGRADE] = master_upgrade,
    [SIGNAL_LEAVE] = master_leave,
    [SIGNAL_GROW] = master_grow,
    [SIGNAL_SHRINK] = master_shrink,
    [SIGNAL_REAP] = spawn_reap,
};

void master_signal(struct master *m, int signo)
{
	const struct signal_row *row = signal_find(signo);

	if (row != NULL && handlers[row->action] != NULL)
		handlers[row->action](m);
}

static void master_signalled(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct master *m = w->data;
	struct signalfd_siginfo info;

	(void)loop;
	(void)events;
	while (read(m->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (signal_is_hangup(&info))
			master_hangup(m);
		else if (signal_is_command(&info, m->options->detach))
			master_signal(m, (int)info.ssi_signo);
		else
			log_debug("SIG%s of a terminal is no command",
			    sigabbrev_np((int)info.ssi_signo));
	}
}

static void master_alive(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
	notify_watchdog();
}

static void master_not_yet(struct ev_loop *loop, struct ev_io *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
}

/* libev adds an fd to its epoll set when the loop runs, and stops the watcher of one
 * that it could not add. A master that hears no signal hears no child's death either:
 * this is found out before there are any. */
static int master_watch_signals(struct master *m)
{
	ev_io_init(&m->signals, master_not_yet, m->signal_fd, EV_READ);
	m->signals.data = m;
	ev_io_start(m->loop, &m->signals);
	errno = ENOMEM;
	ev_run(m->loop, EVRUN_NOWAIT);
	ev_set_cb(&m->signals, master_signalled);
	return ev_is_active(&m->signals) ? 0 : -1;
}

/* Signals are blocked, here and in the children, and read from an fd: nothing ever runs
 * in a handler. */
int master_open_loop(struct master *m)
{
	uint64_t usec = notify_watchdog_usec();
	sigset_t all;

	m->loop = loop_open(EVFLAG_AUTO | EVFLAG_NOENV, EXIT_FAILED);
	signals_waited_for(&all);
	if (m->loop == NULL || sigprocmask(SIG_SETMASK, &all, NULL) != 0)
		return -1;
	m->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signal_fd < 0)
		return -1;
	if (master_watch_signals(m) != 0)
		return -1;
	ev_timer_init(&m->watchdog, master_alive, 0., (double)usec / 2e6);
	if (usec > 0)
		ev_timer_again(m->loop, &m->watchdog);
	return 0;
}
