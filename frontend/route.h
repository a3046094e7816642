/*
 * Who answers what: one table of routes.
 */
#ifndef FRONTEND_ROUTE_H
#define FRONTEND_ROUTE_H

#include <stdbool.h>

#include "frontend/http.h"

struct conn;
struct v1_form;

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
	/* What a JSON body may hold; NULL: a body is dropped as it comes. */
	const struct v1_form *form;
};

/* The table, row by row; NULL past the last. */
const struct route *route_at(size_t index);

/* The route of a path, or NULL. Seed routes are there only where asked for. *rest is
 * what follows a prefix. */
const struct route *route_find(struct text path, bool seed_routes, struct text *rest);

/*
 * A head is complete, its body has not begun: finds the route and the token for
 * conn->route and conn->token, and has the body read where one comes (request->sink).
 * Returns PROBLEM_NONE, or why the request does not come to a handler: its body is not
 * waited for then. OPTIONS is answered on each route without a token: it shows no more
 * than /openapi.json does.
 */
enum problem route_admit(struct conn *conn, struct request *request);

/* Calls the handler of an admitted request, whose body is complete. */
void route_answer(struct conn *conn, struct request *request);

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

/* The bodies that these read. */
extern const struct v1_form v1_hash_form, v1_verify_form, v1_inspect_form;

#endif
