/*
 * A master's life from its config to its exit.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/cgroup.h"
#include "common/landlock.h"
#include "common/log.h"
#include "master/caller.h"
#include "master/command.h"
#include "master/command_server.h"
#include "master/detach.h"
#include "master/exits.h"
#include "master/inherit.h"
#include "master/master.h"
#include "master/plan.h"
#include "master/relog.h"

/* The pidfile and the lock of our predecessor, or our own. */
static int run_lock(struct master *m, const char *path, const int inherited[2])
{
	if (path != NULL && inherited[0] >= 0)
		return lockfile_inherit(&m->lockfile, inherited[0], inherited[1], path);
	for (int i = 0; i < 2; i++)
		if (inherited[i] >= 0)
			close(inherited[i]);
	return lockfile_open(&m->lockfile, path);
}

/* What was handed to us: sockets, by systemd or by a predecessor, and his lock. */
static int run_inherit(
    struct master *m, const char *pidfile, struct listener_set *sockets)
{
	struct config_error err;
	bool activated;
	int lock[2];

	if (upgrade_inherit(&m->upgrade, lock, &activated, &err) != 0 ||
	    inherit_listeners(sockets, m->upgrade.heir && !activated, &err) != 0) {
		log_error("%s", err.text);
		return -1;
	}
	if (activated || !m->upgrade.heir)
		m->activated = *sockets;
	if (m->activated.count == 0)
		m->handed = *sockets;
	if (m->activated.count > 0)
		log_info("listening on the %zu sockets that were handed over, not on "
		         "`listen`",
		    m->activated.count);
	return run_lock(m, pidfile, lock);
}

/* The first generation. Takes the config over. Returns 0, or -1 (logged). */
static int run_start(
    struct master *m, struct config *config, struct listener_set *sockets)
{
	struct generation before = {.listeners = *sockets};
	struct config_error err;

	if (inherit_override(&m->activated, config) != 0) {
		config_free(config);
		log_error("out of memory");
		return -1;
	}
	m->current = generation_open(m, config, &before, &err);
	if (m->current == NULL) {
		log_error("%s", err.text);
		upgrade_explain(m->upgrade.channel, err.text);
		return -1;
	}
	listen_settle(&m->current->listeners, m->current->config);
	listen_announce(&m->current->listeners);
	master_title(m);
	if (m->upgrade.heir)
		upgrade_watch(m);
	if (generation_start(m->current) == 0)
		return 0;
	if (generation_alive(m->current) == 0) {
		upgrade_explain(m->upgrade.channel, "no process could be forked");
		return -1;
	}
	master_generation_failed(m->current, "a process could not be forked");
	return 0;
}

static int run_settle(struct master *m)
{
	if (m->options->detach && !m->upgrade.heir && log_is_standard())
		log_warn("log: with -d, standard output and error lead nowhere after "
		         "an upgrade, or when the log is opened anew; use syslog or a "
		         "path");
	if (master_open_loop(m) == 0 && (!m->options->detach || detach_terminal() == 0))
		return 0;
	log_error("cannot start: %s%s", strerror(errno),
	    errno == EMFILE ? "; raise RLIMIT_NOFILE (ulimit -n), see -t" : "");
	return -1;
}

static int run_open(struct master *m, struct config *config)
{
	const char *pidfile = config_pidfile(config, m->options->detach);
	struct listener_set sockets;
	char self[CGROUP_TEXT];

	oom_open(&m->oom);
	caller_raise_limits(true);
	plan_raise_files(config, NULL);
	if (cgroup_read(CGROUP_SELF, self) == 0)
		groups_open(&m->groups, CGROUP_ROOT, self);
	shortage_open(&m->shortage, &m->groups);
	if (run_inherit(m, pidfile, &sockets) != 0 || run_settle(m) != 0) {
		config_free(config);
		return -1;
	}
	relog_open(m);
	spawn_reap(m); /* what was a child of the caller, and has died before */
	if (!m->upgrade.heir && command_open(m) != 0) {
		log_error("command socket %s%s: %s", pidfile, COMMAND_SUFFIX,
		    strerror(errno));
		config_free(config);
		return -1;
	}
	return run_start(m, config, &sockets);
}

static void run_close(struct master *m)
{
	const bool last = !m->upgrade.handed_on && !m->upgrade.heir;
	struct generation *g, *next;

	command_close(m, last);
	lockfile_close(&m->lockfile, last);
	for (g = TAILQ_FIRST(&m->generations); g != NULL; g = next) {
		next = TAILQ_NEXT(g, entry);
		g->listeners.keep_files = m->upgrade.handed_on;
		generation_close(g);
	}
	/* somebody else serves there: the one before us, or the one after */
	m->handed.keep_files = m->upgrade.heir || m->upgrade.handed_on;
	listen_close(&m->handed);
	listen_close(&m->activated);
	upgrade_close(m);
	if (!m->upgrade.handed_on && !m->upgrade.heir)
		groups_close(&m->groups);
	relog_close(m);
	oom_close(&m->oom);
	if (m->signal_fd >= 0)
		close(m->signal_fd);
	if (m->loop != NULL)
		ev_loop_destroy(m->loop);
}

/* Logged once by the master, and not by each process. */
static void run_tell_proc(void)
{
	if (access("/proc/self/stat", R_OK) != 0)
		log_warn("/proc is not there: limits of control groups are not seen "
		         "(set processes and memory_budget by hand), oom_score_adj "
		         "stays as it is, and a process that hangs is found some "
		         "seconds later");
}

static void run_tell_landlock(void)
{
	if (landlock_version() == 0)
		log_info("no Landlock: %s; processes that have no root folder of their "
		         "own see the file system as their user does",
		    strerror(errno));
}

static bool run_changes_user(const struct config *config)
{
	bool some = config->user != NULL || config->frontend.user != NULL;

	for (size_t i = 0; i < config->pool_count; i++)
		some = some || config->pools[i].user != NULL;
	return some;
}

/* For root only. What the config needs and cannot have was refused before. */
static void run_tell_capabilities(const struct config *config)
{
	char missing[256];

	if (geteuid() != 0 || *capability_missing(missing, sizeof(missing)) == '\0')
		return;
	log_info(
	    "capabilities that root does not have here: %s; see argond(8)", missing);
	if (!capability_have(CAP_KILL) && run_changes_user(config))
		log_warn("no CAP_KILL: a process of another user that hangs or is "
		         "stopped cannot be killed");
	if (!capability_have(CAP_SYS_CHROOT) && config->chroot == NULL)
		log_warn("no CAP_SYS_CHROOT: processes see the file system");
}

int master_run(struct config *config, const struct options *options, int ready_fd)
{
	struct master m = {.options = options,
	    .lockfile = {.fd = -1, .lock = -1},
	    .signal_fd = -1,
	    .ready_fd = ready_fd,
	    .upgrade = {.channel = -1},
	    .exit_status = EXIT_OK};

	TAILQ_INIT(&m.generations);
	log_ident("master");
	log_info("argond %s, engine %s, config %s", ARGOND_VERSION,
	    engine_kind_name(engine_kind_resolve(config->engine)),
	    config->source != NULL ? config->source : "built-in defaults");
	plan_log(config);
	run_tell_proc();
	run_tell_landlock();
	run_tell_capabilities(config);
	if (run_open(&m, config) != 0)
		m.exit_status = EXIT_FAILED;
	else
		ev_run(m.loop, 0);
	run_close(&m);
	log_info("gone");
	return m.exit_status;
}
