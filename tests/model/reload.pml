/*
 * Generations: the start, reloads, what children do meanwhile, and leaving. One master, its
 * loop with one handler at a time; in each generation a frontend and a hasher.
 *
 * Mirrors, and is to be changed with:
 *   master/master.c      master_generation_ready, _failed, _empty, master_go_on, master_drain,
 *                        master_stop, master_quit, master_reload
 *   master/reload.c      all
 *   master/generation.c  generation_start, _check_ready, _drain, _kill, _serve
 *   master/supervise.c   supervise_exit, supervise_role, supervise_ready, supervise_retry
 *   master/spawn.c       spawn_process, spawn_reap, process_last_words, process_not_ready
 *   master/birth.c       child_confine
 *   frontend/frontend.c  frontend_hear, accept_update, frontend_drain
 *
 * Holds in every state: once a generation has served, one is in charge that does not drain
 * until the master is told to leave; a reload begins only beside that one, and a candidate
 * that fails takes no request with it. And where nothing moves any more: a reload has begun
 * since the last HUP, and the one generation that is left has all its processes; a master
 * that was told to leave has gone; one that was killed has no child left.
 *
 * run -DHUPS=2 -DDEATHS=2 -DMISFORTUNES=1
 * run -DHUPS=2 -DMISFORTUNES=2 -DREQUESTS=1
 * run -DHUPS=1 -DDEATHS=2 -DMISFORTUNES=2 -DREQUESTS=1
 * run -DHUPS=1 -DDEATHS=1 -DQUITS=2 -DREQUESTS=1
 * run -DHUPS=2 -DDEATHS=1 -DMASTER_DEATHS=1
 * end -DHUPS=1 -DDEATHS=1 -DMISFORTUNES=1 -DQUITS=1
 * break -DBREAK_SWAP_BEFORE_READY
 * break -DBREAK_SERVE_BEFORE_SWAP -DMISFORTUNES=1 -DREQUESTS=1
 * break -DBREAK_DRAIN_BEFORE_SWAP -DMISFORTUNES=1
 * break -DBREAK_NO_HASHERS_AT_THE_END -DREQUESTS=1 -DDEATHS=1
 * break -DBREAK_NO_RETRY_AT_THE_END -DREQUESTS=1 -DDEATHS=1 -DMISFORTUNES=1
 * break -DBREAK_FORGET_WANTED -DHUPS=2
 * break -DBREAK_NO_GO_ON -DHUPS=2
 * break -DBREAK_BESIDE_FAILED -DHUPS=2 -DMISFORTUNES=1
 * break -DBREAK_STOP_KEEPS_CANDIDATE -DQUITS=1
 * break -DBREAK_NO_DEATH_SIGNAL -DBREAK_NO_END_OF_FILE -DMASTER_DEATHS=1
 * break -DBREAK_NO_PARENT_CHECK -DBREAK_NO_END_OF_FILE -DMASTER_DEATHS=1
 */
#ifndef HUPS
#define HUPS 1
#endif
#ifndef DEATHS
#define DEATHS 0 /* of children, by somebody's KILL */
#endif
#ifndef MISFORTUNES
#define MISFORTUNES 0 /* a bad config, a fork that fails, a child that is not READY in time */
#endif
#ifndef REQUESTS
#define REQUESTS 0
#endif
#ifndef QUITS
#define QUITS 0 /* TERM; the second one is: now */
#endif
#ifndef MASTER_DEATHS
#define MASTER_DEATHS 0
#endif

#define GENERATIONS (HUPS + 1)
#define PLACES (2 * GENERATIONS) /* of generation g: 2g its frontend, 2g + 1 its hasher */
#define NONE 15

mtype = { FREE, STARTING, READY, LEAVING };            /* a process, to its master */
mtype = { UNBORN, FORKED, SETTLED, AT_WORK, ENDED };   /* and in truth */
mtype = { ABSENT, TRIAL, SERVING, DRAINING };          /* a generation */

/* the master's mind */
mtype seen[PLACES] = FREE, state[GENERATIONS] = ABSENT;
bool killed[GENERATIONS], retry[PLACES];
byte current, candidate = NONE, last;
bool in_charge, wanted, quitting, delay, drain_now, stopping, go_on, left, dead;

/* the children, what was said to them and what they said */
mtype truth[PLACES] = UNBORN;
bool told_term[PLACES], told_serve[PLACES], said_ready[PLACES], busy[PLACES];

bool hup, term, unheard; /* unheard: no reload has begun since the last HUP */
byte hups, deaths, misfortunes, requests, quits, master_deaths;

#define ALIVE(g) (seen[2 * (g)] != FREE || seen[2 * (g) + 1] != FREE)
#define IS_FRONTEND(p) (p % 2 == 0)
#if HUPS > 1
#define GENERATIONS_ALIVE ((state[0] != ABSENT) + (state[1] != ABSENT) + (state[2] != ABSENT))
#else
#define GENERATIONS_ALIVE ((state[0] != ABSENT) + (state[1] != ABSENT))
#endif
#define ON_TRIAL(g) (g == candidate)

