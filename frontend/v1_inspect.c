/*
 * POST /v1/inspect: what a hash says of itself. Nothing is hashed, nothing queued.
 */
#include <bsd/string.h>

#include "frontend/frontend.h"
#include "frontend/route.h"
#include "frontend/v1.h"
#include "frontend/v1_given.h"

static void put_key(struct v1_answer *answer, const struct phc *phc, bool known)
{
	v1_put(answer, ",\"key\":");
	if (known && phc->key_len > 0)
		v1_put_string(answer, (const char *)phc->key, phc->key_len);
	else
		v1_put(answer, "null");
	v1_put(answer, ",\"key_known\":%s", known ? "true" : "false");
}

static void inspect_answer(struct conn *conn, const struct v1_given *given)
{
	const struct job_cost *cost = &given->phc.cost;
	struct v1_answer answer = {0};

	v1_put(&answer,
	    "{\"type\":\"%s\",\"version\":%u,\"memory_kib\":%u,\"time\":%u,"
	    "\"lanes\":%u,\"salt_bytes\":%u,\"tag_bytes\":%u",
	    phc_type_name(cost->type), cost->version, cost->memory_kib, cost->time,
	    cost->lanes, cost->salt_len, cost->tag_len);
	put_key(&answer, &given->phc, given->key_known);
	v1_put(&answer, ",\"needs_rehash\":%s,\"rehash_reasons\":",
	    given->reasons != 0 ? "true" : "false");
	v1_put_reasons(&answer, given->reasons);
	v1_put(&answer, ",\"within_limits\":%s}\n",
	    given->within_limits ? "true" : "false");
	v1_send(conn, &answer, NULL);
}

void v1_inspect(struct conn *conn, struct request *request, struct text rest)
{
	const struct config_profile *profile = NULL;
	struct v1_given given = {0};
	struct v1_body body;

	(void)rest;
	if (v1_read(conn, request, &body, V1_HASH, V1_PROFILE))
		profile = v1_profile(conn, &body);
	if (profile != NULL) {
		const char *detail;
		enum problem problem = v1_given_read(&given, conn->frontend->config,
		    profile, body.hash.at, body.hash.len, &detail);

		if (problem == PROBLEM_NONE)
			inspect_answer(conn, &given);
		else
			conn_problem(conn, problem, detail);
	}
	explicit_bzero(&given, sizeof(given));
	v1_body_free(&body);
}
