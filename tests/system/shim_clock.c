/*
 * A wall clock that a test can turn: loaded into the daemon by LD_PRELOAD, it adds so
 * many seconds to CLOCK_REALTIME as the file named by SHIM_CLOCK says (an int64_t,
 * mapped, so that every process of the tree sees a change at once). The monotonic clock
 * is the kernel's. What a kernel does when its clock is set, it does not do: timers on
 * CLOCK_REALTIME, of which the daemon has none.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *turned;

__attribute__((constructor)) static void shim_open(void)
{
	const char *path = getenv("SHIM_CLOCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = MAP_FAILED;

	if (fd >= 0) {
		at = mmap(NULL, sizeof(*turned), PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
	turned = at != MAP_FAILED ? at : NULL;
}

static time_t shim_offset(void)
{
	return turned != NULL ? (time_t)atomic_load(turned) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, ts);

	if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ts->tv_sec += shim_offset();
	return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return -1;
	*tv = (struct timeval){.tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *now)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return -1;
	if (now != NULL)
		*now = ts.tv_sec;
	return ts.tv_sec;
}
