#include "frontend/sweep.h"

#include "common/clock.h"

enum { TAKING_MAX_MS = 1000 }; /* who takes a message for longer is stopped, or lies */

static const double SWEEP_SECONDS = .002;

/* Has any hasher of the pool this flight's job in hand? Or is one just taking from us?
 */
static bool sweep_claimed(const struct pool *pool, uint64_t id)
{
	const struct child *child = pool->dispatch->child;

	for (unsigned s = child->pool_slot[pool->index];
	     s < child->pool_slot[pool->index + 1]; s++)
		if (board_claimed(board_slot(&child->board, s), id))
			return true;
	return false;
}

static bool sweep_taken(const struct pool *pool)
{
	const struct child *child = pool->dispatch->child;

	for (unsigned s = child->pool_slot[pool->index];
	     s < child->pool_slot[pool->index + 1]; s++)
		if (atomic_load(&board_slot(&child->board, s)->hasher.taking) ==
		    child->index + 1)
			return true;
	return false;
}

void sweep_start(struct pool *pool)
{
	pool->taking_ns = 0;
	pool->looked = false;
	if (!ev_is_active(&pool->sweep))
		ev_timer_again(pool->dispatch->loop, &pool->sweep);
}

/* Is the link empty, and has whoever took from it written down what? One that is
 * stopped just then, or lies, is waited for a while only. */
static bool sweep_can_see(struct pool *pool)
{
	uint64_t now = clock_ns();

	if (link_unread(pool->link) != 0)
		return false;
	if (!sweep_taken(pool))
		return true;
	if (pool->taking_ns == 0)
		pool->taking_ns = now;
	return now - pool->taking_ns >= TAKING_MAX_MS * NS_PER_MS;
}

static void sweep_look(struct pool *pool)
{
	struct dispatch *d = pool->dispatch;

	for (unsigned i = 0; i < LIMIT_FLIGHTS; i++)
		if (d->flights[i].pool == pool)
			d->flights[i].unclaimed =
			    !sweep_claimed(pool, d->flights[i].id);
	pool->looked = true;
}

static void sweep_end(struct pool *pool)
{
	struct dispatch *d = pool->dispatch;

	if (!flight_read(pool, FLIGHT_REPLIES_MAX)) {
		pool->looked = false; /* they say more than what was seen */
		return;
	}
	for (unsigned i = 0; i < LIMIT_FLIGHTS; i++)
		if (d->flights[i].pool == pool && d->flights[i].unclaimed)
			flight_bereaved(d, &d->flights[i], CONTROL_CAUSE_KILLED);
	ev_timer_stop(d->loop, &pool->sweep);
	dispatch_pump(pool);
}

/*
 * Nothing is sent until the link is empty and no hasher is just taking. Then it looks
 * which flights nobody has claimed. Of those, one whose reply lies in our socket is not
 * lost (a reply is sent before the claim is given up), nor is one whose hasher's death
 * the master tells us (he does before he wipes the claims off the board): so it listens
 * to both before it believes what it has seen. The timer's priority is the least: by
 * its next turn all that could be heard has been.
 */
static void sweep_turn(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct pool *pool = w->data;

	(void)events;
	if (pool->looked) {
		sweep_end(pool);
		return;
	}
	if (sweep_can_see(pool))
		sweep_look(pool);
	ev_timer_again(loop, w);
}

/* Long after their deadline: have flights not ended because nobody has them any more?
 */
static void sweep_overdue(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct pool *pool = w->data;
	struct dispatch *d = pool->dispatch;
	uint64_t now = clock_ns();
	bool any = false;

	(void)events;
	for (unsigned i = 0; i < LIMIT_FLIGHTS; i++) {
		const struct flight *flight = &d->flights[i];

		if (flight->pool != pool || flight->task != NULL)
			continue;
		any = true;
		if (now - flight->left_ns >= LADDER_LOST_MS * NS_PER_MS &&
		    !sweep_claimed(pool, flight->id))
			sweep_start(pool);
	}
	if (!any)
		ev_timer_stop(loop, w);
}

void sweep_expect(struct pool *pool)
{
	if (!ev_is_active(&pool->overdue))
		ev_timer_again(pool->dispatch->loop, &pool->overdue);
}

void sweep_open(struct pool *pool)
{
	ev_timer_init(&pool->sweep, sweep_turn, 0., SWEEP_SECONDS);
	ev_set_priority(&pool->sweep, EV_MINPRI);
	ev_timer_init(&pool->overdue, sweep_overdue, 0., LADDER_LOST_MS / 1000.);
	pool->sweep.data = pool->overdue.data = pool;
}

void sweep_close(struct pool *pool)
{
	ev_timer_stop(pool->dispatch->loop, &pool->sweep);
	ev_timer_stop(pool->dispatch->loop, &pool->overdue);
}
