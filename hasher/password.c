#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/phc.h"
#include "common/units.h"
#include "hasher/hasher.h"

/*
 * Blocks filled between two looks at the board: 50 to 200 microseconds of work, so that
 * a client who has left costs no more than that, and the look (a load and a clock) is
 * lost in the noise.
 */
enum { PASSWORD_STEP_BLOCKS = 1024 };

enum job_status password_status(enum engine_status status)
{
	switch (status) {
	case ENGINE_OK:
		return JOB_OK;
	case ENGINE_FULL:
	case ENGINE_TOO_BIG:
	case ENGINE_NO_MEMORY:
		return JOB_NO_MEMORY;
	case ENGINE_BAD_PARAMS:
		return JOB_REFUSED;
	case ENGINE_FAULT:
		break;
	}
	return JOB_FAILED;
}

static struct engine_params password_params(const struct job_cost *cost)
{
	return (struct engine_params){.type = cost->type,
	    .version = cost->version,
	    .memory_kib = cost->memory_kib,
	    .time = cost->time,
	    .lanes = cost->lanes,
	    .tag_len = cost->tag_len};
}

bool password_has_room(const struct hasher *h, const struct hand *hand)
{
	const struct engine_params params = password_params(&hand->phc.cost);
	return !hand->old && engine_check(h->engine, &params) != ENGINE_FULL;
}

void password_compose(struct phc *phc, const struct config_profile *profile)
{
	given_compose(phc, profile);
	arc4random_buf(phc->salt, phc->cost.salt_len);
}

/* A hash is made with a profile's costs and no others, whatever the message says. */
static enum job_status password_prepare(struct hasher *h, struct hand *hand)
{
	const struct config *config = h->child->config;

	if (hand->job.kind == JOB_VERIFY)
		return verify_prepare(h, hand);
	if (hand->job.profile >= config->profile_count)
		return JOB_REFUSED;
	password_compose(&hand->phc, &config->profiles[hand->job.profile]);
	return JOB_OK;
}

enum engine_status password_submit(
    struct hasher *h, struct hand *hand, const uint8_t *password, size_t len)
{
	const struct phc *phc = &hand->phc;
	const struct engine_params params = password_params(&phc->cost);
	struct engine_input input = {.password = password,
	    .password_len = len,
	    .salt = phc->salt,
	    .salt_len = phc->cost.salt_len,
	    .ad = phc->data,
	    .ad_len = phc->data_len};
	enum engine_status status;

	if (phc->key_len > 0) {
		int i = config_key_find(h->child->config, phc->key, phc->key_len);

		if (i < 0 || h->child->keys == NULL)
			return ENGINE_BAD_PARAMS;
		input.secret = h->child->keys->keys[i].bytes;
		input.secret_len = h->child->keys->keys[i].len;
	}
	status = engine_submit(h->engine, &params, &input, &hand->ticket);
	hand->working = status == ENGINE_OK;
	if (hand->working) /* the engine counts the blocks */
		h->other_units +=
		    units_of_job(JOB_HASH, &phc->cost, h->child->config->engine) -
		    units_of_blocks(JOB_HASH, &phc->cost);
	return status;
}

bool password_start(struct hasher *h, struct hand *hand)
{
	enum job_status ready = password_prepare(h, hand);
	enum engine_status status;

	if (ready != JOB_OK) {
		hand_answer(h, hand, ready, NULL, 0);
		return true;
	}
	if (hand->old)
		return verify_old(h, hand);
	status = password_submit(h, hand, hand->job.password, hand->job.password_len);
	if (status == ENGINE_FULL && h->running > 1)
		return false;
	if (status != ENGINE_OK) {
		hand_answer(h, hand, password_status(status), NULL, 0);
		return true;
	}
	verify_keep(hand);
	return true;
}

static struct hand *password_hand(struct hasher *h, unsigned ticket)
{
	for (unsigned i = 0; i < LIMIT_STREAMS; i++)
		if (h->hands[i].working && h->hands[i].ticket == ticket)
			return &h->hands[i];
	return NULL;
}

/* A new hash has been made, for itself or because a right password's was out of date;
 * where that failed the password is right all the same. */
static void password_answer_hash(
    struct hasher *h, struct hand *hand, enum job_status status)
{
	const enum job_status good = hand->again ? JOB_VALID : JOB_OK;
	char text[LIMIT_TEXT];
	ssize_t len = 0;

	if (status == JOB_OK)
		len = phc_format(text, sizeof(text), &hand->phc);
	if (len < 0)
		status = JOB_FAILED;
	if (status == JOB_OK || hand->again)
		hand_answer(h, hand, good, text, len > 0 ? (size_t)len : 0);
	else
		hand_answer(h, hand, status, NULL, 0);
	explicit_bzero(text, sizeof(text));
}

static void password_done(
    struct hasher *h, struct hand *hand, const struct engine_result *result)
{
	enum job_status status = password_status(result->status);

	hand->working = false;
	if (status == JOB_OK && hand->job.kind == JOB_VERIFY && !hand->again) {
		verify_done(h, hand, result->tag);
		return;
	}
	if (status == JOB_OK)
		memcpy(hand->phc.tag, result->tag, hand->phc.cost.tag_len);
	password_answer_hash(h, hand, status);
}

/* Looks after all hands: what nobody waits for is dropped, what waits for room is
 * tried again. */
static void password_look_after(struct hasher *h)
{
	for (unsigned i = 0; i < LIMIT_STREAMS; i++) {
		struct hand *hand = &h->hands[i];

		if (!hand->used || hand == h->held)
			continue;
		if (!hand_wanted(h, hand)) {
			if (hand->working)
				engine_cancel(h->engine, hand->ticket);
			hand_answer(h, hand, JOB_DROPPED, NULL, 0);
		} else if (!hand->working) {
			verify_resume(h, hand);
		}
	}
}

void password_work(struct hasher *h)
{
	struct engine_result result;

	if (engine_step(h->engine, PASSWORD_STEP_BLOCKS, &result)) {
		struct hand *hand = password_hand(h, result.ticket);

		if (hand != NULL)
			password_done(h, hand, &result);
		explicit_bzero(&result, sizeof(result));
		/* there is room again: what waits now has waited while all were at work
		 */
		h->looked_ns = 0;
		h->waited = 1;
	}
	password_look_after(h);
}
