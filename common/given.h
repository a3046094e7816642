/*
 * A hash that a caller has brought to be verified: Argon2 or one of the old formats.
 * A frontend asks before it queues anything, and a hasher asks again.
 */
#ifndef COMMON_GIVEN_H
#define COMMON_GIVEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/legacy.h"
#include "common/phc.h"

struct given {
	bool old;         /* one of the old formats: `legacy`; else `phc` */
	bool framed;      /* something stands around it: given_frame.h says what may */
	size_t skip, len; /* where in the text the hash itself begins, and its bytes */
	struct phc phc;
	struct legacy legacy;
};

enum given_result {
	GIVEN_OK,
	GIVEN_MALFORMED,   /* its format is known, and it is not well-formed */
	GIVEN_UNSUPPORTED, /* of no known format, or beyond what is done here */
};

/* Takes text[len], any bytes, apart; where the result is not GIVEN_OK, *given is all
 * zero and *why a constant sentence that repeats nothing of the text. To be wiped. */
enum given_result given_parse(
    struct given *given, const char *text, size_t len, const char **why);

/* Does the profile let its format in? Argon2 always is. */
bool given_accepted(const struct given *given, const struct config_profile *profile);

/* Does verifying a password of that many bytes cost no more than verify_max_* and, of
 * an old format, the ceiling of its kind? Of GIVEN_ANY_PASSWORD: whatever password may
 * come, up to max_password and to what the format takes. */
enum { GIVEN_ANY_PASSWORD = LIMIT_PASSWORD + 1 };
bool given_within(
    const struct given *given, const struct config *config, size_t password_len);

/* Of a password of so many bytes, how many can be verified within those limits: all of
 * them where given_within() says yes. A longer one is wrong, as any other: were it
 * refused, everybody could ask for it who wants to know whose hash that is. */
size_t given_password_of_old(
    const struct legacy *legacy, const struct config *config, size_t password_len);

/* What a hash of that profile is to be: its costs and key, and a salt and a tag of
 * zeros. */
void given_compose(struct phc *phc, const struct config_profile *profile);

/* What verifying it costs; of an old format all that counts is the memory. */
struct job_cost given_cost(const struct given *given);

/* How much work that is with a password of so many bytes, in units (units.h). Of old
 * formats an estimate: what they cost has little to do with memory. */
uint64_t given_units(
    const struct given *given, enum engine_kind engine, size_t password_len);
uint64_t given_units_of_old(
    const struct legacy *legacy, enum engine_kind engine, size_t password_len);

/* The reasons to make it anew by that profile (rehash.h), or-ed. */
unsigned given_reasons(const struct given *given, const struct config *config,
    const struct config_profile *profile);

/* "argon2id", "bcrypt" */
const char *given_name(const struct given *given);

#endif
