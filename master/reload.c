#include "master/reload.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "common/log.h"
#include "master/command_server.h"
#include "master/counts.h"
#include "master/inherit.h"
#include "master/master.h"
#include "master/notify.h"
#include "master/plan.h"

static void reload_failed(struct master *m, const char *why)
{
	log_error("reload failed, generation %u stays: %s", m->current->number, why);
	command_finished(m, SIGNAL_RELOAD, false, why);
	notify_ready();
}

/* The log of the new config, before anything else of it: what follows is told there. */
static int reload_log(
    const struct master *m, const struct config *config, struct config_error *err)
{
	const char *target = config_log(config, m->options->detach);

	if (log_open(target, config->log_format, config->log_level) == 0)
		return 0;
	return config_error_at(
	    config, &config->log, err, "%s: %s", target, strerror(errno));
}

static void reload_log_back(const struct master *m)
{
	const struct config *old = m->current->config;

	if (log_open(config_log(old, m->options->detach), old->log_format,
	        old->log_level) != 0)
		log_warn("the log stays where the failed config had it: %s",
		    strerror(errno));
}

/* While the old generation drains, both are there: numbers that nobody has set give way
 * to it. */
static int reload_fit(
    const struct master *m, struct config *config, struct config_error *err)
{
	const struct config *old = m->current->config;
	char needs[32], has[320];

	if (config_fit(config, old))
		return config_counts_check(config, old, err);
	return config_error_at(config, &config->memory_budget, err,
	    "the old plan and the new one need %s together; allowed: memory_budget, "
	    "%s; go there in smaller steps, or restart",
	    config_size_text(config_memory_need(config, old), needs, sizeof(needs)),
	    config_budget_text(config, has, sizeof(has)));
}

/* Has the old generation what the new one would take? */
static bool reload_is_crowded(const struct config *config, const struct config *old)
{
	return config_memory_need(config, old) > config->memory_budget ||
	       config_processes(config, old) > config->allowed_processes.most ||
	       config_files_of_master(config, old) > config->allowed_files.most;
}

/* The numbers of the new plan, in the log that it names. */
static void reload_tell(
    const struct master *m, const struct config *config, bool crowded)
{
	char old[32];

	plan_log(config);
	if (crowded)
		log_warn("some of these have made room for the old generation, which "
		         "may need %s, its processes and their files until it has "
		         "left: reload once more after that",
		    config_size_text(
		        config_memory_plan(m->current->config), old, sizeof(old)));
}

static int reload_sockets(
    const struct master *m, struct config *config, struct config_error *err)
{
	if (inherit_override(&m->activated, config) == 0)
		return 0;
	return config_error_at(config, &config->listen, err, "out of memory");
}

static int reload_try(struct master *m, struct config_error *err)
{
	const struct options *options = m->options;
	struct config *config = config_load(
	    options->config_path, options->overrides, options->override_count, err);
	bool crowded;

	if (config == NULL)
		return -1;
	crowded = reload_is_crowded(config, m->current->config);
	if (config_check_host(config, err) != 0 || reload_fit(m, config, err) != 0 ||
	    reload_sockets(m, config, err) != 0 || reload_log(m, config, err) != 0) {
		config_free(config);
		return -1;
	}
	reload_tell(m, config, crowded);
	plan_raise_files(config, m->current->config);
	m->candidate = generation_open(m, config, m->current, err);
	if (m->candidate == NULL) {
		reload_log_back(m);
		return -1;
	}
	if (generation_start(m->candidate) != 0)
		reload_abort(m, "a process could not be forked; the log says why");
	return 0;
}

void reload_begin(struct master *m)
{
	struct config_error err;

	m->reload.wanted = false;
	command_begun(m, SIGNAL_RELOAD);
	notify_reloading();
	log_info("reload: generation %u is being made", m->numbers + 1);
	if (reload_try(m, &err) != 0)
		reload_failed(m, err.text);
}

void reload_commit(struct master *m)
{
	struct generation *old = m->current;

	m->current = m->candidate;
	m->candidate = NULL;
	listen_settle(&m->current->listeners, m->current->config);
	counts_carry(m->current, old);
	supervise_serve(&m->current->roles[0]);
	generation_tell_leaving(old, m->quitting ? BOARD_STOPS : BOARD_REPLACED);
	command_finished(m, SIGNAL_RELOAD, true, "");
	notify_ready();
	generation_drain(old);
}

void reload_abort(struct master *m, const char *why)
{
	struct generation *failed = m->candidate;

	m->candidate = NULL;
	reload_log_back(m);
	reload_failed(m, why);
	generation_kill(failed);
	generation_drain(
	    failed); /* and that is the last of it where it has no process */
}
