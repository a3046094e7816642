/*
 * POST /v1/verify
 *
 * A wrong password and a hash that is null are answered alike, after the same work
 * (decoy.h): what should be done with the hash is told to those alone who know the
 * password.
 */
#include <string.h>

#include <bsd/string.h>

#include "common/decoy.h"
#include "common/given.h"
#include "common/units.h"
#include "frontend/frontend.h"
#include "frontend/profile.h"
#include "frontend/route.h"
#include "frontend/v1.h"

/* The context is the reasons to make the hash anew, as a number. */
static void verify_done(
    struct conn *conn, const struct task_result *result, void *context)
{
	const bool valid = result->outcome == TASK_VALID;
	const unsigned reasons = valid ? (unsigned)(uintptr_t)context : 0;
	struct v1_answer answer = {0};

	if (!valid && result->outcome != TASK_INVALID) {
		conn_reply_failure(conn, result, NULL);
		return;
	}
	v1_put(&answer, "{\"valid\":%s,\"needs_rehash\":%s,\"rehash_reasons\":",
	    valid ? "true" : "false", reasons != 0 ? "true" : "false");
	v1_put_reasons(&answer, reasons);
	if (valid && result->text_len > 0) {
		v1_put(&answer, ",\"new_hash\":");
		v1_put_string(&answer, result->text, result->text_len);
	}
	v1_put(&answer, "}\n");
	v1_send(conn, &answer, result);
}

/* What the job costs at most at one time: a new hash may follow. */
static void cost_include(struct job_cost *cost, const struct job_cost *other)
{
	if (other->memory_kib > cost->memory_kib)
		*cost = *other;
}

/* `given` is what the body's hash is. */
static void verify_submit(struct conn *conn, struct v1_body *body,
    const struct config_profile *profile, const struct given *given, bool nobody)
{
	const struct config *config = conn->frontend->config;
	const struct job_cost own = profile_cost(profile);
	const unsigned reasons = given_reasons(given, config, profile);
	struct secret both = {0};
	struct task_spec spec = {.kind = JOB_VERIFY,
	    .cost = given_cost(given),
	    .units = given_units(given, config->engine,
	        given->old
	            ? given_password_of_old(&given->legacy, config, body->password.len)
	            : body->password.len),
	    .old = given->old,
	    .profile = (uint8_t)(profile - config->profiles),
	    .rehash = body->rehash && reasons != 0,
	    .nobody = nobody,
	    .password = &both,
	    .hash_len = body->hash.len};
	const struct conn_work work = {
	    .done = verify_done, .context = (void *)(uintptr_t)reasons};

	if (spec.rehash) {
		cost_include(&spec.cost, &own);
		spec.units += units_of_job(JOB_HASH, &own, config->engine);
	}
	if (secret_reserve(&both, body->hash.len + body->password.len) == 0 &&
	    secret_append(&both, body->hash.at, body->hash.len) == 0 &&
	    secret_append(&both, body->password.data, body->password.len) == 0)
		v1_submit(conn, body, &spec, &work);
	else
		conn_problem(conn, PROBLEM_MEMORY_BUDGET, NULL);
	secret_free(&both);
}

/* May it be verified here? What is wrong with the password, or too long about it, is no
 * question: to answer it would tell who has a user here, and in which format. */
static enum problem verify_check(const struct config *config,
    const struct config_profile *profile, const struct given *given,
    const char **detail)
{
	const struct phc *phc = &given->phc;

	*detail = NULL;
	if (!given_accepted(given, profile)) {
		*detail = "The profile does not accept hashes of this format";
		return PROBLEM_UNSUPPORTED_HASH;
	}
	if (!given_within(given, config, 0))
		return PROBLEM_COST_TOO_HIGH;
	return given->old || phc->key_len == 0 ||
	               config_key_find(config, phc->key, phc->key_len) >= 0
	           ? PROBLEM_NONE
	           : PROBLEM_UNKNOWN_KEY;
}

static void verify_hash(struct conn *conn, struct v1_body *body,
    const struct config_profile *profile, bool nobody)
{
	struct given given;
	const char *detail;
	enum problem problem = v1_given(&given, body->hash.at, body->hash.len, &detail);

	if (problem == PROBLEM_NONE)
		problem =
		    verify_check(conn->frontend->config, profile, &given, &detail);
	if (problem == PROBLEM_NONE)
		verify_submit(conn, body, profile, &given, nobody);
	else
		conn_problem(conn, problem, detail);
	explicit_bzero(&given, sizeof(given));
}

/* There is no hash: a decoy goes its way, with its costs, from here to the hasher, and
 * config_decoys_check() has asked it the same questions. */
static void verify_nobody(
    struct conn *conn, struct v1_body *body, const struct config_profile *profile)
{
	const struct frontend *fe = conn->frontend;
	const struct decoy_key *keys = fe->child->decoys;
	char text[LIMIT_TEXT];

	body->hash.at = text;
	body->hash.len = decoy_hash(fe->config, profile,
	    decoy_choose(profile,
	        keys != NULL ? &keys[profile - fe->config->profiles] : NULL,
	        body->user.at, body->user.len),
	    text);
	verify_hash(conn, body, profile, true);
	body->hash = (struct text){NULL, 0};
}

const struct v1_form v1_verify_form = {.required = V1_PASSWORD | V1_HASH_OR_NULL,
    .allowed = V1_PROFILE | V1_POOL | V1_TIMEOUT | V1_REHASH | V1_USER};

void v1_verify(struct conn *conn, struct request *request, struct text rest)
{
	const struct config_profile *profile = NULL;
	struct v1_body *body = v1_read(conn, request);

	(void)rest;
	if (body != NULL)
		profile = v1_profile(conn, body);
	if (profile != NULL && v1_password_fits(conn, body)) {
		if (body->hash.at != NULL)
			verify_hash(conn, body, profile, false);
		else
			verify_nobody(conn, body, profile);
	}
}
