/*
 * Masters: upgrades, the pidfile and its lock, while masters are killed, hang, refuse and are
 * told to leave at any moment, the pidfile cannot be written, and somebody starts argond once
 * more.
 *
 * Mirrors, and is to be changed with:
 *   master/upgrade.c, upgrade_heir.c, upgrade_both.c   all
 *   master/master.c    master_go_on (who may begin something), master_quit, master_retire,
 *                      master_return, master_in_charge
 *   master/lockfile.c  lockfile_open, lockfile_inherit, lockfile_claim, lockfile_close
 *   master/run.c       run_lock, run_close
 *
 * Holds in every state: of the masters that do not leave, one is in charge, or two that are
 * just handing over; never can two begin a reload or an upgrade. And where nothing moves any
 * more: whoever is there serves, holds the lock, and the pidfile has its number; nobody is
 * there only where the last who could serve was killed, or the one in charge told to leave;
 * and where that one was told to leave (and not killed), nobody is there. Who is in charge
 * is not killed because his predecessor is told to leave.
 *
 * run -DUPGRADES=2 -DKILLS=2 -DHANGS=1 -DQUITS=1
 * run -DUPGRADES=1 -DKILLS=2 -DSTARTS=1 -DHANGS=1 -DQUITS=2
 * run -DUPGRADES=2 -DKILLS=1 -DFAULTS=2 -DQUITS=1
 * run -DUPGRADES=1 -DKILLS=1 -DFAULTS=1 -DHANGS=1 -DQUITS=1
 * end -DUPGRADES=2 -DKILLS=1 -DHANGS=1 -DQUITS=1
 * end -DUPGRADES=1 -DKILLS=1 -DFAULTS=1 -DQUITS=1
 * break -DBREAK_DRAIN_BEFORE_READY
 * break -DBREAK_NO_RETURN -DKILLS=1
 * break -DBREAK_NO_CLAIM_BACK -DKILLS=1
 * break -DBREAK_CLAIM_BEFORE_DEATH -DHANGS=1
 * break -DBREAK_NO_LIMIT -DHANGS=1
 * break -DBREAK_HEAR_AFTER_GIVING_UP -DHANGS=1
 * break -DBREAK_LOCK_NOT_INHERITED -DSTARTS=1
 * break -DBREAK_ACT_WITH_PREDECESSOR -DUPGRADES=2 -DKILLS=1
 * break -DBREAK_ALONE_AND_STILL_HEIR -DKILLS=1
 * break -DBREAK_QUIT_LEAVES_HEIR -DQUITS=1
 * break -DBREAK_QUIT_KILLS_HIM -DQUITS=1
 * break -DBREAK_POSTPONED_FOREVER -DQUITS=1 -DFAULTS=1
 * break -DBREAK_POSTPONED_ALONE -DQUITS=1
 * break -DBREAK_DONE_UNHEARD -DQUITS=1
 * break -DBREAK_QUIT_HEIR_TAKES_OVER -DQUITS=1
 * break -DBREAK_UNLINK_HANDED_ON
 * break -DBREAK_DONE_UNNAMED -DFAULTS=1
 * break -DBREAK_CLAIM_ONCE -DFAULTS=1 -DKILLS=1
 * break -DBREAK_CLAIM_GOES_ON -DFAULTS=2 -DUPGRADES=2
 */
#ifndef UPGRADES
#define UPGRADES 1
#endif
#ifndef STARTS
#define STARTS 0 /* of another argond, by hand */
#endif
#ifndef KILLS
#define KILLS 0
#endif
#ifndef HANGS
#define HANGS 0 /* of a successor, until it is killed */
#endif
#ifndef FAULTS
#define FAULTS 0 /* of writes to the pidfile */
#endif
#ifndef QUITS
#define QUITS 0
#endif

#define MASTERS 3 /* numbers: none is used again */
#if UPGRADES + STARTS > 2
#error give them more numbers
#endif
#define NOBODY 15

mtype = { UNBORN, ALIVE, ENDED_OK, ENDED, BURIED };
mtype = { SAY_READY, SAY_GO, SAY_DONE };

