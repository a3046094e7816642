#include "frontend/route.h"

#include <string.h>

#include "common/token.h"
#include "frontend/conn.h"
#include "frontend/frontend.h"

#define READ (METHOD_GET | METHOD_HEAD | METHOD_OPTIONS)
#define READ_ALLOW "GET, HEAD, OPTIONS"
#define CALL (METHOD_POST | METHOD_OPTIONS)
#define CALL_ALLOW "POST, OPTIONS"

static const struct route routes[] = {
    {"/v1/verify", ROUTE_EXACT, false, CALL, CALL_ALLOW, v1_verify, true, false},
    {"/v1/hash", ROUTE_EXACT, false, CALL, CALL_ALLOW, v1_hash, true, false},
    {"/v1/inspect", ROUTE_EXACT, false, CALL, CALL_ALLOW, v1_inspect, true, false},
    {"/livez", ROUTE_EXACT, false, READ, READ_ALLOW, health_livez, false, true},
    {"/readyz", ROUTE_EXACT, false, READ, READ_ALLOW, health_readyz, false, true},
    {"/openapi.json", ROUTE_EXACT, false, READ, READ_ALLOW, openapi_get, false, false},
    {"/", ROUTE_EXACT, true, READ, READ_ALLOW, seed_hello, false, false},
    {"/hash/", ROUTE_PREFIX, true, READ, READ_ALLOW, seed_hash, false, false},
    {"/hash_rayon/", ROUTE_PREFIX, true, READ, READ_ALLOW, seed_hash_rayon, false,
        false},
    {"/user/", ROUTE_PREFIX, true, READ, READ_ALLOW, seed_user, false, false},
};

/* What OPTIONS alone can ask for: the whole server, and "/" where no seed route is. */
static const struct route options_routes[] = {
    {"*", ROUTE_EXACT, false, METHOD_OPTIONS, "GET, HEAD, POST, OPTIONS",
        health_options, false, true},
    {"/", ROUTE_EXACT, false, METHOD_OPTIONS, "OPTIONS", health_options, false, true},
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

/* Guarded routes are opened by a token, where there are any: *token is its number. */
static bool route_is_open(const struct conn *conn, const struct route *route,
    const struct request *request, unsigned *token)
{
	const struct token_set *tokens = conn->frontend->child->tokens;

	*token = 0;
	if (!route->guarded || tokens == NULL)
		return true;
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
static enum problem route_resolve(const struct conn *conn,
    const struct request *request, const struct route **route, struct text *rest,
    unsigned *token)
{
	*route = route_find(
	    request_path(request), conn->frontend->config->seed_routes, rest);
	if (*route == NULL && request->method == METHOD_OPTIONS)
		*route = route_find_options(request_path(request));
	if (*route == NULL || !route_has_path(*route, *rest))
		return PROBLEM_NOT_FOUND;
	if (((*route)->methods & request->method) == 0)
		return PROBLEM_METHOD_NOT_ALLOWED;
	if (request->method == METHOD_OPTIONS)
		return PROBLEM_NONE; /* health checks have no token */
	if (!route_is_open(conn, *route, request, token))
		return PROBLEM_UNAUTHORIZED;
	return PROBLEM_NONE;
}

void route_request(struct conn *conn, struct request *request)
{
	struct text rest;
	unsigned token = 0;
	enum problem problem =
	    route_resolve(conn, request, &conn->route, &rest, &token);

	conn->token = (uint16_t)token;
	if (problem != PROBLEM_NONE)
		conn_problem(conn, problem, NULL);
	else if (request->method == METHOD_OPTIONS && !conn->route->is_probe)
		health_options(conn, request, rest);
	else
		conn->route->handle(conn, request, rest);
}

enum problem route_refuses(const struct conn *conn, const struct request *request)
{
	const struct route *route;
	struct text rest;
	unsigned token = 0;

	return route_resolve(conn, request, &route, &rest, &token);
}
