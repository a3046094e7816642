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

static const struct {
	int signo;
	void (*handle)(struct master *m);
} handlers[] = {
    {SIGCHLD, spawn_reap},
    {SIGTERM, master_quit},
    {SIGQUIT, master_quit},
    {SIGINT, master_interrupt},
    {SIGUSR1, master_reopen},
};

static void master_signalled(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct master *m = w->data;
	struct signalfd_siginfo info;

	(void)loop;
	(void)events;
	while (read(m->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		for (size_t i = 0; i < sizeof(handlers) / sizeof(*handlers); i++)
			if (handlers[i].signo == (int)info.ssi_signo)
				handlers[i].handle(m);
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

static struct pidfh *master_pidfile(const struct config *config, int *status)
{
	struct pidfh *file;
	pid_t other = 0;

	*status = EXIT_OK;
	if (config->pidfile == NULL)
		return NULL;
	file = pidfile_open(config->pidfile, 0644, &other);
	if (file != NULL) {
		pidfile_write(file);
		return file;
	}
	*status = EXIT_FAILED;
	if (errno == EEXIST)
		log_error("pidfile %s: argond is running already, process %d", config->pidfile,
		    (int)other);
	else
		log_error("pidfile %s: %s", config->pidfile, strerror(errno));
	return NULL;
}

static int master_serve(struct master *m, struct config *config)
{
	char why[256];

	if (listen_open(&m->listeners, config, why, sizeof(why)) != 0) {
		log_error("%s", why);
		config_free(config);
		return EXIT_FAILED;
	}
	m->generation = generation_open(m, config);
	if (m->generation == NULL) {
		config_free(config);
		return EXIT_FAILED;
	}
	master_title(m);
	listen_announce(&m->listeners);
	if (generation_start(m->generation) != 0)
		m->exit_status = EXIT_FAILED;
	else
		ev_run(m->loop, 0);
	generation_close(m->generation);
	return m->exit_status;
}

int master_run(struct config *config, int ready_fd)
{
	struct master m = {.signal_fd = -1, .ready_fd = ready_fd};
	struct pidfh *pidfile;
	int status;

	log_ident("master");
	master_raise_files();
	pidfile = master_pidfile(config, &status);
	if (status != EXIT_OK) {
		config_free(config);
		return status;
	}
	m.loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (m.loop == NULL || master_open_signals(&m) != 0) {
		log_error("cannot start: %s", strerror(errno));
		config_free(config);
		status = EXIT_FAILED;
	} else {
		status = master_serve(&m, config);
	}
	listen_close(&m.listeners);
	if (m.signal_fd >= 0)
		close(m.signal_fd);
	if (m.loop != NULL)
		ev_loop_destroy(m.loop);
	if (pidfile != NULL)
		pidfile_remove(pidfile);
	log_info("gone");
	return status;
}