#include "reload_master.pmi"

#define LOOP (!go_on && !drain_now && !left && !dead)

/* A child, and what the master does as it hears of it. */
proctype place(byte p)
{
	byte n, k, c;
	bool was_starting;

	do
	/* birth.c: the signal that tells of the master's death; is he there? */
	:: d_step { truth[p] == FORKED -> truth[p] = SETTLED }
	:: d_step { truth[p] == SETTLED ->
		if
#ifndef BREAK_NO_PARENT_CHECK
		:: dead -> process_end(p)
#endif
		:: else -> truth[p] = AT_WORK; said_ready[p] = true
		fi }
#ifndef BREAK_NO_END_OF_FILE
	:: d_step { truth[p] == AT_WORK && dead -> process_end(p) }
#endif
	:: d_step { truth[p] == AT_WORK && told_term[p] && !busy[p] -> process_end(p) }
#if REQUESTS > 0
	:: d_step { IS_FRONTEND(p) && truth[p] == AT_WORK && told_serve[p] && !told_term[p] &&
		!busy[p] && requests < REQUESTS -> requests++; busy[p] = true }
	:: d_step { busy[p] && truth[p + 1] == AT_WORK && !told_term[p + 1] -> busy[p] = false }
#endif
#if DEATHS > 0
	:: d_step { truth[p] != UNBORN && truth[p] != ENDED && deaths < DEATHS ->
		deaths++; process_end(p) }
#endif
	/* the master */
	:: atomic { LOOP && said_ready[p] && seen[p] != STARTING -> said_ready[p] = false }
	:: atomic { LOOP && said_ready[p] && seen[p] == STARTING -> supervise_ready(p) }
	:: atomic { LOOP && truth[p] == ENDED ->
		if
		:: said_ready[p] && seen[p] == STARTING -> supervise_ready(p)
		:: else -> said_ready[p] = false
		fi;
		supervise_exit(p) }
	:: atomic { LOOP && retry[p] -> /* supervise_retry */
		retry[p] = false;
		if
		:: seen[p] == FREE && (state[p / 2] != DRAINING || NEEDS_HASHERS(p)) ->
			supervise_role(p)
		:: else
		fi }
	:: d_step { LOOP && misfortunes < MISFORTUNES && seen[p] == STARTING && truth[p] != ENDED ->
		misfortunes++; process_kill(p) } /* process_not_ready */
	od
}

proctype master()
{
	byte n, k, c;

	do
	:: atomic { go_on && !left && !dead -> master_go_on() }
	:: atomic { LOOP && hup -> hup = false; wanted = true; go_on = true; /* master_reload */
#ifdef BREAK_FORGET_WANTED
		wanted = (candidate == NONE)
#endif
		}
	:: atomic { LOOP && term -> term = false; master_quit() }
	:: atomic { LOOP && delay -> delay = false; drain_now = true }
	:: atomic { drain_now && !dead -> drain_now = false; master_drain() }
	od
}

proctype adversary()
{
	byte p;

	do
	:: d_step { hups < HUPS && !dead -> hups++; hup = true; unheard = true }
	:: d_step { quits < QUITS && !dead -> quits++; term = true }
	:: d_step { master_deaths < MASTER_DEATHS && !left ->
		master_deaths++;
		dead = true;
#ifndef BREAK_NO_DEATH_SIGNAL
		do
		:: p < PLACES ->
			if
			:: truth[p] == SETTLED || truth[p] == AT_WORK -> process_end(p)
			:: else
			fi;
			p++
		:: else -> break
		od;
		p = 0
#endif
		}
	:: break
	od
}

/* Always. */
proctype guard()
{
	do
	:: atomic {
		(candidate != NONE && stopping) ||
		(in_charge && !stopping && state[current] != SERVING) ||
		GENERATIONS_ALIVE > 2 ->
		assert(false) }
	od
}

/* Nothing can move any more. */
proctype judge()
{
	byte p;

	timeout;
	do
	:: p < PLACES ->
		if
		:: dead || left -> assert(truth[p] == UNBORN || (dead && truth[p] == ENDED))
		:: else ->
			assert(!busy[p]);
			assert((p / 2 == current) == (truth[p] == AT_WORK && seen[p] == READY));
			assert((p / 2 == current) == (state[p / 2] == SERVING))
		fi;
		p++
	:: else -> break
	od;
	assert(dead || left || (!unheard && !wanted && in_charge && told_serve[2 * current]));
	assert(!quits || left || dead)
}

init
{
	byte p;

	atomic {
		state[0] = TRIAL;
		truth[0] = FORKED; seen[0] = STARTING;
		truth[1] = FORKED; seen[1] = STARTING;
		do
		:: p < PLACES -> run place(p); p++
		:: else -> break
		od;
		run master(); run adversary(); run guard(); run judge()
	}
}
