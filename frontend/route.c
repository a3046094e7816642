#include "frontend/route.h"

#include <string.h>

#include "frontend/conn.h"
#include "frontend/frontend.h"

#define READ (METHOD_GET | METHOD_HEAD)
#define READ_ALLOW "GET, HEAD"

static const struct route routes[] = {
    {"/livez", ROUTE_EXACT, false, READ, READ_ALLOW, health_livez},
    {"/readyz", ROUTE_EXACT, false, READ, READ_ALLOW, health_readyz},
    {"/", ROUTE_EXACT, true, READ, READ_ALLOW, seed_hello},
    {"/hash/", ROUTE_PREFIX, true, READ, READ_ALLOW, seed_hash},
    {"/hash_rayon/", ROUTE_PREFIX, true, READ, READ_ALLOW, seed_hash_rayon},
    {"/user/", ROUTE_PREFIX, true, READ, READ_ALLOW, seed_user},
};

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

/* As route_find(), for a whole request. */
static enum problem route_resolve(const struct conn *conn,
    const struct request *request, const struct route **route, struct text *rest)
{
	*route = route_find(
	    request_path(request), conn->frontend->config->seed_routes, rest);
	if (*route == NULL)
		return PROBLEM_NOT_FOUND;
	if (((*route)->methods & request->method) == 0)
		return PROBLEM_METHOD_NOT_ALLOWED;
	return PROBLEM_NONE;
}

void route_request(struct conn *conn, struct request *request)
{
	struct text rest;
	enum problem problem = route_resolve(conn, request, &conn->route, &rest);

	if (problem != PROBLEM_NONE)
		conn_problem(conn, problem, NULL);
	else
		conn->route->handle(conn, request, rest);
}

enum problem route_refuses(const struct conn *conn, const struct request *request)
{
	const struct route *route;
	struct text rest;

	return route_resolve(conn, request, &route, &rest);
}
