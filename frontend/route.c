#include "frontend/route.h"

#include <string.h>

#include "common/host_list.h"
#include "common/token.h"
#include "frontend/conn.h"
#include "frontend/frontend.h"
#include "frontend/health.h"
#include "frontend/v1.h"

#define READ (METHOD_GET | METHOD_HEAD | METHOD_OPTIONS)
#define READ_ALLOW "GET, HEAD, OPTIONS"
#define CALL (METHOD_POST | METHOD_OPTIONS)
#define CALL_ALLOW "POST, OPTIONS"

static const struct route routes[] = {
    {"/v1/verify", ROUTE_EXACT, false, CALL, CALL_ALLOW, v1_verify, true, false,
        &v1_verify_form},
    {"/v1/hash", ROUTE_EXACT, false, CALL, CALL_ALLOW, v1_hash, true, false,
        &v1_hash_form},
    {"/v1/inspect", ROUTE_EXACT, false, CALL, CALL_ALLOW, v1_inspect, true, false,
        &v1_inspect_form},
    {"/livez", ROUTE_EXACT, false, READ, READ_ALLOW, health_livez, false, true, NULL},
    {"/readyz", ROUTE_EXACT, false, READ, READ_ALLOW, health_readyz, false, true, NULL},
    {"/openapi.json", ROUTE_EXACT, false, READ, READ_ALLOW, openapi_get, false, false,
        NULL},
    {"/", ROUTE_EXACT, true, READ, READ_ALLOW, seed_hello, true, false, NULL},
    {"/hash/", ROUTE_PREFIX, true, READ, READ_ALLOW, seed_hash, true, false, NULL},
    {"/hash_rayon/", ROUTE_PREFIX, true, READ, READ_ALLOW, seed_hash_rayon, true, false,
        NULL},
    {"/user/", ROUTE_PREFIX, true, READ, READ_ALLOW, seed_user, true, false, NULL},
};

/* What OPTIONS alone can ask for: the whole server, and "/" where no seed route is. */
static const struct route options_routes[] = {
    {"*", ROUTE_EXACT, false, METHOD_OPTIONS, "GET, HEAD, POST, OPTIONS",
        health_options, false, true, NULL},
    {"/", ROUTE_EXACT, false, METHOD_OPTIONS, "OPTIONS", health_options, false, true,
        NULL},
};

const struct route *route_at(size_t index)
{
	return index < sizeof(routes) / sizeof(routes[0]) ? &routes[index] : NULL;
}

static bool route_matches(
    const struct route *route, struct text path, struct text *rest)
{
	size_t len = strlen(route->path);

	if (path.len < len || memcmp(path.at, route->path, len) != 0)
		return false;
	*rest = (struct text){path.at + len, path.len - len};
	return route->match == ROUTE_PREFIX || rest->len == 0;
}

const struct route *route_find(struct text path, bool seed_routes, struct text *rest)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (routes[i].seed && !seed_routes)
			continue;
		if (route_matches(&routes[i], path, rest))
			return &routes[i];
	}
	return NULL;
}

static const struct route *route_find_options(struct text path)
{
	for (size_t i = 0; i < sizeof(options_routes) / sizeof(options_routes[0]); i++)
		if (text_is(path, options_routes[i].path))
			return &options_routes[i];
	return NULL;
}

/* The number of the token that the request shows (RFC 6750 section 2.1), or 0. */
static unsigned request_token(
    const struct token_set *tokens, const struct request *request)
{
	struct text value = request_header(request, HEADER_AUTHORIZATION);
	size_t len = text_until(value, " ");

	if (!text_is_nocase((struct text){value.at, len}, "Bearer"))
		return 0;
	while (len < value.len && value.at[len] == ' ') /* one or more */
		len++;
	return token_set_find(tokens, value.at + len, value.len - len);
}

/* Guarded routes are opened by a token, where token_file is set: *token is its number.
 * Where it is set and there are none, nothing opens them. */
static bool route_is_open(const struct conn *conn, const struct route *route,
    const struct request *request, unsigned *token)
{
	const struct token_set *tokens = conn->frontend->child->tokens;

	*token = 0;
	if (!route->guarded || conn->frontend->config->token_file == NULL)
		return true;
	if (tokens != NULL)
		*token = request_token(tokens, request);
	return *token != 0;
}

/* Behind a prefix one segment must stand, which is not empty. */
static bool route_has_path(const struct route *route, struct text rest)
{
	return route->match == ROUTE_EXACT ||
	       (rest.len > 0 && memchr(rest.at, '/', rest.len) == NULL);
}

/* As route_find(), for a whole request. */
static const struct route *route_of(
    const struct conn *conn, const struct request *request, struct text *rest)
{
	const struct text path = request_path(request);
	const struct route *route =
	    route_find(path, conn->frontend->config->seed_routes, rest);

	if (route == NULL && request->method == METHOD_OPTIONS) {
		*rest = (struct text){NULL, 0};
		route = route_find_options(path);
	}
	return route;
}

/* A page that a browser has from elsewhere, and whose name was then made to lead here
 * (DNS rebinding), asks for its own host. What health checks ask for is answered for
 * any, for they often know an address only; but not at length, with what pools there
 * are. */
static bool host_is_served(const struct config *config, const struct request *request)
{
	const struct text host = request_authority(request);
	const bool at_length =
	    request->method != METHOD_OPTIONS && request_query(request).len > 0;

	return config->allowed_hosts == NULL ||
	       (health_is_asked(request) && !at_length) ||
	       host_list_has(config->allowed_hosts, host.at, host.len);
}

enum problem route_admit(struct conn *conn, struct request *request)
{
	unsigned token = 0;
	struct text rest;
	const struct route *route = route_of(conn, request, &rest);

	conn->route = route;
	conn->token = 0;
	if (!host_is_served(conn->frontend->config, request))
		return PROBLEM_MISDIRECTED;
	if (route == NULL || !route_has_path(route, rest))
		return PROBLEM_NOT_FOUND;
	if ((route->methods & request->method) == 0)
		return PROBLEM_METHOD_NOT_ALLOWED;
	if (request->method == METHOD_OPTIONS)
		return PROBLEM_NONE; /* health checks have no token */
	if (!route_is_open(conn, route, request, &token))
		return PROBLEM_UNAUTHORIZED;
	conn->token = (uint16_t)token;
	if (route->form != NULL && request->has_body)
		return v1_open(conn->frontend->config, request, route->form);
	return PROBLEM_NONE;
}

void route_answer(struct conn *conn, struct request *request)
{
	const struct route *route = conn->route;
	struct text path = request_path(request);
	size_t len = strlen(route->path);

	if (request->method == METHOD_OPTIONS && !route->is_probe)
		health_options(conn, request, (struct text){NULL, 0});
	else
		route->handle(
		    conn, request, (struct text){path.at + len, path.len - len});
}
