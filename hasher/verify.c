/*
 * Verify jobs: a hash that a caller brought is taken apart and checked anew, for the
 * frontend that sent it may have been broken into; its tag is computed and compared;
 * and where that was asked for, a right password gets a new hash in the same job.
 */
#include "hasher/hasher.h"

static bool verify_within(const struct config *config, const struct job_cost *cost)
{
	return cost->memory_kib <= config->verify_max_memory / 1024 &&
	       cost->time <= config->verify_max_time &&
	       cost->lanes <= config->verify_max_lanes;
}

enum job_status verify_prepare(struct hasher *h, struct hand *hand)
{
	const struct config *config = h->child->config;
	const struct job *job = &hand->job;
	const char *why;

	if (job->profile >= config->profile_count)
		return JOB_REFUSED;
	if (job->hash_len == 0) {
		password_compose(&hand->phc, &config->profiles[job->profile]);
		return JOB_OK;
	}
	if (phc_parse(&hand->phc, job->hash, job->hash_len, &why) != PHC_OK ||
	    !verify_within(config, &hand->phc.cost))
		return JOB_REFUSED;
	return JOB_OK;
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

void verify_done(struct hasher *h, struct hand *hand, const uint8_t *tag)
{
	const bool same = secret_equal(tag, hand->phc.tag, hand->phc.cost.tag_len);

	/* no hash: what was computed has the empty tag once in 2^32 or more */
	if (!same || hand->job.hash_len == 0) {
		hand_answer(h, hand, JOB_INVALID, NULL, 0);
	} else if (hand->job.rehash) {
		hand->again = true;
		password_compose(
		    &hand->phc, &h->child->config->profiles[hand->job.profile]);
		verify_rehash(h, hand);
	} else {
		hand_answer(h, hand, JOB_VALID, NULL, 0);
	}
}

void verify_resume(struct hasher *h, struct hand *hand)
{
	verify_rehash(h, hand);
}
