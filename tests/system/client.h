/*
 * A small HTTP client that sees what is on the wire: raw bytes out, one response at a
 * time in. Every wait has the harness's limit.
 */
#ifndef TESTS_SYSTEM_CLIENT_H
#define TESTS_SYSTEM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/system/harness.h"

struct client {
	int fd;      /* non-blocking; -1: closed */
	char *bytes; /* received and not yet handed out */
	size_t len, cap;
	bool ended; /* the other side has closed, in order */
	int error;  /* errno of a failed read (ECONNRESET), or 0 */
};

struct response {
	int status;      /* 0: none came, the connection was closed or reset before */
	char head[4096]; /* status line and headers, NUL-terminated */
	char *body;      /* NUL-terminated as well; freed by the next client_read() */
	size_t body_len;
};

/* Connects; fails the test where it cannot. */
void client_open(struct client *client, const struct address *to);
/* Returns 0, or the errno of connect(). */
int client_try(struct client *client, const struct address *to);
void client_close(struct client *client);
/* Closes with a reset (SO_LINGER 0). */
void client_reset(struct client *client);
/* Sends FIN; the answer can still be read. */
void client_half_close(struct client *client);

/* Sends all, receiving meanwhile. False: the other side has closed before it took all.
 */
bool client_send(struct client *client, const void *bytes, size_t len);
bool client_say(struct client *client, const char *text);
/* Sends one byte at a time, each as a segment of its own. */
bool client_drip(struct client *client, const char *text);

/* The next response; `no_body` after HEAD. status 0: none came. A response that is cut
 * off or is no HTTP fails the test. *response starts zeroed; response_free() at the
 * end. An interim 102 is passed over. */
void client_read(struct client *client, struct response *response, bool no_body);
/* client_say() and client_read(). */
void client_ask(struct client *client, struct response *response, const char *text);
/* GET path on HTTP/1.1. */
void client_get(struct client *client, struct response *response, const char *path);
/* One GET on a connection of its own; returns the status, and the body in text[cap]. */
int client_fetch(const struct address *to, const char *path, char *text, size_t cap);
/* Waits until the other side has closed; fails where bytes come instead. */
void client_expect_end(struct client *client);
/* Receives what is there; false where nothing came within limit_ms. */
bool client_receive(struct client *client, int limit_ms);

void response_free(struct response *response);
/* The value of a header into value[cap]; false where there is none. */
bool response_header(
    const struct response *response, const char *name, char *value, size_t cap);
bool response_has(const struct response *response, const char *name, const char *value);

#endif
