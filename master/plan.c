#include "master/plan.h"

#include <stdint.h>
#include <sys/resource.h>

#include "common/limits.h"
#include "common/memory.h"

/* Processes at their most, in two generations, and the master. */
static unsigned plan_processes(const struct config *config)
{
	unsigned n = config->frontend.processes;

	for (size_t i = 0; i < config->pool_count; i++)
		n += config->pools[i].max_processes;
	return 2 * n + 1;
}

/* Descriptors of the master: both ends of each link, a control socket and a file of
 * /proc for each process, listeners, keys and tokens. */
static uint64_t plan_files(const struct config *config)
{
	uint64_t links =
	    (uint64_t)(2 * config->frontend.processes + 2) * config->pool_count;
	uint64_t secrets = 2;

	return 2 * (2 * links + secrets + config->listen_count) +
	       2 * plan_processes(config) + 16;
}

static int plan_limit(const struct config *config, const char *what, uint64_t need,
    __rlimit_resource_t which, FILE *out, struct config_error *err)
{
	struct rlimit limit;

	if (getrlimit(which, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) {
		fprintf(
		    out, "%s: %llu needed, no limit\n", what, (unsigned long long)need);
		return 0;
	}
	fprintf(out, "%s: %llu needed, %llu allowed\n", what, (unsigned long long)need,
	    (unsigned long long)limit.rlim_max);
	if (need <= limit.rlim_max)
		return 0;
	return config_error_at(config, &config->frontend.processes, err,
	    "%s: the plan needs %llu, this process may have %llu; raise the limit, or "
	    "lower "
	    "processes, max_connections or the number of pools",
	    what, (unsigned long long)need, (unsigned long long)limit.rlim_max);
}

int plan_report(const struct config *config, FILE *out, struct config_error *err)
{
	char need[32], budget[32], usable[32];

	fprintf(out,
	    "memory: %s needed in two generations, %s allowed, %s usable here\n",
	    config_size_text(config_memory_need(config, NULL), need, sizeof(need)),
	    config_size_text(config->memory_budget, budget, sizeof(budget)),
	    config_size_text(memory_usable(), usable, sizeof(usable)));
	if (plan_limit(config, "processes", plan_processes(config), RLIMIT_NPROC, out,
	        err) != 0 ||
	    plan_limit(config, "files of the master", plan_files(config), RLIMIT_NOFILE,
	        out, err) != 0)
		return -1;
	return plan_limit(config, "files of a frontend",
	    limits_of_frontend(config).nofile, RLIMIT_NOFILE, out, err);
}
