#include "frontend/v1_body.h"

#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <jansson.h>

#include "common/locked.h"
#include "common/phc.h"

/* Before anybody has used it, for what was allocated in one way must not be freed in
 * the other. */
__attribute__((constructor)) static void jansson_set_up(void)
{
	json_set_alloc_funcs(locked_alloc, locked_free);
}

/* The seed of its tables is ours: it would look for one in a file, and there are none
 * here. Only the first one counts. */
static void jansson_seed(void)
{
	json_object_seed(arc4random() | 1);
}
/* ---- members ---- */

/* A member's value goes into the body. Returns NULL, or what is wrong. */
typedef const char *take_fn(struct v1_body *body, const json_t *value);

static const char out_of_memory[] = "out of memory";

static const char *take_password(struct v1_body *body, const json_t *value)
{
	if (!json_is_string(value))
		return "password is not a text";
	return secret_append(&body->password, json_string_value(value),
	           json_string_length(value)) == 0
	           ? NULL
	           : out_of_memory;
}

static const char *take_password_b64(struct v1_body *body, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	ssize_t n;

	if (text == NULL)
		return "password_b64 is not a text";
	if (len > 0 && len % 4 == 0)
		for (unsigned i = 0; i < 2 && text[len - 1] == '='; i++)
			len--;
	if (secret_reserve(&body->password, len / 4 * 3 + 3) != 0)
		return out_of_memory;
	n = phc_unbase64(body->password.data, body->password.cap, text, len);
	if (n < 0)
		return "password_b64 is not base64";
	body->password.len = (size_t)n;
	return NULL;
}

static struct text text_of(const json_t *value)
{
	return (struct text){json_string_value(value), json_string_length(value)};
}

static const char *take_hash(struct v1_body *body, const json_t *value)
{
	if (!json_is_string(value))
		return "hash is not a text";
	body->hash = text_of(value);
	return NULL;
}

static const char *take_hash_or_null(struct v1_body *body, const json_t *value)
{
	return json_is_null(value) ? NULL : take_hash(body, value);
}

static const char *take_profile(struct v1_body *body, const json_t *value)
{
	if (!json_is_string(value))
		return "profile is not a text";
	body->profile = text_of(value);
	return NULL;
}

static const char *take_pool(struct v1_body *body, const json_t *value)
{
	if (!json_is_string(value))
		return "pool is not a text";
	body->pool = text_of(value);
	return NULL;
}

static const char *take_user(struct v1_body *body, const json_t *value)
{
	if (!json_is_string(value))
		return "user is not a text";
	if (json_string_length(value) > V1_USER_MAX)
		return "user is longer than 512 bytes";
	body->user = text_of(value);
	return NULL;
}

static const char *take_timeout(struct v1_body *body, const json_t *value)
{
	json_int_t ms = json_integer_value(value);

	if (!json_is_integer(value) || ms <= 0)
		return "timeout_ms is not a whole number above 0";
	body->timeout_ms = (uint64_t)ms;
	return NULL;
}

static const char *take_rehash(struct v1_body *body, const json_t *value)
{
	if (!json_is_boolean(value))
		return "rehash is not true or false";
	body->rehash = json_is_true(value);
	return NULL;
}

static const struct member {
	const char *name;
	enum v1_member bit;
	take_fn *take;
} members[] = {
    {"password", V1_PASSWORD, take_password},
    {"password_b64", V1_PASSWORD, take_password_b64},
    {"hash", V1_HASH, take_hash},
    {"hash", V1_HASH_OR_NULL, take_hash_or_null},
    {"profile", V1_PROFILE, take_profile},
    {"pool", V1_POOL, take_pool},
    {"timeout_ms", V1_TIMEOUT, take_timeout},
    {"rehash", V1_REHASH, take_rehash},
    {"user", V1_USER, take_user},
};

static const struct member *member_find(const char *name, unsigned allowed)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if ((members[i].bit & allowed) != 0 &&
		    strcmp(members[i].name, name) == 0)
			return &members[i];
	return NULL;
}

static const char *members_take(struct v1_body *body, unsigned allowed)
{
	const char *name, *wrong;
	json_t *value;

	json_object_foreach(body->root, name, value)
	{
		const struct member *member = member_find(name, allowed);

		if (member == NULL)
			return "There is an unknown member";
		if ((body->there & member->bit) != 0)
			return "password and password_b64 exclude each other";
		body->there |= member->bit;
		wrong = member->take(body, value);
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

static const char *members_missing(const struct v1_body *body, unsigned required)
{
	const unsigned missing = required & ~body->there;

	if ((missing & V1_PASSWORD) != 0)
		return "password or password_b64 is missing";
	if ((missing & (V1_HASH | V1_HASH_OR_NULL)) != 0)
		return "hash is missing";
	return NULL;
}

/* ---- the text ---- */

/* No member holds an object or a list, so there is no reason to build any. */
static bool text_is_flat(const char *text, size_t len)
{
	bool quoted = false;
	unsigned opened = 0;

	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '{' || text[i] == '['))
			opened++;
	}
	return opened <= 1;
}

static const char *text_parse(struct v1_body *body, const char *text, size_t len)
{
	enum json_error_code code;
	json_error_t error;

	if (!text_is_flat(text, len))
		return "There is an object or a list in the body's object";
	jansson_seed();
	body->root =
	    json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (body->root != NULL)
		return json_is_object(body->root) ? NULL : "The body is no object";
	code = json_error_code(&error);
	/* its text quotes what a client sent, and so do jansson's own frames */
	explicit_bzero(&error, sizeof(error));
	secret_wipe_stack();
	switch (code) {
	case json_error_out_of_memory:
		return out_of_memory;
	case json_error_duplicate_key:
		return "A member is there twice";
	case json_error_invalid_utf8:
		return "The body is not UTF-8";
	default:
		return "The body is not a JSON text";
	}
}

enum problem v1_body_read(struct v1_body *body, const void *text, size_t len,
    unsigned required, unsigned allowed, const char **detail)
{
	*body = (struct v1_body){0};
	*detail = text_parse(body, text, len);
	if (*detail == NULL)
		*detail = members_take(body, required | allowed);
	if (*detail == NULL)
		*detail = members_missing(body, required);
	if (*detail == NULL)
		return PROBLEM_NONE;
	if (*detail != out_of_memory)
		return PROBLEM_BAD_JSON;
	*detail = NULL;
	return PROBLEM_MEMORY_BUDGET;
}

void v1_body_free(struct v1_body *body)
{
	json_decref(body->root);
	secret_free(&body->password);
	*body = (struct v1_body){0};
}