mtype state[MASTERS] = UNBORN;
bool ready[MASTERS];                        /* an heir that has announced itself */
bool heir[MASTERS], predecessor[MASTERS];   /* see upgrade.h */
bool under_way[MASTERS], handed_on[MASTERS];
byte successor[MASTERS] = NOBODY, before[MASTERS] = NOBODY;
bool said_go[MASTERS];                      /* upgrade.told */
bool postponed[MASTERS];                    /* upgrade.leave: told to leave since GO */
bool asked[MASTERS];                        /* that signal, handed on */
bool stopping[MASTERS], quit[MASTERS], doomed[MASTERS], hangs[MASTERS], owes_done[MASTERS];
bool owes_claim[MASTERS];                   /* the pidfile could not be written: again later */
chan to_old[MASTERS] = [2] of { mtype };    /* by the number of the new one */
chan to_new[MASTERS] = [1] of { mtype };

/* the pidfile: which file has the name, who holds which file, what stands in it */
byte named, files, pidfile = NOBODY;        /* 0: there is none */
byte file[MASTERS];

byte born, upgrades, starts, kills, hang, faults, quits;
bool told;                                  /* the one in charge was told to leave */
bool lost;                                  /* the last one that could serve was killed */

#define IS_ALIVE(m) (state[m] == ALIVE)
#define RUNS(m) (state[m] == ALIVE && !hangs[m] && !owes_done[m] && !doomed[m])
#ifdef BREAK_HEAR_AFTER_GIVING_UP
#define HEARS(m) (RUNS(m) && under_way[m])
#else
#define HEARS(m) (RUNS(m) && under_way[m] && !doomed[successor[m]])
#endif
#define IS_DONE(m) (under_way[m] && to_old[successor[m]]?[SAY_DONE])
#define IN_CHARGE(m) (state[m] == ALIVE && !heir[m] && !stopping[m] && !doomed[m] && !IS_DONE(m))
#define CAN_SERVE(m) (state[m] == ALIVE && !doomed[m] && !quit[m] && !(heir[m] && stopping[m]))
#define NOBODY_CAN_SERVE !(CAN_SERVE(0) || CAN_SERVE(1) || CAN_SERVE(2))
#ifdef BREAK_ACT_WITH_PREDECESSOR
#define MAY_BEGIN(m) (IN_CHARGE(m) && !under_way[m] && !quit[m])
#else
#define MAY_BEGIN(m) (IN_CHARGE(m) && !under_way[m] && !quit[m] && !predecessor[m])
#endif

#ifdef BREAK_QUIT_HEIR_TAKES_OVER
#define MAY_TAKE_OVER(m) true
#else
#define MAY_TAKE_OVER(m) (!quit[m])
#endif

inline lockfile_claim(m)
{
	if
	:: named == file[m] -> pidfile = m
	:: else /* what it has open has no name any more */
	fi
}

/* Nobody else is in charge: sooner or later */
inline upgrade_claim(m)
{
	if
	:: faults < FAULTS -> faults++;
#ifndef BREAK_CLAIM_ONCE
		owes_claim[m] = true
#endif
	:: lockfile_claim(m); owes_claim[m] = false
	fi
}

/* run_close; the lock goes with the last who has it open */
inline leave(m, how)
{
	if
#ifdef BREAK_UNLINK_HANDED_ON
	:: named == file[m] && !heir[m] -> named = 0
#else
	:: named == file[m] && !heir[m] && !handed_on[m] -> named = 0
#endif
	:: else
	fi;
	state[m] = how
}

inline upgrade_leave(m)
{
	if
	:: postponed[m] -> postponed[m] = false; quit[m] = true
	:: else
	fi
}

inline upgrade_failed(m)
{
	under_way[m] = false;
	successor[m] = NOBODY;
#ifndef BREAK_NO_CLAIM_BACK
	upgrade_claim(m);
#endif
#ifndef BREAK_POSTPONED_FOREVER
	upgrade_leave(m)
#endif
}

/* It is killed; upgrade_reaped() does the rest */
inline upgrade_give_up(m)
{
	doomed[successor[m]] = true;
#ifdef BREAK_CLAIM_BEFORE_DEATH
	upgrade_failed(m)
#endif
}

