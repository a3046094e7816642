/*
 * POST /v1/hash
 */
#include <string.h>

#include "frontend/frontend.h"
#include "frontend/profile.h"
#include "frontend/route.h"
#include "frontend/v1.h"

static void hash_done(
    struct conn *conn, const struct task_result *result, void *context)
{
	const struct config_profile *profile = context;
	struct v1_answer answer = {0};

	if (result->outcome != TASK_OK) {
		conn_reply_failure(conn, result, NULL);
		return;
	}
	v1_put(&answer, "{\"hash\":");
	v1_put_string(&answer, result->text, result->text_len);
	v1_put(&answer, ",\"profile\":\"%s\"}\n", profile->name);
	v1_send(conn, &answer, result);
}

const struct v1_form v1_hash_form = {
    .required = V1_PASSWORD, .allowed = V1_PROFILE | V1_POOL | V1_TIMEOUT};

void v1_hash(struct conn *conn, struct request *request, struct text rest)
{
	const struct config *config = conn->frontend->config;
	const struct config_profile *profile = NULL;
	struct v1_body *body = v1_read(conn, request);

	(void)rest;
	if (body != NULL)
		profile = v1_profile(conn, body);
	if (profile != NULL && v1_password_fits(conn, body)) {
		struct task_spec spec = {.kind = JOB_HASH,
		    .cost = profile_cost(profile),
		    .profile = (uint8_t)(profile - config->profiles),
		    .password = &body->password};
		const struct conn_work work = {
		    .done = hash_done, .context = (void *)(uintptr_t)profile};

		v1_submit(conn, body, &spec, &work);
	}
}
