/*
 * POST /v1/verify
 *
 * A wrong password and a hash that is null are answered alike, after the same work:
 * what should be done with the hash is told to those alone who know the password.
 */
#include <string.h>

#include <bsd/string.h>

#include "common/given.h"
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

/* `given` is what the body's hash is, or NULL where it is null. */
static void verify_submit(struct conn *conn, struct v1_body *body,
    const struct config_profile *profile, const struct given *given)
{
	const struct config *config = conn->frontend->config;
	const struct job_cost own = profile_cost(profile);
	const unsigned reasons =
	    given != NULL ? given_reasons(given, config, profile) : 0;
	struct secret both = {0};
	struct task_spec spec = {.kind = JOB_VERIFY,
	    .cost = given != NULL ? given_cost(given) : own,
	    .profile = (uint8_t)(profile - config->profiles),
	    .rehash = body->rehash && reasons != 0,
	    .password = &both,
	    .hash_len = body->hash.len};
	const struct conn_work work = {
	    .done = verify_done, .context = (void *)(uintptr_t)reasons};

	spec.units = given != NULL ? given_units(given) : job_units(JOB_VERIFY, &own);
	if (spec.rehash) {
		cost_include(&spec.cost, &own);
		spec.units += job_units(JOB_HASH, &own);
	}
	if (secret_reserve(&both, body->hash.len + body->password.len) == 0 &&
	    secret_append(&both, body->hash.at, body->hash.len) == 0 &&
	    secret_append(&both, body->password.data, body->password.len) == 0)
		v1_submit(conn, body, &spec, &work);
	else
		conn_problem(conn, PROBLEM_MEMORY_BUDGET, NULL);
	secret_free(&both);
}

/* May it be verified here? */
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
	if (!given_within(given, config))
		return PROBLEM_COST_TOO_HIGH;
	return given->old || phc->key_len == 0 ||
	               config_key_find(config, phc->key, phc->key_len) >= 0
	           ? PROBLEM_NONE
	           : PROBLEM_UNKNOWN_KEY;
}

/* As where there is no hash. To say what is wrong with the password would tell who has
 * a user here, and in which format. */
static void verify_nobody(
    struct conn *conn, struct v1_body *body, const struct config_profile *profile)
{
	body->hash.len = 0;
	verify_submit(conn, body, profile, NULL);
}

static void verify_hash(
    struct conn *conn, struct v1_body *body, const struct config_profile *profile)
{
	struct given given;
	const char *detail;
	enum problem problem = v1_given(&given, body->hash.at, body->hash.len, &detail);

	if (problem == PROBLEM_NONE)
		problem =
		    verify_check(conn->frontend->config, profile, &given, &detail);
	if (problem != PROBLEM_NONE)
		conn_problem(conn, problem, detail);
	else if (given_cannot_match(
	             &given, profile, body->password.data, body->password.len))
		verify_nobody(conn, body, profile);
	else
		verify_submit(conn, body, profile, &given);
	explicit_bzero(&given, sizeof(given));
}

const struct v1_form v1_verify_form = {.required = V1_PASSWORD | V1_HASH_OR_NULL,
    .allowed = V1_PROFILE | V1_POOL | V1_TIMEOUT | V1_REHASH};

void v1_verify(struct conn *conn, struct request *request, struct text rest)
{
	const struct config_profile *profile = NULL;
	struct v1_body *body = v1_read(conn, request);

	(void)rest;
	if (body != NULL)
		profile = v1_profile(conn, body);
	if (profile != NULL && v1_password_fits(conn, body)) {
		if (body->hash.at != NULL)
			verify_hash(conn, body, profile);
		else
			verify_submit(conn, body, profile, NULL);
	}
}
