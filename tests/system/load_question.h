/*
 * What a load asks, and whether an answer is the one to it: of each route, with a
 * password that is never used again, and to be told apart by it.
 */
#ifndef TESTS_SYSTEM_LOAD_QUESTION_H
#define TESTS_SYSTEM_LOAD_QUESTION_H

#include <stdbool.h>
#include <stddef.h>

enum load_kind {
	LOAD_HASH,     /* /hash/ */
	LOAD_RAYON,    /* /hash_rayon/ */
	LOAD_HELLO,    /* / */
	LOAD_KNOWN,    /* /user/ of one that is there */
	LOAD_STRANGER, /* and of one that is not */
	LOAD_V1_HASH,
	LOAD_V1_RIGHT, /* /v1/verify with the password that was hashed */
	LOAD_V1_FALSE, /* and with another */
	LOAD_KINDS
};

enum { LOAD_REQUEST = 1024 };

struct load_question {
	enum load_kind kind;
	char password[48];
	char id[32];  /* of the request */
	bool trusted; /* a hash in the answer is not computed again */
};

/* Makes a new one, with the request as it is sent. Returns the request's length. */
size_t load_question_make(
    struct load_question *question, enum load_kind kind, char text[LOAD_REQUEST]);
enum load_verdict {
	LOAD_ANSWERED, /* what was asked for */
	LOAD_DENIED,   /* an answer to it, but another status */
	LOAD_MIXED_UP  /* not the answer to it: the worst there is */
};

/* What an answer is worth: `head` is the whole of it, NUL-terminated, `body` its part;
 * *status is what it says, or 0. */
enum load_verdict load_question_judge(const struct load_question *question,
    const char *head, const char *body, int *status);
/* Is `hash` (a PHC string) that of the password? */
bool load_verify(const char *hash, const char *password);

#endif
