/*
 * POST /v1/verify
 *
 * A wrong password and a hash that is null are answered alike, after the same work:
 * what should be done with the hash is told to those alone who know the password.
 */
#include <string.h>

#include <bsd/string.h>

#include "frontend/frontend.h"
#include "frontend/profile.h"
#include "frontend/route.h"
#include "frontend/v1.h"
#include "frontend/v1_given.h"

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

static void verify_submit(struct conn *conn, struct v1_body *body,
    const struct config_profile *profile, const struct v1_given *given)
{
	const struct job_cost own = profile_cost(profile);
	struct secret both = {0};
	struct task_spec spec = {.kind = JOB_VERIFY,
	    .cost = given != NULL ? given->phc.cost : own,
	    .profile = (uint8_t)(profile - conn->frontend->config->profiles),
	    .rehash = given != NULL && body->rehash && given->reasons != 0,
	    .password = &both,
	    .hash_len = body->hash.len};
	const struct conn_work work = {.done = verify_done,
	    .context = (void *)(uintptr_t)(given != NULL ? given->reasons : 0)};

	if (spec.rehash)
		cost_include(&spec.cost, &own);
	if (secret_reserve(&both, body->hash.len + body->password.len) == 0 &&
	    secret_append(&both, body->hash.at, body->hash.len) == 0 &&
	    secret_append(&both, body->password.data, body->password.len) == 0)
		v1_submit(conn, body, &spec, &work);
	else
		conn_problem(conn, PROBLEM_MEMORY_BUDGET, NULL);
	secret_free(&both);
}

static void verify_hash(
    struct conn *conn, struct v1_body *body, const struct config_profile *profile)
{
	const struct config *config = conn->frontend->config;
	struct v1_given given;
	const char *detail;
	enum problem problem = v1_given_read(
	    &given, config, profile, body->hash.at, body->hash.len, &detail);

	if (problem == PROBLEM_NONE)
		problem = v1_given_check(&given, &detail);
	if (problem == PROBLEM_NONE)
		verify_submit(conn, body, profile, &given);
	else
		conn_problem(conn, problem, detail);
	explicit_bzero(&given, sizeof(given));
}

void v1_verify(struct conn *conn, struct request *request, struct text rest)
{
	const struct config_profile *profile = NULL;
	struct v1_body body;

	(void)rest;
	if (v1_read(conn, request, &body, V1_PASSWORD | V1_HASH_OR_NULL,
	        V1_PROFILE | V1_POOL | V1_TIMEOUT | V1_REHASH))
		profile = v1_profile(conn, &body);
	if (profile != NULL && v1_password_fits(conn, &body)) {
		if (body.hash.at != NULL)
			verify_hash(conn, &body, profile);
		else
			verify_submit(conn, &body, profile, NULL);
	}
	v1_body_free(&body);
}
