#include "tests/system/api.h"

#include <stdlib.h>
#include <string.h>

void api_open(struct api *api, const struct daemon *d)
{
	*api = (struct api){.token = NULL};
	client_open(&api->client, &d->tcp);
}

void api_close(struct api *api)
{
	client_close(&api->client);
	response_free(&api->r);
}

static int post(struct api *api, const char *what, const char *json)
{
	char *text;

	assert_true(asprintf(&text,
	                "POST /v1/%s HTTP/1.1\r\nHost: test\r\n"
	                "Content-Type: application/json\r\n%s%s%s"
	                "Content-Length: %zu\r\n\r\n%s",
	                what, api->token != NULL ? "Authorization: Bearer " : "",
	                api->token != NULL ? api->token : "",
	                api->token != NULL ? "\r\n" : "", strlen(json), json) > 0);
	client_ask(&api->client, &api->r, text);
	explicit_bzero(text, strlen(text));
	free(text);
	return api->r.status;
}

int api_post(struct api *api, const char *what, const char *fmt, ...)
{
	va_list ap;
	char *json;
	int status;

	va_start(ap, fmt);
	assert_true(vasprintf(&json, fmt, ap) > 0);
	va_end(ap);
	status = post(api, what, json);
	explicit_bzero(json, strlen(json));
	free(json);
	return status;
}

void api_refused(
    struct api *api, int status, const char *name, const char *what, const char *json)
{
	char type[64];

	snprintf(type, sizeof(type), "\"type\":\"urn:argond:problem:%s\"", name);
	if (post(api, what, json) != status || strstr(api->r.body, type) == NULL)
		fail_msg("%s %s: %s%s", what, json, api->r.head, api->r.body);
	assert_true(response_has(&api->r, "Content-Type", "application/problem+json"));
}

void api_text(const struct api *api, const char *member, char *text, size_t cap)
{
	char name[64];
	const char *at;
	size_t len;

	snprintf(name, sizeof(name), "\"%s\":\"", member);
	at = strstr(api->r.body, name);
	if (at == NULL) {
		fail_msg("no %s: %s", member, api->r.body);
		return;
	}
	at += strlen(name);
	len = strcspn(at, "\"");
	assert_in_range(len, 1, cap - 1);
	memcpy(text, at, len);
	text[len] = '\0';
}

void api_hash(
    struct api *api, const char *password, const char *profile, char hash[API_HASH_MAX])
{
	char name[64];

	if (api_post(api, "hash", "{\"password\":\"%s\",\"profile\":\"%s\"}", password,
	        profile) != 200)
		fail_msg("hash: %s", api->r.body);
	api_text(api, "profile", name, sizeof(name));
	assert_string_equal(name, profile);
	api_text(api, "hash", hash, API_HASH_MAX);
}

enum api_verdict api_verify(
    struct api *api, const char *password, const char *hash, const char *more)
{
	static const char *const starts[] = {
	    [API_INVALID] = "{\"valid\":false,\"needs_rehash\":false,"
	                    "\"rehash_reasons\":[]}\n",
	    [API_VALID] = "{\"valid\":true,\"needs_rehash\":false,"
	                  "\"rehash_reasons\":[]}\n",
	    [API_REHASH] = "{\"valid\":true,\"needs_rehash\":true,"
	                   "\"rehash_reasons\":[\""};
	const char *quote = hash != NULL ? "\"" : "";

	if (api_post(api, "verify", "{\"password\":\"%s\",\"hash\":%s%s%s%s}", password,
	        quote, hash != NULL ? hash : "null", quote, more) == 200)
		for (int i = 0; i < 3; i++)
			if (strncmp(api->r.body, starts[i], strlen(starts[i])) == 0)
				return (enum api_verdict)i;
	fail_msg("verify: %s", api->r.body);
	return API_INVALID;
}
