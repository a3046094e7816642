/*
 * Who answers what: one table of routes.
 */
#ifndef FRONTEND_ROUTE_H
#define FRONTEND_ROUTE_H

#include <stdbool.h>

#include "frontend/http.h"

struct conn;

/*
 * Answers a request, at once (conn_reply, conn_problem) or later (conn_submit,
 * conn_delay); exactly one of these. `rest` is what follows a prefix in the path,
 * undecoded. The request is gone when the handler returns; it may take the body
 * (secret_move).
 */
typedef void route_fn(struct conn *conn, struct request *request, struct text rest);

enum route_match { ROUTE_EXACT, ROUTE_PREFIX };

struct route {
	const char *path;
	enum route_match match;
	bool seed;         /* governed by seed_routes, errors in plain text */
	unsigned methods;  /* enum method, or-ed; HEAD comes with GET */
	const char *allow; /* the same for people */
	route_fn *handle;
	bool guarded;  /* where token_file is set, asks for one */
	bool is_probe; /* the handler answers OPTIONS too, as a health check */
};

/* The table, row by row; NULL past the last. */
const struct route *route_at(size_t index);

/* The route of a path, or NULL. Seed routes are there only where asked for. *rest is
 * what follows a prefix. */
const struct route *route_find(struct text path, bool seed_routes, struct text *rest);

/* Finds the route and calls its handler, or answers 404 or 405. OPTIONS is answered on
 * each route without a token: it shows no more than /openapi.json does. */
void route_request(struct conn *conn, struct request *request);

/* Why the request would not come to a handler, or PROBLEM_NONE: what must be known
 * before a client is asked for a body. */
enum problem route_refuses(const struct conn *conn, const struct request *request);

/* The handlers: seed.c, health.c, openapi.c, v1_*.c. */
void seed_hello(struct conn *conn, struct request *request, struct text rest);
void seed_hash(struct conn *conn, struct request *request, struct text rest);
void seed_hash_rayon(struct conn *conn, struct request *request, struct text rest);
void seed_user(struct conn *conn, struct request *request, struct text rest);
void health_livez(struct conn *conn, struct request *request, struct text rest);
void health_readyz(struct conn *conn, struct request *request, struct text rest);
void health_options(struct conn *conn, struct request *request, struct text rest);
void openapi_get(struct conn *conn, struct request *request, struct text rest);
void v1_hash(struct conn *conn, struct request *request, struct text rest);
void v1_verify(struct conn *conn, struct request *request, struct text rest);
void v1_inspect(struct conn *conn, struct request *request, struct text rest);

#endif
