#include "frontend/problem.h"

#include <stdio.h>

static const struct problem_row rows[PROBLEM_END] = {
    [PROBLEM_NONE] = {"none", 500, "No problem"},
    [PROBLEM_BAD_REQUEST] = {"bad-request", 400, "The request is not well-formed"},
    [PROBLEM_BAD_JSON] = {"bad-json", 400, "The body is not the JSON that is expected"},
    [PROBLEM_UNAUTHORIZED] = {"unauthorized", 401, "A bearer token is needed"},
    [PROBLEM_NOT_FOUND] = {"not-found", 404, "There is nothing here"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {"method-not-allowed", 405,
        "The method is not allowed here"},
    [PROBLEM_REQUEST_TIMEOUT] = {"request-timeout", 408, "The request took too long"},
    [PROBLEM_TOO_LARGE] = {"too-large", 413, "The body is too large"},
    [PROBLEM_TARGET_TOO_LONG] = {"target-too-long", 414, "The target is too long"},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {"unsupported-media-type", 415,
        "The body must be application/json"},
    [PROBLEM_EXPECTATION_FAILED] = {"expectation-failed", 417,
        "Only 100-continue can be expected"},
    [PROBLEM_MISDIRECTED] = {"misdirected", 421, "This host is not served here"},
    [PROBLEM_PASSWORD_LENGTH] = {"password-length", 422,
        "The password is empty or too long"},
    [PROBLEM_BAD_HASH] = {"bad-hash", 422, "The hash is not well-formed"},
    [PROBLEM_UNSUPPORTED_HASH] = {"unsupported-hash", 422,
        "This kind of hash is not supported"},
    [PROBLEM_COST_TOO_HIGH] = {"cost-too-high", 422,
        "The hash costs too much to verify"},
    [PROBLEM_UNKNOWN_POOL] = {"unknown-pool", 422, "There is no such pool"},
    [PROBLEM_UNKNOWN_PROFILE] = {"unknown-profile", 422, "There is no such profile"},
    [PROBLEM_UNKNOWN_KEY] = {"unknown-key", 422, "There is no such key"},
    [PROBLEM_CLIENT_LIMIT] = {"client-limit", 429, "Too many jobs of one client"},
    [PROBLEM_HEADER_TOO_LARGE] = {"header-too-large", 431, "The header is too large"},
    [PROBLEM_INTERNAL] = {"internal", 500, "Something went wrong here"},
    [PROBLEM_HASHER_CRASHED] = {"hasher-crashed", 500, "The job crashed its hasher"},
    [PROBLEM_NOT_IMPLEMENTED] = {"not-implemented", 501, "The method is not known"},
    [PROBLEM_QUEUE_FULL] = {"queue-full", 503, "Too many jobs are waiting"},
    [PROBLEM_WOULD_EXCEED_DEADLINE] = {"would-exceed-deadline", 503,
        "The job could not be done in time"},
    [PROBLEM_MEMORY_BUDGET] = {"memory-budget", 503, "There is no memory left for it"},
    [PROBLEM_SHUTTING_DOWN] = {"shutting-down", 503, "The service is shutting down"},
    [PROBLEM_DEADLINE_EXCEEDED] = {"deadline-exceeded", 504,
        "The job was not done in time"},
    [PROBLEM_VERSION_NOT_SUPPORTED] = {"version-not-supported", 505,
        "Only HTTP/1.0 and HTTP/1.1 are spoken here"},
};

const struct problem_row *problem_row(enum problem problem)
{
	if (problem <= PROBLEM_NONE || problem >= PROBLEM_END)
		problem = PROBLEM_INTERNAL;
	return &rows[problem];
}

size_t problem_write(char *buf, enum problem problem, const char *detail)
{
	const struct problem_row *row = problem_row(problem);
	int n = snprintf(buf, PROBLEM_TEXT_MAX,
	    "{\"type\":\"urn:argond:problem:%s\",\"title\":\"%s\",\"status\":%u,"
	    "\"detail\":\"%.256s\"}\n",
	    row->name, row->title, row->status, detail != NULL ? detail : row->title);

	return n > 0 ? (size_t)n : 0;
}
