/*
 * A job's way: from a frontend over a link to a hasher and back, while hashers and the
 * frontend die at any step, jobs expire, and hashers are stopped for long.
 *
 * Mirrors, and is to be changed with:
 *   frontend/dispatch.c  dispatch_submit, dispatch_pump, task_expired, dispatch_again
 *   frontend/flight.c    flight_send, flight_answered, flight_of, flight_bereaved,
 *                        dispatch_hasher_gone
 *   frontend/sweep.c     all
 *   hasher/hasher.c      hasher_take, hasher_accept, hasher_join
 *   hasher/hand.c        hand_claim, hand_answer
 *   master/spawn.c       spawn_reap, spawn_process (the slot is given out anew)
 *   master/supervise.c   supervise_exit, supervise_tell_gone
 *
 * Holds in every state: no job is answered twice; an answer reaches its own job; no hasher
 * that keeps the rules is suspected; no job has crashed more hashers with it in hand than
 * it may. And where nothing moves any more: every job has been
 * answered, but those that ended with their frontend; no flight and no claim is left.
 * Nothing moves for ever (there is no cycle), so every run ends there.
 *
 * Not here: what is inside a message (test_job.c), times, more pools or frontends (each
 * has links and flights of its own; `taking` says which frontend's).
 *
 * run -DDEATHS=2
 * run -DDEATHS=1 -DEXPIRING=1
 * run -DDEATHS=1 -DLONG_STOPS=1
 * run -DDEATHS=1 -DFRONTEND_DEATHS=1
 * run -DHASHERS=1 -DSTREAMS=2 -DDEATHS=2 -DCRASHES=2
 * run -DJOBS=1 -DCRASHES=1 -DEXPIRING=1
 * run -DJOBS=1 -DDEATHS=3 -DCRASHES=3 -DKILLED_FROM=3 -DRETRIES=0
 * run -DJOBS=1 -DDEATHS=1 -DEXPIRING=1 -DLOST_NEWS=1
 * end -DDEATHS=1
 * end -DJOBS=1 -DDEATHS=1 -DEXPIRING=1 -DLOST_NEWS=1
 * break -DBREAK_TAKEN_BEFORE_CLAIM
 * break -DBREAK_CLAIM_AFTER_WORK
 * break -DBREAK_UNCLAIM_BEFORE_ANSWER
 * break -DBREAK_NO_TAKING
 * break -DBREAK_NO_SWEEP
 * break -DBREAK_TAKING_BEFORE_EMPTY
 * break -DBREAK_REPLIES_BEFORE_CLAIMS
 * break -DBREAK_GONE_BEFORE_REPLIES
 * break -DBREAK_ONE_TURN -DJOBS=1 -DDEATHS=3 -DCRASHES=3 -DKILLED_FROM=3 -DRETRIES=0
 * break -DBREAK_NOT_TOLD
 * break -DBREAK_RESET_BEFORE_TELLING
 * break -DBREAK_NO_RETRY
 * break -DBREAK_FREE_WHEN_EXPIRED -DEXPIRING=1
 * break -DBREAK_REPLY_BY_NUMBER -DFRONTEND_DEATHS=1
 * break -DLOST_NEWS=1
 */
#ifndef JOBS
#define JOBS 2
#endif
#ifndef HASHERS
#define HASHERS 2
#endif
#ifndef STREAMS
#define STREAMS 1 /* jobs that one hasher may have in hand */
#endif
/* What may happen, and how often. */
#ifndef DEATHS
#define DEATHS 1 /* of hashers */
#endif
#ifndef CRASHES
#define CRASHES 0 /* so many of them are held against the job */
#endif
#ifndef KILLED_FROM
#define KILLED_FROM 0 /* those before that one are no kills, but crashes */
#endif
#ifndef FRONTEND_DEATHS
#define FRONTEND_DEATHS 0
#endif
#ifndef EXPIRING
#define EXPIRING 0 /* the first so many jobs reach their deadline, at any time */
#endif
#ifndef LOST_NEWS
#define LOST_NEWS 0 /* a frontend's control socket is full: it is not told of a death */
#endif
#ifndef LONG_STOPS
#define LONG_STOPS 0 /* TAKING_MAX_MS pass while a hasher takes */
#endif

#ifndef RETRIES
#define RETRIES 1
#endif
#define FLIGHTS JOBS
#define CLAIMS (HASHERS * STREAMS)
#define NOBODY 15
#define FIRST 16 /* an id is the frontend's incarnation times this, and a number */

mtype = { FORKED, ALIVE, STRUCK, DEAD };

/* the sockets; a hasher's message is told by its sender's pid */
chan link = [FLIGHTS * (1 + FRONTEND_DEATHS)] of { byte, byte, byte };       /* flight, id, job */
chan reply = [FLIGHTS * (1 + FRONTEND_DEATHS) + DEATHS] of { byte, byte, byte };  /* the same */
chan gone = [DEATHS + 1] of { byte, bool, bool };    /* which telling, taking, crashed */
byte told[(DEATHS + 1) * STREAMS];                   /* the claims of each telling */

/* the board */
byte wanted[FLIGHTS], claim[CLAIMS];
bool taking[HASHERS];

mtype hasher_state[HASHERS] = ALIVE, frontend_state = ALIVE;
bool crashed[HASHERS];
byte incarnation = 1;

byte crashed_by[JOBS]; /* hashers that had it in hand */
byte answers[JOBS], forgone; /* forgone: bits of jobs whose frontend has died */

/* how much of the budgets is spent */
byte deaths, frontend_deaths, lost_news, long_stops;

#include "job_frontend.pmi"

