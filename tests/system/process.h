/*
 * Looking at processes from outside: by /proc, by title, by pidfd.
 */
#ifndef TESTS_SYSTEM_PROCESS_H
#define TESTS_SYSTEM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/system/harness.h"

enum { PROCESS_MAX = 128, PROCESS_TITLE = 256 };

/* Children of `parent`, zombies not counted; returns how many, at most `max`. */
size_t process_children(pid_t parent, pid_t *pids, size_t max);
/* The title (argv[0] as it is now); "" where the process has gone. */
void process_title(pid_t pid, char title[PROCESS_TITLE]);
/* CPU time used so far, in clock ticks; 0 where the process has gone. */
uint64_t process_ticks(pid_t pid);
/* The letter of /proc/PID/stat: R S D T Z ..., or 0. */
char process_state(pid_t pid);
bool process_alive(pid_t pid);
/* How many children of `parent` have died and were not waited for. */
size_t process_zombies(pid_t parent);
/* Anonymous memory that is resident, in KiB; 0 where the process has gone. */
uint64_t process_memory(pid_t pid);
/* True where titles can be seen at all (a wrapper hides them). */
bool process_titles_visible(const struct daemon *d);

/* The daemon's child that is `what` ("hasher elastic/0", "frontend 1"), or 0. */
pid_t process_find(const struct daemon *d, const char *what);
/* How many there are whose title begins with `what` ("hasher elastic/"). */
size_t process_count(const struct daemon *d, const char *what);
/* All of them; returns how many. */
size_t process_all(const struct daemon *d, const char *what, pid_t *pids, size_t max);

/* Waits until there is a `what` that is not `old`; returns its pid. */
pid_t process_wait_new(const struct daemon *d, const char *what, pid_t old);
/* Waits until exactly n titles begin with `what`. */
void process_wait_count(const struct daemon *d, const char *what, size_t n);

/* A handle on a process that stays its own; -1 where it has gone. */
int process_handle(pid_t pid);
/* Waits until the process of the handle has gone; false: not within limit_ms. */
bool process_wait_handle(int handle, int limit_ms);
/* Sends KILL and waits until it has gone. */
void process_kill(pid_t pid);
/* Waits until it is stopped (after SIGSTOP). */
void process_stop(pid_t pid);

/* The same for a hasher that is to stay so: the master would replace it while jobs
 * wait, and is stopped as well. process_release() lets both go on. */
void process_hold(const struct daemon *d, pid_t pid);
void process_release(const struct daemon *d, pid_t pid);

#endif
