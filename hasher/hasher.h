/*
 * One hasher process: takes jobs from the links of its pool, works, answers. It has its
 * links, the board and its memory, and nothing else.
 */
#ifndef HASHER_HASHER_H
#define HASHER_HASHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/child.h"
#include "common/job.h"
#include "hasher/engine.h"

struct lookup;

/* A job in hand. Its place in `hands` is that of its claim on the board. */
struct hand {
	bool used;
	unsigned frontend; /* whose link the answer goes to */
	struct job job; /* its password is in hasher.message until the work has begun */
	unsigned ticket; /* the engine's name for it */
	uint64_t begun_ns;
	uint8_t salt[LIMIT_SALT];
};

struct hasher {
	struct child *child;
	const struct config_pool *pool;
	struct board_hasher *board; /* our own slot */
	struct engine *engine;      /* NULL in a pool without hashing */
	struct lookup *lookup;      /* NULL in a pool without look-ups */
	struct hand hands[LIMIT_STREAMS];
	unsigned running;   /* hands used */
	unsigned batch;     /* hands that may be */
	unsigned next_link; /* where to ask first: each frontend in its turn */
	bool alone;         /* what runs now must not be joined */
	bool leaving;
	bool master_gone;
	int epoll;
	uint64_t counted_ns; /* until when the board says how busy we were */
	uint64_t lookups;    /* done */
	uint64_t looked_ns;  /* when a working hasher last looked for more */
	unsigned waited;     /* looks in a row at which a job was waiting */
	uint8_t message[JOB_MESSAGE_MAX]; /* wiped after each job */
	struct hand *held; /* taken, and waiting for others to end; or NULL */
};

/* hand.c: claims, and answers on the link that the job came from. A claim is on the
 * board before anything is done for the job, and until its answer has been sent. */
struct hand *hand_claim(struct hasher *h, unsigned frontend, const struct job *job);
/* Does its frontend still want it, and is there time? */
bool hand_wanted(const struct hasher *h, const struct hand *hand);
/* Sends the answer and gives up the claim. Text only with JOB_OK. */
void hand_answer(struct hasher *h, struct hand *hand, enum job_status status,
    const char *text, size_t text_len);

/* password.c: hash jobs through the engine. */
/* True: it runs, or was answered. False: there is no room for it beside what runs now.
 */
bool password_start(struct hasher *h, struct hand *hand);
bool password_has_room(const struct hasher *h, const struct hand *hand);
/* Works for a moment; drops what nobody waits for any more, answers what is done. */
void password_work(struct hasher *h);

/* lookup.c: look-ups in the store. */
struct lookup *lookup_open(struct hasher *h);
void lookup_close(struct lookup *lookup);
void lookup_do(struct hasher *h, struct hand *hand);

#endif
