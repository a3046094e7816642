#include "master/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "common/log.h"

static void count_report(
    FILE *out, const char *what, uint64_t need, const struct allowed *allowed)
{
	fprintf(out, "%s: %" PRIu64 " needed, ", what, need);
	if (allowed->most == UINT64_MAX)
		fprintf(out, "no limit\n");
	else
		fprintf(
		    out, "%" PRIu64 " allowed (%s)\n", allowed->most, allowed->from);
}

static void line_tell(const char *line, void *context)
{
	(void)context;
	log_info("%s", line);
}

/* What does not fit may be swapped out: no reason not to start. NULL where all fits. */
static const char *locked_short(const char *of, uint64_t need,
    const struct allowed *allowed, char *text, size_t cap)
{
	char needs[32], has[32];

	if (need <= allowed->most)
		return NULL;
	snprintf(text, cap,
	    "locked memory of a %s: %s needed, %s allowed (%s): passwords that do not "
	    "fit may be swapped out; raise it to %s (LimitMEMLOCK= of systemd)",
	    of, config_size_text(need, needs, sizeof(needs)),
	    config_size_text(allowed->most, has, sizeof(has)), allowed->from, needs);
	return text;
}

static void locked_report(
    FILE *out, const char *of, uint64_t need, const struct allowed *allowed)
{
	char text[512], needs[32], has[32];

	if (locked_short(of, need, allowed, text, sizeof(text)) != NULL)
		fprintf(out, "%s\n", text);
	else
		fprintf(out, "locked memory of a %s: %s needed, %s allowed\n", of,
		    config_size_text(need, needs, sizeof(needs)),
		    allowed->most == UINT64_MAX
		        ? "all"
		        : config_size_text(allowed->most, has, sizeof(has)));
}

static void locked_log(const struct config *config)
{
	const struct allowed allowed = allowed_locked();
	const uint64_t needs[] = {
	    config_memlock_frontend(config), config_memlock_hasher(config)};
	static const char *const roles[] = {"frontend", "hasher"};
	char text[512];

	for (size_t i = 0; i < 2; i++)
		if (locked_short(roles[i], needs[i], &allowed, text, sizeof(text)) !=
		    NULL)
			log_info("%s", text);
}

static void line_log(const char *line, void *context)
{
	(void)context;
	log_warn("%s", line);
}

static void line_print(const char *line, void *context)
{
	fprintf(context, "%s\n", line);
}

static void line_comment(const char *line, void *context)
{
	fprintf(context, "# %s\n", line);
}

void plan_log(const struct config *config)
{
	config_tell_lowered(config, line_log, NULL);
	config_tell_exposed(config, line_log, NULL);
	config_tell_unasked(config, line_tell, NULL);
	locked_log(config);
}

void plan_comment(const struct config *config, FILE *out)
{
	config_tell_lowered(config, line_comment, out);
	config_tell_exposed(config, line_comment, out);
	config_tell_unasked(config, line_comment, out);
}

void plan_report(const struct config *config, FILE *out)
{
	const struct memory_bound usable = memory_usable();
	const struct allowed locked = allowed_locked();
	char need[32], budget[32], here[32];

	fprintf(out,
	    "memory: %s needed in two generations, %s allowed, %s usable here (%s)\n",
	    config_size_text(config_memory_need(config, NULL), need, sizeof(need)),
	    config_size_text(config->memory_budget, budget, sizeof(budget)),
	    config_size_text(usable.bytes, here, sizeof(here)), usable.from);
	fprintf(out, "connections: %s of it for %u of each of %u frontends\n",
	    config_size_text(config_frontend_bytes(config), need, sizeof(need)),
	    config->frontend.max_connections, config->frontend.processes);
	config_tell_lowered(config, line_print, out);
	config_tell_exposed(config, line_print, out);
	config_tell_unasked(config, line_print, out);
	count_report(out, "processes", config_processes(config, NULL),
	    &config->allowed_processes);
	count_report(out, "files of the master", config_files_of_master(config, NULL),
	    &config->allowed_files);
	count_report(out, "files of a frontend", config_files_of_frontend(config),
	    &config->allowed_files);
	locked_report(out, "frontend", config_memlock_frontend(config), &locked);
	locked_report(out, "hasher", config_memlock_hasher(config), &locked);
}

void plan_raise_files(const struct config *config, const struct config *before)
{
	const uint64_t need = config_files_of_master(config, before);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    (limit.rlim_max >= need && limit.rlim_cur == limit.rlim_max))
		return;
	if (limit.rlim_max < need)
		limit.rlim_max = need;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warn("RLIMIT_NOFILE cannot be raised to %" PRIu64 ": %s",
		    (uint64_t)limit.rlim_max, strerror(errno));
}
