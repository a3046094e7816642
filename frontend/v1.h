/*
 * The API for applications: /v1/hash, /v1/verify, /v1/inspect. JSON in, JSON out, and
 * whatever is wrong is said before anything is queued.
 */
#ifndef FRONTEND_V1_H
#define FRONTEND_V1_H

#include "common/given.h"
#include "frontend/conn.h"
#include "frontend/v1_body.h"

/* v1.c: what the routes have in common. */

/* A body follows the head: checks its media type and has it read as it comes. Returns
 * PROBLEM_NONE, or why it is not. */
enum problem v1_open(
    const struct config *config, struct request *request, const struct v1_form *form);

/* The body that was read, which goes with the request. NULL: the problem has been
 * answered. */
struct v1_body *v1_read(struct conn *conn, struct request *request);

/* The profile that the body names, or the default one. NULL: answered. */
const struct config_profile *v1_profile(struct conn *conn, const struct v1_body *body);

/* Is the password of a length that is allowed? False: answered. */
bool v1_password_fits(struct conn *conn, const struct v1_body *body);

/* Takes a hash apart: PROBLEM_NONE, PROBLEM_BAD_HASH or PROBLEM_UNSUPPORTED_HASH. */
enum problem v1_given(
    struct given *given, const char *text, size_t len, const char **detail);

/* Submits the job to the pool that the body names, else to one that does it: the
 * default pool if it can be. `spec` says all but pool and timeout. */
void v1_submit(struct conn *conn, const struct v1_body *body, struct task_spec *spec,
    const struct conn_work *work);

/* v1_answer.c: JSON texts. */
struct v1_answer {
	size_t len;
	char text[2048];
};

/* Appends in the manner of printf; what does not fit marks the answer as bad. */
void v1_put(struct v1_answer *answer, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Appends a string in quotes, escaped. */
void v1_put_string(struct v1_answer *answer, const char *text, size_t len);
/* Appends the names of the reasons (enum rehash_reason, or-ed) as a list. */
void v1_put_reasons(struct v1_answer *answer, unsigned reasons);
/* Answers with it, `job` being the result it comes from or NULL, and wipes it. */
void v1_send(
    struct conn *conn, struct v1_answer *answer, const struct task_result *job);

#endif
