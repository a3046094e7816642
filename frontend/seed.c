/*
 * The four routes of the program that this one grew from: plain text, a password in the
 * path.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "frontend/conn.h"
#include "frontend/frontend.h"
#include "frontend/percent.h"
#include "frontend/profile.h"
#include "frontend/route.h"

#define SEED_FAILED "Failed to process password"

/* The text of a job's result, behind a prefix of ours. */
static void seed_reply_result(
    struct conn *conn, const struct task_result *result, const char *prefix)
{
	char body[64 + LIMIT_TEXT];
	int n = snprintf(
	    body, sizeof(body), "%s%.*s", prefix, (int)result->text_len, result->text);

	conn_reply(conn, &(struct reply){.status = 200,
	                     .type = REPLY_TEXT,
	                     .body = body,
	                     .len = n > 0 ? (size_t)n : 0,
	                     .job = result});
}

static void hello_wake(struct conn *conn)
{
	conn_reply_text(conn, 200, "Hello world!");
}

void seed_hello(struct conn *conn, struct request *request, struct text rest)
{
	(void)request;
	(void)rest;
	conn_delay(conn, conn->frontend->config->hello_delay_ms, hello_wake);
}

/* The two ways to hash differ in nothing but these. */
static const struct seed_hash {
	const char *pool, *prefix;
} elastic = {"elastic", "Hashed password: "},
  fixed = {"fixed", "Hashed password (Rayon): "};

static void hash_done(
    struct conn *conn, const struct task_result *result, void *context)
{
	const struct seed_hash *way = context;

	if (result->outcome == TASK_OK)
		seed_reply_result(conn, result, way->prefix);
	else
		conn_reply_failure(conn, result, SEED_FAILED);
}

/* The password of a path segment, or the problem with it. */
static enum problem read_password(
    const struct config *config, struct text segment, struct secret *password)
{
	if (percent_decode(password, segment.at, segment.len) != 0)
		return errno == EINVAL ? PROBLEM_BAD_REQUEST : PROBLEM_MEMORY_BUDGET;
	if (password->len > config->max_password)
		return PROBLEM_PASSWORD_LENGTH;
	return PROBLEM_NONE;
}

static void hash_submit(
    struct conn *conn, const struct seed_hash *way, struct secret *password)
{
	const struct config *config = conn->frontend->config;
	int pool = config_pool_find(config, way->pool);
	struct task_spec spec = {
	    .kind = JOB_HASH,
	    .pool = (unsigned)pool,
	    .cost = profile_cost(&config->profiles[0]),
	    .password = password,
	};
	struct conn_work work = {.done = hash_done, .context = (void *)(uintptr_t)way};

	if (pool < 0)
		conn_problem(conn, PROBLEM_INTERNAL, SEED_FAILED);
	else
		conn_submit(conn, &spec, &work);
}

static void hash_password(
    struct conn *conn, struct text segment, const struct seed_hash *way)
{
	struct secret password = {0};
	enum problem problem =
	    read_password(conn->frontend->config, segment, &password);

	if (problem == PROBLEM_PASSWORD_LENGTH)
		conn_problem(conn, problem, "The password is too long");
	else if (problem != PROBLEM_NONE)
		conn_problem(conn, problem, NULL);
	else
		hash_submit(conn, way, &password);
	secret_free(&password);
}

void seed_hash(struct conn *conn, struct request *request, struct text rest)
{
	(void)request;
	hash_password(conn, rest, &elastic);
}

void seed_hash_rayon(struct conn *conn, struct request *request, struct text rest)
{
	(void)request;
	hash_password(conn, rest, &fixed);
}

/* An id as a row of a database has one: digits alone, at most INT64_MAX. */
static bool read_id(struct text digits, int64_t *id)
{
	*id = 0;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.at[i] < '0' || digits.at[i] > '9' ||
		    __builtin_mul_overflow(*id, 10, id) ||
		    __builtin_add_overflow(*id, digits.at[i] - '0', id))
			return false;
	}
	return digits.len > 0;
}

static void user_done(
    struct conn *conn, const struct task_result *result, void *context)
{
	(void)context;
	if (result->outcome == TASK_OK)
		seed_reply_result(conn, result, "");
	else if (result->outcome == TASK_NOT_FOUND)
		conn_reply(conn, &(struct reply){.status = 404,
		                     .type = REPLY_TEXT,
		                     .body = "User not found",
		                     .len = strlen("User not found"),
		                     .job = result});
	else
		conn_reply_failure(conn, result, "Failed to look up user");
}

void seed_user(struct conn *conn, struct request *request, struct text rest)
{
	int pool = config_pool_find(conn->frontend->config, CONFIG_LOOKUPS);
	struct task_spec spec = {.kind = JOB_LOOKUP, .pool = (unsigned)pool};
	struct conn_work work = {.done = user_done};

	(void)request;
	if (!read_id(rest, &spec.user))
		conn_problem(conn, PROBLEM_BAD_REQUEST, "An id is a number");
	else if (pool < 0)
		conn_problem(conn, PROBLEM_INTERNAL, NULL);
	else
		conn_submit(conn, &spec, &work);
}
