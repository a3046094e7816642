/*
 * The messages of a link: one job from a frontend to a hasher, one reply back.
 * Both sides are separate address spaces that may have been broken into, so
 * decoding believes nothing: every length and number is checked, and every byte
 * must be consumed. All integers travel little-endian.
 */
#ifndef COMMON_JOB_H
#define COMMON_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/contract.h"

enum job_kind { JOB_HASH = 1, JOB_LOOKUP = 2, JOB_VERIFY = 3, JOB_KIND_END };

enum job_status {
	JOB_OK = 1, /* text holds the result */
	JOB_DROPPED =
	    2, /* expired, cancelled, or from a dead incarnation: no work done */
	JOB_NOT_FOUND = 3, /* a look-up that found nothing */
	JOB_REFUSED = 4,   /* parameters the hasher does not accept */
	JOB_NO_MEMORY = 5,
	JOB_FAILED = 6, /* the work itself failed */
	JOB_VALID =
	    7, /* JOB_VERIFY: the password is right; text is a new hash or empty */
	JOB_INVALID = 8, /* it is wrong, or the job is for nobody */
	JOB_STATUS_END
};

/* Argon2 parameters as in RFC 9106 section 3.1. */
struct job_cost {
	uint32_t type;       /* 0 Argon2d, 1 Argon2i, 2 Argon2id */
	uint32_t version;    /* 0x10 or 0x13 */
	uint32_t memory_kib; /* m */
	uint32_t time;       /* t */
	uint32_t lanes;      /* p */
	uint32_t salt_len;   /* bytes of salt */
	uint32_t tag_len;    /* bytes of tag */
};

/*
 * A job. Its id: the frontend's incarnation in the upper 24 bits, a counter in the
 * lower 40. It is not used again while anybody has anything of that job: incarnations
 * come round after 2^24 - 1 processes, and no job is an hour old. `flight` is the index
 * at which the sender's slot on the board says that the job is still wanted (board.h).
 */
struct job {
	uint64_t id;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	uint32_t flight;
	uint8_t kind;    /* enum job_kind */
	bool alone;      /* has seen a hasher die: let no other job ride with it */
	bool rehash;     /* JOB_VERIFY: if the password is right, make a new hash too */
	bool nobody;     /* JOB_VERIFY: whatever comes out, the answer is JOB_INVALID */
	uint8_t profile; /* JOB_HASH, JOB_VERIFY: index into config->profiles */
	int64_t user;    /* JOB_LOOKUP */
	/* JOB_VERIFY: the hash's text, in which any byte may be, for some formats have
	 * the salt in it as it is. Borrowed, as the password is: the sender's or the
	 * message's bytes. */
	const char *hash;
	size_t hash_len;         /* 1..LIMIT_TEXT */
	const uint8_t *password; /* JOB_HASH, JOB_VERIFY */
	size_t password_len;     /* 0..LIMIT_PASSWORD */
};

struct job_reply {
	uint64_t id;
	uint32_t flight;  /* the job's, so that its frontend finds it at once */
	uint8_t status;   /* enum job_status */
	uint64_t work_ns; /* time spent at work */
	const char *text; /* borrowed, not NUL-terminated, printable ASCII */
	size_t text_len;  /* 1..LIMIT_TEXT with JOB_OK, 0.. with JOB_VALID, else 0 */
};

enum { JOB_ID_COUNTER_BITS = 40, JOB_INCARNATION_MAX = (1 << 24) - 1 };
static inline uint64_t job_id_make(uint32_t incarnation, uint64_t counter)
{
	return (uint64_t)incarnation << JOB_ID_COUNTER_BITS |
	       (counter & ((UINT64_C(1) << JOB_ID_COUNTER_BITS) - 1));
}
static inline uint32_t job_id_incarnation(uint64_t id)
{
	return (uint32_t)(id >> JOB_ID_COUNTER_BITS);
}

/* Was `one` given out before `other`, counted round the ring? */
static inline bool job_incarnation_is_before(uint32_t one, uint32_t other)
{
	const uint32_t ahead = (other - one) & JOB_INCARNATION_MAX;

	return ahead != 0 && ahead <= JOB_INCARNATION_MAX / 2;
}

enum {
	JOB_MESSAGE_MAX = LIMIT_PASSWORD + LIMIT_TEXT + 128,
	JOB_REPLY_MAX = LIMIT_TEXT + 64
};

/* Writes the message into buf[cap]; returns its length, or -1 where it does not
 * fit or the job is not well-formed. The buffer then holds a secret. */
ssize_t job_encode(const struct job *job, uint8_t *buf, size_t cap);

/* Reads a message; `job` borrows from buf. Returns 0, or -1 and in *why a
 * constant string that says what was wrong. */
int job_decode(struct job *job, const uint8_t *buf, size_t len, const char **why);

ssize_t job_reply_encode(const struct job_reply *reply, uint8_t *buf, size_t cap);
int job_reply_decode(
    struct job_reply *reply, const uint8_t *buf, size_t len, const char **why);

#endif
