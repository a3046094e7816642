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
#include "master/command_send.h"
#include "master/detach.h"
#include "master/master.h"
#include "master/options.h"
#include "master/plan.h"
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

/* -s: to the master that answers at the command socket beside the pidfile. */
static int main_signal(const struct options *options)
{
	struct config_error error;
	struct config *config = config_load(
	    options->config_path, options->overrides, options->override_count, &error);
	const char *given = main_given_pidfile(options);
	char why[COMMAND_WHY_MAX];
	int status = EXIT_OK;

	/* a broken file may still be given to the master, who says what is wrong: but
	 * only to the one who is named, for any other might be a stranger */
	if (config == NULL && given == NULL)
		return main_fail(error.text);
	if (command_send(config != NULL ? config_pidfile(config, true) : given,
	        options->signal, config, why) != 0)
		status = main_fail(why);
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
