/*
 * The body of a request, kept as it came.
 */
#ifndef TESTS_FRONTEND_HTTP_COLLECT_H
#define TESTS_FRONTEND_HTTP_COLLECT_H

#include "common/secret.h"
#include "frontend/http.h"

static inline enum problem collect_take(
    void *context, const char *data, size_t len, const char **detail)
{
	*detail = NULL;
	return secret_append(context, data, len) == 0 ? PROBLEM_NONE
	                                              : PROBLEM_MEMORY_BUDGET;
}

static inline void collect_drop(void *context)
{
	secret_free(context);
}

/* For a request that has begun: its body goes to `body`, until request_free(). */
static inline void collect_body(struct request *request, struct secret *body)
{
	*body = (struct secret){0};
	request->sink = (struct body_sink){
	    .take = collect_take, .drop = collect_drop, .context = body};
}

#endif
