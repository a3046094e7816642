#include "tests/system/shortage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/system/process.h"
#include "tests/system/shim.h"

#define SMALL                                                                          \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.fixed.deadline=120s", "pool.elastic.deadline=120s",                  \
	    "pool.lookup.max_processes=1", "frontend.processes=1", "access_log=on",    \
	    "ready_timeout=120s", "header_timeout=120s", "body_timeout=120s",          \
	    "write_timeout=120s", "keepalive_timeout=120s", "shutdown_timeout=120s"

enum {
	LOOK_MS = 1000,
	TICKS_PART = 5,       /* of the time, the most that may be used */
	CALLS_A_SECOND = 500, /* the most that may fail: retries of all that waits */
};

struct shim_short *shortage_start(struct daemon *d, const char *option)
{
	struct shim_short *shim;
	char path[PATH_MAX];

	if (!shim_find(path, "short"))
		skip();
	shim = shim_share(d, "SHIM_SHORT", sizeof(*shim));
	assert_return_code(setenv("LD_PRELOAD", path, 1), errno);
	daemon_start(d, SMALL, option, NULL);
	unsetenv("LD_PRELOAD");
	return shim;
}

void shortage_stop(struct daemon *d, struct shim_short *shim)
{
	munmap(shim, sizeof(*shim));
	daemon_stop(d);
}

void shortage_begin(struct shim_short *shim, pid_t pid, uint32_t calls, int error)
{
	assert_true(pid > 0 || pid == SHORT_ALL);
	atomic_store(&shim->failed, 0);
	atomic_store(&shim->error, error);
	atomic_store(&shim->calls, calls);
	atomic_store(&shim->pid, pid);
}

void shortage_end(struct shim_short *shim)
{
	atomic_store(&shim->pid, 0);
}

bool shortage_is_met(void *arg)
{
	const struct shim_short *shim = arg;

	return atomic_load(&shim->failed) > 0;
}

static uint64_t ticks_of(const pid_t *pids, size_t n)
{
	uint64_t ticks = 0;

	for (size_t i = 0; i < n; i++) {
		assert_true(process_alive(pids[i])); /* else it counts for nothing */
		ticks += process_ticks(pids[i]);
	}
	return ticks;
}

void shortage_expect_rest_of(
    struct shim_short *shim, const pid_t *pids, size_t n, const char *who)
{
	const uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t begun, ms, ticks, failed;

	wait_until(shortage_is_met, shim, "a call that fails");
	ticks = ticks_of(pids, n);
	failed = atomic_load(&shim->failed);
	begun = harness_now_ms();
	while (harness_now_ms() - begun < LOOK_MS)
		usleep(20000);
	ms = harness_now_ms() - begun;
	ticks = ticks_of(pids, n) - ticks;
	failed = atomic_load(&shim->failed) - failed;
	print_message("%s, %s: %u of %u ticks, %u failed calls in %u ms\n", who,
	    strerrorname_np(atomic_load(&shim->error)), (unsigned)ticks,
	    (unsigned)(ms * hz / 1000), (unsigned)failed, (unsigned)ms);
	assert_in_range(failed, 0, ms * n * CALLS_A_SECOND / 1000);
	assert_in_range(ticks, 0, ms * hz / 1000 / TICKS_PART);
}

void shortage_expect_rest(struct shim_short *shim, const char *who)
{
	const pid_t pid = atomic_load(&shim->pid);

	shortage_expect_rest_of(shim, &pid, 1, who);
}
