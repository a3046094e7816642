#include "frontend/v1_body.h"

#include <string.h>

#include <bsd/string.h>

#include "common/contract.h"
#include "common/locked.h"
#include "common/phc.h"

enum v1_text { TEXT_BASE64, TEXT_HASH, TEXT_PROFILE, TEXT_POOL, TEXT_USER, TEXT_NONE };

/* Longer than each hash that is known, with what may stand around it (given.h). */
enum { HASH_ROOM = 2 * LIMIT_TEXT };

struct v1_member_row {
	const char *name;
	enum v1_member bit;
	unsigned kinds; /* enum value_kind, or-ed */
	const char *other_kind;
	enum v1_text text;     /* where its text is collected; NONE: the password */
	enum problem too_long; /* what a text is that has no room there */
	const char *too_long_detail;
};

static const struct v1_member_row members[] = {
    {"password", V1_PASSWORD, VALUE_TEXT, "password is not a text", TEXT_NONE,
        PROBLEM_PASSWORD_LENGTH, "The password is too long"},
    {"password_b64", V1_PASSWORD, VALUE_TEXT, "password_b64 is not a text", TEXT_BASE64,
        PROBLEM_PASSWORD_LENGTH, "The password is too long"},
    {"hash", V1_HASH, VALUE_TEXT, "hash is not a text", TEXT_HASH, PROBLEM_BAD_HASH,
        "The hash is too long"},
    {"hash", V1_HASH_OR_NULL, VALUE_TEXT | VALUE_NULL, "hash is not a text", TEXT_HASH,
        PROBLEM_BAD_HASH, "The hash is too long"},
    {"profile", V1_PROFILE, VALUE_TEXT, "profile is not a text", TEXT_PROFILE,
        PROBLEM_UNKNOWN_PROFILE, NULL},
    {"pool", V1_POOL, VALUE_TEXT, "pool is not a text", TEXT_POOL, PROBLEM_UNKNOWN_POOL,
        NULL},
    {"user", V1_USER, VALUE_TEXT, "user is not a text", TEXT_USER, PROBLEM_BAD_JSON,
        "user is longer than 512 bytes"},
    {"timeout_ms", V1_TIMEOUT, VALUE_NUMBER, NULL, TEXT_NONE, PROBLEM_NONE, NULL},
    {"rehash", V1_REHASH, VALUE_TRUE | VALUE_FALSE, "rehash is not true or false",
        TEXT_NONE, PROBLEM_NONE, NULL},
};

static const char no_timeout[] = "timeout_ms is not a whole number above 0";

/* For a handler: what makes the reader stop. */
static bool body_stop(struct v1_body *body, enum problem problem, const char *detail)
{
	body->problem = problem;
	body->detail = detail;
	return false;
}

static bool body_bad(struct v1_body *body, const char *detail)
{
	return body_stop(body, PROBLEM_BAD_JSON, detail);
}

/* ---- members ---- */

static const struct v1_member_row *member_find(const struct v1_body *body)
{
	const unsigned known = body->form->required | body->form->allowed;
	const size_t len = body->name_len;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if ((members[i].bit & known) != 0 && strlen(members[i].name) == len &&
		    memcmp(members[i].name, body->name, len) == 0)
			return &members[i];
	return NULL;
}

static bool on_name(void *to, const char *bytes, size_t len)
{
	struct v1_body *body = to;

	if (len > sizeof(body->name) - body->name_len)
		return body_bad(body, "There is an unknown member");
	memcpy(body->name + body->name_len, bytes, len);
	body->name_len = (uint8_t)(body->name_len + len);
	return true;
}

static bool on_value(void *to, enum value_kind kind)
{
	struct v1_body *body = to;
	const struct v1_member_row *member = member_find(body);

	if (member == NULL)
		return body_bad(body, "There is an unknown member");
	if ((body->there & member->bit) != 0)
		return body_bad(body, member->bit == V1_PASSWORD
		                          ? "There can be one password or password_b64"
		                          : "A member is there twice");
	if ((member->kinds & (unsigned)kind) == 0)
		return body_bad(
		    body, member->bit == V1_TIMEOUT ? no_timeout : member->other_kind);
	body->there |= member->bit;
	body->member = member;
	body->name_len = 0;
	body->rehash = body->rehash || kind == VALUE_TRUE;
	if (kind == VALUE_NULL)
		body->member = NULL; /* as if it were not given */
	return true;
}

static bool timeout_extend(struct v1_body *body, const char *digits, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char c = digits[i];
		const bool leads = body->timeout_ms == 0;

		if (c < (leads ? '1' : '0') || c > '9' ||
		    __builtin_mul_overflow(body->timeout_ms, 10, &body->timeout_ms) ||
		    __builtin_add_overflow(
		        body->timeout_ms, c - '0', &body->timeout_ms) ||
		    body->timeout_ms > INT64_MAX)
			return body_bad(body, no_timeout);
	}
	return true;
}

