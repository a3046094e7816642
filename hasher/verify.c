/*
 * Verify jobs: a hash that a caller brought is taken apart and checked anew, for the
 * frontend that sent it may have been broken into; its tag is computed and compared;
 * and where that was asked for, a right password gets a new hash in the same job.
 */
#include <bsd/string.h>

#include "hasher/hasher.h"
#include "hasher/legacy_verify.h"

enum job_status verify_prepare(struct hasher *h, struct hand *hand)
{
	const struct config *config = h->child->config;
	const struct job *job = &hand->job;
	enum job_status status = JOB_REFUSED;
	struct given given;
	const char *why;

	if (job->profile >= config->profile_count)
		return JOB_REFUSED;
	if (given_parse(&given, job->hash, job->hash_len, &why) == GIVEN_OK &&
	    given_accepted(&given, &config->profiles[job->profile]) &&
	    given_within(&given, config, 0)) {
		hand->old = given.old;
		hand->legacy = given.legacy;
		hand->hash_skip = given.skip;
		hand->hash_len = given.len;
		hand->phc = given.phc;
		status = JOB_OK;
	}
	explicit_bzero(&given, sizeof(given));
	return status;
}

void verify_keep(struct hand *hand)
{
	if (hand->job.rehash &&
	    secret_append(&hand->kept, hand->job.password, hand->job.password_len) != 0)
		hand->job.rehash = false;
	/* the message that they are in is about to be wiped */
	hand->job.password = NULL;
	hand->job.hash = NULL;
}

/* The second half: a new hash by the profile. It is done without where there can be no
 * room for it, and waits where others have the room now. */
static void verify_rehash(struct hasher *h, struct hand *hand)
{
	enum engine_status status =
	    password_submit(h, hand, hand->kept.data, hand->kept.len);

	if (status == ENGINE_OK ||
	    (status == ENGINE_FULL && engine_running(h->engine) > 0))
		return;
	hand_answer(h, hand, JOB_VALID, NULL, 0);
}

/* Answers, or goes on to make a new hash. A decoy's password may be known to anybody.
 */
static void verify_answer(struct hasher *h, struct hand *hand, enum job_status status)
{
	if (status == JOB_VALID && hand->job.nobody)
		status = JOB_INVALID;
	if (status != JOB_VALID || !hand->job.rehash) {
		hand_answer(h, hand, status, NULL, 0);
		return;
	}
	hand->again = true;
	password_compose(&hand->phc, &h->child->config->profiles[hand->job.profile]);
	verify_rehash(h, hand);
}

void verify_done(struct hasher *h, struct hand *hand, const uint8_t *tag)
{
	verify_answer(h, hand,
	    secret_equal(tag, hand->phc.tag, hand->phc.cost.tag_len) ? JOB_VALID
	                                                             : JOB_INVALID);
}

/* Computes it. What is more of the password than can be paid for is not looked at, and
 * the password is wrong. */
static enum job_status verify_compute(struct hasher *h, const struct hand *hand)
{
	static const enum job_status statuses[] = {[LEGACY_MATCH] = JOB_VALID,
	    [LEGACY_MISMATCH] = JOB_INVALID,
	    [LEGACY_REFUSED] = JOB_REFUSED,
	    [LEGACY_NO_MEMORY] = JOB_NO_MEMORY,
	    [LEGACY_FAILED] = JOB_FAILED};
	const struct config *config = h->child->config;
	const struct job *job = &hand->job;
	const size_t len = legacy_password_len(hand->legacy.kind, job->password_len,
	    config->profiles[job->profile].bcrypt_truncate);
	const size_t most = given_password_of_old(&hand->legacy, config, len);

	h->other_units += given_units_of_old(&hand->legacy, config->engine, most);
	return statuses[(most < len ? legacy_mismatch : legacy_verify)(h->child->legacy,
	    &hand->legacy, job->hash + hand->hash_skip, hand->hash_len, job->password,
	    most)];
}

bool verify_old(struct hasher *h, struct hand *hand)
{
	enum job_status status;

	if (h->child->legacy == NULL) {
		hand_answer(h, hand, JOB_REFUSED, NULL, 0);
		return true;
	}
	if (h->running > 1)
		return false;
	status = verify_compute(h, hand);
	verify_keep(hand);
	verify_answer(h, hand, status);
	return true;
}

void verify_resume(struct hasher *h, struct hand *hand)
{
	verify_rehash(h, hand);
}
