#include "frontend/v1.h"

#include <string.h>

#include "frontend/frontend.h"

/* application/json, with or without parameters (RFC 9110 section 8.3.1). */
static bool type_is_json(struct text type)
{
	const char *semicolon = type.len > 0 ? memchr(type.at, ';', type.len) : NULL;

	if (semicolon != NULL)
		type.len = (size_t)(semicolon - type.at);
	while (type.len > 0 &&
	       (type.at[type.len - 1] == ' ' || type.at[type.len - 1] == '\t'))
		type.len--;
	return text_is_nocase(type, "application/json");
}

static enum problem sink_take(
    void *context, const char *data, size_t len, const char **detail)
{
	return v1_body_feed(context, data, len, detail);
}

static size_t sink_bytes(const void *context)
{
	return v1_body_bytes(context);
}

static void sink_drop(void *context)
{
	v1_body_close(context);
}

enum problem v1_open(
    const struct config *config, struct request *request, const struct v1_form *form)
{
	struct v1_body *body;

	if (!type_is_json(request_header(request, HEADER_CONTENT_TYPE)))
		return PROBLEM_UNSUPPORTED_MEDIA_TYPE;
	body = v1_body_open(form, config->max_password);
	if (body == NULL)
		return PROBLEM_MEMORY_BUDGET;
	request->sink = (struct body_sink){sink_take, sink_bytes, sink_drop, body};
	return PROBLEM_NONE;
}

struct v1_body *v1_read(struct conn *conn, struct request *request)
{
	struct v1_body *body = request->sink.context;
	enum problem problem = PROBLEM_BAD_JSON;
	const char *detail = "There is no body";

	if (body != NULL) {
		problem = v1_body_end(body, &detail);
	} else if (!type_is_json(request_header(request, HEADER_CONTENT_TYPE))) {
		problem = PROBLEM_UNSUPPORTED_MEDIA_TYPE;
		detail = NULL;
	}
	if (problem == PROBLEM_NONE)
		return body;
	conn_problem(conn, problem, detail);
	return NULL;
}

const struct config_profile *v1_profile(struct conn *conn, const struct v1_body *body)
{
	const struct config *config = conn->frontend->config;

	if (body->profile.at == NULL)
		return &config->profiles[0];
	for (size_t i = 0; i < config->profile_count; i++)
		if (text_is(body->profile, config->profiles[i].name))
			return &config->profiles[i];
	conn_problem(conn, PROBLEM_UNKNOWN_PROFILE, NULL);
	return NULL;
}

bool v1_password_fits(struct conn *conn, const struct v1_body *body)
{
	const size_t len = body->password.len;

	if (len > 0 && len <= conn->frontend->config->max_password)
		return true;
	conn_problem(conn, PROBLEM_PASSWORD_LENGTH,
	    len == 0 ? "The password is empty" : "The password is too long");
	return false;
}

enum problem v1_given(
    struct given *given, const char *text, size_t len, const char **detail)
{
	static const enum problem problems[] = {[GIVEN_OK] = PROBLEM_NONE,
	    [GIVEN_MALFORMED] = PROBLEM_BAD_HASH,
	    [GIVEN_UNSUPPORTED] = PROBLEM_UNSUPPORTED_HASH};

	return problems[given_parse(given, text, len, detail)];
}

/* ---- pools ---- */

static bool pool_does(const struct config_pool *pool, enum job_kind kind)
{
	return (pool->jobs &
	           (kind == JOB_VERIFY ? CONFIG_JOBS_VERIFY : CONFIG_JOBS_HASH)) != 0;
}

/* The pool of that name, or without a name the best one there is; -1 where none does
 * such jobs. */
static int pool_choose(
    const struct config *config, struct text name, enum job_kind kind)
{
	if (name.at == NULL && pool_does(&config->pools[config->default_pool], kind))
		return (int)config->default_pool;
	for (size_t i = 0; i < config->pool_count; i++)
		if (pool_does(&config->pools[i], kind) &&
		    (name.at == NULL || text_is(name, config->pools[i].name)))
			return (int)i;
	return -1;
}

void v1_submit(struct conn *conn, const struct v1_body *body, struct task_spec *spec,
    const struct conn_work *work)
{
	int pool = pool_choose(conn->frontend->config, body->pool, spec->kind);

	if (pool < 0) {
		conn_problem(conn, PROBLEM_UNKNOWN_POOL, NULL);
		return;
	}
	spec->pool = (unsigned)pool;
	spec->timeout_ms = body->timeout_ms;
	conn_submit(conn, spec, work);
}
