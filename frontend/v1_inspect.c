/*
 * POST /v1/inspect: what a hash says of itself. Nothing is hashed, nothing queued.
 */
#include <bsd/string.h>

#include "frontend/frontend.h"
#include "frontend/route.h"
#include "frontend/v1.h"

static void put_argon2(
    struct v1_answer *answer, const struct config *config, const struct phc *phc)
{
	const struct job_cost *cost = &phc->cost;
	const bool known =
	    phc->key_len == 0 || config_key_find(config, phc->key, phc->key_len) >= 0;

	v1_put(answer,
	    ",\"version\":%u,\"memory_kib\":%u,\"time\":%u,\"lanes\":%u,"
	    "\"salt_bytes\":%u,\"tag_bytes\":%u,\"key\":",
	    cost->version, cost->memory_kib, cost->time, cost->lanes, cost->salt_len,
	    cost->tag_len);
	if (known && phc->key_len > 0)
		v1_put_string(answer, (const char *)phc->key, phc->key_len);
	else
		v1_put(answer, "null");
	v1_put(answer, ",\"key_known\":%s", known ? "true" : "false");
}

static void inspect_answer(
    struct conn *conn, const struct config_profile *profile, const struct given *given)
{
	const struct config *config = conn->frontend->config;
	const unsigned reasons = given_reasons(given, config, profile);
	struct v1_answer answer = {0};

	v1_put(&answer, "{\"type\":\"%s\",\"accepted\":%s", given_name(given),
	    given_accepted(given, profile) ? "true" : "false");
	if (!given->old)
		put_argon2(&answer, config, &given->phc);
	v1_put(&answer, ",\"needs_rehash\":%s,\"rehash_reasons\":",
	    reasons != 0 ? "true" : "false");
	v1_put_reasons(&answer, reasons);
	v1_put(&answer, ",\"within_limits\":%s}\n",
	    given_within(given, config, GIVEN_ANY_PASSWORD) ? "true" : "false");
	v1_send(conn, &answer, NULL);
}

const struct v1_form v1_inspect_form = {.required = V1_HASH, .allowed = V1_PROFILE};

void v1_inspect(struct conn *conn, struct request *request, struct text rest)
{
	const struct config_profile *profile = NULL;
	struct given given = {0};
	struct v1_body *body = v1_read(conn, request);

	(void)rest;
	if (body != NULL)
		profile = v1_profile(conn, body);
	if (profile != NULL) {
		const char *detail;
		enum problem problem =
		    v1_given(&given, body->hash.at, body->hash.len, &detail);

		if (problem == PROBLEM_NONE)
			inspect_answer(conn, profile, &given);
		else
			conn_problem(conn, problem, detail);
	}
	explicit_bzero(&given, sizeof(given));
}
