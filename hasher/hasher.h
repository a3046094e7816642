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
#include "common/given.h"
#include "common/job.h"
#include "common/phc.h"
#include "common/secret.h"
#include "hasher/engine.h"

struct lookup;

/* A job in hand. Its place in `hands` is that of its claim on the board. */
struct hand {
	bool used;
	unsigned frontend; /* whose link the answer goes to */
	struct job job; /* its password is in hasher.message until the work has begun */
	bool working;   /* the engine has it */
	bool old;       /* a hash of an old format: for nobody to ride with */
	bool again;     /* the password was right: now a new hash is made */
	unsigned ticket; /* the engine's name for it */
	uint64_t begun_ns;
	struct legacy legacy;       /* where `old` */
	size_t hash_skip, hash_len; /* where `old`: the hash itself in the job's text */
	struct phc phc; /* what the engine is asked for; verifying: the hash itself */
	struct secret kept; /* the password, where a new hash may have to be made */
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
	bool short_of_memory; /* the kernel, for a message that lies there */
	int epoll;
	uint64_t counted_ns;  /* until when the board says how busy we were */
	uint64_t other_units; /* of work done beside the engine's blocks */
	uint64_t looked_ns;   /* when a working hasher last looked for more */
	unsigned waited;      /* looks in a row at which a job was waiting */
	uint8_t message[JOB_MESSAGE_MAX]; /* wiped when a job's work has begun */
	struct hand *held; /* taken, and waiting for others to end; or NULL */
};

/* hand.c: claims, and answers on the link that the job came from. A claim is on the
 * board before anything is done for the job, and until its answer has been sent. */
struct hand *hand_claim(struct hasher *h, unsigned frontend, const struct job *job);
/* Does its frontend still want it, and is there time? */
bool hand_wanted(const struct hasher *h, const struct hand *hand);
/* Sends the answer, gives up the claim and wipes the hand. Text only with JOB_OK and
 * JOB_VALID. */
void hand_answer(struct hasher *h, struct hand *hand, enum job_status status,
    const char *text, size_t text_len);

/* password.c: hash and verify jobs through the engine. */

/* Begins the job, or answers it. False where there is no room for it now; nothing has
 * changed then but hand->phc. */
bool password_start(struct hasher *h, struct hand *hand);
bool password_has_room(const struct hasher *h, const struct hand *hand);
/* Works for a moment; drops what nobody waits for any more, answers what is done. */
void password_work(struct hasher *h);
/* What a hash of that profile is to be, with a new salt and an empty tag. */
void password_compose(struct phc *phc, const struct config_profile *profile);
/* Hands what hand->phc says to the engine. */
enum engine_status password_submit(
    struct hasher *h, struct hand *hand, const uint8_t *password, size_t len);
enum job_status password_status(enum engine_status status);

/* verify.c: what is special to verify jobs. */

/* Checks the job's hash and takes it apart into hand->phc. Returns JOB_OK, or
 * JOB_REFUSED for what the config does not allow. */
enum job_status verify_prepare(struct hasher *h, struct hand *hand);
/* Verifies a hash of an old format, which takes as long as it takes: false where the
 * hasher is not alone with it yet. */
bool verify_old(struct hasher *h, struct hand *hand);
/* Keeps the password of a job that may want a new hash. */
void verify_keep(struct hand *hand);
/* The engine has computed a tag: answers, or goes on to make a new hash. */
void verify_done(struct hasher *h, struct hand *hand, const uint8_t *tag);
/* Goes on with a new hash for which there was no room when the password had been found
 * right. */
void verify_resume(struct hasher *h, struct hand *hand);

/* lookup.c: look-ups in the store. */
struct lookup *lookup_open(struct hasher *h);
void lookup_close(struct lookup *lookup);
void lookup_do(struct hasher *h, struct hand *hand);

#endif