proctype hasher(byte h)
{
	byte f, i, j, hands, s;
	byte hand_f[STREAMS], hand_i[STREAMS], hand_j[STREAMS];

born:
	{
		do
		:: hands < STREAMS && nempty(link) -> /* hasher_take */
#ifndef BREAK_NO_TAKING
			taking[h] = true;
#endif
			if
			:: atomic { link?f, i, j ->
				do
				:: hand_i[s] != 0 -> s++
				:: else -> break
				od;
				hand_f[s] = f; hand_i[s] = i; hand_j[s] = j; hands++;
				f = 0; i = 0; j = 0 }
#ifdef BREAK_TAKEN_BEFORE_CLAIM
				taking[h] = false;
#endif
#ifndef BREAK_CLAIM_AFTER_WORK
				claim[h * STREAMS + s] = hand_i[s]; /* hand_claim */
#endif
				atomic { taking[h] = false; s = 0 }
			:: empty(link) -> taking[h] = false
			fi
		:: hands > 0 -> /* some hand is done, or its job is no longer wanted */
#if STREAMS > 1
			if
			:: hand_i[0] != 0
			:: hand_i[1] != 0 -> s = 1
			fi;
#endif
#ifdef BREAK_CLAIM_AFTER_WORK
			claim[h * STREAMS + s] = hand_i[s];
#endif
#ifdef BREAK_UNCLAIM_BEFORE_ANSWER
			claim[h * STREAMS + s] = 0;
#endif
			reply!hand_f[s], hand_i[s], hand_j[s]; /* hand_answer */
			atomic { claim[h * STREAMS + s] = 0; hand_f[s] = 0; hand_i[s] = 0; hand_j[s] = 0; hands--; s = 0 }
		od
	} unless { hasher_state[h] == STRUCK };
	skip;
	d_step {
		f = 0; i = 0; j = 0; s = 0; hands = 0;
		do
		:: s < STREAMS -> hand_f[s] = 0; hand_i[s] = 0; hand_j[s] = 0; s++
		:: else -> break
		od;
		s = 0;
		hasher_state[h] = DEAD
	}
	d_step { hasher_state[h] == FORKED -> hasher_state[h] = ALIVE }
	goto born
}

inline supervise_tell_gone(h)
{
	d_step {
		do
		:: k < STREAMS -> told[t * STREAMS + k] = claim[h * STREAMS + k]; k++
		:: else -> break
		od;
		k = 0
	}
	if
	:: frontend_state != DEAD -> gone!t, taking[h], crashed[h]; t++
	:: frontend_state == DEAD
	:: lost_news < LOST_NEWS -> lost_news++
	fi
}

inline board_slot_reset(h)
{
	do
	:: k < STREAMS -> claim[h * STREAMS + k] = 0; k++
	:: else -> break
	od;
	k = 0;
	taking[h] = false
}

inline supervise_exit(h)
{
#ifdef BREAK_RESET_BEFORE_TELLING
	board_slot_reset(h);
#endif
#ifndef BREAK_NOT_TOLD
	supervise_tell_gone(h);
#endif
	board_slot_reset(h);
	d_step { crashed[h] = false; hasher_state[h] = FORKED } /* spawn_process */
}

active proctype master()
{
	byte k, t, h;

	do
	:: hasher_state[0] == DEAD -> supervise_exit(0)
#if HASHERS > 1
	:: hasher_state[1] == DEAD -> supervise_exit(1)
#endif
	:: frontend_state == DEAD -> /* its control socket goes with it */
		d_step {
			do
			:: h < FLIGHTS -> wanted[h] = 0; h++
			:: else -> break
			od;
			h = 0;
			do
			:: nempty(gone) -> gone?_, _, _
			:: empty(gone) -> break
			od;
			incarnation++;
			frontend_state = FORKED
		}
	od
}

/* The hasher dies over what it has in hand. */
inline crash_over(h)
{
	do
	:: f < FLIGHTS ->
		k = 0;
		do
		:: k < STREAMS && flight_id[f] != 0 && flight_job[f] != NOBODY &&
			claim[h * STREAMS + k] == flight_id[f] ->
			crashed_by[flight_job[f]]++;
			assert(crashed_by[flight_job[f]] <= RETRIES + 1);
			k++
		:: else -> k++; if :: k >= STREAMS -> break :: else fi
		od;
		f++
	:: else -> break
	od;
	f = 0; k = 0
}

active proctype adversary()
{
	byte h, f, k;

	do
	:: deaths < DEATHS ->
		if
		:: h = 0
#if HASHERS > 1
		:: h = 1
#endif
		fi;
		if
		:: d_step { hasher_state[h] == ALIVE && deaths >= KILLED_FROM -> hasher_state[h] = STRUCK; deaths++ }
		:: d_step { hasher_state[h] == ALIVE && deaths < CRASHES ->
			hasher_state[h] = STRUCK; deaths++; crashed[h] = true;
			crash_over(h) }
		fi;
		h = 0
	:: d_step { frontend_deaths < FRONTEND_DEATHS && frontend_state == ALIVE ->
		frontend_state = STRUCK; frontend_deaths++ }
	:: break
	od
}

/* Nothing can move any more. */
active proctype judge()
{
	byte n;

	timeout;
	do
	:: n < JOBS ->
		assert(answers[n] == 1 || (forgone & (1 << n)) != 0);
		n++
	:: else -> break
	od;
	n = 0;
	do
	:: n < FLIGHTS -> assert(flight_id[n] == 0 && wanted[n] == 0); n++
	:: else -> break
	od;
	n = 0;
	do
	:: n < CLAIMS -> assert(claim[n] == 0); n++
	:: else -> break
	od;
judged:	assert(!sweep && empty(reply))
}

init
{
	atomic {
		run hasher(0);
#if HASHERS > 1
		run hasher(1)
#endif
	}
}
