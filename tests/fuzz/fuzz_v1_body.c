/* frontend/v1_body.c: whatever is read, what was taken from it lies in what it owns;
 * and it is what jansson reads in the same bytes, no more and no less. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "frontend/v1_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte of a text can be read. */
static unsigned text_sum(struct text text)
{
	unsigned sum = 0;

	for (size_t i = 0; text.at != NULL && i < text.len; i++)
		sum += (unsigned char)text.at[i];
	return sum;
}

enum { PASSWORD_MAX = 256 };

static const struct v1_form form = {.required = V1_PASSWORD | V1_HASH_OR_NULL,
    .allowed = V1_PROFILE | V1_POOL | V1_TIMEOUT | V1_REHASH | V1_USER};

/* In pieces of so many bytes, each of which is gone when the next one comes. */
static enum problem read_body(struct v1_body **body, const uint8_t *data, size_t size,
    size_t piece, const char **detail)
{
	enum problem problem = PROBLEM_NONE;

	*body = v1_body_open(&form, PASSWORD_MAX);
	if (*body == NULL)
		abort();
	for (size_t at = 0, n; at < size && problem == PROBLEM_NONE; at += n) {
		char *copy;

		n = size - at < piece ? size - at : piece;
		copy = malloc(n);
		if (copy == NULL)
			abort();
		memcpy(copy, data + at, n);
		problem = v1_body_feed(*body, copy, n, detail);
		free(copy);
	}
	return problem == PROBLEM_NONE ? v1_body_end(*body, detail) : problem;
}

/* ---- what jansson makes of it ---- */

static bool same_text(const json_t *value, const char *at, size_t len)
{
	if (!json_is_string(value))
		return value == NULL || json_is_null(value) ? at == NULL : false;
	return at != NULL && json_string_length(value) == len &&
	       memcmp(json_string_value(value), at, len) == 0;
}

/* What was taken is what stands there. */
static bool same_members(const json_t *root, const struct v1_body *body)
{
	const json_t *password = json_object_get(root, "password");
	const json_t *timeout = json_object_get(root, "timeout_ms");
	const char *at = body->password.len > 0 ? (char *)body->password.data : "";

	return (password == NULL || same_text(password, at, body->password.len)) &&
	       same_text(
	           json_object_get(root, "hash"), body->hash.at, body->hash.len) &&
	       same_text(json_object_get(root, "profile"), body->profile.at,
	           body->profile.len) &&
	       same_text(
	           json_object_get(root, "pool"), body->pool.at, body->pool.len) &&
	       same_text(
	           json_object_get(root, "user"), body->user.at, body->user.len) &&
	       (timeout == NULL) == (body->timeout_ms == 0) &&
	       (timeout == NULL ||
	           (uint64_t)json_integer_value(timeout) == body->timeout_ms) &&
	       json_is_true(json_object_get(root, "rehash")) == body->rehash;
}

/* Of texts that are never too long, and of a timeout that is in range: is it a member
 * as the form has it? base64 is left out. */
static bool member_right(const char *name, const json_t *value)
{
	static const char *const texts[] = {
	    "password", "hash", "profile", "pool", "user"};
	enum { SHORT = 32 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(name, texts[i]) == 0)
			return (i == 1 && json_is_null(value)) ||
			       (json_is_string(value) &&
			           json_string_length(value) <= SHORT);
	if (strcmp(name, "timeout_ms") == 0)
		return json_is_integer(value) && json_integer_value(value) > 0;
	return strcmp(name, "rehash") == 0 && json_is_boolean(value);
}

static bool members_right(json_t *root)
{
	const char *name;
	json_t *value;

	json_object_foreach(
	    root, name, value) if (!member_right(name, value)) return false;
	return json_object_get(root, "password") != NULL &&
	       json_object_get(root, "hash") != NULL;
}

static void compare(
    const uint8_t *data, size_t size, const struct v1_body *body, enum problem problem)
{
	json_t *root;

	/* jansson 2.14 loses a NUL behind a number or a word */
	if (problem != PROBLEM_NONE && memchr(data, '\0', size) != NULL)
		return;
	root = json_loadb(
	    (const char *)data, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);

	if (problem == PROBLEM_NONE ? !json_is_object(root) || !same_members(root, body)
	                            : json_is_object(root) && members_right(root))
		abort();
	json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v1_body *body, *other;
	const char *detail, *other_detail;
	enum problem problem =
	    read_body(&body, data, size, size > 0 ? size : 1, &detail);
	volatile unsigned sum;

	sum = text_sum(body->hash) + text_sum(body->profile) + text_sum(body->pool);
	(void)sum;
	if (problem == PROBLEM_NONE &&
	    (body->password.len > size || body->password.len > PASSWORD_MAX + 2))
		abort();
	/* the pieces make no difference */
	if (read_body(&other, data, size, 1 + size % 7, &other_detail) != problem ||
	    other_detail != detail)
		abort();
	if (problem == PROBLEM_NONE &&
	    (other->password.len != body->password.len ||
	        other->hash.len != body->hash.len || other->there != body->there))
		abort();
	compare(data, size, body, problem);
	v1_body_close(other);
	v1_body_close(body);
	return 0;
}
