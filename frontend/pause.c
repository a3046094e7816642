#include "frontend/pause.h"

#include <time.h>

#include "common/clock.h"
#include "frontend/frontend.h"

unsigned pause_next(unsigned ms, unsigned hundredths, bool many)
{
	const unsigned dear = many ? PAUSE_MANY_DEAR : PAUSE_DEAR;
	const unsigned cheap = many ? PAUSE_MANY_CHEAP : PAUSE_CHEAP;

	if (hundredths >= dear)
		ms = ms == 0 ? 1 : 2 * ms;
	else if (hundredths < cheap)
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

/* Where nobody was refused for a second, an old pause is over. */
static void pause_look(struct pause *pause, uint64_t now, uint64_t requests)
{
	const uint64_t wall = now - pause->looked_ns, cpu = cpu_ns();
	const uint64_t count = requests - pause->requests;
	const bool many = count <= pause->refused ||
	                  pause->refused / (count - pause->refused) >= PAUSE_MANY;

	if (wall >= PAUSE_MAX_MS * NS_PER_MS)
		pause->ms = 0;
	pause->ms = pause_next(
	    pause->ms, pause_cost(pause, count, cpu - pause->cpu_ns, wall), many);
	pause->looked_ns = now;
	pause->cpu_ns = cpu;
	pause->requests = requests;
	pause->refused = 0;
}

void pause_refused(struct frontend *fe)
{
	struct board_frontend *board = &fe->child->slot->frontend;
	const uint64_t now = clock_ns();

	fe->pause.refused++;
	if (now - fe->pause.looked_ns >= PAUSE_LOOK_MS * NS_PER_MS)
		pause_look(&fe->pause, now,
		    atomic_load_explicit(&board->requests, memory_order_relaxed));
}
