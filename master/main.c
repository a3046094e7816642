/*
 * From argv to a run.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/unistd.h>

#include "common/capability.h"
#include "common/config.h"
#include "common/log.h"
#include "master/caller.h"
#include "master/detach.h"
#include "master/lockfile.h"
#include "master/master.h"
#include "master/options.h"
#include "master/plan.h"
#include "master/status.h"
#include "master/upgrade.h"
#include "master/version.h"

static int main_fail(const char *text)
{
	fprintf(stderr, "argond: %s\n", text);
	upgrade_explain(-1, text);
	return EXIT_FAILED;
}

/* Descriptors 0 to 2 are open in every program that we do not want to surprise. */
static int main_open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static struct config *main_config(const struct options *options)
{
	struct config_error error;
	struct config *config = config_load(
	    options->config_path, options->overrides, options->override_count, &error);

	if (config == NULL)
		main_fail(error.text);
	return config;
}

/* The same for what is to be run here: users, folders and files must be there. */
static struct config *main_config_here(const struct options *options)
{
	struct config_error error;
	struct config *config = main_config(options);

	if (config == NULL || config_check_host(config, &error) == 0)
		return config;
	main_fail(error.text);
	config_free(config);
	return NULL;
}

/* -t and -T: start up to the point of no return, without binding a port. */
static int main_test(const struct options *options)
{
	struct config *config = main_config_here(options);
	int status = EXIT_OK;

	if (config == NULL)
		return EXIT_FAILED;
	if (options->mode == OPTIONS_PRINT) {
		plan_comment(config, stdout);
		if (config_print(config, stdout) != 0 || fflush(stdout) != 0)
			status = main_fail("cannot write to standard output");
	} else {
		plan_report(config, stdout);
	}
	config_free(config);
	return status;
}

/* The pidfile that -o names, or NULL. */
static const char *main_given_pidfile(const struct options *options)
{
	static const char name[] = "pidfile=";

	for (size_t i = options->override_count; i-- > 0;)
		if (strncmp(options->overrides[i], name, sizeof(name) - 1) == 0)
			return options->overrides[i] + sizeof(name) - 1;
	return NULL;
}

static int main_not_signalled(const char *path, pid_t pid)
{
	char text[4400];

	if (pid == 0)
		snprintf(
		    text, sizeof(text), "argond is not running (pidfile %s)", path);
	else if (errno == EREMOTE)
		snprintf(text, sizeof(text),
		    "pidfile %s: its master is in another pid namespace (a "
		    "container?), where alone it can be signalled",
		    path);
	else if (errno == EINVAL && access("/proc/self/status", R_OK) != 0)
		snprintf(text, sizeof(text),
		    "pidfile %s: whose process it names is not seen without /proc; use "
		    "kill(1)",
		    path);
	else
		snprintf(text, sizeof(text), "pidfile %s: %s", path,
		    errno == EINVAL ? "it names no master of its owner"
		                    : strerror(errno));
	return main_fail(text);
}

/* Sends the signal; of what is a transaction, the outcome is waited for. */
static int main_send(
    const struct signal_row *signal, const char *path, const struct config *config)
{
	const unsigned last = status_last(path);
	const pid_t pid = lockfile_signal(path, signal->signo);
	char text[2600], why[2048];
	enum status_outcome outcome;

	if (pid <= 0)
		return main_not_signalled(path, pid);
	if (signal->action != SIGNAL_RELOAD && signal->action != SIGNAL_UPGRADE)
		return EXIT_OK;
	outcome =
	    status_wait(path, pid, last, status_limit_ms(config), why, sizeof(why));
	if (outcome == STATUS_OK)
		return EXIT_OK;
	snprintf(text, sizeof(text), "%s%s: %s", signal->word,
	    outcome == STATUS_FAILED ? " failed" : "", why);
	return main_fail(text);
}

/* -s: to the master that holds the lock on the pidfile; nobody else is ever signalled.
 */
static int main_signal(const struct options *options)
{
	struct config_error error;
	struct config *config = config_load(
	    options->config_path, options->overrides, options->override_count, &error);
	const char *given = main_given_pidfile(options);
	int status;

	/* a broken file may still be given to the master, who says in his log what is
	 * wrong: but only to the one who is named, for any other might be a stranger */
	if (config == NULL && given == NULL)
		return main_fail(error.text);
	status = main_send(options->signal,
	    config != NULL ? config_pidfile(config, true) : given, config);
	config_free(config);
	return status;
}

static int main_open_log(const struct config *config, bool detached)
{
	const char *target = config_log(config, detached);
	char text[512];

	if (log_open(target, config->log_format, config->log_level) == 0)
		return 0;
	snprintf(text, sizeof(text), "log %s: %s%s", target,
	    errno == ELOOP ? "a symbolic link; allowed: a file, stdout, stderr, syslog"
	                   : strerror(errno),
	    capability_hint(errno, CAP_DAC_OVERRIDE));
	return main_fail(text);
}

static int main_run(const struct options *options)
{
	struct config *config;
	int ready_fd = -1;

	/* from the first line on: a log that nobody reads, or that has reached the
	 * limit of file size, is an error of write() and no reason to die */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	caller_raise_limits(false);
	config = main_config_here(options);
	if (config == NULL)
		return EXIT_FAILED;
	caller_close_files(); /* the config may have come by one of them */
	if (options->detach && !upgrade_is_heir() &&
	    (ready_fd = detach_begin(config_log(config, true))) < 0) {
		config_free(config);
		return main_fail(strerror(errno));
	}
	if (main_open_log(config, options->detach) != 0) {
		config_free(config);
		return EXIT_FAILED;
	}
	if (ready_fd >= 0 && !log_is_standard())
		detach_logged(ready_fd);
	return master_run(config, options, ready_fd);
}

static void main_print(const struct options *options)
{
	if (options->mode == OPTIONS_HELP)
		options_print_help(stdout);
	else if (options->mode == OPTIONS_VERSION)
		version_print(stdout);
	else
		version_print_build(stdout);
}

int main(int argc, char **argv, char **envp)
{
	struct options options;
	struct options_error error;
	int status = EXIT_OK;

	/* nobody of the same user looks into this process, whatever it is here for: not
	 * even a child of it that was broken into */
	if (prctl(PR_SET_DUMPABLE, 0) != 0)
		return main_fail("PR_SET_DUMPABLE was refused");
	caller_forget();
	if (main_open_standard() != 0)
		return main_fail("cannot open /dev/null");
	setprogname("argond");
	setproctitle_init(argc, argv, envp);
	if (upgrade_remember(argc, argv) != 0)
		return main_fail("out of memory");
	if (options_parse(argc, argv, &options, &error) != 0) {
		fprintf(stderr, "argond: %s\n", error.text);
		return error.status;
	}
	if (options.mode == OPTIONS_RUN)
		status = main_run(&options);
	else if (options.mode == OPTIONS_SIGNAL)
		status = main_signal(&options);
	else if (options.mode == OPTIONS_TEST || options.mode == OPTIONS_PRINT)
		status = main_test(&options);
	else
		main_print(&options);
	options_free(&options);
	return status;
}
