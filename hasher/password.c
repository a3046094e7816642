#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/phc.h"
#include "hasher/hasher.h"

/*
 * Blocks filled between two looks at the board: 50 to 200 microseconds of work, so that
 * a client who has left costs no more than that, and the look (a load and a clock) is
 * lost in the noise.
 */
enum { PASSWORD_STEP_BLOCKS = 1024 };

/* A hash is made with a profile's costs and no others, whatever the message says. */
static bool password_allowed(const struct config *config, const struct job_cost *cost)
{
	for (size_t i = 0; i < config->profile_count; i++) {
		const struct config_profile *p = &config->profiles[i];

		if (cost->type == ENGINE_ARGON2ID && cost->version == 0x13 &&
		    cost->memory_kib == p->memory_kib && cost->time == p->time &&
		    cost->lanes == p->lanes && cost->salt_len == p->salt &&
		    cost->tag_len == p->tag)
			return true;
	}
	return false;
}

static enum job_status password_status(enum engine_status status)
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
	const struct engine_params params = password_params(&hand->job.cost);

	return engine_check(h->engine, &params) != ENGINE_FULL;
}

bool password_start(struct hasher *h, struct hand *hand)
{
	const struct job_cost *cost = &hand->job.cost;
	const struct engine_params params = password_params(cost);
	const struct engine_input input = {.password = hand->job.password,
	    .password_len = hand->job.password_len,
	    .salt = hand->salt,
	    .salt_len = cost->salt_len};
	enum engine_status status = ENGINE_BAD_PARAMS;

	if (password_allowed(h->child->config, cost)) {
		arc4random_buf(hand->salt, cost->salt_len);
		status = engine_submit(h->engine, &params, &input, &hand->ticket);
	}
	if (status == ENGINE_FULL && h->running > 1)
		return false;
	hand->job.password = NULL;
	if (status != ENGINE_OK)
		hand_answer(h, hand, password_status(status), NULL, 0);
	return true;
}

static struct hand *password_hand(struct hasher *h, unsigned ticket)
{
	for (unsigned i = 0; i < LIMIT_STREAMS; i++)
		if (h->hands[i].used && &h->hands[i] != h->held &&
		    h->hands[i].ticket == ticket)
			return &h->hands[i];
	return NULL;
}

static void password_answer(
    struct hasher *h, struct hand *hand, const struct engine_result *result)
{
	enum job_status status = password_status(result->status);
	struct phc phc = {.cost = hand->job.cost};
	char text[LIMIT_TEXT];
	ssize_t len = 0;

	memcpy(phc.salt, hand->salt, sizeof(phc.salt));
	memcpy(phc.tag, result->tag, sizeof(phc.tag));
	if (status == JOB_OK)
		len = phc_format(text, sizeof(text), &phc);
	if (len < 0) {
		status = JOB_FAILED;
		len = 0;
	}
	hand_answer(h, hand, status, text, (size_t)len);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(&phc, sizeof(phc));
}

static void password_drop_unwanted(struct hasher *h)
{
	for (unsigned i = 0; i < LIMIT_STREAMS; i++) {
		struct hand *hand = &h->hands[i];

		if (!hand->used || hand == h->held || hand_wanted(h, hand))
			continue;
		engine_cancel(h->engine, hand->ticket);
		hand_answer(h, hand, JOB_DROPPED, NULL, 0);
	}
}

void password_work(struct hasher *h)
{
	struct engine_result result;

	if (engine_step(h->engine, PASSWORD_STEP_BLOCKS, &result)) {
		struct hand *hand = password_hand(h, result.ticket);

		if (hand != NULL)
			password_answer(h, hand, &result);
		explicit_bzero(&result, sizeof(result));
		/* there is room again: what waits now has waited while all were at work
		 */
		h->looked_ns = 0;
		h->waited = 1;
	}
	password_drop_unwanted(h);
}