static size_t text_room(const struct v1_body *body)
{
	switch (body->member->text) {
	case TEXT_BASE64:
		return (body->password_max + 2) / 3 * 4;
	case TEXT_HASH:
		return HASH_ROOM;
	case TEXT_PROFILE:
	case TEXT_POOL:
		return LIMIT_NAME;
	case TEXT_USER:
		return V1_USER_MAX;
	case TEXT_NONE:
		break;
	}
	return body->password_max;
}

static struct secret *text_of(struct v1_body *body)
{
	return body->member->text != TEXT_NONE ? &body->texts[body->member->text]
	                                       : &body->password;
}

static bool on_piece(void *to, const char *bytes, size_t len)
{
	struct v1_body *body = to;
	struct secret *text = text_of(body);

	if (body->member->bit == V1_TIMEOUT)
		return timeout_extend(body, bytes, len);
	if (len > text_room(body) - text->len)
		return body_stop(
		    body, body->member->too_long, body->member->too_long_detail);
	if (secret_append(text, bytes, len) != 0)
		return body_stop(body, PROBLEM_MEMORY_BUDGET, NULL);
	return true;
}

static bool password_decode(struct v1_body *body)
{
	const struct secret *text = &body->texts[TEXT_BASE64];
	const char *at = (const char *)text->data;
	size_t len = text->len;
	ssize_t n;

	if (len > 0 && len % 4 == 0)
		for (unsigned i = 0; i < 2 && at[len - 1] == '='; i++)
			len--;
	if (secret_reserve(&body->password, len / 4 * 3 + 3) != 0)
		return body_stop(body, PROBLEM_MEMORY_BUDGET, NULL);
	n = phc_unbase64(
	    body->password.data, body->password.cap, len > 0 ? at : "", len);
	if (n < 0)
		return body_bad(body, "password_b64 is not base64");
	body->password.len = (size_t)n;
	return true;
}

static bool on_end(void *to)
{
	struct v1_body *body = to;
	struct text *const given[] = {[TEXT_HASH] = &body->hash,
	    [TEXT_PROFILE] = &body->profile,
	    [TEXT_POOL] = &body->pool,
	    [TEXT_USER] = &body->user};
	const struct secret *text;

	if (body->member == NULL || body->member->text == TEXT_NONE)
		return true;
	if (body->member->text == TEXT_BASE64)
		return password_decode(body);
	text = text_of(body);
	*given[body->member->text] =
	    (struct text){text->len > 0 ? (const char *)text->data : "", text->len};
	return true;
}

/* ---- the body ---- */

static const struct json_handler handler = {on_name, on_value, on_piece, on_end};

struct v1_body *v1_body_open(const struct v1_form *form, size_t password_max)
{
	struct v1_body *body = locked_zalloc(sizeof(*body));

	if (body == NULL)
		return NULL;
	body->form = form;
	body->password_max = password_max;
	v1_json_begin(&body->reader, &handler, body);
	return body;
}

enum problem v1_body_feed(
    struct v1_body *body, const char *data, size_t len, const char **detail)
{
	*detail = NULL;
	if (v1_json_feed(&body->reader, data, len))
		return PROBLEM_NONE;
	if (body->reader.wrong != NULL)
		body_bad(body, body->reader.wrong);
	*detail = body->detail;
	return body->problem;
}

static const char *members_missing(const struct v1_body *body)
{
	const unsigned missing = body->form->required & ~body->there;

	if ((missing & V1_PASSWORD) != 0)
		return "password or password_b64 is missing";
	if ((missing & (V1_HASH | V1_HASH_OR_NULL)) != 0)
		return "hash is missing";
	return NULL;
}

enum problem v1_body_end(struct v1_body *body, const char **detail)
{
	*detail = v1_json_is_complete(&body->reader) ? members_missing(body)
	                                             : "The body is not a JSON text";
	return *detail == NULL ? PROBLEM_NONE : PROBLEM_BAD_JSON;
}

size_t v1_body_bytes(const struct v1_body *body)
{
	size_t bytes = sizeof(*body) + body->password.cap;

	for (size_t i = 0; i < sizeof(body->texts) / sizeof(body->texts[0]); i++)
		bytes += body->texts[i].cap;
	return bytes;
}

void v1_body_close(struct v1_body *body)
{
	if (body == NULL)
		return;
	secret_free(&body->password);
	for (size_t i = 0; i < sizeof(body->texts) / sizeof(body->texts[0]); i++)
		secret_free(&body->texts[i]);
	locked_free(body);
}
