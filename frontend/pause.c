#include "frontend/pause.h"

#include <time.h>

#include "common/clock.h"
#include "frontend/frontend.h"

unsigned pause_next(unsigned ms, unsigned hundredths)
{
	if (hundredths >= PAUSE_DEAR)
		ms = ms == 0 ? 1 : 2 * ms;
	else if (hundredths < PAUSE_CHEAP)
		ms /= 2;
	return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

static uint64_t cpu_ns(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* The refusals' share of our CPU time is taken to be that of our requests. */
static unsigned pause_cost(
    const struct pause *pause, uint64_t requests, uint64_t cpu, uint64_t wall)
{
	double share = (double)pause->refused / (double)(requests > 0 ? requests : 1);

	return (unsigned)(100. * (share < 1. ? share : 1.) * (double)cpu /
	                  (double)(wall > 0 ? wall : 1));
}

void pause_refused(struct frontend *fe)
{
	struct pause *pause = &fe->pause;
	const uint64_t now = clock_ns(), wall = now - pause->looked_ns;
	uint64_t requests, cpu;

	pause->refused++;
	if (wall < PAUSE_LOOK_MS * NS_PER_MS)
		return;
	requests = atomic_load_explicit(
	    &fe->child->slot->frontend.requests, memory_order_relaxed);
	cpu = cpu_ns();
	pause->ms = pause_next(pause->ms,
	    pause_cost(pause, requests - pause->requests, cpu - pause->cpu_ns, wall));
	*pause = (struct pause){
	    .ms = pause->ms, .looked_ns = now, .cpu_ns = cpu, .requests = requests};
}
