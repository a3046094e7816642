/*
 * Many connections at the same time, looked after by epoll: what each of them has
 * received, and when it ended.
 */
#ifndef TESTS_SYSTEM_CROWD_H
#define TESTS_SYSTEM_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/system/harness.h"

enum { CROWD_TEXT = 512, CROWD_EVENTS = 256 };

struct member {
	int fd;                /* -1: closed */
	uint64_t since_ms;     /* when the time that it is given began */
	uint64_t ended_ms;     /* when the other side closed; 0: it has not */
	bool reset;            /* with an error */
	size_t len;            /* bytes received since crowd_forget() */
	char text[CROWD_TEXT]; /* the first of them, NUL-terminated */
	char last[2];          /* the last of them */
};

struct crowd {
	struct member *members;
	size_t count;
	int epoll;
	bool narrow; /* small buffers and segments, from crowd_open() on */
	bool slow;   /* receives a byte at a time; an error ends it at once */
};

/* Lets this process have as many fds; false where that is not permitted. */
bool crowd_permitted(size_t count);
/* Connects `count` more members. */
void crowd_open(struct crowd *crowd, const struct address *to, size_t count);
/* Closes them with a reset, whatever they still wait for. */
void crowd_close(struct crowd *crowd);

/* Sends to each that is open; what a socket does not take at once is left out. */
void crowd_say(struct crowd *crowd, const char *bytes, size_t len);
/* Sends bytes[len] to each over and over until nothing more is taken. Returns how much
 * that was, in all. */
size_t crowd_say_all(struct crowd *crowd, const char *bytes, size_t len);
/* The time that each is given begins now, and what it has received is forgotten. */
void crowd_forget(struct crowd *crowd);
/* Receives what comes within limit_ms, at most. */
void crowd_turn(struct crowd *crowd, int limit_ms);

/* How many have not ended. */
size_t crowd_alive(const struct crowd *crowd);
/* How many have received an answer with that status ("200") and, where `tail` is not
 * "", an end of these two bytes. */
size_t crowd_answered(const struct crowd *crowd, const char *status, const char *tail);
/* Turns until that many have; fails after the harness's limit. */
void crowd_await_answers(
    struct crowd *crowd, const char *status, const char *tail, size_t count);
/* Turns until that many are left. */
void crowd_await_ends(struct crowd *crowd, size_t left);
/* The shortest and the longest time from `since` to the end, of those that have ended.
 */
void crowd_spans(const struct crowd *crowd, uint64_t *shortest, uint64_t *longest);

/* KiB of memory that are a process's own (RssAnon). */
size_t crowd_memory(pid_t pid);

#endif
