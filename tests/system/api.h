/*
 * Requests to /v1 over real sockets.
 */
#ifndef TESTS_SYSTEM_API_H
#define TESTS_SYSTEM_API_H

#include <stddef.h>

#include "tests/system/client.h"

enum { API_HASH_MAX = 1025 };

/* A client of the daemon with what it was told last. */
struct api {
	struct client client;
	struct response r;
	const char *token; /* sent as bearer token; NULL: none */
};

void api_open(struct api *api, const struct daemon *d);
void api_close(struct api *api);

/* Posts JSON in the manner of printf to /v1/WHAT; returns the status. */
int api_post(struct api *api, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same; fails the test where the status is not 422 (or as given) with a problem of
 * that name. */
void api_refused(
    struct api *api, int status, const char *name, const char *what, const char *json);

/* Copies the value of a text member of the last answer; fails where there is none. */
void api_text(const struct api *api, const char *member, char *text, size_t cap);

/* Hashes with a profile. */
void api_hash(struct api *api, const char *password, const char *profile,
    char hash[API_HASH_MAX]);

enum api_verdict { API_INVALID, API_VALID, API_REHASH };
/* Verifies; `more` is further members (",\"rehash\":true") or "". API_REHASH: valid,
 * and to be made anew. */
enum api_verdict api_verify(
    struct api *api, const char *password, const char *hash, const char *more);

#endif
