/*
 * The master's loop and its signals.
 */
#include "master/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <bsd/libutil.h>
#include <bsd/stdlib.h>
#include <bsd/unistd.h>

#include "common/log.h"
#include "master/detach.h"
#include "master/signals.h"

static void master_title(const struct master *m)
{
	const struct generation *g = m->generation;
	const char *file = g->config->source, *slash;

	if (file != NULL && (slash = strrchr(file, '/')) != NULL)
		file = slash + 1;
	setproctitle("master [gen %u, %s]", g->number, file != NULL ? file : "defaults");
}

void master_check_done(struct master *m)
{
	if (m->stopping && generation_alive(m->generation) == 0)
		ev_break(m->loop, EVBREAK_ALL);
}

static void master_fast_exit(struct master *m)
{
	m->stopping = true;
	generation_drain(m->generation);
	generation_signal(m->generation, SIGKILL);
	master_check_done(m);
}

static void master_limit_passed(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct master *m = w->data;

	(void)loop;
	(void)events;
	log_warn("shutdown_timeout has passed: killing %u processes that have not left",
	    generation_alive(m->generation));
	m->exit_status = EXIT_FAILED;
	master_fast_exit(m);
}

static void master_drain_now(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct master *m = w->data;

	(void)loop;
	(void)events;
	generation_drain(m->generation);
	master_check_done(m);
}

static void master_quit(struct master *m)
{
	const struct config *config = m->generation->config;

	if (m->stopping) {
		master_fast_exit(m);
		return;
	}
	log_info("leaving: requests in flight are still answered");
	m->stopping = true;
	atomic_store(&board_head(&m->generation->board)->stopping, 1);
	ev_timer_init(&m->shutdown_limit, master_limit_passed,
	    (double)(config->drain_delay_ms + config->shutdown_timeout_ms) / 1000., 0.);
	m->shutdown_limit.data = m;
	ev_timer_start(m->loop, &m->shutdown_limit);
	ev_timer_init(&m->drain_delay, master_drain_now, (double)config->drain_delay_ms / 1000.,
	    0.);
	m->drain_delay.data = m;
	ev_timer_start(m->loop, &m->drain_delay);
}

static void master_interrupt(struct master *m)
{
	log_info("leaving at once");
	master_fast_exit(m);
}

static void master_reopen(struct master *m)
{
	struct generation *g = m->generation;

	if (log_reopen() != 0) {
		log_warn("cannot open the log anew: %s", strerror(errno));
		return;
	}
	for (size_t i = 0; i < g->process_count; i++)
		if (g->processes[i].state != PROCESS_NONE && g->processes[i].control >= 0 &&
		    control_send_log(g->processes[i].control, log_fd()) != LINK_OK)
			log_warn("process %d keeps the old log", (int)g->processes[i].pid);
	log_info("log opened anew");
}

static void (*const handlers[SIGNAL_ACTION_END])(struct master *m) = {
    [SIGNAL_QUIT] = master_quit,
    [SIGNAL_STOP] = master_interrupt,
    [SIGNAL_REOPEN] = master_reopen,
    [SIGNAL_REAP] = spawn_reap,
};

static void master_signalled(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct master *m = w->data;
	struct signalfd_siginfo info;

	(void)loop;
	(void)events;
	while (read(m->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		const struct signal_row *row = signal_find((int)info.ssi_signo);

		if (row != NULL && handlers[row->action] != NULL)
			handlers[row->action](m);
	}
}

/* All signals are blocked, here and in the children, and read from an fd: nothing ever runs
 * in a handler. */
static int master_open_signals(struct master *m)
{
	sigset_t all;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) != 0)
		return -1;
	m->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signal_fd < 0)
		return -1;
	ev_io_init(&m->signals, master_signalled, m->signal_fd, EV_READ);
	m->signals.data = m;
	ev_io_start(m->loop, &m->signals);
	return 0;
}

/* Links for all, and frontends that may have more files than we: as many as are allowed. */
static void master_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warn("RLIMIT_NOFILE: %s", strerror(errno));
}

/* Takes the lock that says who is the master. Returns 0, or -1 (logged). */
static int master_lock(struct master *m, const char *path)
{
	pid_t other = 0;

	if (path == NULL)
		return 0;
	m->pidfile = pidfile_open(path, 0644, &other);
	if (m->pidfile != NULL)
		return pidfile_write(m->pidfile);
	if (errno == EEXIST)
		log_error("pidfile %s: argond is running already, process %d", path, (int)other);
	else
		log_error("pidfile %s: %s", path, strerror(errno));
	return -1;
}

/* Listeners and processes, up to the loop. Takes the config over. */
static int master_start(struct master *m, struct config *config)
{
	char why[256];

	if (listen_open(&m->listeners, config, why, sizeof(why)) != 0) {
		log_error("%s", why);
		config_free(config);
		return -1;
	}
	m->generation = generation_open(m, config);
	if (m->generation == NULL) {
		config_free(config);
		return -1;
	}
	master_title(m);
	listen_announce(&m->listeners);
	return generation_start(m->generation);
}

static int master_open(struct master *m, const struct config *config, bool detached)
{
	master_raise_files();
	if (master_lock(m, config_pidfile(config, detached)) != 0)
		return -1;
	m->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (m->loop == NULL || master_open_signals(m) != 0) {
		log_error("cannot start: %s", strerror(errno));
		return -1;
	}
	if (detached && detach_terminal() != 0) {
		log_error("cannot leave the terminal: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static void master_close(struct master *m)
{
	if (m->generation != NULL)
		generation_close(m->generation);
	listen_close(&m->listeners);
	if (m->signal_fd >= 0)
		close(m->signal_fd);
	if (m->loop != NULL)
		ev_loop_destroy(m->loop);
	if (m->pidfile != NULL)
		pidfile_remove(m->pidfile);
}

static void master_introduce(const struct config *config)
{
	log_info("argond %s, engine %s, config %s", ARGOND_VERSION,
	    engine_kind_name(engine_kind_resolve(config->engine)),
	    config->source != NULL ? config->source : "built-in defaults");
}

int master_run(struct config *config, const struct options *options, int ready_fd)
{
	struct master m = {.signal_fd = -1, .ready_fd = ready_fd, .exit_status = EXIT_OK};

	log_ident("master");
	master_introduce(config);
	if (master_open(&m, config, options->detach) != 0) {
		config_free(config);
		m.exit_status = EXIT_FAILED;
	} else if (master_start(&m, config) != 0) {
		m.exit_status = EXIT_FAILED;
	} else {
		ev_run(m.loop, 0);
	}
	master_close(&m);
	log_info("gone");
	return m.exit_status;
}
