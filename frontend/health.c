/*
 * Is this process alive, and should it be sent work? Read from memory, never from a
 * hasher.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "frontend/conn.h"
#include "frontend/frontend.h"
#include "frontend/health.h"
#include "frontend/route.h"

/* The outcome of checks as they are made, one line each. */
struct report {
	bool verbose; /* lists the passed ones too */
	bool failed;
	size_t len;
	char text[LIMIT_POOLS * 96 + 256];
};

__attribute__((format(printf, 3, 4))) static void report_check(
    struct report *report, bool passed, const char *fmt, ...)
{
	char *to = report->text + report->len;
	size_t room = sizeof(report->text) - report->len;
	int mark = 0, n;
	va_list ap;

	if (!passed)
		report->failed = true;
	if (passed && !report->verbose)
		return;
	if (report->verbose)
		mark = snprintf(to, room, "%s ", passed ? "[+]" : "[-]");
	va_start(ap, fmt);
	n = vsnprintf(to + mark, room - (size_t)mark, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)mark + (size_t)n + 2 > room) /* no room: it stays unsaid */
		return;
	report->len += (size_t)mark + (size_t)n;
	report->text[report->len++] = '\n';
}

static bool is_verbose(const struct request *request)
{
	struct text query = request_query(request);
	static const char word[] = "verbose";

	return text_is(query, word) ||
	       (query.len > sizeof(word) - 1 &&
	           memcmp(query.at, "verbose=", sizeof(word)) == 0);
}

/* A frontend that drains alone, after a reload or to be replaced, has a successor at
 * the same address. A check on a connection that it still has must not say that the
 * server is down: some proxies take it out of service for a single 503. */
static void check_serving(const struct conn *conn, struct report *report)
{
	bool stopping =
	    atomic_load_explicit(&board_head(&conn->frontend->child->board)->leaving,
	        memory_order_relaxed) == BOARD_STOPS;

	report_check(report, !stopping, stopping ? "shutting down" : "serving");
}

/* A pool has a hasher, or nobody asks for one. */
static void check_pool(const struct conn *conn, unsigned pool, struct report *report)
{
	const struct config_pool *config = &conn->frontend->config->pools[pool];
	struct board_head *head = board_head(&conn->frontend->child->board);
	unsigned alive = atomic_load_explicit(&head->alive[pool], memory_order_relaxed);
	bool throttled =
	    atomic_load_explicit(&head->throttled[pool], memory_order_relaxed) != 0;

	if (!config_pool_is_asked(conn->frontend->config, config)) {
		report_check(report, true, "pool %s: no route asks it", config->name);
		return;
	}
	report_check(report, alive > 0, "pool %s: %u hashers ready%s", config->name,
	    alive, throttled ? ", they die at the start" : "");
}

/* Each answer to OPTIONS lists the methods of its path (RFC 9110 section 9.3.7). */
static const char *allow_of(const struct conn *conn)
{
	return conn->method == METHOD_OPTIONS ? conn->route->allow : NULL;
}

static void reply_report(struct conn *conn, struct report *report)
{
	if (report->verbose)
		report_check(report, !report->failed, "%s",
		    report->failed ? "not ready" : "ready");
	conn_reply(conn, &(struct reply){.status = report->failed ? 503 : 200,
	                     .type = REPLY_TEXT,
	                     .body = report->len > 0 ? report->text : "ok",
	                     .len = report->len > 0 ? report->len : 2,
	                     .allow = allow_of(conn),
	                     .retry_after = report->failed ? 1 : 0,
	                     .no_store = true});
}

bool health_is_asked(const struct request *request)
{
	struct text rest;
	const struct route *route = route_find(request_path(request), false, &rest);

	return request->method == METHOD_OPTIONS || (route != NULL && route->is_probe);
}

void health_livez(struct conn *conn, struct request *request, struct text rest)
{
	const char *text = is_verbose(request) ? "[+] loop\nok\n" : "ok";

	(void)rest;
	conn_reply(conn, &(struct reply){.status = 200,
	                     .type = REPLY_TEXT,
	                     .body = text,
	                     .len = strlen(text),
	                     .allow = allow_of(conn)});
}

/* OPTIONS / is the default health check of HAProxy. The server is up until it shuts
 * down. */
void health_options(struct conn *conn, struct request *request, struct text rest)
{
	struct report report = {0};

	(void)request;
	(void)rest;
	check_serving(conn, &report);
	reply_report(conn, &report);
}

void health_readyz(struct conn *conn, struct request *request, struct text rest)
{
	const struct config *config = conn->frontend->config;
	struct report report = {.verbose = is_verbose(request)};

	(void)rest;
	check_serving(conn, &report);
	for (unsigned pool = 0; pool < config->pool_count && pool < LIMIT_POOLS; pool++)
		check_pool(conn, pool, &report);
	reply_report(conn, &report);
}
