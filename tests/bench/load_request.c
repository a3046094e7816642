#include "tests/bench/load_request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	NUMBER_MAX = 20, /* digits of a uint64_t */
	FIXED_MAX = 256, /* what is in every request: names, version, id, length */
};

/* Bytes of a text with every %u written out. */
static size_t text_size_max(const char *text)
{
	size_t size = text == NULL ? 0 : strlen(text);

	while (text != NULL && (text = strstr(text, "%u")) != NULL) {
		size += NUMBER_MAX;
		text += 2;
	}
	return size;
}

size_t request_size_max(const struct spec *spec)
{
	size_t size = FIXED_MAX + strlen(spec->method) + strlen(spec->type) +
	              text_size_max(spec->path) + text_size_max(spec->body);

	for (unsigned i = 0; i < spec->header_count; i++)
		size += text_size_max(spec->header[i]) + 2;
	return size;
}

static char *put(char *to, const char *text)
{
	return stpcpy(to, text);
}

/* With the number in place of each %u. */
static char *put_numbered(char *to, const char *text, uint64_t number)
{
	const char *mark;
	char digits[NUMBER_MAX + 1];

	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	while ((mark = strstr(text, "%u")) != NULL) {
		memcpy(to, text, (size_t)(mark - text));
		to = put(to + (mark - text), digits);
		text = mark + 2;
	}
	return put(to, text);
}

static size_t numbered_size(const char *text, uint64_t number)
{
	char digits[NUMBER_MAX + 1];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, number);
	size_t size = strlen(text);

	while ((text = strstr(text, "%u")) != NULL) {
		size += (size_t)len - 2;
		text += 2;
	}
	return size;
}

static char *put_body(char *to, const struct spec *spec, uint64_t number)
{
	char length[NUMBER_MAX + 1];

	snprintf(length, sizeof(length), "%zu", numbered_size(spec->body, number));
	to = put(put(to, "Content-Type: "), spec->type);
	to = put(put(to, "\r\nContent-Length: "), length);
	return put_numbered(put(to, "\r\n\r\n"), spec->body, number);
}

size_t request_write(const struct spec *spec, uint64_t number, const char *id, char *to)
{
	char *at = put(put(to, spec->method), " ");

	at = put(put_numbered(at, spec->path, number), " HTTP/1.1\r\nHost: load\r\n");
	if (spec->id)
		at = put(put(put(at, "X-Request-Id: "), id), "\r\n");
	if (!spec->keepalive)
		at = put(at, "Connection: close\r\n");
	for (unsigned i = 0; i < spec->header_count; i++)
		at = put(put_numbered(at, spec->header[i], number), "\r\n");
	at = spec->body != NULL ? put_body(at, spec, number) : put(at, "\r\n");
	return (size_t)(at - to);
}