inline upgrade_reaped(m)
{
	s = successor[m];
	do /* its last words */
	:: atomic { to_old[s]?w ->
		if
#ifndef BREAK_DONE_UNHEARD
		:: w == SAY_DONE -> handed_on[m] = true; under_way[m] = false
#endif
		:: else
		fi }
	:: empty(to_old[s]) -> break
	od;
	if
	:: handed_on[m] && state[s] == ENDED_OK ->
		successor[m] = NOBODY;
		stopping[m] = true;
		upgrade_leave(m)
	:: else ->
		handed_on[m] = false;
		upgrade_failed(m);
#ifndef BREAK_NO_RETURN
		if
		:: !quit[m] -> stopping[m] = false /* master_return */
		:: else
		fi
#endif
	fi;
	state[s] = BURIED;
	s = 0; w = 0
}

proctype master(byte m)
{
	byte s;
	mtype w;

	do
	/* the old one */
	:: atomic { RUNS(m) && MAY_BEGIN(m) && upgrades < UPGRADES -> /* upgrade_begin */
		upgrades++;
		s = born; born++;
		state[s] = ALIVE;
		heir[s] = true;
#ifdef BREAK_LOCK_NOT_INHERITED
		file[s] = 0;
#else
		file[s] = file[m];
#endif
		before[s] = m;
		successor[m] = s;
		under_way[m] = true;
		said_go[m] = false;
		run master(s);
		s = 0 }
	:: atomic { HEARS(m) && to_old[successor[m]]?[SAY_READY] ->
		to_old[successor[m]]?SAY_READY;
#ifndef BREAK_CLAIM_GOES_ON
		owes_claim[m] = false; /* upgrade_claim_stop */
#endif
		said_go[m] = true;
		to_new[successor[m]]!SAY_GO;
#ifdef BREAK_DRAIN_BEFORE_READY
		stopping[m] = true
#endif
		}
	:: atomic { HEARS(m) && to_old[successor[m]]?[SAY_DONE] ->
		to_old[successor[m]]?SAY_DONE; /* upgrade_hand_on */
		under_way[m] = false;
		handed_on[m] = true;
		stopping[m] = true;
#ifndef BREAK_POSTPONED_ALONE
		asked[successor[m]] = postponed[m];
#endif
		upgrade_leave(m) }
	:: atomic { RUNS(m) && under_way[m] && !doomed[successor[m]] && hang < HANGS ->
		hang++;
		upgrade_give_up(m) } /* it was only slow */
#ifndef BREAK_NO_LIMIT
	:: atomic { RUNS(m) && under_way[m] && hangs[successor[m]] && !doomed[successor[m]] ->
		upgrade_give_up(m) } /* upgrade_late */
#endif
	:: atomic { RUNS(m) && successor[m] != NOBODY &&
		(state[successor[m]] == ENDED || state[successor[m]] == ENDED_OK) ->
		upgrade_reaped(m) }
	:: atomic { RUNS(m) && quit[m] && !stopping[m] -> /* after drain_delay */
		stopping[m] = true }
	/* drained; who dies just then is not missed */
	:: atomic { RUNS(m) && stopping[m] &&
		(successor[m] == NOBODY || IS_ALIVE(successor[m]) || quit[m]) ->
		leave(m, ENDED_OK);
		break }

	/* the new one */
	:: atomic { RUNS(m) && heir[m] && !ready[m] -> ready[m] = true; to_old[m]!SAY_READY }
	:: atomic { RUNS(m) && heir[m] && !ready[m] -> /* refuses, crashes */
		state[m] = ENDED;
		lost = lost || NOBODY_CAN_SERVE;
		break }
	:: atomic { IS_ALIVE(m) && !hangs[m] && heir[m] && to_new[m]?[SAY_GO] && MAY_TAKE_OVER(m) ->
		/* upgrade_told: who is being killed may be just here */
		to_new[m]?SAY_GO;
		if
		:: faults < FAULTS -> faults++;
#ifdef BREAK_DONE_UNNAMED
			heir[m] = false; predecessor[m] = true; owes_done[m] = true
#else
			stopping[m] = true; /* master_generation_failed */
			lost = lost || NOBODY_CAN_SERVE
#endif
		:: heir[m] = false; predecessor[m] = true; owes_done[m] = true; lockfile_claim(m)
		fi }
	:: atomic { IS_ALIVE(m) && !hangs[m] && owes_done[m] -> owes_done[m] = false; to_old[m]!SAY_DONE }
#ifndef BREAK_ALONE_AND_STILL_HEIR
	:: atomic { RUNS(m) && heir[m] && !IS_ALIVE(before[m]) && empty(to_new[m]) && MAY_TAKE_OVER(m) ->
		heir[m] = false;
		upgrade_claim(m) }
#endif
	:: atomic { RUNS(m) && predecessor[m] && !IS_ALIVE(before[m]) -> /* upgrade_alone */
		predecessor[m] = false }

	/* both */
	:: atomic { RUNS(m) && owes_claim[m] -> owes_claim[m] = false; lockfile_claim(m) }
	:: d_step { IS_ALIVE(m) && kills < KILLS ->
		kills++;
		state[m] = ENDED;
		lost = lost || NOBODY_CAN_SERVE } break
	:: d_step { IS_ALIVE(m) && doomed[m] -> state[m] = ENDED } break
	:: d_step { IS_ALIVE(m) && (heir[m] || owes_done[m]) && !hangs[m] && hang < HANGS -> hang++; hangs[m] = true }
	:: atomic { RUNS(m) && !quit[m] && !postponed[m] && (asked[m] || quits < QUITS) ->
		/* master_quit */
		if
		:: asked[m] -> asked[m] = false
		:: else -> quits++
		fi;
		if
#ifndef BREAK_QUIT_KILLS_HIM
		:: HEARS(m) && said_go[m] -> postponed[m] = true
		:: !(HEARS(m) && said_go[m]) -> quit[m] = true
#else
		:: quit[m] = true
#endif
		fi;
		told = told || (!heir[m] && !stopping[m]) || NOBODY_CAN_SERVE;
		if
		:: heir[m] -> stopping[m] = true
		:: else
		fi;
		if
#ifndef BREAK_QUIT_LEAVES_HEIR
		:: HEARS(m) && !postponed[m] ->
			assert(heir[successor[m]] && !owes_done[successor[m]]);
			upgrade_give_up(m)
#endif
		:: else
		fi }
	od
}

