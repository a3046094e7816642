#include "common/limits.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"

/* Of a hasher, beside its links: log, epoll and what libraries open. */
enum { HASHER_FILES = 64 };

/* The least there is. Who asks for a short slice need not wait for the end of a
 * hasher's, which is some 3 ms, when an event comes: at ten times what two CPUs can
 * hash, a frontend waited more than 1 ms for a CPU in 10 of 25,000 wake-ups instead
 * of 28. */
enum { FRONTEND_SLICE_NS = 100000 };

#define SPARE_BYTES                                                                    \
	(UINT64_C(512) << 20) /* of address space: program and libraries               \
	                       */

enum {
	OOM_HASHER = 500, /* a hasher's death costs nobody an error */
	OOM_LEAST = 100,  /* the master's is 0 */
	OOM_WHOLE = 1000, /* what the kernel adds for all of the memory */
};

/*
 * The kernel adds a process's share of the memory, in thousandths, to its score. A
 * frontend that has all that the plan gives it comes to what an idle hasher has: until
 * then hashers go first, and one that has more than that goes before them.
 */
static int frontend_oom_score(const struct config *config)
{
	const uint64_t bytes = config_frontend_bytes(config),
	               all = config->memory.bytes;
	const uint64_t share = bytes < all ? bytes / (all / OOM_WHOLE + 1) : OOM_WHOLE;

	return share < OOM_HASHER - OOM_LEAST ? OOM_HASHER - 1 - (int)share : OOM_LEAST;
}

/* A limit is there to stop what runs away, not to break what the config allows. */
static uint64_t limits_memory(uint64_t needed)
{
#ifdef __SANITIZE_ADDRESS__
	(void)needed;
	return 0; /* its shadow memory is larger than any address space one would allow
	           */
#else
	uint64_t memory;

	return __builtin_add_overflow(needed, SPARE_BYTES, &memory) ? 0 : memory;
#endif
}

struct limits_spec limits_of_frontend(const struct config *config)
{
	const struct config_frontend *f = &config->frontend;

	return (struct limits_spec){.nice = f->nice,
	    .slice_ns = FRONTEND_SLICE_NS,
	    .affinity = f->cpu_affinity,
	    .nofile = config_files_of_frontend(config),
	    .memory = limits_memory(config_frontend_bytes(config)),
	    .oom_score_adj = frontend_oom_score(config),
	    .core = f->rlimit_core};
}

struct limits_spec limits_of_pool(
    const struct config *config, const struct config_pool *pool)
{
	return (struct limits_spec){.nice = pool->nice,
	    .scheduling = pool->scheduling,
	    .affinity = pool->cpu_affinity,
	    .nofile = HASHER_FILES + (uint64_t)2 * config->frontend.processes + 2,
	    .cpu = pool->rlimit_cpu,
	    .oom_score_adj = OOM_HASHER,
	    .memory = pool->memory_limit != 0
	                  ? pool->memory_limit
	                  : limits_memory(config_pool_arena(config, pool))};
}

/*
 * Sets both limits, `gap` apart. Where the hard one is lower and we may not raise it,
 * the two go as high as they may: a limit that is tighter than the config asks for is
 * no reason to have no process at all, nor is one that cannot be changed here.
 */
static void limit_set(
    __rlimit_resource_t which, const char *name, uint64_t soft, uint64_t gap)
{
	struct rlimit limit = {.rlim_cur = soft, .rlim_max = soft + gap}, old;

	if (setrlimit(which, &limit) == 0)
		return;
	if (getrlimit(which, &old) == 0 && old.rlim_max < limit.rlim_max) {
		log_warn("%s stays at %llu: %llu is not allowed here", name,
		    (unsigned long long)old.rlim_max,
		    (unsigned long long)limit.rlim_max);
		limit.rlim_max = old.rlim_max;
		if (limit.rlim_cur + gap > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max > gap ? limit.rlim_max - gap
			                                      : limit.rlim_max;
		if (setrlimit(which, &limit) == 0)
			return;
	}
	log_warn("%s stays as it is: %s", name, strerror(errno));
}

static int limit_scheduling(enum config_scheduling scheduling)
{
	static const int policies[] = {[CONFIG_SCHEDULING_OTHER] = SCHED_OTHER,
	    [CONFIG_SCHEDULING_BATCH] = SCHED_BATCH,
	    [CONFIG_SCHEDULING_IDLE] = SCHED_IDLE};
	const struct sched_param none = {0};

	if (scheduling == CONFIG_SCHEDULING_OTHER) /* as it was started */
		return 0;
	if (sched_setscheduler(0, policies[scheduling], &none) == 0)
		return 0;
	if (errno != EPERM)
		return -1;
	log_warn("the class of sched(7) stays: another one is not allowed here");
	return 0;
}

/* Of the classes that share by weight. Linux 6.12 has slices of one's own; others do
 * not look at this, and nothing depends on it. */
static void limit_slice(uint64_t ns)
{
	struct limits_sched_attr attr = {.size = sizeof(attr)};

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) != 0 ||
	    (attr.policy != SCHED_OTHER && attr.policy != SCHED_BATCH))
		return;
	attr.runtime_ns = ns;
	if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0)
		log_debug("a slice of the CPU of its own: %s", strerror(errno));
}

/* Of CPU time the soft limit sends SIGXCPU, which says what it was; the hard one, a
 * second later, kills. */
int limits_apply(const struct limits_spec *spec)
{
	if (spec->nofile != 0)
		limit_set(RLIMIT_NOFILE, "RLIMIT_NOFILE", spec->nofile, 0);
	limit_set(RLIMIT_CORE, "RLIMIT_CORE", spec->core, 0);
	if (spec->cpu != 0)
		limit_set(RLIMIT_CPU, "RLIMIT_CPU", spec->cpu, 1);
	if (spec->memory != 0)
		limit_set(RLIMIT_AS, "RLIMIT_AS", spec->memory, 0);
	if (spec->affinity.some &&
	    sched_setaffinity(0, sizeof(spec->affinity.set), &spec->affinity.set) != 0)
		return -1;
	if (spec->nice != 0 && setpriority(PRIO_PROCESS, 0, spec->nice) != 0) {
		if (errno != EPERM && errno != EACCES)
			return -1;
		log_warn("nice %d is not allowed here", spec->nice);
	}
	if (spec->slice_ns != 0)
		limit_slice(spec->slice_ns);
	return limit_scheduling(spec->scheduling);
}