#if STARTS > 0
#define HELD(m) (IS_ALIVE(m) && file[m] == named)

proctype starter() /* lockfile_open */
{
	do
	:: atomic { starts < STARTS ->
		starts++;
		if
		:: named != 0 && (HELD(0) || HELD(1) || HELD(2)) -> born++ /* argond is running already */
		:: else ->
			if
			:: named == 0 -> files++; named = files
			:: else
			fi;
			state[born] = ALIVE;
			file[born] = named;
			pidfile = born;
			run master(born);
			born++
		fi }
	:: break
	od
}
#endif

#define HAND_OVER(a, b) (successor[a] == b && under_way[a] && predecessor[b])
#define BOTH(a, b) ((IN_CHARGE(a) && IN_CHARGE(b) && !HAND_OVER(a, b)) || \
	(MAY_BEGIN(a) && MAY_BEGIN(b)))

/* Always. */
proctype guard()
{
	atomic {
		BOTH(0, 1) || BOTH(0, 2) || BOTH(1, 2) -> assert(false)
	}
}

/* Nothing can move any more. */
proctype judge()
{
	byte m, n;

	timeout;
	do
	:: m < MASTERS ->
		if
		:: IS_ALIVE(m) ->
			n++;
			assert(hangs[m] || (!heir[m] && !stopping[m] && !predecessor[m] && !under_way[m]));
			assert(hangs[m] || (file[m] == named && named != 0 && pidfile == m))
		:: else
		fi;
		m++
	:: else -> break
	od;
	assert(n <= 1);
	assert(n == 1 || told || lost);
	assert(n == 0 || !told || kills > 0)
}

init
{
	atomic {
		born = 1; files = 1; named = 1; pidfile = 0;
		state[0] = ALIVE;
		file[0] = 1;
		run master(0);
#if STARTS > 0
		run starter();
#endif
		run guard();
		run judge()
	}
}
